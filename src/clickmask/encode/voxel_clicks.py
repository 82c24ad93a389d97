"""Clicks and voxels as a network's input in 3D: cubes (InterObject3D, Kontogianni 2023) and distances.

All lengths are in voxels, so that a network sees a room at 5 cm and a table at 1 cm alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]

CHANNELS = 14
"""Of `VoxelFeatures.channels`."""
HEIGHT_SCALE = 32.0
REACH = 8.0
"""Voxels over which a click's distance channel falls to 1/e."""


def cubes(places: Places, clicks: Places, half_edge: float = 1.0) -> NDArray[np.float32]:
    """(N,) how many of the (K, 3) clicks lie less than `half_edge` away in each axis from each (N, 3) place."""
    count = np.zeros(len(places), dtype=np.float32)
    for click in clicks:
        x, y, z = (np.abs(places[:, i] - click[i]) < half_edge for i in range(3))
        count += x & y & z
    return count


def soft_distance(places: Places, clicks: Places, reach: float = REACH) -> NDArray[np.float32]:
    """(N,) exp(-d / reach) with d the distance of each (N, 3) place to the nearest of the (K, 3) clicks; 0 without."""
    if not len(clicks):
        return np.zeros(len(places), dtype=np.float32)
    nearest = np.full(len(places), np.inf, dtype=np.float32)
    for click in clicks:
        away = places - click
        np.minimum(nearest, np.einsum("ij,ij->i", away, away), out=nearest)
    return np.exp(np.sqrt(nearest) / np.float32(-reach))


@dataclass(frozen=True, eq=False)
class VoxelFeatures:
    """What the model `points` sees of a cloud before any click.

    Attributes:
        places: (N, 3) float32 mean of each voxel's points, in voxels.
        fixed: (N, 8) float32: colour from -1 to 1 (0 without), whether there is colour, height, place in the voxel.
    """

    places: Places
    fixed: NDArray[np.float32]

    @staticmethod
    def of(places: Places, rgb: NDArray[np.floating] | None) -> VoxelFeatures:
        """Features of voxels with mean points (N, 3), in voxels, and mean colours (N, 3) from 0 to 255."""
        fixed = np.zeros((len(places), 8), dtype=np.float32)
        if rgb is not None:
            fixed[:, :3] = rgb / np.float32(127.5) - 1
            fixed[:, 3] = 1
        ground = np.quantile(places[:, 2], 0.02) if len(places) else 0.0
        fixed[:, 4] = np.clip((places[:, 2] - ground) / HEIGHT_SCALE, -1, 4)
        fixed[:, 5:] = places - np.floor(places) - 0.5
        return VoxelFeatures(places, fixed)

    def channels(self, positive: Places, negative: Places, previous: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """(N, 14) float32 with clicks and the previous answer.

        Args:
            positive: (K, 3) positive clicks, in voxels.
            negative: (L, 3) negative ones.
            previous: (N,) probability of the answer before, None at the first click.
        """
        out = np.zeros((len(self.places), CHANNELS), dtype=np.float32)
        out[:, :8] = self.fixed
        for column, clicks in ((8, positive), (9, negative)):
            out[:, column] = np.minimum(cubes(self.places, clicks), 1)
            out[:, column + 2] = soft_distance(self.places, clicks)
        if previous is not None:
            out[:, 12], out[:, 13] = previous, 1
        return out
