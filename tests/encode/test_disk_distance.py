from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import Crop, whole
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.encode import ENCODINGS
from clickmask.encode.disk_distance import DiskDistance
from clickmask.encode.maps import BOX_PROBABILITY

SIZE_HW = (24, 36)
PREVIOUS, POSITIVE, NEGATIVE, NEAR_POSITIVE, NEAR_NEGATIVE = range(5)


def test_it_is_registered() -> None:
    assert ENCODINGS.get("disk_distance") is DiskDistance


def test_nothing_said_is_all_zero() -> None:
    maps = DiskDistance().encode(Prompts(), None, SIZE_HW)
    assert (maps.shape, maps.dtype) == ((DiskDistance.channels, *SIZE_HW), np.dtype(np.float32))
    assert not maps.any()


def test_a_click_draws_its_disk_and_its_distance_and_nothing_of_the_other_sign() -> None:
    maps = DiskDistance(radius=3, falloff=16).encode(Prompts((Click(10.5, 6.5),)), None, SIZE_HW)
    rows, columns = np.indices(SIZE_HW)
    distance = np.hypot(rows - 6, columns - 10)  # the click lies on a pixel's centre
    assert np.array_equal(maps[POSITIVE] > 0, distance <= 3)
    np.testing.assert_allclose(maps[NEAR_POSITIVE], np.exp(-16 * distance / np.sqrt(24 * 36)), rtol=1e-5)
    assert maps[NEAR_POSITIVE, 6, 10] == 1
    assert not maps[[PREVIOUS, NEGATIVE, NEAR_NEGATIVE]].any()
    other = DiskDistance(radius=3).encode(Prompts((Click(10.5, 6.5, positive=False),)), None, SIZE_HW)
    assert np.array_equal(other[[2, 1, 4, 3]], maps[[1, 2, 3, 4]])


@given(st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 60), st.booleans()), max_size=5))
def test_of_several_clicks_the_nearest_counts(clicks: list[tuple[float, float, bool]]) -> None:
    encoding = DiskDistance()
    together = encoding.encode(Prompts(tuple(Click(*c) for c in clicks)), None, SIZE_HW)
    alone = [encoding.encode(Prompts((Click(*c),)), None, SIZE_HW) for c in clicks]
    expected = np.max([np.zeros_like(together), *alone], axis=0)
    np.testing.assert_allclose(together, expected, rtol=1e-6)
    assert together.min() >= 0 and together.max() <= 1


def test_the_previous_answer_travels_as_probability() -> None:
    previous = np.linspace(-20, 20, 24 * 36, dtype=np.float32).reshape(SIZE_HW)
    maps = DiskDistance().encode(Prompts((Box(1, 1, 5, 5),)), previous, SIZE_HW)
    np.testing.assert_allclose(maps[PREVIOUS], 1 / (1 + np.exp(-previous)), rtol=1e-5)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [(Box(2, 3, 10, 8), slice(3, 8), slice(2, 10)), (Box(-9, -9, 4, 99), slice(0, 24), slice(0, 4))],
)
def test_a_box_before_any_mask_is_a_mask_of_doubt(box: Box, rows: slice, columns: slice) -> None:
    expected = np.zeros(SIZE_HW, np.float32)
    expected[rows, columns] = BOX_PROBABILITY
    assert np.array_equal(DiskDistance().encode(Prompts((box,)), None, SIZE_HW)[PREVIOUS], expected)


def test_a_box_beside_the_crop_draws_nothing() -> None:
    for box in (Box(-9, -9, -1, -1), Box(40, 30, 50, 40)):
        assert not DiskDistance().encode(Prompts((box,)), None, SIZE_HW).any()


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0, 64), st.floats(0, 64))
def test_maps_of_a_crop_are_the_crop_of_the_maps(x: int, y: int, click_x: float, click_y: float) -> None:
    """At the same scale a click draws the same disk, wherever the crop's corner lies, also from outside."""
    encoding = DiskDistance(falloff=0.25)  # relative to the crop's mean side, so scaled with it below
    prompts = Prompts((Click(click_x, click_y), Click(click_y, click_x, positive=False)))
    crop = Crop((float(x), float(y), x + 32.0, y + 32.0), (32, 32))
    inside = encoding.encode(crop.prompts_to_crop(prompts), None, crop.size_hw)
    full = DiskDistance(falloff=0.5).encode(Crop(whole((64, 64)), (64, 64)).prompts_to_crop(prompts), None, (64, 64))
    part = full[:, y : y + 32, x : x + 32]
    # exactly on a disk's rim rounding decides
    assert (inside[1:3] != part[1:3]).sum() <= 2
    np.testing.assert_allclose(inside[3:], part[3:], atol=1e-5)
