"""A network's further answers: what it wants to see again travels with the crop, and candidates reach `predict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from clickmask.core.answers import Answer, NetworkMemo, network_memo, with_network_memo
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Stage
from clickmask.predict.base import backend_step
from clickmask.predict.flip import flip_averaging
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import Pipeline, Predictor, advance
from clickmask.predict.zoom_in import ZoomIn, zoom_in
from clickmask.zoo.spec import ModelSpec

from .toy import INPUT_HW, ToyBackend, picture


@dataclass
class Recalling(ToyBackend):
    """Wants to see its picture's red channel again, and notes how far what it sees is from what it looks at."""

    capabilities: frozenset[str] = frozenset({"previous_mask", "recall", "multimask"})
    errors: list[float | None] = field(default_factory=list)

    def embed(self, frame: Frame) -> Any:
        return frame.pixels.astype(np.float32)

    def answer(
        self, embedding: Any, prompts: Prompts, previous: FloatMap | None, maps: Mapping[str, FloatMap]
    ) -> Answer:
        red = embedding[..., 0] / 16 - 8
        inner = np.abs(maps["red"] - red)[2:-2, 2:-2] if maps else None
        self.errors.append(None if inner is None else float(np.median(inner)))
        logits = self.decode(embedding.mean(axis=2) / 32 - 4, prompts, previous)
        return Answer(logits, {"red": red}, ((logits, 0.5), (logits + 2, 0.75), (logits - 2, 0.25)), 0.625)


SPEC = ModelSpec("toy", "toy", "For tests.", "Apache-2.0", input_hw=INPUT_HW)
STAGES: dict[str, list[Stage]] = {
    "alone": [],
    "flip": [flip_averaging],
    "zoom-in": [zoom_in(ZoomIn(refresh_iou=1.0), INPUT_HW)],
    "all": [flip_averaging, zoom_in(ZoomIn(refresh_iou=1.0), INPUT_HW), progressive_merge(ProgressiveMerge())],
}


def pipeline(backend: Recalling, stages: list[Stage]) -> Pipeline:
    step = backend_step(backend)
    for stage in stages:
        step = stage(step)
    return Pipeline(SPEC, backend, step)


@pytest.mark.parametrize("stages", STAGES.values(), ids=STAGES)
def test_what_a_network_sees_again_lies_where_it_was(stages: list[Stage]) -> None:
    backend = Recalling()
    made, frame, state = pipeline(backend, stages), Frame.of(picture((64, 96))), ObjectState()
    for click in (Click(30, 30), Click(50, 40), Click(70, 20, False)):
        state = advance(made, frame, state, click)
    seen = [error for error in backend.errors if error is not None]
    assert backend.errors[0] is None  # nothing was said before the first click
    assert len(seen) >= 2
    assert max(seen) < 0.4  # red spans 16


def test_undo_brings_back_what_the_network_saw() -> None:
    frame, made = Frame.of(picture()), pipeline(Recalling(), STAGES["all"])
    one = advance(made, frame, ObjectState(), Click(30, 30))
    advance(made, frame, one, Click(60, 20))
    kept = network_memo(one.memo).maps["red"].values.copy()
    again = advance(made, frame, ObjectState(), Click(30, 30))
    assert np.array_equal(network_memo(again.memo).maps["red"].values, kept)


def test_an_initial_mask_forgets_what_the_network_said() -> None:
    frame, made = Frame.of(picture()), pipeline(Recalling(), [])
    state = advance(made, frame, ObjectState(), Click(30, 30))
    run_lengths = state.run_lengths(frame.size_hw)
    assert network_memo(advance(made, frame, state, MaskPrompt(run_lengths)).memo).maps == {}


@pytest.mark.parametrize("stages", STAGES.values(), ids=STAGES)
def test_predict_gives_all_candidates_or_one(stages: list[Stage]) -> None:
    predictor = Predictor(pipeline(Recalling(), stages))
    predictor.set_image(picture((64, 96)))
    masks, scores, low_res = predictor.predict([[30, 30]], [1], multimask_output=True)
    assert masks.shape == (3, 64, 96)
    assert scores.tolist() == [0.5, 0.75, 0.25]
    assert low_res.shape == (3, 256, 256)
    areas = masks.sum(axis=(1, 2))
    assert areas[1] > areas[0] > areas[2]
    one, score, low = predictor.predict([[30, 30]], [1], multimask_output=False)
    assert (one.shape, low.shape, score.tolist()) == ((1, 64, 96), (1, 256, 256), [0.625])


def test_a_memo_without_anything_to_keep_is_as_it_was() -> None:
    assert with_network_memo({"zoom_in": 1}, NetworkMemo()) == {"zoom_in": 1}
    assert network_memo({"network": "of another package"}).maps == {}
