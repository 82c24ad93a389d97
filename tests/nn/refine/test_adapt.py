from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.api import STAGES, assemble  # noqa: E402
from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Click, Prompts  # noqa: E402
from clickmask.core.protocols import ObjectState, Request, Result  # noqa: E402
from clickmask.nn.refine.adapt import IMAGE, SEQUENCE_LEARNING, adapt_image, importances, learn_from, trainable  # noqa: E402
from clickmask.nn.refine.question import ask  # noqa: E402
from clickmask.nn.torch_backend import TorchBackend  # noqa: E402
from clickmask.predict.click_labels import click_labels  # noqa: E402
from clickmask.predict.predictor import Pipeline, Predictor, advance, next_object  # noqa: E402
from clickmask.predict.stage import StageContext  # noqa: E402
from clickmask.zoo.spec import ModelSpec  # noqa: E402

from .tiny import SIDE, backend, frame  # noqa: E402

CLICKS = (Click(8.5, 8.5), Click(24.5, 24.5, False), Click(20.5, 6.5, False), Click(6.5, 25.5))
SPEC = ModelSpec("tiny", "tiny", "For tests.", "Apache-2.0", input_hw=(SIDE, SIDE))


def pipeline(made: TorchBackend, *stages: str) -> Pipeline:
    context = StageContext(made)
    carries = tuple(c(context) for c in (STAGES.get(name).carry for name in stages) if c is not None)
    return Pipeline(SPEC, made, assemble(SPEC, made, stages), carries=carries)


def follow(model: Pipeline, image: Frame, state: ObjectState, *clicks: Click) -> list[ObjectState]:
    states = []
    for click in clicks:
        states.append(state := advance(model, image, state, click))
    return states


def weights_of(made: TorchBackend) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in made.network.state_dict().items()}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_loss_at_the_clicks_falls_and_the_answer_is_the_best_step_s(seed: int) -> None:
    made = backend(seed)
    eager = replace(IMAGE, rate=1e-3, anchor=0.0, keep=0.0)
    step, plain = (adapt_image(s, StageContext(made))(never) for s in (eager, replace(eager, first_click=99)))
    first = step(Request(frame(seed), Prompts(CLICKS[:1])))
    request = Request(frame(seed), Prompts(CLICKS[:2]), first.logits, first.memo)
    adapted, unadapted = step(request), plain(request)
    losses = adapted.memo["adapt_image"].losses
    assert len(losses) == 11
    assert list(losses) == sorted(losses, reverse=True)
    labels = click_labels(request.prompts, (SIDE, SIDE), eager.radius)
    signs, at = np.where(labels == 1, 1, -1), labels >= 0
    errors = [np.logaddexp(0, -signs * r.logits.values)[at].mean() for r in (unadapted, adapted)]
    assert errors == pytest.approx([losses[0], losses[-1]], abs=1e-4)


def never(_: Request) -> Result:
    raise AssertionError("the stage asks the network itself")


def test_weights_stay_in_the_encoder_and_importances_are_scaled() -> None:
    made = backend()
    weights = trainable(made, None)
    assert set(weights) == {"decoder.weight", "decoder.bias", "head.weight", "head.bias"}
    sizes = importances(made, ask(made, Request(frame(), Prompts(CLICKS))), weights)
    everything = torch.cat([size.ravel() for size in sizes.values()])
    assert float(everything.mean()) == pytest.approx(1, abs=1e-4)
    assert (everything >= 0).all()


def test_a_strong_anchor_holds_the_weights() -> None:
    made, moved = backend(), []
    for anchor in (0.0, 1e6):
        step = adapt_image(replace(IMAGE, anchor=anchor, rate=1e-3), StageContext(made))(never)
        first = step(Request(frame(), Prompts(CLICKS[:1])))
        memo = step(Request(frame(), Prompts(CLICKS[:2]), first.logits, first.memo)).memo["adapt_image"]
        start = trainable(made, None)
        moved.append(sum(float((memo.weights[name] - start[name]).abs().sum()) for name in start))
    assert moved[1] < moved[0]


@pytest.mark.parametrize("stages", [("adapt_image",), ("adapt_sequence",), ("adapt_image", "adapt_sequence")])
def test_a_reset_restores_everything_to_the_bit(stages: tuple[str, ...]) -> None:
    made = backend(1)
    before = weights_of(made)
    predictor = Predictor(pipeline(made, *stages))
    predictor.set_image(frame().pixels)

    def clicked() -> bytes:
        for click in CLICKS:
            predictor.add_click(click.x, click.y, click.positive)
        assert predictor.logits is not None
        return predictor.logits.values.tobytes()

    first = clicked()
    predictor.reset()
    assert clicked() == first
    predictor.next_object()
    learned = clicked()
    assert (learned != first) == ("adapt_sequence" in stages)
    predictor.reset()
    assert clicked() == learned
    predictor.forget_sequence()
    assert clicked() == first
    assert weights_of(made) == before


def test_undo_takes_back_what_a_click_taught() -> None:
    model = pipeline(backend(2), "adapt_image")
    states = follow(model, frame(), ObjectState(), *CLICKS)
    again = advance(model, frame(), states[1], CLICKS[2])
    assert again.logits is not None and states[2].logits is not None
    assert again.logits.values.tobytes() == states[2].logits.values.tobytes()


def test_a_sequence_learns_what_its_objects_have_in_common() -> None:
    """Objects are always the bright half: after a few, the first click alone brings a better mask."""
    made = backend(0)
    context = StageContext(made)
    carry = learn_from(replace(SEQUENCE_LEARNING, rate=5e-3, steps=20), context)
    model = replace(pipeline(made, "adapt_sequence"), carries=(carry,))
    truth = np.zeros((SIDE, SIDE), bool)
    truth[:, SIDE // 2 :] = True

    def score(state: ObjectState) -> float:
        mask = state.mask((SIDE, SIDE))
        return float((mask & truth).sum() / (mask | truth).sum())

    state = ObjectState()
    scores = []
    for seed in range(4):
        clicked = advance(model, frame(seed), state, Click(24.5, 16.5))
        scores.append(score(clicked))
        assert clicked.logits is not None
        finished = replace(clicked, logits=replace(clicked.logits, values=np.where(truth, 5, -5).astype(np.float32)))
        state = next_object(model, frame(seed), finished)
    assert scores[-1] > max(scores[0], 0.8)


def test_an_object_without_clicks_teaches_nothing() -> None:
    model = pipeline(backend(), "adapt_sequence")
    assert next_object(model, frame(), ObjectState()).memo == {}
    assert next_object(pipeline(backend()), frame(), ObjectState()).memo == {}


def test_what_a_sequence_learned_holds_for_the_mirror_image_and_f_brs_too() -> None:
    model = pipeline(backend(1), "adapt_sequence", "flip", "fbrs_c")
    states = follow(model, frame(), ObjectState(), *CLICKS)
    start = next_object(model, frame(), states[-1])
    assert set(start.memo) == {"sequence"}
    after = follow(model, frame(), start, *CLICKS[:2])[-1]
    assert after.memo["sequence"] is start.memo["sequence"]
    assert after.memo["flip"]["sequence"] is start.memo["sequence"]
    plain = follow(model, frame(), ObjectState(), *CLICKS[:2])[-1]
    assert after.logits is not None and plain.logits is not None
    assert not np.array_equal(after.logits.values, plain.logits.values)
