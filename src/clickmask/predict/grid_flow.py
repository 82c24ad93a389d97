"""The exact minimum of a two-label energy on a pixel grid, by maximum flow.

The energy of a labelling L of an (h, w) grid is

    sum over pixels of cost[p] * L[p]  +  sum over neighbours of weight[p, q] * (L[p] != L[q])

with 8 neighbours, costs of any sign and weights of at least 0 (Boykov and Jolly, ICCV 2001). Before any flow is
pushed, pixels are settled whose cost outweighs all their unsettled neighbours together: whatever those are, the label
is best. In images most pixels go that way; SciPy's maximum flow (Dinic) solves the rest, still exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from clickmask.core.masks import BoolMask

IntMap = NDArray[np.int32]
Indices = NDArray[np.int64]
OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""(rows, columns) to the neighbours whose weights are stored: right, down, and both diagonals."""
SWEEPS = 200
"""Rounds of settling at most, before the rest goes to the flow."""
UNKNOWN = np.int8(-1)
LARGEST_FLOW = 2**31 - 1


@dataclass(frozen=True, eq=False)
class GridEnergy:
    """An energy in whole numbers, so that its minimum is exact.

    Attributes:
        cost: (h, w) int32, what label 1 costs more than label 0.
        weights: one (h, w) int32 array per offset of `OFFSETS`; the entry at p is that of p and p + offset, and is
            not read where p + offset lies outside.
    """

    cost: IntMap
    weights: tuple[IntMap, IntMap, IntMap, IntMap]

    def value(self, labels: BoolMask) -> int:
        """The energy of an (h, w) labelling."""
        total = int(self.cost[labels].sum(dtype=np.int64))
        for weight, (here, there) in self.edges():
            total += int(weight[here][labels[here] != labels[there]].sum(dtype=np.int64))
        return total

    def edges(self) -> Iterator[tuple[IntMap, tuple[tuple[slice, slice], tuple[slice, slice]]]]:
        """The weights of each offset with the slices of both ends."""
        height, width = self.cost.shape
        for weight, (down, right) in zip(self.weights, OFFSETS, strict=True):
            here = slice(0, height - down), slice(max(-right, 0), width - max(right, 0))
            there = slice(down, height), slice(max(right, 0), width - max(-right, 0))
            yield weight, (here, there)


def minimise(energy: GridEnergy, fixed: NDArray[np.int8] | None = None) -> BoolMask:
    """(h, w) bool: a labelling of least energy.

    Args:
        energy: of an (h, w) grid.
        fixed: (h, w) with 0 and 1 where the label is given and -1 elsewhere; None for nowhere.

    Raises:
        OverflowError: the energies are too large for a flow in 32 bits.
    """
    labels = np.full(energy.cost.shape, UNKNOWN) if fixed is None else fixed.astype(np.int8)
    work = _Padded.of(energy, labels)
    open_ = work.settle()
    if open_.size:
        work.labels[open_] = work.cut(open_)
    inside = work.labels.reshape(labels.shape[0] + 2, -1)[1:-1, 1:-1]
    return np.asarray(inside == 1)


@dataclass(frozen=True, eq=False)
class _Padded:
    """The grid with a ring of settled pixels round it, flat: a neighbour is an addition away. Changes in place.

    Attributes:
        labels: int8; 0, 1 or UNKNOWN.
        cost: int32, of label 1 against label 0 with the settled neighbours counted in.
        slack: int32, sum of the weights to unsettled neighbours.
        weights: per offset; 0 wherever the neighbour is outside.
        steps: flat distance of each offset.
    """

    labels: NDArray[np.int8]
    cost: IntMap
    slack: IntMap
    weights: tuple[IntMap, ...]
    steps: tuple[int, ...]

    @staticmethod
    def of(energy: GridEnergy, labels: NDArray[np.int8]) -> _Padded:
        width = labels.shape[1]
        pull = np.where(labels == UNKNOWN, 0, 1 - 2 * labels.astype(np.int32))  # a settled 0 makes label 1 dearer
        cost, slack, unknown = energy.cost.copy(), np.zeros_like(energy.cost), (labels == UNKNOWN).astype(np.int32)
        weights = []
        for weight, (here, there) in energy.edges():
            inside = np.zeros_like(energy.cost)
            inside[here] = weight[here]
            weights.append(np.pad(inside, 1).ravel())
            for end, other in ((here, there), (there, here)):
                cost[end] += weight[here] * pull[other]
                slack[end] += weight[here] * unknown[other]
        steps = tuple(down * (width + 2) + right for down, right in OFFSETS)
        flat = np.pad(labels, 1).ravel()
        return _Padded(flat, np.pad(cost, 1).ravel(), np.pad(slack, 1).ravel(), tuple(weights), steps)

    def settle(self) -> Indices:
        """Label pixels whose cost outweighs their unsettled neighbours; returns the places that stay open."""
        candidates = np.flatnonzero(self.labels == UNKNOWN)
        for _ in range(SWEEPS):
            cost = self.cost[candidates]
            sure = np.abs(cost) >= self.slack[candidates]
            settled, ones = candidates[sure], cost[sure] < 0
            if not settled.size:
                break
            self.labels[settled] = ones
            candidates = self._tell_neighbours(settled, np.where(ones, np.int32(-1), np.int32(1)))
        return np.flatnonzero(self.labels == UNKNOWN)

    def _tell_neighbours(self, settled: Indices, pull: IntMap) -> Indices:
        """Count newly settled pixels into the costs of their neighbours; returns the open ones among those."""
        told = []
        for weight, step in zip(self.weights, self.steps, strict=True):
            for capacity, other in ((weight[settled], settled + step), (weight[settled - step], settled - step)):
                self.cost[other] += capacity * pull  # at one offset all places are different
                self.slack[other] -= capacity
                told.append(other[self.labels[other] == UNKNOWN])
        return np.unique(np.concatenate(told))

    def cut(self, open_: Indices) -> BoolMask:
        """Labels of the unsettled pixels, by maximum flow between label 1 (source) and label 0 (sink)."""
        cost = self.cost[open_]
        number = np.full(self.labels.size, -1, dtype=np.int32)
        number[open_] = np.arange(open_.size, dtype=np.int32)
        source, sink = open_.size, open_.size + 1
        nodes, to_sink = number[open_], cost > 0  # label 1 pays what flows on to the sink
        ends = [np.stack([np.full(int((~to_sink).sum()), source, dtype=np.int32), nodes[~to_sink]])]
        ends.append(np.stack([nodes[to_sink], np.full(int(to_sink.sum()), sink, dtype=np.int32)]))
        capacities = [-cost[~to_sink], cost[to_sink]]
        for weight, step in zip(self.weights, self.steps, strict=True):
            other, capacity = number[open_ + step], weight[open_]
            edge = (other >= 0) & (capacity > 0)
            pair = np.stack([nodes[edge], other[edge]])
            ends += [pair, pair[::-1]]
            capacities += [capacity[edge], capacity[edge]]
        graph = _graph(np.concatenate(ends, axis=1), np.concatenate(capacities), open_.size + 2)
        return _source_side(graph, source, sink)[: open_.size]


def _graph(ends: IntMap, capacities: IntMap, size: int) -> Any:
    """Compressed rows of a graph whose last two nodes are source and sink."""
    into, out = (int(capacities[side].sum(dtype=np.int64)) for side in (ends[0] == size - 2, ends[1] == size - 1))
    if min(into, out) > LARGEST_FLOW:
        raise OverflowError(f"The flow through {size} pixels does not fit 32 bits: scale the energy down.")
    graph = coo_array((capacities, (ends[0], ends[1])), shape=(size, size)).tocsr()
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    return graph


def _source_side(graph: Any, source: int, sink: int) -> BoolMask:
    """(N,) bool: nodes that a breadth-first search reaches from the source through what capacity is left."""
    left = graph - maximum_flow(graph, source, sink, method="dinic").flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = np.zeros(graph.shape[0], dtype=bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return reached
