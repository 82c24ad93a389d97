"""Slow, plain versions of what frames do, written from the definition alone."""

from __future__ import annotations

import numpy as np

from clickmask.core.frames import OUTSIDE_LOGIT, BoxFloat, Crop, LogitMap


def bilinear(array: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values at corner-origin points (x, y), all of one shape; the edge is repeated outside the outermost centres."""
    height, width = array.shape[:2]
    column, row = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    j, i = np.minimum(column.astype(int), max(width - 2, 0)), np.minimum(row.astype(int), max(height - 2, 0))
    right, below = np.minimum(j + 1, width - 1), np.minimum(i + 1, height - 1)
    fx, fy = column - j, row - i
    if array.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    values = array.astype(np.float64)
    above = values[i, j] * (1 - fx) + values[i, right] * fx
    return above * (1 - fy) + (values[below, j] * (1 - fx) + values[below, right] * fx) * fy


def centres(box: BoxFloat, size_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the centres of a grid over a box, each (h, w)."""
    height, width = size_hw
    x = box[0] + (np.arange(width) + 0.5) * (box[2] - box[0]) / width
    y = box[1] + (np.arange(height) + 0.5) * (box[3] - box[1]) / height
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def sampled(logits: LogitMap, crop: Crop) -> np.ndarray:
    """What `logits.sample(crop)` means."""
    x, y = centres(crop.box_xyxy, crop.size_hw)
    x0, y0, x1, y1 = logits.box_xyxy
    height, width = logits.values.shape
    values = bilinear(logits.values, (x - x0) * width / (x1 - x0), (y - y0) * height / (y1 - y0))
    outside = (x < x0) | (x >= x1) | (y < y0) | (y >= y1)
    return np.where(outside, OUTSIDE_LOGIT, values)
