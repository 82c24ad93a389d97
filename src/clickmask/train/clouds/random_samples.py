"""Samples of InterObject3D (Kontogianni et al. 2023): a column round the object, clicks drawn once at random.

1 to 5 positive clicks lie anywhere on the object, 1 to 15 negative ones anywhere off it inside the object's x-y box
grown by a fifth on each side. Departures: the published 5 m column is 100 of its 5 cm voxels, and that is what we cut,
in voxels that suit each scene; columns with too many voxels are made narrower; clicks are drawn anew each time a scene
is used, where the published ones are drawn once for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.encode.voxel_clicks import VoxelFeatures, cubes
from clickmask.spatial.plan import make_plan
from clickmask.spatial.voxels import voxelise
from clickmask.train.clouds.samples import Sample, SampleOptions, draw_target
from clickmask.train.clouds.scenes import Scene

COLUMN = 100.0
"""Edge of the column in voxels: 5 m."""
MOST_POSITIVE, MOST_NEGATIVE = 5, 15
GROWN = 0.2
MOST_VOXELS = 12_000


@dataclass(eq=False)
class RandomClickSample(Sample):
    """A sample that is answered once; its input is made when it is drawn."""

    input: NDArray[np.float32] | None = None

    def channels(self) -> NDArray[np.float32]:
        """(N, 5) colour, T_p, T_n."""
        if self.input is None:
            raise RuntimeError("A sample of random clicks is made by draw_random_sample.")
        return self.input

    def advance(self, probability: NDArray[np.float32], rng: np.random.Generator) -> bool:
        """It is done with after one answer."""
        return False


def draw_random_sample(scene: Scene, options: SampleOptions, rng: np.random.Generator) -> Sample | None:
    """A sample of a scene; None if the scene has no target or nothing beside it."""
    mask = draw_target(scene, options, rng)
    if mask is None:
        return None
    low, high = scene.xyz[mask].min(axis=0), scene.xyz[mask].max(axis=0)
    half = COLUMN / 2 * scene.voxel
    while True:
        beside = np.abs(scene.xyz[:, :2] - (low + high)[:2] / 2)
        inside = (beside[:, 0] < half) & (beside[:, 1] < half)
        xyz, part = scene.xyz[inside] / np.float32(scene.voxel), mask[inside]
        if not part.any() or part.all():
            return None
        voxels = voxelise(xyz, 1.0)
        if len(voxels) <= MOST_VOXELS:
            break
        half *= 0.85
    near = ~part & (_between(xyz, low / scene.voxel, high / scene.voxel))
    positive = xyz[rng.choice(np.flatnonzero(part), int(rng.integers(1, MOST_POSITIVE + 1)))]
    off = np.flatnonzero(near if near.any() else ~part)
    negative = xyz[rng.choice(off, int(rng.integers(1, MOST_NEGATIVE + 1)))]
    features = VoxelFeatures.of(voxels.mean(xyz), None if scene.rgb is None else voxels.mean(_colours(scene, inside)))
    signs = [voxels.mean(np.minimum(cubes(xyz, clicks), 1)) for clicks in (positive, negative)]
    rows = np.concatenate([features.fixed[:, :3], np.stack(signs, axis=1)], axis=1)
    share = voxels.mean(part.astype(np.float32))
    return RandomClickSample(make_plan(voxels.coords, options.depth), features, share, 1, input=rows)


def _colours(scene: Scene, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    rgb = scene.rgb
    return np.zeros((int(inside.sum()), 3), dtype=np.float32) if rgb is None else rgb[inside].astype(np.float32)


def _between(xyz: NDArray[np.float32], low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Points in the x-y box, grown by a fifth of its extent on each side."""
    grown = GROWN * (high - low)
    x, y = ((xyz[:, i] >= low[i] - grown[i]) & (xyz[:, i] <= high[i] + grown[i]) for i in range(2))
    return np.asarray(x & y)
