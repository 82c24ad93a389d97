from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clickmask.core.masks import EMPTY_BOX, RunLengthMask, bounding_box, iou, run_lengths

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))

SHAPES = {
    "empty": np.zeros((3, 5), bool),
    "full": np.ones((3, 5), bool),
    "one pixel, true": np.ones((1, 1), bool),
    "one pixel, false": np.zeros((1, 1), bool),
    "one row": np.array([[True, False, True, True, False]]),
    "one column": np.array([[False], [True], [True]]),
    "checkerboard": np.indices((4, 5)).sum(axis=0) % 2 == 0,
    "starts with one": np.array([[True, True], [False, True]]),
}


@pytest.mark.parametrize("mask", SHAPES.values(), ids=list(SHAPES))
def test_run_lengths_give_the_mask_back(mask: np.ndarray) -> None:
    coded = RunLengthMask.encode(mask)
    assert np.array_equal(coded.decode(), mask)
    assert coded.size_hw == mask.shape
    assert coded.area == mask.sum()
    assert bool(coded) == mask.any()


@given(MASKS)
def test_any_mask_survives_with_its_measures(mask: np.ndarray) -> None:
    coded = RunLengthMask.encode(mask)
    rows, columns = np.nonzero(mask)
    tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else EMPTY_BOX
    assert np.array_equal(coded.decode(), mask)
    assert coded.box_xyxy == tight == bounding_box(mask)
    assert coded.area == len(rows)
    assert coded == RunLengthMask.encode(mask.copy())


@given(MASKS)
def test_in_asks_for_the_pixel_that_holds_the_point(mask: np.ndarray) -> None:
    coded = RunLengthMask.encode(mask)
    height, width = mask.shape
    for row in range(height):
        for column in range(width):
            assert ((column, row) in coded) == ((column + 0.99, row + 0.5) in coded) == mask[row, column]
    for outside in ((-0.01, 0.5), (0.5, -0.01), (width, 0.5), (0.5, height)):
        assert outside not in coded


@given(MASKS, st.integers(0, 4), st.integers(0, 4))
def test_a_crop_is_coded_at_its_place_in_the_whole(crop: np.ndarray, dx: int, dy: int) -> None:
    whole = np.zeros((14, 15), bool)
    whole[dy : dy + crop.shape[0], dx : dx + crop.shape[1]] = crop
    assert RunLengthMask.encode(crop, (dx, dy), (14, 15)) == RunLengthMask.encode(whole)


def test_runs_alternate_and_begin_with_zeros() -> None:
    assert run_lengths(np.array([True, True, False])).tolist() == [0, 2, 1]
    assert run_lengths(np.array([False, True, True])).tolist() == [1, 2]
    assert run_lengths(np.zeros(0, bool)).tolist() == []


@pytest.mark.parametrize(
    ("box", "runs", "message"),
    [
        ((0, 0, 5, 2), (0, 10), "does not fit a mask of 4 x 3 pixels"),
        ((-1, 0, 2, 2), (0, 6), "does not fit"),
        ((3, 0, 2, 2), (), "does not fit"),
        ((0, 0, 2, 2), (0, 3), "Runs sum to 3, the crop .* has 4 pixels"),
        ((0, 0, 2, 2), (5, -1), "Runs sum to 4"),
    ],
)
def test_run_lengths_that_fit_nothing_are_refused(
    box: tuple[int, int, int, int], runs: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RunLengthMask((3, 4), box, runs)


def test_a_crop_that_reaches_over_the_edge_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        RunLengthMask.encode(np.ones((3, 3), bool), (2, 0), (3, 4))


def test_iou() -> None:
    first, second = np.array([[True, True, False, False]]), np.array([[False, True, True, False]])
    nothing = np.zeros((1, 4), bool)
    assert iou(first, second) == pytest.approx(1 / 3)
    assert iou(first, second, np.array([[False, False, True, False]])) == pytest.approx(1 / 2)
    assert iou(first, nothing) == 0.0
    assert iou(nothing, nothing) == 1.0
    assert iou(first, second, np.ones((1, 4), bool)) == 1.0
