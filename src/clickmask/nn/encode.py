"""Batched torch twin of `clickmask.encode`; a test holds them equal."""

from __future__ import annotations

import torch
from torch import Tensor

from clickmask.encode.disk_distance import DiskDistance, mean_side


def encode_disk_distance(encoding: DiskDistance, clicks: Tensor, previous: Tensor) -> Tensor:
    """Guidance of a batch.

    Args:
        encoding: radius and falloff.
        clicks: (B, N, 3) x, y in pixels and sign: 1 positive, 0 negative, -1 no click.
        previous: (B, 1, H, W) probabilities; zeros, or 0.5 inside a box, before the first mask.

    Returns:
        (B, 5, H, W) float32, see `DiskDistance.encode`.
    """
    height, width = previous.shape[2:]
    maps = [previous]
    squared = [_nearest_squared(clicks, sign, height, width) for sign in (1, 0)]
    maps += [(s <= encoding.radius**2).float() for s in squared]
    maps += [torch.exp(-encoding.falloff / mean_side((height, width)) * s.sqrt()) for s in squared]
    return torch.cat(maps, dim=1).contiguous(memory_format=torch.channels_last)  # (B, 5, H, W)


def _nearest_squared(clicks: Tensor, sign: int, height: int, width: int) -> Tensor:
    """(B, 1, H, W) squared distance to the nearest click of one sign, infinite without one."""
    device = clicks.device
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    nearest = torch.full((clicks.shape[0], height, width), float("inf"), device=device)
    for slot in range(clicks.shape[1]):
        # only samples that have a click here: most slots of a batch are empty
        (index,) = torch.nonzero(clicks[:, slot, 2] == sign, as_tuple=True)
        if index.numel() == 0:
            continue
        x, y = clicks[index, slot, 0:1], clicks[index, slot, 1:2]
        squared = ((rows - y) ** 2)[:, :, None] + ((columns - x) ** 2)[:, None, :]  # (b, H, W)
        nearest[index] = torch.minimum(nearest[index], squared)
    return nearest[:, None]
