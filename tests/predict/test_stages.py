from __future__ import annotations

from itertools import permutations
from types import MappingProxyType

import numpy as np
import pytest

from clickmask.api import STAGES
from clickmask.core.frames import Crop, Frame, LogitMap, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts
from clickmask.core.protocols import ObjectState, Request, Result, Stage, Step
from clickmask.predict.base import backend_step
from clickmask.predict.flip import flip_averaging, flip_prompts
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import Pipeline, advance
from clickmask.predict.stage import StageContext
from clickmask.predict.zoom_in import ZoomIn, zoom_in

from .toy import INPUT_HW, ToyBackend, picture, pipeline

SIZE_HW = (60, 90)
MASK = RunLengthMask.encode(picture(SIZE_HW, seed=1)[..., 0] > 150)
LOGS: dict[str, list[Prompt]] = {
    "clicks": [Click(30.5, 20.5), Click(70.5, 40.5), Click(50.5, 10.5, False), Click(89.5, 59.5)],
    "box, then clicks": [Box(20, 10, 60, 50), Click(40, 30), Click(25, 15, False)],
    "mask, then clicks": [MaskPrompt(MASK), Click(10.5, 50.5), Click(45.5, 30.5, False)],
}
TOY = StageContext(ToyBackend())
WRAPPERS: dict[str, Stage] = {
    **{name: STAGES.get(name).make(TOY) for name in STAGES if STAGES.get(name).needs <= TOY.backend.capabilities},
    "zoom_in": zoom_in(ZoomIn(), INPUT_HW),
    "merge": progressive_merge(ProgressiveMerge()),
}
ORDERS = [order for count in range(3) for order in permutations(WRAPPERS, count)]
ORDERS += permutations(("flip", "zoom_in", "merge"))


def frozen_frame() -> Frame:
    frame = Frame.of(picture(SIZE_HW))
    for level in frame.levels:
        level.setflags(write=False)
    return frame


def unchangeable(step: Step) -> Step:
    """The step, asked with arrays and memos that cannot be written to."""

    def guarded(request: Request) -> Result:
        if request.previous is not None:
            request.previous.values.setflags(write=False)
        return step(Request(request.frame, request.prompts, request.previous, MappingProxyType(dict(request.memo))))

    return guarded


def built(order: tuple[str, ...]) -> Pipeline:
    step = unchangeable(backend_step(ToyBackend()))
    for name in order:
        step = unchangeable(WRAPPERS[name](step))
    return pipeline(step)


def replay(model: Pipeline, prompts: list[Prompt]) -> list[ObjectState]:
    frame, states = frozen_frame(), [ObjectState()]
    for prompt in prompts:
        states.append(advance(model, frame, states[-1], prompt))
    return states


def same(first: LogitMap | None, second: LogitMap | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.box_xyxy == second.box_xyxy and first.values.tobytes() == second.values.tobytes()


@pytest.mark.parametrize("order", ORDERS, ids=" in ".join)
@pytest.mark.parametrize("log", LOGS.values(), ids=list(LOGS))
def test_any_order_of_stages_is_pure(order: tuple[str, ...], log: list[Prompt]) -> None:
    states, again = replay(built(order), log), replay(built(order), log)
    assert all(same(a.logits, b.logits) for a, b in zip(states, again, strict=True))
    newest = states[-1].logits
    assert newest is not None
    assert newest.values.dtype == np.float32
    assert np.isfinite(newest.values).all()
    assert same(newest, again[-1].logits)
    # undo is the earlier value: what followed has left it as it was
    model, frame = built(order), frozen_frame()
    assert same(advance(model, frame, states[-2], log[-1]).logits, newest)


@pytest.mark.parametrize("order", ORDERS, ids=" in ".join)
def test_any_order_of_stages_answers_in_the_caller_s_frame(order: tuple[str, ...]) -> None:
    """A bright square that the toy network finds lies where it was put."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[12:30, 50:70] = 255
    states = advance(built(order), Frame.of(image), ObjectState(), Click(60, 20))
    mask = states.mask(SIZE_HW)
    truth = image[..., 0] > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.7


def test_zoom_in_changes_the_answer() -> None:
    """Composition tests mean little for stages that do nothing; flip averaging has a test of its own."""
    far, near = (replay(built(order), LOGS["box, then clicks"])[1].mask(SIZE_HW) for order in ((), ("zoom_in",)))
    assert not np.array_equal(far, near)


# the innermost step


def test_the_backend_sees_its_own_size_whatever_the_frame() -> None:
    backend = ToyBackend()
    step = backend_step(backend)
    for size_hw in ((60, 90), (1, 1), (1, 50), (32, 32), (2000, 1100)):
        result = step(Request(Frame.of(np.zeros((*size_hw, 3), np.uint8)), Prompts((Click(0.5, 0.5),))))
        assert result.logits.values.shape == INPUT_HW
        assert result.logits.box_xyxy == whole(size_hw)
    assert set(backend.seen_hw) == {INPUT_HW}


def test_a_frame_of_the_network_s_size_is_not_touched() -> None:
    frame = Frame.of(picture(INPUT_HW))
    assert frame.crop(Crop(whole(INPUT_HW), INPUT_HW)).pixels is frame.pixels


# flip averaging


def mirrored(request: Request) -> Request:
    width = request.frame.size_hw[1]
    previous = None if request.previous is None else request.previous.flip(width)
    return Request(request.frame.flip(), flip_prompts(request.prompts, width), previous, request.memo)


def lopsided(step: Step) -> Step:
    """A network that answers something else at the left than at the right."""

    def asked(request: Request) -> Result:
        result = step(request)
        slope = np.linspace(-3, 3, result.logits.values.shape[1], dtype=np.float32)
        return Result(LogitMap(result.logits.values + slope, result.logits.box_xyxy), result.memo)

    return asked


@pytest.mark.parametrize("inside", [(), ("zoom_in",)], ids=["alone", "round zoom-in"])
def test_the_mirror_image_gets_the_mirrored_answer(inside: tuple[str, ...]) -> None:
    step = lopsided(backend_step(ToyBackend()))
    straight: Step = step
    for name in inside:
        straight = WRAPPERS[name](straight)
    averaged = flip_averaging(straight)
    request = Request(Frame.of(picture(SIZE_HW)), Prompts((Click(70.5, 20.5), Click(50, 50, False))))
    grid = Crop(whole(SIZE_HW), SIZE_HW)
    for _ in range(3):  # the second and third time with previous logits and memo
        answer, reflected = averaged(request), averaged(mirrored(request))
        np.testing.assert_allclose(answer.logits.sample(grid), reflected.logits.sample(grid)[:, ::-1], atol=1e-3)
        assert not np.allclose(straight(request).logits.sample(grid), answer.logits.sample(grid), atol=1e-3)
        request = Request(request.frame, request.prompts.add(Click(80.5, 10.5)), answer.logits, {})


def test_the_mirror_image_keeps_a_memory_of_its_own() -> None:
    """A crop that zoom-in keeps for the image lies elsewhere in its mirror image."""
    frame = Frame.of(np.pad(np.full((12, 12, 3), 255, np.uint8), ((10, 38), (70, 8), (0, 0))))
    step = flip_averaging(zoom_in(ZoomIn(min_crop=0.2), INPUT_HW)(backend_step(ToyBackend())))
    first = step(Request(frame, Prompts((Click(76, 16),))))
    second = step(Request(frame, Prompts((Click(76, 16), Click(77, 17))), first.logits, first.memo))
    for result in (first, second):
        x0, y0, x1, y1 = result.memo["zoom_in"].box_xyxy
        u0, v0, u1, v1 = result.memo["flip"]["zoom_in"].box_xyxy
        assert x1 - x0 < 45
        np.testing.assert_allclose((90 - u1, v0, 90 - u0, v1), (x0, y0, x1, y1), atol=1)


def test_flipped_prompts() -> None:
    prompts = Prompts((Click(1, 2), Box(0, 3, 4, 5), MaskPrompt(MASK), Click(3, 4, False)))
    once = flip_prompts(prompts, 10)
    assert once.items == (Click(9, 2), Box(6, 3, 10, 5), MaskPrompt(MASK), Click(7, 4, False))
    assert flip_prompts(once, 10) == prompts
