from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.frames import Frame, LogitMap, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import Pipeline, advance

from .toy import pipeline, random_step

SIZE_HW = (23, 31)
FRAME = Frame.of(np.zeros((*SIZE_HW, 3), np.uint8))
EIGHT = np.ones((3, 3))


@dataclass
class Spy:
    """Passes on what the network answers, and keeps the newest answer."""

    answer: LogitMap | None = None


def merging(seed: int, source_pixels: bool, threshold: float, spy: Spy, radius: float = 3.0) -> Pipeline:
    """A pipeline that merges the answers of a random network."""
    network = random_step(seed, source_pixels)

    def inner(request: Request) -> Result:
        result = network(request)
        spy.answer = result.logits
        return result

    made = pipeline(inner, threshold)
    return replace(made, step=progressive_merge(ProgressiveMerge(radius), made.threshold_logit)(inner))


def random_mask(rng: np.random.Generator) -> RunLengthMask:
    noise = ndimage.gaussian_filter(rng.normal(size=SIZE_HW), 2)
    return RunLengthMask.encode(noise > np.quantile(noise, rng.uniform(0, 1)))


def random_click(rng: np.random.Generator) -> Click:
    return Click(rng.uniform(0, SIZE_HW[1]), rng.uniform(0, SIZE_HW[0]), bool(rng.random() < 0.5))


def pixels(state: ObjectState, threshold: float) -> np.ndarray:
    """What a person sees."""
    return state.run_lengths(SIZE_HW, threshold).decode()


def expected(before: np.ndarray, proposed: np.ndarray, click: Click, radius: float = 3.0) -> np.ndarray:
    """The rule, over the whole image: the 8-connected changed component under the click, or a disc round it."""
    row, column = int(click.y), int(click.x)
    wanted = proposed & ~before if click.positive else before & ~proposed
    labels, _ = ndimage.label(wanted, EIGHT)
    if wanted[row, column]:
        return before ^ (labels == labels[row, column])
    if before[row, column] == click.positive:
        return before
    rows, columns = np.indices(before.shape)
    disc = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return before | disc if click.positive else before & ~disc


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([0.3, 0.49, 0.5, 0.9]), st.sampled_from([0.0, 1.5, 3.0])
)
def test_a_click_changes_its_component_and_nothing_else(
    seed: int, source_pixels: bool, threshold: float, radius: float
) -> None:
    rng, spy = np.random.default_rng(seed), Spy()
    model = merging(seed, source_pixels, threshold, spy, radius)
    level = model.threshold_logit
    mask = random_mask(rng)
    state = advance(model, FRAME, ObjectState(), MaskPrompt(mask))
    assert state.run_lengths(SIZE_HW, level) == mask
    for _ in range(4):
        click, before = random_click(rng), pixels(state, level)
        state = advance(model, FRAME, state, click)
        after = pixels(state, level)
        assert spy.answer is not None
        proposed = spy.answer.run_lengths(SIZE_HW, level).decode()
        assert np.array_equal(after, expected(before, proposed, click, radius))
        # and in words: one direction only, and the click is obeyed
        assert not (before & ~after if click.positive else after & ~before).any()
        assert after[int(click.y), int(click.x)] == click.positive


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_what_was_seen_before_stays_even_if_the_last_answer_was_not_merged(seed: int) -> None:
    """After a box the state holds the network's own coarse grid: resampling it must not move a pixel."""
    rng, spy = np.random.default_rng(seed), Spy()
    model = merging(seed, False, 0.5, spy)
    state = advance(model, FRAME, ObjectState(), MaskPrompt(random_mask(rng)))
    state = advance(model, FRAME, state, Box(2, 3, 20, 15))
    for _ in range(3):
        click, before = random_click(rng), pixels(state, 0.0)
        state = advance(model, FRAME, state, click)
        assert not (before & ~pixels(state, 0.0) if click.positive else pixels(state, 0.0) & ~before).any()


def test_resampling_cannot_carry_a_pixel_over_the_threshold() -> None:
    """Samples of one map on two grids differ by rounding; among a million pixels some lie that near the threshold."""
    size_hw = (1200, 1600)
    rng = np.random.default_rng(10)
    old = LogitMap(rng.normal(size=(60, 60)).astype(np.float32), (33.0, 17.0, 1135.0, 1013.0))
    new = LogitMap(rng.normal(size=(50, 70)).astype(np.float32), whole(size_hw))
    before, proposed = old.mask(size_hw), new.mask(size_hw)
    row, column = np.argwhere(proposed & ~before)[0]
    prompts = Prompts((MaskPrompt(RunLengthMask.encode(before)), Click(column + 0.5, row + 0.5)))
    step = progressive_merge(ProgressiveMerge())(lambda request: Result(new, request.memo))
    frame = Frame.of(np.zeros((*size_hw, 3), np.uint8))
    after = step(Request(frame, prompts, old)).logits.mask(size_hw)
    assert np.array_equal(after, expected(before, proposed, prompts.clicks[0]))


def test_undo_redo_and_replay_give_the_same_bytes() -> None:
    rng = np.random.default_rng(5)
    prompts = [MaskPrompt(random_mask(rng)), *(random_click(rng) for _ in range(6))]

    def replay() -> list[ObjectState]:
        model, state, states = merging(5, False, 0.5, Spy()), ObjectState(), []
        for prompt in prompts:
            state = advance(model, FRAME, state, prompt)
            states.append(state)
        return states

    for first, second in zip(replay(), replay(), strict=True):
        assert first.logits is not None and second.logits is not None
        assert first.logits.box_xyxy == second.logits.box_xyxy
        assert first.logits.values.tobytes() == second.logits.values.tobytes()


def test_objects_from_clicks_alone_pass_through() -> None:
    answer = LogitMap(np.ones((4, 4), np.float32), whole(SIZE_HW))
    step = progressive_merge(ProgressiveMerge())(lambda request: Result(answer, request.memo))
    old = LogitMap(np.full((4, 4), -1, np.float32), whole(SIZE_HW))
    assert step(Request(FRAME, Prompts((Click(1, 1), Click(5, 5, positive=False))), old)).logits is answer


def test_an_empty_initial_mask_can_be_clicked_into() -> None:
    model = merging(1, True, 0.5, Spy())
    state = advance(model, FRAME, ObjectState(), MaskPrompt(RunLengthMask.empty(SIZE_HW)))
    assert not pixels(state, 0.0).any()
    assert pixels(advance(model, FRAME, state, Click(4.5, 4.5)), 0.0)[4, 4]


@pytest.mark.parametrize("corner", [(0.0, 0.0), (30.99, 22.99)])
def test_clicks_in_the_image_s_corners_are_obeyed(corner: tuple[float, float]) -> None:
    nothing = LogitMap(np.full((2, 2), -9, np.float32), whole(SIZE_HW))
    step = progressive_merge(ProgressiveMerge())(lambda request: Result(nothing, request.memo))
    mask = RunLengthMask.empty(SIZE_HW)
    request = Request(FRAME, Prompts((MaskPrompt(mask), Click(*corner))), LogitMap.of_mask(mask))
    shown = step(request).logits.mask(SIZE_HW)
    assert shown[int(corner[1]), int(corner[0])]
    assert shown.sum() == 11  # the quarter of a disc of radius 3 that lies in the image
