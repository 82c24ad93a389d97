"""Simulated scanners: of all points only those that some view sees remain, with noise along the ray.

A spherical depth buffer (one cell per direction) decides what hides what, so shadows and missing backs
are those of a real scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.train.clouds.shapes import Points


@dataclass(frozen=True)
class Scanner:
    """How a scanner looks.

    Attributes:
        azimuth_deg: width of a cell of the depth buffer, degrees.
        elevation_deg: height of a cell, degrees: the angle between rings for a lidar.
        depth_tolerance: points this much farther than the nearest of their cell are seen too, metres.
        noise: standard deviation along the ray, metres.
        single: keep one point a cell, as a lidar does.
        reach: farthest range, metres.
    """

    azimuth_deg: float = 0.7
    elevation_deg: float = 0.7
    depth_tolerance: float = 0.02
    noise: float = 0.003
    single: bool = False
    reach: float = 100.0


def scan(
    xyz: Points, eyes: NDArray[np.floating], scanner: Scanner, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Points]:
    """Rows of the (P, 3) points that are seen from any of the (V, 3) `eyes`, and where the scanner puts them."""
    rows, places = [], []
    for eye in np.asarray(eyes, dtype=np.float32):
        ray = xyz - eye
        distance = np.sqrt(np.einsum("ij,ij->i", ray, ray)) + np.float32(1e-6)
        seen = _visible(ray, distance, scanner)
        noisy = distance[seen] + rng.normal(0, scanner.noise, len(seen)).astype(np.float32)
        rows.append(seen)
        places.append(eye + ray[seen] * (noisy / distance[seen])[:, None])
    return np.concatenate(rows), np.concatenate(places).astype(np.float32)


def _visible(ray: Points, distance: NDArray[np.float32], scanner: Scanner) -> NDArray[np.int64]:
    columns = int(np.ceil(360 / scanner.azimuth_deg)) + 1
    azimuth = np.degrees(np.arctan2(ray[:, 1], ray[:, 0])) + 180
    elevation = np.degrees(np.arcsin(np.clip(ray[:, 2] / distance, -1, 1))) + 90
    ring = (elevation / scanner.elevation_deg).astype(np.int64)
    cell = ring * columns + (azimuth / scanner.azimuth_deg).astype(np.int64)
    order = np.argsort(-distance)
    owner = np.zeros(int(cell.max()) + 1, dtype=np.int64)
    owner[cell[order]] = order
    if scanner.single:
        seen = np.unique(owner[cell])
    else:
        seen = np.flatnonzero(distance <= distance[owner[cell]] * 1.01 + scanner.depth_tolerance)
    return np.asarray(seen[distance[seen] < scanner.reach])


def thinned(xyz: Points, edge: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of one random point in each cube of `edge` metres."""
    order = rng.permutation(len(xyz))
    cells = np.floor(xyz[order] / edge).astype(np.int64)
    cells -= cells.min(axis=0)
    span = cells.max(axis=0) + 1
    keys = (cells[:, 0] * span[1] + cells[:, 1]) * span[2] + cells[:, 2]
    _, first = np.unique(keys, return_index=True)
    return order[first]
