"""Which points lie in a box, without looking at all of them: points sorted by coarse cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clickmask.spatial.cloud import corners


class CellIndex:
    """Points of a cloud by cells of a coarse grid.

    Args:
        xyz: (P, 3) points.
        edge: of a cell, metres.
        rows: of the points that count, None for all.
    """

    def __init__(self, xyz: NDArray[np.float32], edge: float, rows: NDArray[np.int64] | None = None) -> None:
        self._all = xyz
        xyz = xyz if rows is None else xyz[rows]
        self._low, high = corners(xyz)
        extent = high - self._low
        self._edge = max(edge, float(extent.max()) / 1000)
        self._shape = np.floor(extent / self._edge).astype(np.int64) + 1
        keys = np.zeros(len(xyz), dtype=np.int64)
        for axis in range(3):
            keys *= self._shape[axis]
            keys += ((xyz[:, axis] - self._low[axis]) / self._edge).astype(np.int64)
        order = by_key(keys)
        keys = keys[order]
        self._starts = np.append(0, np.flatnonzero(np.diff(keys)) + 1)
        self._cells = keys[self._starts]
        self._order = order if rows is None else rows[order]
        self._ends = np.append(self._starts[1:], len(keys))

    def inside(self, low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.int64]:
        """Rows, ascending, of the points with low <= xyz < high in every axis."""
        first = np.clip(np.floor((low - self._low) / self._edge).astype(np.int64), 0, self._shape)
        last = np.clip(np.floor((high - self._low) / self._edge).astype(np.int64) + 1, 0, self._shape)
        if (last <= first).any():
            return np.zeros(0, dtype=np.int64)
        x, y = np.meshgrid(np.arange(first[0], last[0]), np.arange(first[1], last[1]), indexing="ij")
        bars = (x * self._shape[1] + y).reshape(-1) * self._shape[2]
        begin = np.searchsorted(self._cells, bars + first[2])
        end = np.searchsorted(self._cells, bars + last[2])
        pieces = [self._order[self._starts[b] : self._ends[e - 1]] for b, e in zip(begin, end, strict=True) if e > b]
        rows = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)
        kept = np.ones(len(rows), dtype=bool)
        for axis in range(3):
            column = self._all[rows, axis]
            kept &= (column >= low[axis]) & (column < high[axis])
        return np.sort(rows[kept])


def by_key(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stable order of whole numbers from 0 to 2**32 - 1; sixteen bits at a time, for which NumPy counts."""
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    if len(keys) and int(keys.max()) > 0xFFFF:
        order = order[np.argsort((keys >> 16).astype(np.uint16)[order], kind="stable")]
    return order
