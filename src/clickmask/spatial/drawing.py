"""A picture of a cloud from above at an angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TURN, TILT = np.radians(30.0), np.radians(40.0)
BACKGROUND = 24


def draw(
    xyz: NDArray[np.float32],
    colours: NDArray[np.uint8],
    shown: NDArray[np.bool_],
    marks: NDArray[np.float32],
    size_hw: tuple[int, int] = (300, 400),
    filled: float = 0.62,
) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
    """An orthographic picture of a cloud round what is to be shown, and where marks lie on it.

    Args:
        xyz: (P, 3) upright points.
        colours: (P, 3) uint8.
        shown: (P,) what decides the window; the whole cloud if it is empty.
        marks: (K, 3) further places.
        size_hw: of the picture.
        filled: part of the picture's sides that what is shown takes.
    """
    height, width = size_hw
    along = np.array([np.cos(TURN), -np.sin(TURN), 0])
    up = np.array([np.sin(TURN) * np.sin(TILT), np.cos(TURN) * np.sin(TILT), np.cos(TILT)])
    towards = np.cross(along, up)
    plane = np.stack([xyz @ along, -(xyz @ up)], axis=1)
    inner = plane[shown] if shown.any() else plane
    low, high = inner.min(axis=0), inner.max(axis=0)
    scale = filled * min(width / max(high[0] - low[0], 1e-3), height / max(high[1] - low[1], 1e-3))
    shift = np.array([width, height]) / 2 - scale * (low + high) / 2
    picture = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
    places = np.floor(plane * scale + shift).astype(np.int64)
    order = np.argsort(xyz @ towards)  # the nearest are drawn last
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = places[order, 0] + dx, places[order, 1] + dy
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        picture[y[inside], x[inside]] = colours[order][inside]
    spots = np.stack([marks @ along, -(marks @ up)], axis=1) * scale + shift
    return picture, [(int(x), int(y)) for x, y in spots]


def by_height(heights: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(P, 3) colours from blue (low) over grey-green to yellow (high), for clouds without any."""
    low, high = np.quantile(heights, [0.02, 0.98]) if len(heights) else (0.0, 1.0)
    place = np.clip((heights - low) / max(float(high - low), 1e-6), 0, 1)
    stops = np.array([[60, 80, 160], [90, 150, 150], [170, 190, 110], [250, 225, 100]], dtype=np.float64)
    channels = [np.interp(place, np.linspace(0, 1, len(stops)), stops[:, i]) for i in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8)
