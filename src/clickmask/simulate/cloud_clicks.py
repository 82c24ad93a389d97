"""Robot users for clouds: where would a person click next on a point cloud?

`deepest_error` is the rule of InterObject3D (Kontogianni et al. 2023): of the missed and of the surplus points,
each taken whole, the point farthest from everything outside its set; the set with the larger distance wins, the
missed one if they are equal. Distances come from a k-d tree where the published code builds a full matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PointClick:
    """A click on a point of a cloud.

    Attributes:
        index: row of the point.
        positive: whether it lies on the object.
    """

    index: int
    positive: bool


def deepest_error(
    xyz: NDArray[np.floating], truth: Flags, prediction: Flags, rng: np.random.Generator | None = None
) -> PointClick | None:
    """The next click by InterObject3D's rule.

    Args:
        xyz: (P, 3) points, one per voxel in the published protocol.
        truth: (P,) the object.
        prediction: (P,) the present mask.
        rng: if given, the click is drawn among all points deeper than half the greatest depth, for training.

    Returns:
        None when nothing is wrong.
    """
    sets = (truth & ~prediction, prediction & ~truth)
    rows = [np.flatnonzero(part) for part in sets]
    depths = [depths_inside(xyz, part) for part in sets]
    deepest = [float(d.max()) if len(d) else -1.0 for d in depths]
    side = 0 if deepest[0] >= deepest[1] else 1
    if not len(rows[side]):
        return None
    if rng is None:
        return PointClick(int(rows[side][int(depths[side].argmax())]), side == 0)
    inner = rows[side][depths[side] >= deepest[side] / 2]
    return PointClick(int(rng.choice(inner)), side == 0)


def depths_inside(xyz: NDArray[np.floating], part: Flags) -> NDArray[np.float64]:
    """Distance of each point of a set to the nearest point outside it; infinite if there is none outside."""
    inside = xyz[part]
    if part.all():
        return np.full(len(inside), np.inf)
    if not len(inside):
        return np.zeros(0)
    depths: NDArray[np.float64] = cKDTree(xyz[~part], balanced_tree=False).query(inside)[0]
    return depths
