from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.api import build_pipeline
from clickmask.core.edit import EditRules
from clickmask.core.errors import PromptError
from clickmask.core.frames import Frame, LogitMap, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict import editing
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import advance
from clickmask.predict.reach import part_meant, within_reach

SIZE = (3000, 4000)


class Source:
    """Pixels that remember what was read of them."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.read = pixels, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels.shape

    def __getitem__(self, rows_columns: tuple[slice, slice]) -> np.ndarray:
        part = self.pixels[rows_columns]
        self.read += part.size // 3
        return part


def test_without_a_reach_it_is_the_whole_image() -> None:
    assert part_meant(Prompts((Click(5, 5), Box(3, 3, 9, 9))), SIZE) is None


def test_the_part_holds_everything_that_was_said() -> None:
    prompts = Prompts((Click(2000, 1000, True, 300), Click(2900, 1100, False)))
    assert part_meant(prompts, SIZE) == (1536, 512, 3072, 1536)
    boxed = prompts.add(Box(2000, 2000, 2400, 2200))
    assert part_meant(boxed, SIZE) == (1536, 512, 3072, 2560)
    mask = np.zeros(SIZE, dtype=bool)
    mask[1400:1500, 300:500] = True
    corrected = boxed.add(MaskPrompt(RunLengthMask.encode(mask)))
    assert part_meant(corrected, SIZE) == (0, 512, 3072, 2560)
    assert part_meant(Prompts((Click(10, 10, True, 5000),)), SIZE) is None, "that is all of it"


@given(x=st.floats(0, 3999), y=st.floats(0, 2999), reach=st.floats(16, 3000))
def test_the_part_lies_on_the_image_and_on_its_smaller_levels(x: float, y: float, reach: float) -> None:
    part = part_meant(Prompts((Click(x, y, True, reach),)), SIZE)
    x0, y0, x1, y1 = part or (0, 0, 4000, 3000)
    assert (
        x0 <= max(x - reach, 0)
        and y0 <= max(y - reach, 0)
        and x1 >= min(x + reach, 4000)
        and y1 >= min(y + reach, 3000)
    )
    assert 0 <= x0 < x1 <= 4000 and 0 <= y0 < y1 <= 3000 and x0 % 256 == y0 % 256 == 0


def test_a_model_sees_the_part_as_its_image_and_answers_in_the_whole() -> None:
    seen: list[Request] = []

    def model(request: Request) -> Result:
        seen.append(request)
        height, width = request.frame.size_hw
        return Result(LogitMap(np.full((2, 2), 3, dtype=np.float32), (0, 0, width, height)), {"mine": width})

    source = Source(np.zeros((*SIZE, 3), dtype=np.uint8))
    step = within_reach(model)
    first = step(Request(Frame((source,)), Prompts((Click(2000, 1000, True, 300),)), None, {"old": 1}))
    assert seen[0].frame.size_hw == (1024, 768) and seen[0].memo == {} and source.read == 0
    assert [(c.x, c.y) for c in seen[0].prompts.clicks] == [(2000 - 1536, 1000 - 512)]
    assert first.logits.box_xyxy == (1536, 512, 2304, 1536)
    more = Prompts((Click(2000, 1000, True, 300), Click(1990, 990, False, 300)))
    step(Request(Frame((source,)), more, first.logits, first.memo))
    previous = seen[1].previous
    assert previous is not None and previous.box_xyxy == (0, 0, 768, 1024)
    assert seen[1].memo["mine"] == 768, "the same part: what the stages remember still holds"
    farther = more.add(Click(100, 100, True, 300))
    step(Request(Frame((source,)), farther, first.logits, first.memo))
    assert "mine" not in seen[2].memo, "another part"


def test_a_click_with_a_reach_reads_only_what_it_reaches() -> None:
    pixels = np.full((2048, 3072, 3), 90, dtype=np.uint8)
    pixels[1000:1060, 2000:2080] = (200, 60, 40)
    source = Source(pixels)
    pipeline = build_pipeline("flood")
    state = advance(pipeline, Frame((source,)), ObjectState(), Click(2040, 1030, True, 200), EditRules())
    mask = state.memo["edit"].mask
    assert abs(mask.area - 60 * 80) < 600, (
        "flooded on a grid of two pixels; on the whole image it would be one of twelve"
    )
    assert source.read < 2 * 1024 * 1024
    same = advance(pipeline, Frame.of(pixels), ObjectState(), Click(2040, 1030, True, 200), EditRules())
    assert same.memo["edit"].mask == mask, "whether the pixels lie in memory or in a file"


def test_an_object_too_large_to_be_worked_on_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "MOST_PIXELS", 5000)

    def everything(request: Request) -> Result:
        return Result(LogitMap(np.ones((4, 4), dtype=np.float32), whole(request.frame.size_hw)), request.memo)

    step = progressive_merge(ProgressiveMerge())(within_reach(everything))
    frame = Frame.of(np.zeros((100, 100, 3), dtype=np.uint8))
    request = Request(frame, Prompts((Click(50, 50),)), rules=EditRules())
    with pytest.raises(PromptError, match=r"object of 100 x 100 pixels.*Zoom in"):
        step(request)
    assert step(replace(request, rules=None)).logits.values.shape == (4, 4), "outside of a session nothing is refused"


@given(
    box=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(31, 60), st.integers(31, 50)),
    grid=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=st.integers(0, 99),
    place=st.tuples(st.floats(-3, 20), st.floats(-3, 20), st.floats(25, 70), st.floats(25, 60)),
)  # fmt: skip
def test_a_mask_in_a_box_is_the_mask_there(
    box: tuple[int, int, int, int], grid: tuple[int, int], seed: int, place: tuple[float, float, float, float]
) -> None:
    values = np.random.default_rng(seed).normal(size=grid).astype(np.float32)
    logits = LogitMap(values, place)
    x0, y0, x1, y1 = box
    np.testing.assert_array_equal(logits.mask_in(box, (50, 60), 0.1), logits.mask((50, 60), 0.1)[y0:y1, x0:x1])
