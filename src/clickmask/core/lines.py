"""Lines and loops in continuous coordinates, and exactly which pixels they cover.

Rules of rastering, the same in the browser: a *stroke* covers every pixel whose centre lies within its radius of the
line; a *loop* covers every pixel whose centre lies inside it by the even-odd rule, a centre on a left or upper side
counting as inside. So the loop (1,1)(4,1)(4,4)(1,4) covers 9 pixels: whole numbers are corners between pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clickmask.core.masks import EMPTY_BOX, BoolMask, BoxXyxy

PointXy = tuple[float, float]
_DEEP_SIDE = 128
"""Grid on which the inside of a loop is searched for its widest places."""


def line_length(points_xy: Sequence[PointXy]) -> float:
    """Length of a line through the points."""
    return math.fsum(math.dist(a, b) for a, b in itertools.pairwise(points_xy))


def along_line(points_xy: Sequence[PointXy], places: Sequence[float]) -> list[PointXy]:
    """Points at parts (0 to 1) of a line's length."""
    steps = [math.dist(a, b) for a, b in itertools.pairwise(points_xy)]
    ends = np.concatenate(([0.0], np.cumsum(steps)))
    wanted = np.asarray(places) * ends[-1]
    x, y = np.array(points_xy, dtype=np.float64).T
    return list(zip(np.interp(wanted, ends, x).tolist(), np.interp(wanted, ends, y).tolist(), strict=True))


def line_pixels(points_xy: Sequence[PointXy], size_hw: tuple[int, int]) -> list[tuple[int, int]]:
    """(row, column) of the pixels that a line runs over, in order, without repetition; those outside are left out."""
    count = math.ceil(2 * line_length(points_xy)) + 1
    places = along_line(points_xy, np.linspace(0, 1, count).tolist())
    pixels = dict.fromkeys((math.floor(y), math.floor(x)) for x, y in places)
    return [(i, j) for i, j in pixels if 0 <= i < size_hw[0] and 0 <= j < size_hw[1]]


def stroke_box(points_xy: Sequence[PointXy], radius: float, size_hw: tuple[int, int]) -> BoxXyxy:
    """Half-open box of the image that holds every pixel of a stroke; (0, 0, 0, 0) if it misses the image."""
    points = np.array(points_xy, dtype=np.float64)
    low, high = points.min(axis=0) - radius, points.max(axis=0) + radius
    x0, y0 = (max(math.floor(v), 0) for v in low)
    x1, y1 = min(math.ceil(high[0]) + 1, size_hw[1]), min(math.ceil(high[1]) + 1, size_hw[0])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else EMPTY_BOX


def stroke_mask(points_xy: Sequence[PointXy], radius: float, box_xyxy: BoxXyxy) -> BoolMask:
    """(h, w) bool: pixels of a box that a stroke covers."""
    x0, y0, x1, y1 = box_xyxy
    mask = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    ends = itertools.pairwise(points_xy) if len(points_xy) > 1 else [(points_xy[0], points_xy[0])]
    for start, end in ends:
        _cover(mask, (x0, y0), start, end, radius)
    return mask


def _cover(mask: BoolMask, corner_xy: tuple[int, int], start: PointXy, end: PointXy, radius: float) -> None:
    """Set the pixels of one straight piece, in place."""
    (ax, ay), (bx, by), (x0, y0) = start, end, corner_xy
    left, top = max(math.floor(min(ax, bx) - radius) - x0, 0), max(math.floor(min(ay, by) - radius) - y0, 0)
    right = min(math.ceil(max(ax, bx) + radius) + 1 - x0, mask.shape[1])
    bottom = min(math.ceil(max(ay, by) + radius) + 1 - y0, mask.shape[0])
    if left >= right or top >= bottom:
        return
    px = np.arange(left + x0, right + x0)[None, :] + 0.5
    py = np.arange(top + y0, bottom + y0)[:, None] + 0.5
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    along = np.clip(((px - ax) * dx + (py - ay) * dy) / square, 0.0, 1.0) if square > 0 else np.zeros((1, 1))
    away_x, away_y = px - (ax + along * dx), py - (ay + along * dy)
    mask[top:bottom, left:right] |= away_x * away_x + away_y * away_y <= radius * radius


def loop_box(loops_xy: Sequence[Sequence[PointXy]], size_hw: tuple[int, int]) -> BoxXyxy:
    """Half-open box of the image that holds every pixel inside loops; (0, 0, 0, 0) if they miss the image."""
    points = [point for loop in loops_xy for point in loop]
    return stroke_box(points, 0.0, size_hw) if points else EMPTY_BOX


def loop_mask(loops_xy: Sequence[Sequence[PointXy]], box_xyxy: BoxXyxy) -> BoolMask:
    """(h, w) bool: pixels of a box whose centres lie inside the loops, holes given as loops of their own."""
    x0, y0, x1, y1 = box_xyxy
    flips = np.zeros((y1 - y0, x1 - x0 + 1), dtype=bool)
    for loop in loops_xy:
        points = np.array(loop, dtype=np.float64).reshape(-1, 2)
        for (ax, ay), (bx, by) in zip(points.tolist(), np.roll(points, -1, axis=0).tolist(), strict=True):
            _cross(flips, (x0, y0), ax, ay, bx, by)
    return np.asarray(np.logical_xor.accumulate(flips, axis=1)[:, :-1])


def _cross(flips: BoolMask, corner_xy: tuple[int, int], ax: float, ay: float, bx: float, by: float) -> None:
    """In each row that a side crosses, flip at the first pixel whose centre is not left of it."""
    (x0, y0), (height, width) = corner_xy, flips.shape
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
    first, last = max(math.ceil(ay - 0.5) - y0, 0), min(math.ceil(by - 0.5) - y0, height)
    if first >= last:
        return
    rows = np.arange(first, last)
    centres = rows + y0 + 0.5
    x = ax + (centres - ay) * ((bx - ax) / (by - ay))
    columns = np.clip(np.ceil(x - 0.5) - x0, 0, width - 1).astype(np.int64)
    flips[rows, columns] ^= True


def deepest_points(loop_xy: Sequence[PointXy], count: int) -> list[PointXy]:
    """Up to `count` points in the middle of the widest places inside a loop, widest first; at least one."""
    points: NDArray[np.float64] = np.array(loop_xy, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = _DEEP_SIDE / max(float((high - low).max()), 1e-9)
    loop = [(x, y) for x, y in ((points - low) * scale).tolist()]
    inside = loop_mask([loop], (0, 0, _DEEP_SIDE, _DEEP_SIDE))
    import cv2  # here, so that commands that only speak of clicks start without it

    depth = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1].copy()
    found: list[PointXy] = []
    widest = float(depth.max())
    rows, columns = np.ogrid[:_DEEP_SIDE, :_DEEP_SIDE]
    while len(found) < count:
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        radius = float(depth[row, column])
        if found and radius < widest / 2:
            break
        found.append((float((column + 0.5) / scale + low[0]), float((row + 0.5) / scale + low[1])))
        depth[(rows - row) ** 2 + (columns - column) ** 2 < (2 * radius) ** 2] = 0
    return found
