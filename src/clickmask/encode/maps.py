"""Pieces that click encodings share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Box, Prompts

BOX_PROBABILITY = np.float32(0.5)
"""Value of the previous-mask channel inside a box prompt that comes before any mask."""


def mean_side(size_hw: tuple[int, int]) -> float:
    """Geometric mean of height and width."""
    return float((size_hw[0] * size_hw[1]) ** 0.5)


def nearest_squared(points_xy: NDArray[np.float64], size_hw: tuple[int, int]) -> FloatMap:
    """(h, w) float32 squared distance from each pixel's centre to the nearest of (N, 2) points; inf for N = 0."""
    rows = np.arange(size_hw[0], dtype=np.float32) + 0.5
    columns = np.arange(size_hw[1], dtype=np.float32) + 0.5
    points = points_xy.astype(np.float32)
    nearest = np.full(size_hw, np.inf, dtype=np.float32)
    for x, y in points:
        np.minimum(nearest, ((rows - y) ** 2)[:, None] + ((columns - x) ** 2)[None, :], out=nearest)
    return nearest


def signed_squared(prompts: Prompts, size_hw: tuple[int, int]) -> FloatMap:
    """(2, h, w) float32 squared distance to the nearest positive and to the nearest negative click; inf without one."""
    return np.stack([nearest_squared(prompts.points_xy(positive), size_hw) for positive in (True, False)])


def probability(logits: FloatMap) -> FloatMap:
    """Sigmoid, float32; logits of any size, also such whose exponential is none that float32 can hold."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), dtype=np.float32)


def previous_probability(box: Box | None, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
    """(h, w) float32 of the previous mask; before any mask a box is a mask of doubt, and the rest is 0."""
    if previous is not None:
        return probability(previous)
    filled = np.zeros(size_hw, dtype=np.float32)
    if box is not None:
        x0, y0, x1, y1 = (max(round(v), 0) for v in box.xyxy)
        filled[y0:y1, x0:x1] = BOX_PROBABILITY
    return filled
