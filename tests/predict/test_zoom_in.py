from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import OUTSIDE_LOGIT, BoxFloat, Crop, LogitMap, whole
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.core.protocols import Request, Result
from clickmask.predict.zoom_in import ZoomIn, ZoomMemo, crop_box, object_box, overlap, zoom_in

from .toy import BlueStep, blue_box

INPUT_HW = (64, 64)
SIZE_HW = (300, 400)
PUBLISHED = ZoomIn(expansion=1.4, min_crop=0.5, min_aspect=0.0)


def logits_over(box: BoxFloat) -> LogitMap:
    """An object that fills exactly a box."""
    return LogitMap(np.full((3, 3), 5, np.float32), box)


def click_on(box: tuple[int, int, int, int]) -> Click:
    return Click((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


# the box rule


@pytest.mark.parametrize(
    ("box", "crop"),
    [
        ((100, 100, 200, 150), (80, 90, 220, 160)),  # both sides times 1.4 round the same centre
        ((100, 100, 110, 150), (89, 90, 121, 160)),  # a side has at least half a network input, here 32 pixels
        ((5, 3, 105, 103), (0, 0, 126, 124)),  # cut at the left and upper edge
        ((300, 200, 400, 300), (280, 180, 400, 300)),  # and at the right and lower one
        ((0, 0, 400, 300), (0, 0, 400, 300)),
        ((399, 299, 400, 300), (383, 283, 400, 300)),
        ((100.4, 100.4, 200.4, 200.4), (80, 80, 222, 222)),  # whole pixels of the halved image, outwards
    ],
)
def test_the_crop_of_an_object(box: BoxFloat, crop: BoxFloat) -> None:
    assert crop_box(PUBLISHED, box, SIZE_HW, INPUT_HW) == crop


def test_a_thin_object_gets_a_crop_of_bounded_aspect() -> None:
    settings = ZoomIn(expansion=1.0, min_crop=0.0, min_aspect=0.5)
    assert crop_box(settings, (100, 140, 160, 144), SIZE_HW, INPUT_HW) == (100, 127, 160, 157)
    assert crop_box(settings, (140, 100, 144, 160), SIZE_HW, INPUT_HW) == (127, 100, 157, 160)


def test_corners_of_large_crops_lie_on_whole_pixels_of_the_level_they_are_cut_from() -> None:
    crop = crop_box(PUBLISHED, (1003, 1001, 2001, 2003), (3000, 4000), INPUT_HW)
    assert all(corner % 16 == 0 for corner in crop)
    assert crop[0] <= 1003 - 199 and crop[2] >= 2001 + 199


@given(st.floats(0, 399), st.floats(0, 299), st.floats(0.01, 400), st.floats(0.01, 300), st.integers(1, 500))
def test_a_crop_holds_its_object_and_lies_in_the_frame(x: float, y: float, w: float, h: float, side: int) -> None:
    box = (x, y, min(x + w, 400.0), min(y + h, 300.0))
    x0, y0, x1, y1 = crop_box(ZoomIn(), box, SIZE_HW, (side, side))
    assert 0 <= x0 <= box[0] and 0 <= y0 <= box[1] and box[2] <= x1 <= 400 and box[3] <= y1 <= 300
    assert all(float(corner).is_integer() for corner in (x0, y0, x1, y1))
    assert x1 > x0 and y1 > y0


def test_the_object_is_the_mask_with_the_positive_clicks_and_the_box() -> None:
    mask = logits_over((100.0, 100.0, 130.0, 130.0))
    positive, negative = Click(150, 90), Click(10, 10, positive=False)
    assert object_box(ZoomIn(), mask, Prompts((positive, negative)), SIZE_HW) == (100, 90, 150, 130)
    assert object_box(ZoomIn(), mask, Prompts((Box(20, 120, 110, 290),)), SIZE_HW) == (20, 100, 130, 290)
    assert object_box(ZoomIn(), None, Prompts((Box(20, 120, 110, 290), positive)), SIZE_HW) == (20, 90, 150, 290)


def test_without_mask_or_box_there_is_no_object_yet() -> None:
    nothing = LogitMap(np.full((2, 2), -5, np.float32), whole(SIZE_HW))
    for previous in (None, nothing):
        assert object_box(ZoomIn(), previous, Prompts((Click(5, 5), Click(9, 9))), SIZE_HW) is None


def test_a_mask_outside_the_frame_is_no_object() -> None:
    """The padding of SAM-style logits may be positive; it must not pull the crop out of the image."""
    outside = logits_over((0.0, 350.0, 400.0, 400.0))
    across = logits_over((50.0, 250.0, 90.0, 400.0))
    assert object_box(ZoomIn(), outside, Prompts((Click(5, 5),)), SIZE_HW) is None
    assert object_box(ZoomIn(), across, Prompts(), SIZE_HW) == (50, 250, 90, 300)


def test_overlap_multiplies_the_axes() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (5, 5, 15, 15)) == pytest.approx(1 / 9)
    assert overlap((0, 0, 10, 10), (20, 0, 30, 10)) == 0


# the stage


SMALL = (100, 100, 150, 150)
CROP_OF_SMALL = (90, 90, 160, 160)


def answer(
    step: Any, box: tuple[int, int, int, int], previous: Result | None, *prompts: Click | Box
) -> tuple[Result, list[Request]]:
    """The stage's result over a frame with a blue box, and what the step inside was asked."""
    inner = BlueStep()
    frame = blue_box(SIZE_HW, box)
    request = Request(frame, Prompts(prompts), previous.logits if previous else None, previous.memo if previous else {})
    return zoom_in(step, INPUT_HW)(inner)(request), inner.requests


def crop_of(result: Result) -> BoxFloat:
    memo = result.memo["zoom_in"]
    assert isinstance(memo, ZoomMemo)
    return memo.box_xyxy


def test_the_first_click_looks_at_the_whole_frame_and_then_at_a_small_object() -> None:
    result, asked = answer(PUBLISHED, SMALL, None, click_on(SMALL))
    assert [r.frame.size_hw for r in asked] == [INPUT_HW, INPUT_HW]
    assert asked[0].previous is None
    assert asked[1].previous is not None
    # the first pass sees 6.25 pixels as one, so its box is a little too large
    assert np.abs(np.array(crop_of(result)) - CROP_OF_SMALL).max() <= 10
    assert result.logits.box_xyxy == crop_of(result)
    truth = np.zeros(SIZE_HW, bool)
    truth[100:150, 100:150] = True
    mask = result.logits.mask(SIZE_HW)
    assert (mask ^ truth).sum() < 60
    assert result.logits.sample(Crop(whole(SIZE_HW), SIZE_HW)).min() == OUTSIDE_LOGIT


def test_a_large_object_needs_one_pass() -> None:
    large = (40, 20, 360, 280)
    result, asked = answer(PUBLISHED, large, None, click_on(large))
    assert len(asked) == 1
    assert crop_of(result) == whole(SIZE_HW)


def test_the_second_pass_can_be_switched_off() -> None:
    result, asked = answer(ZoomIn(second_pass_iou=0.0), SMALL, None, click_on(SMALL))
    assert len(asked) == 1
    assert crop_of(result) == whole(SIZE_HW)


def test_a_first_pass_that_finds_nothing_is_the_answer() -> None:
    result, asked = answer(PUBLISHED, (0, 0, 0, 0), None, Click(5, 5))
    assert len(asked) == 1
    assert not result.logits.mask(SIZE_HW).any()


def test_a_box_prompt_is_looked_at_from_near_at_once() -> None:
    result, asked = answer(PUBLISHED, SMALL, None, Box(*SMALL))
    assert len(asked) == 1
    assert crop_of(result) == CROP_OF_SMALL
    assert asked[0].prompts.box is not None
    np.testing.assert_allclose(asked[0].prompts.box.xyxy, np.array((10, 10, 60, 60)) * 64 / 70)


def kept(box: tuple[int, int, int, int], crop: BoxFloat) -> Result:
    """An earlier answer: the object fills `box`, and `crop` was in use."""
    return Result(logits_over(tuple(float(v) for v in box)), {"zoom_in": ZoomMemo(crop)})  # type: ignore[arg-type]


def test_the_crop_stays_while_it_fits() -> None:
    crop = (88.0, 86.0, 170.0, 165.0)
    result, asked = answer(PUBLISHED, SMALL, kept(SMALL, crop), click_on(SMALL))
    assert crop_of(result) == crop
    assert len(asked) == 1
    assert asked[0].previous is not None
    assert asked[0].previous.values.shape == INPUT_HW


@pytest.mark.parametrize(
    ("crop", "again", "clicks"),
    [
        ((50.0, 50.0, 200.0, 200.0), CROP_OF_SMALL, (click_on(SMALL),)),  # stale: covers far more than the object
        ((95.0, 95.0, 120.0, 160.0), CROP_OF_SMALL, (click_on(SMALL),)),  # stale: does not cover it
        ((90.0, 90.0, 160.0, 160.0), (87, 90, 178, 160), (click_on(SMALL), Click(165, 120))),  # a click outside
    ],
)
def test_the_crop_is_renewed(crop: BoxFloat, again: BoxFloat, clicks: tuple[Click, ...]) -> None:
    result, _ = answer(PUBLISHED, SMALL, kept(SMALL, crop), *clicks)
    assert crop_of(result) == again


def test_a_negative_click_outside_the_crop_does_not_renew_it() -> None:
    crop = (88.0, 86.0, 170.0, 165.0)
    result, asked = answer(PUBLISHED, SMALL, kept(SMALL, crop), click_on(SMALL), Click(300, 200, positive=False))
    assert crop_of(result) == crop
    assert asked[0].prompts.clicks[1].x > INPUT_HW[1]


def test_the_crop_is_new_at_every_click_if_asked_for() -> None:
    result, _ = answer(
        ZoomIn(min_crop=0, refresh_iou=1.0), SMALL, kept(SMALL, (88.0, 86.0, 170.0, 165.0)), Click(120, 120)
    )
    assert crop_of(result) == CROP_OF_SMALL


def test_other_stages_memories_travel_along() -> None:
    inner = BlueStep()
    request = Request(blue_box(SIZE_HW, SMALL), Prompts((click_on(SMALL),)), None, {"other": 1})
    assert zoom_in(PUBLISHED, INPUT_HW)(inner)(request).memo["other"] == 1
    assert request.memo == {"other": 1}
