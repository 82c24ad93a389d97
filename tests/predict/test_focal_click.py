"""FocalClick's crops, its two passes, and the stage that borrows its idea for any network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import BoxFloat, Crop, FloatMap, Frame, LogitMap, whole
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.core.protocols import Request, Result
from clickmask.predict.focal_click import FocalClick, focal_click_step
from clickmask.predict.focus import Focus, focus, ramp
from clickmask.predict.focus_crop import GRID_CELLS, FocusCrop, focus_box, focused, working_grid
from clickmask.predict.target_crop import TargetCrop, expanded, target_box

from .toy import INPUT_HW, ToyBackend, picture

SIZE_HW = (120, 160)
BLANK = np.zeros((*SIZE_HW, 3), np.uint8)
SETTINGS = FocusCrop()


def request(*clicks: Click, previous: LogitMap | None = None, size_hw: tuple[int, int] = SIZE_HW) -> Request:
    return Request(Frame.of(np.zeros((*size_hw, 3), np.uint8)), Prompts(clicks), previous)


def object_at(box: BoxFloat) -> LogitMap:
    return LogitMap(np.full((3, 3), 5, np.float32), box)


def mask_of(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SIZE_HW, bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def focus_on(old: np.ndarray | None, new: np.ndarray, x: float, y: float) -> BoxFloat:
    return focus_box(SETTINGS, old, new, Click(x, y), Crop(whole(SIZE_HW), SIZE_HW))


# the target crop


def test_the_first_click_sees_the_whole_frame() -> None:
    assert target_box(TargetCrop(), request(Click(30, 40))) == whole(SIZE_HW)


@pytest.mark.parametrize(
    ("box", "crop"),
    [
        ((40.0, 40.0, 80.0, 60.0), (32, 36, 88, 64)),
        ((80.0, 80.0, 82.0, 82.0), (76, 76, 86, 86)),  # a side has at least ten pixels
        ((0.0, 0.0, 150.0, 110.0), (0, 0, 160, 120)),
    ],
)
def test_a_target_crop_is_the_object_times_1_4(box: BoxFloat, crop: BoxFloat) -> None:
    middle = Click((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    assert target_box(TargetCrop(), request(middle, previous=object_at(box))) == crop


def test_a_target_crop_holds_every_positive_click_and_the_box() -> None:
    previous = object_at((40, 40, 50, 50))
    x0, y0, x1, y1 = target_box(TargetCrop(), request(Click(45, 45), Click(140, 100), previous=previous))
    assert x0 <= 40 and y0 <= 40 and x1 > 140 and y1 > 100
    boxed = Request(Frame.of(BLANK), Prompts((Box(20, 20, 60, 40),)))
    assert target_box(TargetCrop(), boxed) == (12, 16, 68, 44)


@given(
    st.tuples(*[st.floats(-50, 200)] * 2),
    st.tuples(*[st.floats(0, 300)] * 2),
    st.floats(0.5, 4),
    st.floats(0, 50),
)
def test_a_grown_box_is_whole_pixels_inside_the_limits(
    corner: tuple[float, float], size: tuple[float, float], expansion: float, least: float
) -> None:
    box = (*corner, corner[0] + size[0], corner[1] + size[1])
    x0, y0, x1, y1 = expanded(box, expansion, least, (3.0, 5.0, 103.0, 85.0))
    assert all(float(v).is_integer() for v in (x0, y0, x1, y1))
    assert 3 <= x0 < x1 <= 103 and 5 <= y0 < y1 <= 85


# the focus crop


def test_without_a_previous_mask_the_object_is_the_focus() -> None:
    assert focus_on(None, mask_of((40, 40, 80, 60)), 60, 50) == (32, 36, 88, 64)
    assert focus_on(mask_of(), mask_of((40, 40, 80, 60)), 60, 50) == (32, 36, 88, 64)


def test_a_tiny_mask_is_no_guide() -> None:
    assert focus_on(None, mask_of((40, 40, 43, 43)), 41, 41) == whole(SIZE_HW)


def test_the_change_under_the_click_is_the_focus_and_no_other_change() -> None:
    old, new = mask_of((20, 20, 100, 80)), mask_of((20, 20, 140, 80), (20, 90, 30, 100))
    x0, y0, x1, y1 = focus_on(old, new, 120, 50)
    assert (x0, y0, x1, y1) == (92, 8, 148, 92)  # 40 x 60 times 1.4 round its middle


def test_a_small_change_gives_the_square_round_the_click() -> None:
    old, new = mask_of((20, 20, 120, 80)), mask_of((20, 20, 120, 80), (120, 50, 130, 60))
    # half a side is 0.2 x 110, the square grows by 1.4
    assert focus_on(old, new, 125.0, 55.0) == (94, 24, 156, 86)


def test_a_click_outside_what_changed_gives_the_square_round_it() -> None:
    old, new = mask_of((20, 20, 120, 80)), mask_of((20, 20, 60, 80))
    x0, y0, x1, y1 = focus_on(old, new, 40.0, 50.0)
    assert x1 - x0 == pytest.approx(1.4 * 0.4 * 60, abs=2)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((40, 50), abs=1)


def test_large_targets_are_worked_on_a_bounded_grid() -> None:
    assert working_grid((0, 0, 160, 120)).size_hw == (120, 160)
    height, width = working_grid((0, 0, 9000, 4000)).size_hw
    assert height * width <= 1.01 * GRID_CELLS
    assert width / height == pytest.approx(9000 / 4000, rel=0.01)


def test_only_the_focus_changes() -> None:
    coarse = LogitMap(np.linspace(-3, 3, 80 * 60, dtype=np.float32).reshape(60, 80), (10.0, 20.0, 90.0, 80.0))
    asked: list[BoxFloat] = []

    def look(box: BoxFloat) -> FloatMap:
        asked.append(box)
        return np.full((7, 9), 6, np.float32)

    joined = focused(SETTINGS, request(Click(50, 70)), coarse, look, 0.0)
    ((x0, y0, x1, y1),) = asked
    inside = mask_of((int(x0), int(y0), int(x1), int(y1)))
    grid = Crop(whole(SIZE_HW), SIZE_HW)
    before, after = coarse.sample(grid), joined.sample(grid)
    assert (after[inside] == 6).all()
    assert np.array_equal(after[~inside], before[~inside])


def test_after_ten_clicks_the_previous_answer_stays_outside_the_focus() -> None:
    old = LogitMap(np.where(mask_of((20, 20, 100, 80)), 5, -5).astype(np.float32), whole(SIZE_HW))
    new = LogitMap(np.where(mask_of((60, 20, 140, 80)), 5, -5).astype(np.float32), whole(SIZE_HW))

    def look(box: BoxFloat) -> FloatMap:
        return np.full((4, 4), 5, np.float32)

    def outside_kept(count: int) -> bool:
        clicks = [Click(120, 50)] * count
        return bool(focused(SETTINGS, request(*clicks, previous=old), new, look, 0.0).mask(SIZE_HW)[50, 30])

    assert outside_kept(11)
    assert not outside_kept(10)


def test_a_click_outside_the_target_or_a_box_alone_is_not_looked_at_again() -> None:
    coarse = object_at((10, 10, 50, 50))

    def look(box: BoxFloat) -> FloatMap:
        raise AssertionError("must not look")

    assert focused(SETTINGS, request(Click(100, 100, positive=False)), coarse, look, 0.0) is coarse
    assert focused(SETTINGS, request(), coarse, look, 0.0) is coarse


# two passes


@dataclass
class RefiningToy(ToyBackend):
    """Finds bright pixels coarsely; its refiner knows better, and both remember what they were asked."""

    capabilities: frozenset[str] = frozenset({"previous_mask", "refiner"})
    asked: list[tuple[str, Prompts, BoxFloat | None]] = field(default_factory=list)

    def coarse(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> tuple[FloatMap, Any]:
        self.asked.append(("coarse", prompts, None))
        return np.where(embedding > 0, 2, -2).astype(np.float32), "kept"

    def refine(self, embedding: Any, prompts: Prompts, kept: Any, box_xyxy: BoxFloat) -> FloatMap:
        assert kept == "kept"
        self.asked.append(("refine", prompts, box_xyxy))
        return np.where(embedding > 0, 7, -7).astype(np.float32)


def test_a_click_is_answered_coarsely_and_then_refined_in_its_window() -> None:
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[40:60, 40:80] = 255
    backend = RefiningToy()
    step = focal_click_step(backend, FocalClick(), 0.0)
    first = step(Request(Frame.of(image), Prompts((Click(60, 50),))))
    (one, _, _), (two, clicks, place) = backend.asked
    assert (one, two) == ("coarse", "refine")
    assert place is not None
    # what the coarse pass finds on its 32 x 32 grid, times 1.4, in pixels of that grid
    assert place == pytest.approx((32 / 160 * 32, 36 / 120 * 32, 88 / 160 * 32, 64 / 120 * 32), abs=0.6)
    assert (clicks.clicks[0].x, clicks.clicks[0].y) == pytest.approx((16, 16), abs=0.7)
    assert np.array_equal(first.logits.mask(SIZE_HW)[42:58, 42:78], np.ones((16, 36), bool))
    assert first.logits.values.max() == 7 and (first.logits.values == -2).any()
    second = step(Request(Frame.of(image), Prompts((Click(60, 50), Click(45, 45))), first.logits))
    x0, y0, x1, y1 = second.logits.box_xyxy
    assert (x0, y0, x1, y1) == pytest.approx((32, 36, 88, 64), abs=2)  # the refined object times 1.4


# the same idea for any network


def numbered(answer: float) -> Any:
    """A step that answers one number everywhere and counts how often."""

    def step(asked: Request) -> Result:
        step.requests.append(asked)  # type: ignore[attr-defined]
        return Result(LogitMap(np.full(INPUT_HW, answer, np.float32), whole(asked.frame.size_hw)), asked.memo)

    step.requests = []  # type: ignore[attr-defined]
    return step


def two_clicks(previous: LogitMap) -> Request:
    return Request(Frame.of(picture(SIZE_HW)), Prompts((Click(60, 50), Click(120, 50))), previous)


def test_the_focus_stage_asks_again_and_blends_the_answers() -> None:
    old = LogitMap(np.where(mask_of((20, 20, 100, 80)), 5, -5).astype(np.float32), whole(SIZE_HW))
    new = LogitMap(np.where(mask_of((20, 20, 140, 80)), 5, -5).astype(np.float32), whole(SIZE_HW))
    again = numbered(-3.0)
    settings = Focus(share=0.5, feather=0.0, least_zoom=1.0)
    step = focus(settings, again, INPUT_HW)(lambda asked: Result(new, {"kept": 1}))
    result = step(two_clicks(old))
    (asked,) = again.requests
    assert asked.frame.size_hw == INPUT_HW and asked.previous is not None
    assert result.memo == {"kept": 1}
    values = result.logits.sample(Crop(whole(SIZE_HW), SIZE_HW))
    assert values[50, 120] == pytest.approx(1.0, abs=0.1)  # half of 5 and half of -3
    assert values[50, 30] == 5  # outside the focus


def test_the_focus_stage_leaves_early_clicks_and_crops_that_show_nothing_new() -> None:
    old = LogitMap(np.where(mask_of((20, 20, 100, 80)), 5, -5).astype(np.float32), whole(SIZE_HW))
    again = numbered(-3.0)
    late = focus(Focus(from_click=3), again, INPUT_HW)(lambda asked: Result(old))
    assert late(two_clicks(old)).logits is old
    near = focus(Focus(least_zoom=100.0), again, INPUT_HW)(lambda asked: Result(old))
    assert near(two_clicks(old)).logits is old
    assert again.requests == []


def test_the_ramp_is_one_inside_and_falls_to_the_edge() -> None:
    weights = ramp((40, 60), 0.25)
    assert weights.shape == (40, 60) and weights.dtype == np.float32
    assert weights[20, 30] == 1 and weights[0, 30] < 0.06
    assert np.allclose(weights, weights[::-1, ::-1])
    assert (ramp((8, 8), 0.0) == 1).all()
