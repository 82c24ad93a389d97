"""Small volumes made for tests."""

import numpy as np

from clickmask.spatial.volume import Volume

ROTATION = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


def affine_of(spacing=(1.0, 1.0, 1.0), signs=(-1, -1, 1), order=(0, 1, 2), origin=(-10.0, 20.0, 30.0)):
    """To RAS: array axis X, Y, Z goes along world axis order[0], order[1], order[2]."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, world in enumerate(order):
        affine[world, axis] = signs[axis] * spacing[axis]
    affine[:3, 3] = origin
    return affine


def small_volume(shape=(4, 5, 6), seed=0, dtype=np.int16, **place):
    rng = np.random.default_rng(seed)
    return Volume(rng.integers(-1000, 2000, shape).astype(dtype), affine_of(**place))
