from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core import shaping
from clickmask.core.masks import RunLengthMask

SIZE = (20, 24)
EIGHT = np.ones((3, 3))


def random_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=SIZE), rng.choice([0.0, 1.0, 2.0]))
    return noise > np.quantile(noise, rng.uniform(0.1, 0.9))


masks = st.integers(0, 2**32 - 1).map(random_mask)


@given(masks)
def test_holes_are_filled_and_nothing_else(mask: np.ndarray) -> None:
    assert (shaping.fill_holes(mask) == ndimage.binary_fill_holes(mask)).all()


@given(masks)
def test_the_largest_part_is_kept(mask: np.ndarray) -> None:
    labels, count = ndimage.label(mask, EIGHT)
    kept = shaping.keep_largest(mask)
    assert ndimage.label(kept, EIGHT)[1] == min(count, 1)
    assert kept.sum() == (max(np.bincount(labels.ravel())[1:]) if count else 0)
    assert not (kept & ~mask).any()


@given(masks, st.integers(0, 12))
def test_specks_and_small_holes_go(mask: np.ndarray, largest: int) -> None:
    clean = shaping.remove_specks(mask, largest)
    for of, structure in ((clean, EIGHT), (ndimage.binary_fill_holes(clean) & ~clean, None)):
        labels, count = ndimage.label(of, structure)
        assert all((labels == i + 1).sum() > largest for i in range(count))
    assert largest > 0 or (clean == mask).all()


@given(masks, st.floats(0.5, 5))
def test_growing_and_shrinking_go_by_the_distance(mask: np.ndarray, by: float) -> None:
    if mask.any():
        away = ndimage.distance_transform_edt(~mask)
        sure = np.abs(away - by) > 1e-3
        assert (shaping.grow(mask, by) == (away <= by))[sure].all()
    if not mask.all():
        deep = ndimage.distance_transform_edt(mask)
        sure = np.abs(deep - by) > 1e-3
        assert (shaping.shrink(mask, by) == (deep > by))[sure].all()


def test_smoothing_takes_a_spur_away_and_keeps_the_rest() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 10:30] = True
    spiked = mask.copy()
    spiked[20, 30:36] = True
    smooth = shaping.smooth(spiked, 2)
    assert not smooth[20, 32:].any()
    assert (smooth != mask).sum() < 20


@given(masks)
def test_parts_are_the_mask_taken_apart(mask: np.ndarray) -> None:
    found = shaping.parts(mask)
    assert sum(p.astype(int) for p in found).max(initial=0) <= 1 if found else not mask.any()
    assert (np.any(found, axis=0) if found else np.zeros(SIZE, dtype=bool)).tolist() == mask.tolist()
    areas = [int(p.sum()) for p in found]
    assert areas == sorted(areas, reverse=True)


@settings(max_examples=60)
@given(masks, st.lists(st.tuples(st.floats(-2, 26), st.floats(-2, 22)), min_size=2, max_size=4))
def test_a_cut_loses_no_pixel_and_pieces_do_not_touch_across_the_line(mask: np.ndarray, line: list) -> None:
    pieces = shaping.cut(mask, line)
    assert (np.sum(pieces, axis=0) == mask).all()
    whole = ndimage.label(mask, EIGHT)[1]
    assert len(pieces) == 1 or len(pieces) <= whole + 2 * len(line) * 24


def test_a_line_across_a_square_makes_two_halves() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[5:15, 5:15] = True
    mask[1, 1] = True
    left, right = shaping.cut(mask, [(10, 0), (10, 20)])
    assert sorted([int(left.sum()), int(right.sum())]) == [50, 51]
    assert left[1, 1]  # what the line leaves whole stays with the largest piece
    assert len(shaping.cut(mask, [(10, 0), (10, 8)])) == 1


def test_like_colour_stops_where_the_colour_does() -> None:
    image = np.full((12, 12, 3), 100, dtype=np.uint8)
    image[:, 6:] = 160
    assert shaping.like_colour(image, 2, 2, 20)[:, :5].all()
    assert not shaping.like_colour(image, 2, 2, 20)[:, 7:].any()
    assert shaping.like_colour(image, 2, 2, 80).all()


@pytest.mark.parametrize("rule", [shaping.fill_holes, shaping.keep_largest, lambda m: shaping.grow(m, 3)])
def test_a_crop_gives_what_the_whole_gives(rule: Callable[[np.ndarray], np.ndarray]) -> None:
    for seed in range(20):
        mask = random_mask(seed)
        assert (shaping.reshaped(RunLengthMask.encode(mask), 3, rule).decode() == rule(mask)).all()
