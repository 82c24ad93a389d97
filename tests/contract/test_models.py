"""What every model that an installation brings keeps, through the same tests."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

import clickmask
from clickmask.api import build_pipeline
from clickmask.core.frames import Frame
from clickmask.core.masks import RunLengthMask, iou
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt
from clickmask.core.protocols import ObjectState
from clickmask.predict.predictor import Pipeline, Predictor, advance
from clickmask.zoo import catalog

MODELS = [name for name in clickmask.models() if catalog.find(name)[1] in (None, catalog.WEIGHTS_FOLDER / name)]
CENTRES_XY = ((45.5, 40.5), (110.5, 70.5))
RADIUS = 22


@cache
def pipeline(name: str) -> Pipeline:
    return build_pipeline(name, threads=1)


def needs(name: str, capability: str) -> None:
    if capability not in pipeline(name).spec.capabilities:
        pytest.skip(f"the model '{name}' does not offer {capability}")


@cache
def scene() -> np.ndarray:
    """(112, 160, 3) uint8: an orange and a blue disk on grey-green ground, softly lit."""
    image = np.full((112, 160, 3), (95, 110, 90), np.uint8)
    for centre, colour in zip(CENTRES_XY, ((230, 120, 30), (40, 80, 220)), strict=True):
        cv2.circle(image, (int(centre[0]), int(centre[1])), RADIUS, colour, -1, cv2.LINE_AA)
    light = np.linspace(0.85, 1.1, 160)[None, :, None]
    return np.clip(image * light, 0, 255).astype(np.uint8)


def disk(index: int) -> np.ndarray:
    rows, columns = np.indices(scene().shape[:2]) + 0.5
    x, y = CENTRES_XY[index]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2)


def run(name: str, image: np.ndarray, *prompts: Prompt) -> list[ObjectState]:
    """The states after each prompt."""
    frame, states = Frame.of(image), [ObjectState()]
    for prompt in prompts:
        states.append(advance(pipeline(name), frame, states[-1], prompt))
    return states[1:]


def shown(name: str, image: np.ndarray, *prompts: Prompt) -> np.ndarray:
    return run(name, image, *prompts)[-1].mask(image.shape[:2], pipeline(name).threshold_logit)


@pytest.mark.parametrize("name", MODELS)
def test_the_backend_is_what_its_spec_tells(name: str) -> None:
    made = pipeline(name)
    assert made.name == made.spec.name == name
    assert tuple(made.backend.input_hw) == made.spec.input_hw
    assert made.backend.capabilities == frozenset(made.spec.capabilities)
    assert made.spec.licence and made.spec.summary


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("index", [0, 1])
def test_a_click_finds_the_disk_under_it(name: str, index: int) -> None:
    mask = shown(name, scene(), Click(*CENTRES_XY[index]))
    assert mask.shape == scene().shape[:2]
    assert mask.dtype == bool
    assert iou(mask, disk(index)) > 0.7
    assert iou(mask, disk(1 - index)) < 0.3


@pytest.mark.parametrize("name", MODELS)
def test_clicks_of_either_sign_change_the_answer(name: str) -> None:
    first, second = (Click(*centre) for centre in CENTRES_XY)
    one = shown(name, scene(), first)
    assert (shown(name, scene(), first, second) & disk(1)).sum() > (one & disk(1)).sum()
    refused = Click(*CENTRES_XY[0], positive=False)
    assert (shown(name, scene(), second, refused) & disk(0)).sum() < 0.2 * disk(0).sum()


@pytest.mark.parametrize("name", MODELS)
def test_a_replayed_log_gives_the_same_bytes(name: str) -> None:
    log = [Click(*CENTRES_XY[0]), Click(*CENTRES_XY[1], positive=False), Click(40.5, 30.5), Click(3.5, 3.5, False)]
    for first, second in zip(run(name, scene(), *log), run(name, scene().copy(), *log), strict=True):
        assert first.logits is not None and second.logits is not None
        assert first.logits.box_xyxy == second.logits.box_xyxy
        assert first.logits.values.tobytes() == second.logits.values.tobytes()
        assert first.logits.values.dtype == np.float32
        assert np.isfinite(first.logits.values).all()


@pytest.mark.parametrize("name", MODELS)
def test_nothing_that_was_given_is_changed(name: str) -> None:
    image = scene().copy()
    states = run(name, image, Click(*CENTRES_XY[0]), Click(30.5, 30.5))
    assert np.array_equal(image, scene())
    newest = states[0].logits
    assert newest is not None
    kept = newest.values.copy()
    advance(pipeline(name), Frame.of(image), states[0], Click(*CENTRES_XY[1]))
    assert np.array_equal(newest.values, kept)


@pytest.mark.parametrize("name", MODELS)
def test_a_box_finds_what_it_holds(name: str) -> None:
    needs(name, "box")
    for index, (x, y) in enumerate(CENTRES_XY):
        mask = shown(name, scene(), Box(x - RADIUS - 2, y - RADIUS - 2, x + RADIUS + 2, y + RADIUS + 2))
        assert iou(mask, disk(index)) > 0.7


@pytest.mark.parametrize("name", MODELS)
def test_an_initial_mask_is_corrected_where_it_is_clicked_and_nowhere_else(name: str) -> None:
    needs(name, "previous_mask")
    start = disk(0).copy()
    start[5:9, 140:150] = True
    prompt = MaskPrompt(RunLengthMask.encode(start))
    assert np.array_equal(shown(name, scene(), prompt), start)
    x, y = CENTRES_XY[1]
    added = shown(name, scene(), prompt, Click(x, y))
    assert added[int(y), int(x)]
    assert not (start & ~added).any()
    removed = shown(name, scene(), prompt, Click(144.5, 6.5, positive=False))
    assert not removed[6, 144]
    assert not (removed & ~start).any()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 77), (77, 1), (2, 3), (33, 400), (400, 33), (257, 255)])
def test_any_size_of_image_can_be_clicked(name: str, size_hw: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3)).astype(np.uint8)
    last = Click(size_hw[1] - 0.01, size_hw[0] - 0.01)
    for state in run(name, image, Click(0, 0), last, Click(size_hw[1] / 2, size_hw[0] / 2, positive=False)):
        assert state.mask(size_hw).shape == size_hw
        assert state.run_lengths(size_hw) == RunLengthMask.encode(state.mask(size_hw))
    start = MaskPrompt(RunLengthMask.encode(np.ones(size_hw, bool)))
    assert not shown(name, image, start, Click(0, 0, positive=False))[0, 0]


@pytest.mark.parametrize("name", MODELS)
def test_a_photograph_of_twelve_megapixels(name: str) -> None:
    """A small object far from the middle, found by clicks at full resolution."""
    image = np.full((3000, 4000, 3), (95, 110, 90), np.uint8)
    cv2.circle(image, (3300, 2400), 260, (230, 120, 30), -1, cv2.LINE_AA)
    truth = np.zeros((3000, 4000), np.uint8)
    cv2.circle(truth, (3300, 2400), 260, 1, -1)
    mask = shown(name, image, Click(3300.5, 2400.5), Click(3200.5, 2450.5))
    assert iou(mask, truth > 0) > 0.7


@pytest.mark.parametrize("name", MODELS)
def test_through_the_predictor(name: str) -> None:
    predictor = Predictor(pipeline(name))
    predictor.set_image(scene())
    first = predictor.add_click(*CENTRES_XY[0])
    second = predictor.add_click(*CENTRES_XY[1])
    assert np.array_equal(predictor.undo(), first)
    assert np.array_equal(predictor.redo(), second)
    masks, scores, low_res = predictor.predict(np.array([CENTRES_XY[0]]), np.array([1]))
    assert np.array_equal(masks[0], first)
    assert ((scores >= 0) & (scores <= 1)).all() and len(masks) == len(scores) == len(low_res)
    again, _, _ = predictor.predict(np.array([CENTRES_XY[0]]), np.array([1]), mask_input=low_res[:1])
    assert iou(again[0], first) > 0.7
    one, score, _ = predictor.predict(np.array([CENTRES_XY[0]]), np.array([1]), multimask_output=False)
    assert np.array_equal(one[0], first) and score.shape == (1,)
