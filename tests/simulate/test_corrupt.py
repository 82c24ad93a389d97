from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.masks import iou
from clickmask.simulate.corrupt import CORRUPTIONS, IOU_RANGE
from clickmask.simulate.superpixels import superpixels

SIZE_HW = (70, 90)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A blob of its own colour on noise, and its mask."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=SIZE_HW), 8)
    mask = np.zeros(SIZE_HW, bool)
    mask[10:-10, 10:-10] = (noise > np.quantile(noise, 0.7))[10:-10, 10:-10]
    image = rng.integers(80, 120, (*SIZE_HW, 3))
    image[mask] += np.array([60, -20, 10])
    return image.astype(np.uint8), mask


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
@settings(max_examples=15)
@given(st.integers(0, 2**20))
def test_the_badness_is_known(kind: str, seed: int) -> None:
    image, truth = scene(seed)
    spoiled = CORRUPTIONS.get(kind)(truth, image, np.random.default_rng(seed))
    low, high = IOU_RANGE
    assert low - 0.01 <= iou(spoiled, truth) <= high + 0.01
    assert spoiled.shape == truth.shape and spoiled.dtype == bool
    if kind == "dilation":
        assert (spoiled | truth == spoiled).all()
    if kind in ("erosion", "dropped_parts"):
        assert (spoiled & truth == spoiled).all()


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
def test_the_same_generator_gives_the_same_mask_and_leaves_the_truth_alone(kind: str) -> None:
    image, truth = scene(3)
    before = truth.copy()
    one, two, other = (CORRUPTIONS.get(kind)(truth, image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert np.array_equal(truth, before)


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 8), (3, 3)])
def test_tiny_objects_come_through(kind: str, size_hw: tuple[int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    assert CORRUPTIONS.get(kind)(np.ones(size_hw, bool), image, np.random.default_rng(0)).shape == size_hw


def test_dilation_and_erosion_are_even() -> None:
    truth = np.zeros((81, 81), bool)
    truth[20:61, 20:61] = True
    image = np.zeros((81, 81, 3), np.uint8)
    grown = CORRUPTIONS.get("dilation")(truth, image, np.random.default_rng(0))
    distance = ndimage.distance_transform_edt(~truth)
    assert distance[grown].max() <= distance[~grown].min() + 1e-3
    shrunken = CORRUPTIONS.get("erosion")(truth, image, np.random.default_rng(0))
    depth = ndimage.distance_transform_edt(truth)
    assert depth[truth & ~shrunken].max() <= depth[shrunken].min() + 1e-3


def test_superpixels_follow_colour_and_are_about_as_many_as_asked() -> None:
    image = np.full((64, 96, 3), 60, np.uint8)
    image[:, 41:] = 200
    labels = superpixels(image, 24, 10.0)
    assert 18 <= len(np.unique(labels)) <= 30
    left, right = set(np.unique(labels[:, :41])), set(np.unique(labels[:, 41:]))
    assert not left & right


def test_superpixels_of_a_large_image_are_those_of_a_small_one() -> None:
    image = np.zeros((40, 1000, 3), np.uint8)
    image[:, 500:] = 255
    labels = superpixels(image, 10, 10.0)
    assert labels.shape == (40, 1000) and labels.dtype == np.int32
    assert not set(np.unique(labels[:, :498])) & set(np.unique(labels[:, 502:]))
