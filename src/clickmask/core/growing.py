"""Masks of coarse grids at source resolution, without making the logits of every source pixel."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.masks import BoolMask


def grow_mask(
    values: NDArray[np.float32], size_hw: tuple[int, int], corner_xy: tuple[int, int], threshold: float, out: BoolMask
) -> None:
    """Write where a grid, grown to `size_hw` pixels, is above a threshold: bilinear, as OpenCV's resize.

    Between two rows of the grid a column of pixels lies on one side of the threshold if both ends do. So whole stripes
    are filled, and only where a column crosses are its pixels interpolated.

    Args:
        values: (h, w) float32.
        size_hw: of the grown grid; no side is shorter than that of `values`.
        corner_xy: pixel of the grown grid that is the first of `out`.
        threshold: to be above of.
        out: (rows, columns) bool, a part of the grown grid; may be a view.
    """
    (x, y), count = corner_xy, values.shape[0]
    before, share = _places(count, size_hw[0], (y, y + out.shape[0]))
    needed = values[before[0] : before[-1] + 2]
    wide = np.asarray(cv2.resize(needed, (size_hw[1], len(needed)), interpolation=cv2.INTER_LINEAR))
    lines = np.ascontiguousarray(wide[:, x : x + out.shape[1]])
    above = lines > np.float32(threshold)
    starts = np.searchsorted(before, np.arange(before[0], before[-1] + 2))
    for line, (start, end) in enumerate(pairwise(starts.tolist())):
        out[start:end] = above[line]
    upper, crossing = np.divmod(np.flatnonzero(above[1:] != above[:-1]), lines.shape[1])
    first, second, last = lines[upper, crossing], lines[upper + 1, crossing], starts[upper + 1] - 1
    for step in range(int(np.diff(starts).max())):
        row = np.minimum(starts[upper] + step, last)
        between = first * (1 - share[row]) + second * share[row]
        out[row, crossing] = between > np.float32(threshold)


def _places(count: int, grown: int, wanted: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For wanted pixels of `grown` over `count` samples: the sample before, and the share of the way to the next."""
    position = np.clip((np.arange(*wanted) + 0.5) * (count / grown) - 0.5, 0, count - 1)
    before = np.floor(position).astype(np.int64)
    return before, (position - before).astype(np.float32)
