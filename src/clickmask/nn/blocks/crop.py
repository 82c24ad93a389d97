"""Crops of maps by boxes, a box a sample: what detection calls ROI align, as two products of small matrices."""

from __future__ import annotations

import torch
from torch import Tensor


def crop_maps(maps: Tensor, boxes: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Bilinear samples of each sample's box.

    Sample (i, j) of the crop is taken at the centre of its cell; values beyond the outermost pixel centres are those
    of the edge. For boxes that are no larger than the crop this is ROI align (He et al., 2017) with one sample a cell.

    Args:
        maps: (B, C, H, W).
        boxes: (B, 4) x0, y0, x1, y1 as parts of the width and height, each in [0, 1].
        size_hw: height and width of the crops.

    Returns:
        (B, C, h, w).
    """
    rows = interpolation(boxes[:, 1], boxes[:, 3], int(maps.shape[2]), size_hw[0])  # (B, h, H)
    columns = interpolation(boxes[:, 0], boxes[:, 2], int(maps.shape[3]), size_hw[1])  # (B, w, W)
    return rows[:, None] @ maps @ columns[:, None].transpose(2, 3)


def interpolation(low: Tensor, high: Tensor, length: int, count: int) -> Tensor:
    """(B, count, length) weights of `length` values for `count` samples between low and high, (B,) each in [0, 1]."""
    steps = (torch.arange(count, device=low.device) + 0.5) / count
    places = (low[:, None] + (high - low)[:, None] * steps) * length - 0.5
    places = places.clamp(0, length - 1)
    distance = places[:, :, None] - torch.arange(length, device=low.device)
    return (1 - distance.abs()).clamp(min=0)
