"""The robot user of AGILE3D (Yue et al. 2024) for several objects at once.

An error cluster is all points of one (true object, answered object) pair that differ. Its size is its greatest depth:
the largest distance of one of its points to the nearest point outside it. In an untouched scene every cluster gets a
click; from then on the largest one gets one, at its deepest point, for the object that the point truly belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.simulate.cloud_clicks import depths_inside

Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class LabelClick:
    """A click that says which object a point belongs to, 0 for none of them."""

    index: int
    label: int


def cluster_clicks(xyz: NDArray[np.floating], truth: Labels, answer: Labels, first: bool) -> list[LabelClick]:
    """The next clicks: one for each error cluster at first, then one in the largest.

    Args:
        xyz: (P, 3) points, one per voxel in the published protocol.
        truth: (P,) objects from 1, 0 for the rest.
        answer: (P,) the same as it is now.
        first: whether nothing has been clicked yet.

    Returns:
        Largest cluster first; empty when nothing is wrong. The published code draws the order of the first clicks.
    """
    wrong = truth != answer
    pairs = np.unique(np.stack([truth[wrong], answer[wrong]], axis=1), axis=0)
    found: list[tuple[float, LabelClick]] = []
    for true, given in pairs:
        cluster = (truth == true) & (answer == given)
        depths = depths_inside(xyz, cluster)
        deepest = int(depths.argmax())
        found.append((float(depths[deepest]), LabelClick(int(np.flatnonzero(cluster)[deepest]), int(true))))
    found.sort(key=lambda item: -item[0])
    return [click for _, click in (found if first else found[:1])]
