"""Batched torch twins of `clickmask.encode`; a test holds them equal.

Each takes an encoding, clicks (B, N, 3) of x, y in pixels and sign (1 positive, 0 negative, -1 no click; oldest first)
and the previous probabilities (B, 1, H, W) of the answer that the encoding's `feedback` names (zeros, or 0.5 inside a
box, before the first one); it gives guidance (B, C, H, W) float32, see the encoding's own `encode`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from clickmask.encode.disk_distance import DiskDistance
from clickmask.encode.disk_mask import DiskMask
from clickmask.encode.edge_disks import EdgeDisks
from clickmask.encode.fca_gaussian import STEEPNESS, FcaGaussian
from clickmask.encode.itis_gaussian import ItisGaussian
from clickmask.encode.maps import mean_side
from clickmask.encode.tanh_distance import TanhDistance
from clickmask.encode.truncated_distance import TruncatedDistance
from clickmask.encode.two_disks import TwoDisks


def encode_disk_distance(encoding: DiskDistance, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `DiskDistance`."""
    squared = _signed_squared(clicks, previous)
    rate = -encoding.falloff / mean_side((previous.shape[2], previous.shape[3]))
    return _joined(previous, (squared <= encoding.radius**2).float(), torch.exp(rate * squared.sqrt()))


def encode_disk_mask(encoding: DiskMask, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `DiskMask`."""
    disks = _disks(encoding.radius, clicks, previous)
    return _joined(previous, disks) if encoding.previous else _joined(disks)


def encode_edge_disks(encoding: EdgeDisks, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `EdgeDisks`; `previous` is the edge."""
    return _joined(previous, _disks(encoding.radius, clicks, previous))


def encode_fca_gaussian(encoding: FcaGaussian, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `FcaGaussian`."""
    positive = clicks[:, :, 2] == 1
    later = positive.cumsum(dim=1) > 1
    first = torch.where((positive & ~later)[:, :, None], clicks, torch.full_like(clicks, -1.0))
    return _joined(
        torch.exp(_signed_squared(clicks, previous) * (-STEEPNESS / encoding.width**2)),
        torch.exp(_nearest_squared(first, 1, previous) * (-STEEPNESS / encoding.first_width**2)),
    )


def encode_itis_gaussian(encoding: ItisGaussian, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `ItisGaussian`."""
    squared = _signed_squared(clicks, previous).clamp(max=encoding.limit**2)
    return _joined(previous, torch.exp(squared * (-0.5 / encoding.deviation**2)) * encoding.peak)


def encode_tanh_distance(encoding: TanhDistance, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `TanhDistance`."""
    return _joined(torch.tanh(_signed_squared(clicks, previous).sqrt() * (2 / encoding.norm_radius)))


def encode_truncated_distance(encoding: TruncatedDistance, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `TruncatedDistance`."""
    return _joined(_signed_squared(clicks, previous).sqrt().clamp(max=encoding.limit) / encoding.limit)


def encode_two_disks(encoding: TwoDisks, clicks: Tensor, previous: Tensor) -> Tensor:
    """Twin of `TwoDisks`."""
    squared = _signed_squared(clicks, previous)
    return _joined((squared <= encoding.radius**2).float(), (squared <= encoding.reach**2).float())


Twin = Callable[[Any, Tensor, Tensor], Tensor]
"""(encoding, clicks, previous) -> guidance, see the module's text."""

TWINS: dict[str, Twin] = {
    "disk_distance": encode_disk_distance,
    "disk_mask": encode_disk_mask,
    "edge_disks": encode_edge_disks,
    "fca_gaussian": encode_fca_gaussian,
    "itis_gaussian": encode_itis_gaussian,
    "tanh_distance": encode_tanh_distance,
    "truncated_distance": encode_truncated_distance,
    "two_disks": encode_two_disks,
}
"""One for each name in `clickmask.encode.ENCODINGS`."""


def _joined(*maps: Tensor) -> Tensor:
    return torch.cat(maps, dim=1).contiguous(memory_format=torch.channels_last)  # (B, C, H, W)


def _disks(radius: float, clicks: Tensor, previous: Tensor) -> Tensor:
    return (_signed_squared(clicks, previous) <= radius**2).float()


def _signed_squared(clicks: Tensor, like: Tensor) -> Tensor:
    """(B, 2, H, W) squared distance to the nearest positive and negative click."""
    return torch.cat([_nearest_squared(clicks, sign, like) for sign in (1, 0)], dim=1)


def _nearest_squared(clicks: Tensor, sign: int, like: Tensor) -> Tensor:
    """(B, 1, H, W) squared distance to the nearest click of one sign, infinite without one."""
    height, width, device = like.shape[2], like.shape[3], clicks.device
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
