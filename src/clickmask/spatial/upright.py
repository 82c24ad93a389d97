"""Turn a cloud upright: its largest plane, a floor or a table, becomes level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rotation = NDArray[np.float64]

TRIALS = 300
SAMPLE = 4000
TOLERANCE = 0.006
"""Distance from the plane as a fraction of the cloud's extent within which a point lies on it."""
LEVEL_COSINE = 0.94
"""A large plane within 20 degrees of level is taken for the ground even if a wall is larger."""


def upright(xyz: NDArray[np.floating], up_xyz: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Rotation:
    """(3, 3) rotation that makes the largest plane level (RANSAC; Fischler and Bolles 1981), z up.

    Args:
        xyz: (P, 3) points; with fewer than 3 the rotation only turns `up_xyz` to z.
        up_xyz: roughly up; decides which side of the plane is up.
    """
    hint = np.asarray(up_xyz, dtype=np.float64)
    hint = hint / np.linalg.norm(hint)
    if len(xyz) < 3:
        return turn_to_z(hint)
    normal = _largest_plane(np.asarray(xyz, dtype=np.float64), hint)
    return turn_to_z(normal if normal @ hint >= 0 else -normal)


def turn_to_z(normal: NDArray[np.float64]) -> Rotation:
    """(3, 3) the shortest rotation that takes a unit vector to (0, 0, 1)."""
    x, y, z = normal
    if z < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]])


def _largest_plane(xyz: NDArray[np.float64], hint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normal of the plane with most points, one that lies nearly level counting double."""
    rng = np.random.default_rng(0)
    points = xyz if len(xyz) <= SAMPLE else xyz[rng.choice(len(xyz), SAMPLE, replace=False)]
    tolerance = TOLERANCE * float(np.linalg.norm(np.quantile(points, 0.95, axis=0) - np.quantile(points, 0.05, axis=0)))
    corners = points[rng.integers(len(points), size=(TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    kept = lengths > 1e-12
    if not kept.any():
        return hint
    normals, corners = normals[kept] / lengths[kept, None], corners[kept]
    offsets = np.einsum("ij,ij->i", normals, corners[:, 0])
    votes = (np.abs(points @ normals.T - offsets) <= tolerance).sum(axis=0)
    best = int(np.argmax(votes * np.where(np.abs(normals @ hint) > LEVEL_COSINE, 2.0, 1.0)))
    inside = points[np.abs(points @ normals[best] - offsets[best]) <= tolerance]
    return np.asarray(np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][2])
