from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.errors import UnknownNameError
from clickmask.core.prompts import Click
from clickmask.simulate import ROBOTS
from clickmask.simulate.random_error import random_error
from clickmask.simulate.regions import DepthMap, chamfer_depths, error_maps, squared_depths
from clickmask.simulate.ritm_center import ritm_center

SEEDS = st.integers(0, 2**32 - 1)


def blobs(rng: np.random.Generator, size_hw: tuple[int, int] = (24, 31)) -> np.ndarray:
    """A random mask with thick parts and touching edges."""
    noise = ndimage.gaussian_filter(rng.normal(size=size_hw), 2)
    return noise > np.quantile(noise, rng.uniform(0.05, 0.95))


def brute_force_squared_depth(region: np.ndarray) -> np.ndarray:
    """Squared distance to the nearest pixel outside the region by looking at every pair."""
    padded = np.pad(region, 1)
    inside, outside = np.argwhere(padded), np.argwhere(~padded)
    depth = np.zeros(padded.shape)
    for row, column in inside:
        depth[row, column] = ((outside - (row, column)) ** 2).sum(axis=1).min()
    return depth[1:-1, 1:-1]


def published_click(
    truth: np.ndarray, prediction: np.ndarray, ignore: np.ndarray, clicked: np.ndarray
) -> tuple[int, int, bool]:
    """METHODS 1.1, rule by rule over the whole image, with SciPy's transform."""
    missed, surplus = truth & ~prediction & ~ignore, ~truth & prediction & ~ignore
    depths = []
    for region in (missed, surplus):
        depth = ndimage.distance_transform_edt(np.pad(region, 1).astype(np.uint8))[1:-1, 1:-1]
        depths.append(depth * ~clicked)
    positive = depths[0].max() > depths[1].max()
    chosen = depths[0] if positive else depths[1]
    rows, columns = np.where(chosen == chosen.max())
    return int(rows[0]), int(columns[0]), bool(positive)


def pasted(depths: DepthMap, size_hw: tuple[int, int]) -> np.ndarray:
    full = np.zeros(size_hw)
    row, column = depths.offset_rc
    full[row : row + depths.values.shape[0], column : column + depths.values.shape[1]] = depths.values
    return full


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_squared_depths_equal_brute_force(seed: int) -> None:
    region = blobs(np.random.default_rng(seed), (13, 17))
    assert np.array_equal(pasted(squared_depths(region), region.shape), brute_force_squared_depth(region))


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_the_bounding_box_is_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    region = np.zeros((90, 120), dtype=bool)
    region[20:61, 33:95] = blobs(rng, (41, 62))
    padded = np.pad(region.astype(np.uint8), 1)
    exact = np.rint(ndimage.distance_transform_edt(padded) ** 2)[1:-1, 1:-1]
    assert np.array_equal(pasted(squared_depths(region), region.shape), exact)
    chamfer = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    assert np.array_equal(pasted(chamfer_depths(region), region.shape), chamfer)


def test_very_deep_regions_stay_exact() -> None:
    region = np.ones((2301, 2301), dtype=bool)
    depths = squared_depths(region)
    assert depths.deepest == 1151**2
    assert np.count_nonzero(depths.values == depths.deepest) == 1


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_ritm_center_follows_the_published_rules(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction, ignore = blobs(rng), blobs(rng), blobs(rng) & blobs(rng)
    clicked = np.zeros(truth.shape, dtype=bool)
    clicks: list[Click] = []
    for _ in range(6):
        click = ritm_center(truth, prediction, ignore, clicks)
        if click is None:
            missed, surplus = error_maps(truth, prediction, ignore)
            assert not ((missed | surplus) & ~clicked).any()
            return
        row, column = int(click.y), int(click.x)
        assert (row, column, click.positive) == published_click(truth, prediction, ignore, clicked)
        clicked[row, column] = True
        clicks.append(click)


@pytest.mark.parametrize("name", ROBOTS.names())
@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_clicks_lie_in_the_error_and_have_its_sign(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction, ignore = blobs(rng), blobs(rng), blobs(rng) & blobs(rng)
    robot = ROBOTS.get(name)
    click = robot(truth, prediction, ignore, (), np.random.default_rng(seed))
    missed, surplus = error_maps(truth, prediction, ignore)
    if click is None:
        assert not (missed | surplus).any()
        return
    assert (click.x % 1, click.y % 1) == (0.5, 0.5)
    assert (missed if click.positive else surplus)[int(click.y), int(click.x)]
    assert click == robot(truth, prediction, ignore, (), np.random.default_rng(seed))


@pytest.mark.parametrize("name", ROBOTS.names())
def test_perfect_prediction_needs_no_click(name: str) -> None:
    truth = blobs(np.random.default_rng(1))
    assert ROBOTS.get(name)(truth, truth, None, (), np.random.default_rng(0)) is None


def test_first_click_is_the_deepest_pixel_of_the_object() -> None:
    truth = np.zeros((20, 30), dtype=bool)
    truth[5:14, 8:17] = True
    assert ritm_center(truth, np.zeros_like(truth)) == Click(12.5, 9.5, True)


def test_equally_deep_errors_give_a_negative_click() -> None:
    truth, prediction = np.zeros((20, 30), dtype=bool), np.zeros((20, 30), dtype=bool)
    truth[3:8, 3:8] = True
    prediction[10:15, 20:25] = True
    assert ritm_center(truth, prediction) == Click(22.5, 12.5, False)
    truth[3:10, 3:10] = True
    assert ritm_center(truth, prediction) == Click(6.5, 6.5, True)


def test_of_equal_pixels_the_first_in_reading_order_is_clicked() -> None:
    truth = np.zeros((20, 30), dtype=bool)
    truth[4:8, 4:10] = True
    assert ritm_center(truth, np.zeros_like(truth)) == Click(5.5, 5.5, True)


def test_the_frame_counts_as_an_edge() -> None:
    truth = np.zeros((11, 30), dtype=bool)
    truth[:, :9] = True
    assert ritm_center(truth, np.zeros_like(truth)) == Click(4.5, 4.5, True)


def test_only_the_clicked_pixel_itself_is_left_out() -> None:
    truth = np.zeros((9, 9), dtype=bool)
    truth[2:7, 2:7] = True
    none = np.zeros_like(truth)
    assert ritm_center(truth, none, None, [Click(4.5, 4.5)]) == Click(3.5, 3.5, True)


def test_the_ignore_region_is_never_clicked_and_cuts_the_error() -> None:
    truth = np.zeros((9, 30), dtype=bool)
    truth[:, :] = True
    ignore = np.zeros_like(truth)
    ignore[:, :21] = True
    assert ritm_center(truth, np.zeros_like(truth), ignore) == Click(25.5, 4.5, True)


def test_random_error_covers_the_inner_half_evenly() -> None:
    truth = np.zeros((40, 40), dtype=bool)
    truth[5:36, 5:36] = True
    rng = np.random.default_rng(3)
    clicks = [random_error(truth, np.zeros_like(truth), rng=rng) for _ in range(400)]
    assert all(c is not None and 13 <= c.x < 28 and 13 <= c.y < 28 for c in clicks)
    assert len({(c.x, c.y) for c in clicks if c is not None}) > 150


@pytest.mark.parametrize("name", ["random_error", "largest_component"])
def test_random_robots_ask_for_a_generator(name: str) -> None:
    truth = np.ones((4, 4), dtype=bool)
    with pytest.raises(ValueError, match="default_rng"):
        ROBOTS.get(name)(truth, ~truth)


def test_largest_component_counts_pixels_where_ritm_measures_depth() -> None:
    truth = np.zeros((30, 60), dtype=bool)
    truth[2:5, 1:58] = True
    truth[10:19, 10:19] = True
    none = np.zeros_like(truth)
    wide = ROBOTS.get("largest_component")(truth, none, None, (), np.random.default_rng(0))
    thick = ritm_center(truth, none)
    assert wide is not None and wide.y == 3.5
    assert thick == Click(14.5, 14.5, True)


def test_unknown_robot_names_its_neighbour() -> None:
    with pytest.raises(UnknownNameError, match="ritm_center"):
        ROBOTS.get("ritm_centre")
