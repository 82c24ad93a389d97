"""A plan as pairs of rows: which input goes to which output through which matrix of a sparse convolution.

Torch and ONNX Runtime both take them, so that both add the same numbers in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.spatial.plan import CENTRE, Indices, Plan


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs for K matrices.

    Attributes:
        source: (P,) int64 input rows, those of matrix 0 first; within one matrix no output row comes twice.
        target: (P,) int64 output rows.
        splits: (K + 1,) int64 where the pairs of each matrix begin, and P.
        outputs: number of output rows.
        centre: a matrix whose pairs are every row to itself and that has none in the lists; None for none.
    """

    source: Indices
    target: Indices
    splits: Indices
    outputs: int
    centre: int | None = None


@dataclass(frozen=True, eq=False)
class PlanPairs:
    """All pairs of a plan.

    Attributes:
        same: per level, those of 3x3x3 convolutions.
        down: per level but the last, those from it to the next coarser one; the way up is the same reversed.
    """

    same: tuple[PairList, ...]
    down: tuple[PairList, ...]

    @staticmethod
    def of(plan: Plan) -> PlanPairs:
        """The pairs of a plan."""
        same = tuple(neighbour_pairs(level.neighbours) for level in plan.levels)
        steps = zip(plan.parents, plan.slots, plan.levels[1:], strict=True)
        return PlanPairs(same, tuple(child_pairs(parents, slots, len(coarse)) for parents, slots, coarse in steps))


def neighbour_pairs(table: Indices) -> PairList:
    """Pairs of a (N, 27) neighbour table; the voxel itself is the centre."""
    count = len(table)
    columns = np.ascontiguousarray(table.T)
    columns[CENTRE] = count
    flat = np.flatnonzero(columns.reshape(-1) < count)
    return PairList(
        columns.reshape(-1)[flat], flat % count, np.searchsorted(flat, np.arange(28) * count), count, CENTRE
    )


def child_pairs(parents: Indices, slots: Indices, coarse: int) -> PairList:
    """Pairs from (N,) children to their parents, by which of the 8 children they are."""
    order = np.argsort(slots, kind="stable")
    return PairList(order, parents[order], np.searchsorted(slots[order], np.arange(9)), coarse)
