"""The edit guarantee on points: no answer of any model changes what a click did not ask for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.predict.cloud_editing import PointRules, PointState, components, edited
from clickmask.predict.clouds import CloudFrame, CloudLogits, CloudOptions

SIDE, STEP = 16, 0.05
COUNT = SIDE * SIDE
ROWS = np.arange(COUNT)

i, j = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
SHEET = (np.stack([i, j, np.zeros_like(i)], axis=-1).reshape(-1, 3) * STEP + 0.01).astype(np.float32)
FRAME = CloudFrame.of(SHEET, None, CloudOptions(level=False), voxel=STEP)

blobs = st.lists(
    st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(1, 6), st.integers(1, 6)), max_size=4
)
places = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))


def drawn(squares: list[tuple[int, int, int, int]]) -> np.ndarray:
    grid = np.zeros((SIDE, SIDE), dtype=bool)
    for top, left, height, width in squares:
        grid[top : top + height, left : left + width] = True
    return grid.ravel()


def raw(answer: np.ndarray) -> CloudLogits:
    return CloudLogits(ROWS, np.where(answer, 5, -5).astype(np.float32))


def at(place: tuple[int, int], positive: bool = True) -> Click:
    return Click(place[0] * SIDE + place[1] + 0.5, 0.5, positive)


def shut(protected: np.ndarray) -> PointRules:
    return PointRules(lambda rows: protected[rows])


def as_mask(rows: np.ndarray) -> np.ndarray:
    mask = np.zeros(COUNT, dtype=bool)
    mask[rows] = True
    return mask


def correction(base: np.ndarray, answer: np.ndarray, click: Click, rules: PointRules) -> PointState:
    given_mask = MaskPrompt(RunLengthMask.of_columns(np.flatnonzero(base), COUNT))
    state = PointState.of_mask(Prompts((given_mask, click)), np.flatnonzero(base))
    return edited(FRAME, state, raw(answer), rules)


@given(blobs, blobs, blobs, places, st.booleans())
@settings(max_examples=150)
def test_a_correction_changes_only_its_own_part(base_squares, answer_squares, taken, place, positive):
    base, answer, protected = drawn(base_squares), drawn(answer_squares), drawn(taken)
    click = at(place, positive)
    row = int(click.x)
    done = correction(base, answer, click, shut(protected))
    mask, ghosts = as_mask(done.mask), as_mask(done.ghosts)
    changed = mask ^ base
    assert not (mask & ~base & protected).any(), "a point of another object was taken"
    assert (mask[changed] == positive).all(), "a click changes in its own direction alone"
    if not (protected[row] and not base[row]):
        assert mask[row] == positive, "a click is obeyed"
    parts = components(FRAME.xyz, FRAME.voxel, np.flatnonzero(changed))
    assert len(set(parts.tolist())) <= 1, "one connected part"
    assert not (ghosts & ~(base ^ answer)).any() and not (ghosts & changed).any()
    assert not (mask ^ ghosts)[protected & ~base].any(), "not even a proposal touches what is protected"


@given(blobs, blobs, st.lists(st.tuples(places, st.booleans()), min_size=1, max_size=5))
@settings(max_examples=100)
def test_a_new_object_leaves_protected_points_and_obeys_every_click(answer_squares, taken, clicks):
    answer, protected = drawn(answer_squares), drawn(taken)
    prompts = Prompts(tuple(at(place, sign) for place, sign in clicks))
    done = edited(FRAME, PointState(prompts), raw(answer), shut(protected))
    mask = as_mask(done.mask)
    assert not (mask & protected).any()
    for row, sign in {int(c.x): c.positive for c in prompts.clicks}.items():
        assert mask[row] == (sign and not protected[row])


@given(blobs, blobs, places, places)
@settings(max_examples=100)
def test_earlier_clicks_keep_their_points(base_squares, answer_squares, first, second):
    base = drawn(base_squares) | drawn([(*first, 1, 1)])
    if first == second:
        return
    given_mask = MaskPrompt(RunLengthMask.of_columns(np.flatnonzero(base), COUNT))
    prompts = Prompts((given_mask, at(first), at(second, False)))
    state = PointState.of_mask(prompts, np.flatnonzero(base))
    done = edited(FRAME, state, raw(drawn(answer_squares)), PointRules())
    assert as_mask(done.mask)[int(at(first).x)]


@given(blobs, blobs, places, st.booleans())
@settings(max_examples=60)
def test_the_logits_that_are_held_say_what_the_mask_says(base_squares, answer_squares, place, positive):
    done = correction(drawn(base_squares), drawn(answer_squares), at(place, positive), PointRules())
    assert done.logits is not None
    np.testing.assert_array_equal(done.logits.spread(COUNT) > 0, as_mask(done.mask))


def test_a_change_larger_than_half_the_object_waits_among_the_ghosts():
    base, answer = drawn([(2, 2, 3, 3)]), drawn([(2, 2, 3, 12)])
    done = correction(base, answer, at((3, 10)), PointRules())
    assert done.waiting and as_mask(done.mask)[3 * SIDE + 10] and len(done.mask) < 20
    assert len(done.ghosts) + len(done.mask) == answer.sum()


def test_parts_touch_where_their_voxels_do():
    rows = np.flatnonzero(drawn([(0, 0, 2, 2), (2, 2, 2, 2), (10, 10, 1, 1)]))
    labels = components(FRAME.xyz, FRAME.voxel, rows)
    assert len(set(labels.tolist())) == 2 and (labels[:8] == labels[0]).all()


@pytest.mark.parametrize("count", [0, 1])
def test_few_points_make_few_parts(count):
    assert len(components(FRAME.xyz, FRAME.voxel, ROWS[:count])) == count


@given(st.lists(st.integers(0, 200), unique=True), st.integers(201, 400))
def test_masks_one_row_high_come_back_as_they_were(columns, width):
    given_columns = np.array(sorted(columns), dtype=np.int64)
    mask = RunLengthMask.of_columns(given_columns, width)
    flat = np.zeros((1, width), dtype=bool)
    flat[0, given_columns] = True
    assert mask == RunLengthMask.encode(flat)
    np.testing.assert_array_equal(mask.columns(), given_columns)
