"""Turn a cloud upright: its largest plane, a floor or a table, becomes level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rotation = NDArray[np.float64]
Direction = tuple[float, float, float]

TRIALS = 300
SAMPLE = 4000
TOLERANCE = 0.006
"""Distance from the plane as a fraction of the cloud's extent within which a point lies on it."""
LEVEL_COSINE = 0.94
LEAST_SHARE = 0.08
"""Of the points that must lie on a plane for it to be the ground."""


def upright(xyz: NDArray[np.floating], up_xyz: Direction | None = None) -> Rotation:
    """(3, 3) rotation that makes the ground level (RANSAC; Fischler and Bolles 1981), z up.

    Args:
        xyz: (P, 3) points; with fewer than 3 the rotation only turns up to z.
        up_xyz: roughly up, within 60 degrees. None guesses: for what one camera saw, its own up, else z within
            20 degrees. Where no large plane is near that, the direction itself is taken.
    """
    guess, cosine = guess_up(xyz) if up_xyz is None else (up_xyz, 0.5)
    hint = np.asarray(guess, dtype=np.float64)
    hint = hint / np.linalg.norm(hint)
    if len(xyz) < 3:
        return turn_to_z(hint)
    normal = _largest_plane(np.asarray(xyz, dtype=np.float64), hint, cosine)
    return turn_to_z(normal if normal @ hint >= 0 else -normal)


def guess_up(xyz: NDArray[np.floating]) -> tuple[Direction, float]:
    """Roughly up, and the least cosine between it and the ground's normal.

    Everything in front of the origin and inside a wide cone is what one camera saw: y points down and z forward
    (or, as in OpenGL, y up and z back), and the camera may look steeply down. All else has z up.
    """
    chosen = np.asarray(xyz[:: max(len(xyz) // SAMPLE, 1)], dtype=np.float64)
    for forward, up in ((1.0, (0.0, -1.0, 0.0)), (-1.0, (0.0, 1.0, 0.0))):
        depth = chosen[:, 2] * forward
        if depth.min() > 0 and bool((np.abs(chosen[:, :2]).max(axis=1) < 1.5 * depth).mean() > 0.99):
            return up, 0.2
    return (0.0, 0.0, 1.0), LEVEL_COSINE


def turn_to_z(normal: NDArray[np.float64]) -> Rotation:
    """(3, 3) the shortest rotation that takes a unit vector to (0, 0, 1)."""
    x, y, z = normal
    flat = x * x + y * y
    if z < 0 and flat == 0:
        return np.diag([1.0, -1.0, -1.0])
    k = 1 / (1 + z) if z >= 0 else (1 - z) / flat  # the same number; 1 + z loses all its digits near z = -1
    return np.array([[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]])


def _largest_plane(xyz: NDArray[np.float64], hint: NDArray[np.float64], cosine: float) -> NDArray[np.float64]:
    """Unit normal of the plane with most points among those within reach of `hint`; `hint` if there is none."""
    rng = np.random.default_rng(0)
    points = xyz if len(xyz) <= SAMPLE else xyz[rng.choice(len(xyz), SAMPLE, replace=False)]
    tolerance = TOLERANCE * float(np.linalg.norm(np.quantile(points, 0.95, axis=0) - np.quantile(points, 0.05, axis=0)))
    corners = points[rng.integers(len(points), size=(TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    kept = (lengths > 1e-12) & (np.abs(normals @ hint) >= cosine * lengths)
    if not kept.any():
        return hint
    normals, corners = normals[kept] / lengths[kept, None], corners[kept]
    offsets = np.einsum("ij,ij->i", normals, corners[:, 0])
    best = int(np.argmax((np.abs(points @ normals.T - offsets) <= tolerance).sum(axis=0)))
    inside = points[np.abs(points @ normals[best] - offsets[best]) <= tolerance]
    if len(inside) < LEAST_SHARE * len(points):
        return hint
    return np.asarray(np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][2])
