"""Small clouds made for tests."""

import numpy as np

from clickmask.spatial.cloud import Cloud


def small_cloud(count: int = 20, seed: int = 0, colour: bool = True) -> Cloud:
    rng = np.random.default_rng(seed)
    xyz = rng.normal(size=(count, 3)).astype(np.float32)
    rgb = rng.integers(0, 256, (count, 3)).astype(np.uint8) if colour else None
    return Cloud(xyz, rgb, rng.integers(0, 5, count).astype(np.int32))
