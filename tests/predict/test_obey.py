from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.api import build_pipeline
from clickmask.core.frames import Frame, LogitMap
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.obey import obey_clicks, obeyed
from clickmask.predict.predictor import advance

SIZE_HW = (40, 60)
clicks = st.builds(Click, st.floats(0, 59.99), st.floats(0, 39.99), st.booleans())


@st.composite
def answers(draw: st.DrawFn) -> LogitMap:
    """Random logits on a grid finer or coarser than the pixels, on a whole or broken box."""
    height, width = draw(st.integers(1, 50)), draw(st.integers(1, 50))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    broken = draw(st.sampled_from([0.0, 0.3]))
    x0, y0 = draw(st.integers(-3, 30)) + broken, draw(st.integers(-3, 20)) + broken
    box = (x0, y0, x0 + draw(st.integers(5, 60)), y0 + draw(st.integers(5, 60)))
    return LogitMap(rng.normal(scale=4, size=(height, width)).astype(np.float32), box)


def at(logits: LogitMap, click: Click, threshold: float) -> bool:
    return bool(logits.mask(SIZE_HW, threshold)[int(click.y), int(click.x)])


def inside(logits: LogitMap, click: Click) -> bool:
    x0, y0, x1, y1 = logits.box_xyxy
    return x0 <= int(click.x) + 0.5 < x1 and y0 <= int(click.y) + 0.5 < y1


@given(answers(), st.lists(clicks, min_size=1, max_size=6), st.sampled_from([0.0, -0.04, 1.5]))
def test_the_newest_click_holds_at_its_pixel(logits: LogitMap, asked: list[Click], threshold: float) -> None:
    kept = logits.values.copy()
    after = obeyed(logits, Prompts(tuple(asked)), threshold)
    if inside(logits, asked[-1]) or not asked[-1].positive:
        assert at(after, asked[-1], threshold) == asked[-1].positive
    np.testing.assert_array_equal(logits.values, kept, err_msg="answers are values: nothing changes in place")
    assert np.count_nonzero(after.values != kept) <= 4 * len(asked)


@given(answers(), st.lists(clicks, min_size=1, max_size=6))
def test_it_is_done_after_one_time(logits: LogitMap, asked: list[Click]) -> None:
    """Clicks far from one another all hold, so a second time changes nothing."""
    far = [c for i, c in enumerate(asked) if all(abs(c.x - d.x) + abs(c.y - d.y) > 40 for d in asked[:i])]
    once = obeyed(logits, Prompts(tuple(far)))
    assert obeyed(once, Prompts(tuple(far))) is once


def test_an_obeyed_answer_stays_the_same_object() -> None:
    logits = LogitMap(np.full((4, 4), 3, np.float32), (0, 0, 60, 40))
    assert obeyed(logits, Prompts((Box(1, 1, 5, 5), Click(10, 10)))) is logits
    changed = obeyed(logits, Prompts((Click(10, 10), Click(50, 30, False))))
    assert changed.values[0, 0] == 3 and changed.values.min() == -1


def test_contradicting_clicks_end_with_the_newest() -> None:
    logits = LogitMap(np.zeros((4, 4), np.float32), (0, 0, 60, 40))
    for newest in (True, False):
        prompts = Prompts((Click(20, 20, True), Click(20, 20, False), Click(20, 20, newest)))
        assert at(obeyed(logits, prompts), prompts.clicks[-1], 0.0) == newest


def test_the_stage_passes_the_memo_on() -> None:
    given_ = Result(LogitMap(np.full((2, 2), -3, np.float32), (0, 0, 60, 40)), {"zoom_in": "kept"})
    answer = obey_clicks(0.2)(lambda _: given_)(
        Request(Frame.of(np.zeros((*SIZE_HW, 3), np.uint8)), Prompts((Click(30, 20),)))
    )
    assert answer.memo == given_.memo and answer.logits.values.max() == pytest.approx(1.2)


@pytest.mark.weights
def test_the_default_model_obeys_clicks_that_make_no_sense() -> None:
    """On noise, and a checkerboard of contradicting clicks a few pixels apart."""
    pipeline = build_pipeline("default", threads=1)
    frame = Frame.of(np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8))
    state = ObjectState()
    for number in range(8):
        click = Click(40.5 + 9 * (number % 4), 50.5 + 9 * (number // 4), number % 3 != 1)
        state = advance(pipeline, frame, state, click)
        mask = state.mask(frame.size_hw, pipeline.threshold_logit)
        assert mask[int(click.y), int(click.x)] == click.positive


@pytest.mark.weights
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 40), (300, 2), (20, 900)])
def test_the_default_model_obeys_at_corners_of_strips(size_hw: tuple[int, int]) -> None:
    pipeline = build_pipeline("default", threads=1)
    height, width = size_hw
    frame = Frame.of(np.random.default_rng(1).integers(0, 256, (*size_hw, 3), dtype=np.uint8))
    state = ObjectState()
    for click in (Click(0, 0), Click(width - 1e-6, height - 1e-6), Click(width / 2, height / 2, False)):
        state = advance(pipeline, frame, state, click)
        mask = state.mask(size_hw, pipeline.threshold_logit)
        assert mask[int(click.y), int(click.x)] == click.positive
