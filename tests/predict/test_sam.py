"""SAM's geometry and choices, with a backend that answers by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from clickmask.core.answers import Answer, network_memo
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.predict.base import backend_step
from clickmask.predict.predictor import Pipeline, Predictor, advance
from clickmask.predict.sam import EmbeddingCache, ambiguous, chosen, covered_box, padded_input, points_of
from clickmask.zoo.spec import ModelSpec

INPUT_HW, LOW_RES_HW = (64, 64), (16, 16)
GROWN = (0, 4, 1, -1)
"""By how much the disks of the four masks are larger."""


@dataclass
class ByHand:
    """Disks of 6 input pixels round the positive clicks; it notes how often it looked and what it was shown."""

    padded: bool = True
    input_hw: tuple[int, int] = INPUT_HW
    low_res_hw: tuple[int, int] = LOW_RES_HW
    capabilities: frozenset[str] = frozenset({"whole_image", "box", "multimask", "previous_mask"})
    looks: list[tuple[int, int]] = field(default_factory=list)
    shown: list[FloatMap | None] = field(default_factory=list)

    def embed(self, frame: Frame) -> Any:
        self.looks.append(frame.size_hw)
        return frame.pixels

    def decode(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        return self.answer(embedding, prompts, previous).logits

    def answer(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> Answer:
        self.shown.append(previous)
        rows, columns = (np.indices(LOW_RES_HW) + 0.5) * 4
        masks = [np.full(LOW_RES_HW, -4.0, np.float32) for _ in range(4)]
        for click in prompts.clicks:
            near = 6 - np.hypot(columns - click.x, rows - click.y)
            masks = [
                np.maximum(mask, near + grown).astype(np.float32) for mask, grown in zip(masks, GROWN, strict=True)
            ]
        return chosen(np.stack(masks), [0.9, 0.8, 0.95, 0.7], prompts)


def pipeline(backend: ByHand) -> Pipeline:
    spec = ModelSpec("by hand", "sam", "For tests.", "Apache-2.0", input_hw=INPUT_HW)
    return Pipeline(spec, backend, backend_step(backend))


def picture(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3)).astype(np.uint8)


@pytest.mark.parametrize("size_hw", [(96, 192), (192, 96), (64, 64), (20, 300)])
@pytest.mark.parametrize("padded", [True, False])
def test_a_mask_lies_under_its_click(size_hw: tuple[int, int], padded: bool) -> None:
    backend = ByHand(padded)
    predictor = Predictor(pipeline(backend))
    predictor.set_image(picture(size_hw))
    x, y = size_hw[1] * 0.75, size_hw[0] * 0.25
    mask = predictor.add_click(x, y)
    rows, columns = np.nonzero(mask)
    assert mask[int(y), int(x)]
    assert abs(columns.mean() + 0.5 - x) <= 0.06 * max(size_hw) and abs(rows.mean() + 0.5 - y) <= 0.06 * max(size_hw)
    (look,) = backend.looks
    longest = max(size_hw)
    kept = tuple(max(round(side * 64 / longest), 1) for side in size_hw)
    assert look == (kept if padded else INPUT_HW)


def test_padding_reaches_over_the_right_or_the_bottom() -> None:
    assert covered_box((50, 100), INPUT_HW, padded=True) == (0, 0, 100, 100)
    assert covered_box((100, 50), INPUT_HW, padded=True) == (0, 0, 100, 100)
    assert covered_box((100, 50), INPUT_HW, padded=False) == (0, 0, 50, 100)
    values = padded_input(np.full((2, 4, 3), 255, np.uint8), (4, 4))
    np.testing.assert_allclose(
        values[0, :, 0, 0], (1 - np.array([0.485, 0.456, 0.406])) / (0.229, 0.224, 0.225), atol=2e-3
    )
    assert not values[0, :, 2:].any()


def test_an_image_is_looked_at_once_and_a_bounded_number_is_kept() -> None:
    backend = ByHand()
    cache = EmbeddingCache(2)
    frames = [Frame.of(picture((20, 20), seed)) for seed in range(3)]
    for frame in (frames[0], frames[0], Frame.of(frames[0].pixels.copy()), frames[1], frames[0]):
        assert np.array_equal(cache.get(frame, backend), frame.pixels)
    assert len(backend.looks) == 2
    cache.get(frames[2], backend)  # pushes out the one that was used longest ago
    cache.get(frames[0], backend)
    assert len(backend.looks) == 3
    cache.get(frames[1], backend)
    assert len(backend.looks) == 4


def test_images_of_equal_bytes_and_other_shapes_differ() -> None:
    backend, cache = ByHand(), EmbeddingCache(4)
    for shape in ((4, 6, 3), (6, 4, 3), (2, 12, 3)):
        assert cache.get(Frame.of(np.zeros(shape, np.uint8)), backend).shape == shape


def test_the_last_logits_come_back_as_they_were() -> None:
    backend = ByHand()
    made, frame = pipeline(backend), Frame.of(picture((96, 192)))
    one = advance(made, frame, ObjectState(), Click(30, 30))
    two = advance(made, frame, one, Click(130, 60, positive=False))
    assert backend.shown[0] is None
    assert one.logits is not None and two.logits is not None
    shown = backend.shown[1]
    assert shown is not None and np.array_equal(shown, one.logits.values)
    given = advance(made, frame, two, MaskPrompt(two.run_lengths(frame.size_hw)))
    advance(made, frame, given, Click(40, 40))
    assert backend.shown[2] is not None


def test_one_click_has_three_candidates_and_the_best_is_taken() -> None:
    made, frame = pipeline(ByHand()), Frame.of(picture((64, 64)))
    state = advance(made, frame, ObjectState(), Click(32, 32))
    kept = network_memo(state.memo)
    assert [c.score for c in kept.candidates] == pytest.approx([0.8, 0.95, 0.7])
    assert state.logits is not None and np.array_equal(state.logits.values, kept.candidates[1].logits.values)
    assert kept.score == pytest.approx(0.95)
    further = advance(made, frame, state, Click(40, 40))
    assert network_memo(further.memo).score == pytest.approx(0.9)  # the token for many prompts


def test_predict_gives_the_three_masks() -> None:
    predictor = Predictor(pipeline(ByHand()))
    predictor.set_image(picture((64, 96)))
    masks, scores, low_res = predictor.predict([[30, 30]], [1], multimask_output=True)
    assert masks.shape == (3, 64, 96) and low_res.shape == (3, 256, 256)
    assert scores.tolist() == pytest.approx([0.8, 0.95, 0.7])
    one, _, _ = predictor.predict([[30, 30]], [1], multimask_output=False)
    assert len(one) == 1


def test_prompts_as_points() -> None:
    clicks = (Click(10.5, 20.5), Click(3, 4, positive=False))
    points = points_of(Prompts(clicks))
    assert points.coordinates_xy.tolist() == [[10, 20], [2.5, 3.5], [0, 0]]
    assert points.labels.tolist() == [1, 0, -1]
    boxed = points_of(Prompts((Box(1, 2, 9, 8), *clicks)))
    assert boxed.coordinates_xy[2:].tolist() == [[0.5, 1.5], [8.5, 7.5]]
    assert boxed.labels.tolist() == [1, 0, 2, 3]
    assert (
        ambiguous(Prompts(clicks[:1])) and not ambiguous(Prompts(clicks)) and not ambiguous(Prompts((Box(1, 2, 9, 8),)))
    )


@pytest.mark.parametrize(("count", "candidates", "one", "many"), [(1, 0, 0, 0), (3, 3, 1, 1), (4, 3, 2, 0)])
def test_decoders_with_one_three_or_four_masks(count: int, candidates: int, one: int, many: int) -> None:
    masks = np.arange(count, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    scores = [0.1, 0.9, 0.95, 1.2][:count] if count != 4 else [0.99, 0.3, 0.9, 0.2]
    if count == 3:
        scores = [0.1, 0.9, 0.5]
    click = Prompts((Click(1, 1),))
    answer = chosen(masks, scores, click)
    assert len(answer.candidates) == candidates
    assert answer.logits[0, 0] == one
    assert chosen(masks, scores, click.add(Click(0, 0))).logits[0, 0] == many
    assert answer.score is not None and 0 <= answer.score <= 1
