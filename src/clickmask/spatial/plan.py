"""Where the voxels of a cloud are and which ones touch: made once a cloud, used by every convolution of every click.

NumPy alone, so that training, torch and ONNX Runtime all work on the same tables. Coordinates are whole
voxels; their order is (x, y, z). The 27 neighbours of a voxel are numbered 9 (dx + 1) + 3 (dy + 1) + dz + 1,
so number 13 is the voxel itself; the 8 children of a coarser voxel 4 (x & 1) + 2 (y & 1) + (z & 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

CENTRE = 13
"""Number of the voxel itself among its 27 neighbours."""
STEPS = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(27, 3)
"""(27, 3) the way to each neighbour in voxels."""
DENSE_CELLS = 1 << 25
"""Up to this many cells neighbours are looked up in a dense grid, above it by bisection in the sorted keys."""


@dataclass(frozen=True, eq=False)
class Level:
    """The voxels of one resolution.

    Attributes:
        coords: (N, 3) int64, in voxels of this level, no row twice, sorted row by row.
        neighbours: (N, 27) int64 row of each neighbour; N where there is none.
    """

    coords: Indices
    neighbours: Indices

    def __len__(self) -> int:
        return len(self.coords)


@dataclass(frozen=True, eq=False)
class Plan:
    """All levels of a cloud's voxels, the finest first.

    Attributes:
        levels: each twice as coarse as the one before.
        parents: per level but the last, (N,) int64 row of the voxel one level coarser that holds it.
        slots: per level but the last, (N,) int64 which of the 8 children it is.
    """

    levels: tuple[Level, ...]
    parents: tuple[Indices, ...]
    slots: tuple[Indices, ...]

    def children(self, level: int) -> Indices:
        """(M, 8) int64 rows at `level` of the children of each voxel of `level` + 1; N where there is none."""
        table = np.full((len(self.levels[level + 1]), 8), len(self.levels[level]), dtype=np.int64)
        table[self.parents[level], self.slots[level]] = np.arange(len(self.levels[level]))
        return table


def make_plan(coords: Indices, depth: int) -> Plan:
    """The plan of sorted voxels.

    Args:
        coords: (N, 3) whole numbers, no row twice, sorted row by row (what `voxelise` gives); N of at least 1.
        depth: number of levels, at least 1.
    """
    levels, parents, slots = [level_of(coords)], [], []
    for _ in range(depth - 1):
        fine = levels[-1].coords
        coarse, parent = unique_rows(fine >> 1)
        parents.append(parent)
        slots.append((fine & 1) @ np.array([4, 2, 1]))
        levels.append(level_of(coarse))
    return Plan(tuple(levels), tuple(parents), tuple(slots))


def join(plans: Sequence[Plan]) -> Plan:
    """One plan of several clouds that do not touch, rows one after the other."""
    depth = len(plans[0].levels)
    sizes = [np.array([len(plan.levels[i]) for plan in plans]) for i in range(depth)]
    starts = [np.concatenate([[0], np.cumsum(size)]) for size in sizes]
    levels = []
    for i in range(depth):
        tables = []
        for plan, start, size in zip(plans, starts[i], sizes[i], strict=False):
            table = plan.levels[i].neighbours
            tables.append(np.where(table == size, starts[i][-1], table + start))
        coords = np.concatenate([plan.levels[i].coords for plan in plans])
        levels.append(Level(coords, np.concatenate(tables)))
    parents = [
        np.concatenate([plan.parents[i] + start for plan, start in zip(plans, starts[i + 1], strict=False)])
        for i in range(depth - 1)
    ]
    slots = [np.concatenate([plan.slots[i] for plan in plans]) for i in range(depth - 1)]
    return Plan(tuple(levels), tuple(parents), tuple(slots))


def level_of(coords: Indices) -> Level:
    """A level with its neighbour table; `coords` as for `make_plan`."""
    keys, strides = _keys(coords)
    wanted = keys[:, None] + (STEPS @ strides)[None, :]
    cells = int(keys[-1]) + 2 * int(strides.sum()) + 1
    count = len(coords)
    if cells <= DENSE_CELLS:
        grid = np.full(cells, count, dtype=np.int32)
        grid[keys] = np.arange(count, dtype=np.int32)
        return Level(coords, grid[wanted].astype(np.int64))
    place = np.minimum(np.searchsorted(keys, wanted), count - 1)
    return Level(coords, np.where(keys[place] == wanted, place, count))


def unique_rows(coords: Indices) -> tuple[Indices, Indices]:
    """The different rows of (N, 3) coordinates in sorted order, and (N,) which of them each row is."""
    keys, _ = _keys(coords)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return coords[first], inverse.reshape(-1)


def _keys(coords: Indices) -> tuple[Indices, Indices]:
    """One whole number a voxel that sorts like its row, and what a step along each axis adds to it.

    A border of one empty voxel keeps the neighbour beyond one end of a row from meeting the other end.
    """
    low = coords.min(axis=0) - 1
    extent = coords.max(axis=0) - low + 2
    if float(np.prod(extent.astype(np.float64))) >= 2.0**62:
        raise OverflowError("The cloud spans too many voxels: take larger voxels or a smaller part of it.")
    strides = np.array([extent[1] * extent[2], extent[2], 1], dtype=np.int64)
    return (coords - low) @ strides, strides
