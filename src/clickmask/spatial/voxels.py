"""From points to voxels and back: averages over the points of a voxel, interpolation between voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.spatial.plan import Indices, unique_rows

ALIGNMENT = 64
"""Voxel coordinates count from a multiple of this, so that coarser levels of any crop of a cloud are the same."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """The occupied voxels of a cloud.

    Attributes:
        coords: (N, 3) int64 voxel coordinates, sorted row by row: floor(xyz / size).
        row_of_point: (P,) int64 the voxel of each point.
        counts: (N,) int64 points in each voxel, at least 1.
        size: edge of a voxel, metres.
    """

    coords: Indices
    row_of_point: Indices
    counts: Indices
    size: float

    def __len__(self) -> int:
        return len(self.coords)

    def mean(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N, C) or (N,) float32 average over the points of each voxel of (P, C) or (P,) `values`."""
        if values.ndim == 1:
            sums = np.bincount(self.row_of_point, weights=values, minlength=len(self))
            return (sums / self.counts).astype(np.float32)
        return np.stack([self.mean(values[:, i]) for i in range(values.shape[1])], axis=1)

    @property
    def centres(self) -> NDArray[np.float32]:
        """(N, 3) float32 centres of the voxels, metres."""
        return ((self.coords + 0.5) * self.size).astype(np.float32)


def voxelise(xyz: NDArray[np.floating], size: float) -> Voxels:
    """The voxels of edge `size` metres that hold the (P, 3) points; P of at least 1."""
    cells = np.floor(xyz / size).astype(np.int64)
    coords, rows = unique_rows(cells)
    return Voxels(coords, rows, np.bincount(rows, minlength=len(coords)), size)
