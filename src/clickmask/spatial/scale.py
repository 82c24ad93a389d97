"""How large a voxel should be: by how far the points lie apart and how far the scene reaches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

SAMPLE = 2000
THIN = 50_000
AT_ONE_METRE, GROWTH = 0.011, 1.3
"""A scene of one metre gets voxels of 1.1 cm, whose things are smaller than those of a room."""
SMALLEST, LARGEST_BY_EXTENT, LARGEST = 0.001, 0.036, 0.3
SPACINGS = 2.0
"""A voxel is at least this many times as large as the points lie apart."""


def suggest_voxel(xyz: NDArray[np.floating]) -> float:
    """Edge of a voxel in metres for (P, 3) points.

    It grows with the scene's extent (its outermost tenth left out) up to 3.6 cm; points that lie farther apart
    than half of that get larger voxels, so that lidar scans do not fall to pieces.
    """
    rng = np.random.default_rng(0)
    chosen = xyz if len(xyz) <= 200_000 else xyz[rng.choice(len(xyz), 200_000, replace=False)]
    reach = np.quantile(chosen, 0.95, axis=0) - np.quantile(chosen, 0.05, axis=0)
    by_extent = float(np.clip(AT_ONE_METRE * float(reach.max()) ** GROWTH, SMALLEST, LARGEST_BY_EXTENT))
    return float(np.clip(max(by_extent, SPACINGS * _spacing(xyz, rng)), SMALLEST, LARGEST))


def _reach(thin: NDArray[np.floating], place: NDArray[np.floating], count: int) -> float:
    """How far from a place about 1.5 x SAMPLE of `count` points lie, told from some of them."""
    wanted = min(int(1.5 * SAMPLE * len(thin) / count) + 2, len(thin))
    return float(np.partition(np.abs(thin - place).max(axis=1), wanted - 1)[wanted - 1])


def _nearest(xyz: NDArray[np.floating], place: NDArray[np.floating], reach: float) -> NDArray[np.floating]:
    """The SAMPLE points nearest to a place, by their largest coordinate away; all in reach are looked at first."""
    rows = np.flatnonzero(np.abs(xyz[:, 0] - place[0]) <= reach)
    for axis in (1, 2):  # column by column: a reduction over three is many times slower
        rows = rows[np.abs(xyz[rows, axis] - place[axis]) <= reach]
    close = xyz if len(rows) < min(SAMPLE, len(xyz)) else xyz[rows]
    away = np.abs(close - place).max(axis=1)
    return close[np.argpartition(away, min(SAMPLE, len(close)) - 1)[:SAMPLE]]


def _spacing(xyz: NDArray[np.floating], rng: np.random.Generator) -> float:
    """Median distance to the nearest other point, taken round a few places so that the cloud's full density counts."""
    if len(xyz) < 2:
        return 0.0
    places = xyz[rng.choice(len(xyz), min(8, len(xyz)), replace=False)]
    found = []
    thin = xyz[:: max(len(xyz) // THIN, 1)]
    for place in places:
        near = _nearest(xyz, place, _reach(thin, place, len(xyz)))
        found.append(cKDTree(near).query(near, k=2)[0][:, 1])
    return float(np.median(np.concatenate(found)))
