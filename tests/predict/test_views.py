"""Several answers to an ambiguous click: closer and closer views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import Frame, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Request
from clickmask.predict.base import backend_step
from clickmask.predict.predictor import Pipeline, advance, candidates
from clickmask.predict.views import Views, closer_views, view_boxes
from clickmask.zoo.spec import ModelSpec

from .toy import INPUT_HW, ToyBackend

SIZE_HW = (200, 400)


def pipeline() -> Pipeline:
    backend = ToyBackend()
    spec = ModelSpec("toy", "toy", "for tests", "Apache-2.0", input_hw=INPUT_HW, zoom_in=None)
    step = backend_step(backend)
    return Pipeline(spec, backend, step, closer_views(Views(most_cut=1.0), step, INPUT_HW))


def test_views_halve_round_the_click() -> None:
    boxes = view_boxes(Views(), Prompts((Click(200, 100),)), SIZE_HW)
    assert boxes == [(100, 50, 300, 150), (150, 68, 250, 132)]  # no side below 64 pixels


def test_the_newest_positive_click_leads_and_every_click_is_held() -> None:
    near = Prompts((Click(200, 100), Click(220, 110), Click(190, 90, False)))
    assert view_boxes(Views(), near, SIZE_HW)[0] == (120, 60, 320, 160)
    assert len(view_boxes(Views(), Prompts((Click(100, 50), Click(390, 190))), SIZE_HW)) == 0


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(),
        Prompts((Click(20, 20, False),)),
        Prompts((Box(10, 10, 50, 50), Click(20, 20))),
        Prompts((MaskPrompt(RunLengthMask.empty(SIZE_HW)), Click(20, 20))),
    ],
)
def test_nothing_ambiguous_has_no_closer_view(prompts: Prompts) -> None:
    assert view_boxes(Views(), prompts, SIZE_HW) == []


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_views_lie_in_the_image_hold_the_click_and_shrink(height: int, width: int, x: float, y: float) -> None:
    click = Click(x * width, y * height)
    outer = whole((height, width))
    for box in view_boxes(Views(), Prompts((click,)), (height, width)):
        assert box[0] >= outer[0] and box[1] >= outer[1] and box[2] <= outer[2] and box[3] <= outer[3]
        assert box[0] <= click.x < box[2] and box[1] <= click.y < box[3]
        assert (box[2] - box[0]) * (box[3] - box[1]) < (outer[2] - outer[0]) * (outer[3] - outer[1])
        outer = box


def test_candidates_begin_with_the_answer_and_get_closer() -> None:
    made, frame = pipeline(), Frame.of(np.full((*SIZE_HW, 3), 90, np.uint8))
    state = advance(made, frame, ObjectState(), Click(200, 100))
    found = candidates(made, frame, state)
    assert len(found) == 3
    assert found[0].logits is state.logits
    assert [c.logits.box_xyxy for c in found[1:]] == view_boxes(Views(), state.prompts, SIZE_HW)
    assert all(0 <= c.score <= 1 for c in found)
    assert candidates(made, frame, ObjectState()) == ()


def test_a_pipeline_without_views_has_one_candidate() -> None:
    made, frame = pipeline(), Frame.of(np.full((*SIZE_HW, 3), 90, np.uint8))
    single = Pipeline(made.spec, made.backend, made.step)
    state = advance(single, frame, ObjectState(), Click(200, 100))
    assert [c.logits for c in candidates(single, frame, state)] == [state.logits]
    assert made.offers_candidates and not single.offers_candidates


def test_views_are_asked_with_the_clicks_and_nothing_else() -> None:
    made, frame = pipeline(), Frame.of(np.full((*SIZE_HW, 3), 90, np.uint8))
    assert made.views is not None
    first, second = (
        made.views(Request(frame, Prompts((Click(200, 100),)))),
        made.views(Request(frame, Prompts((Click(200, 100),)))),
    )
    assert [r.logits.values.tobytes() for r in first] == [r.logits.values.tobytes() for r in second]


def test_an_answer_that_its_view_cuts_off_is_left_out() -> None:
    made = pipeline()
    bright, dark = (Frame.of(np.full((*SIZE_HW, 3), grey, np.uint8)) for grey in (250, 5))
    request = Request(bright, Prompts((Click(200, 100),)))
    strict = closer_views(Views(most_cut=0.2), made.step, INPUT_HW)
    assert made.views is not None and len(made.views(request)) == 2
    assert strict(request) == (), "everything is bright: the views are filled to their sides"
    assert len(strict(Request(dark, request.prompts))) == 2
