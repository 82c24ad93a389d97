from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.api import STAGES, assemble  # noqa: E402
from clickmask.core.errors import CapabilityError  # noqa: E402
from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Box, Click, Prompts  # noqa: E402
from clickmask.core.protocols import ObjectState, Request, Result, Step  # noqa: E402
from clickmask.nn.refine.fbrs import FBrs, fbrs  # noqa: E402
from clickmask.nn.refine.question import ask, first_clicks  # noqa: E402
from clickmask.nn.refine.search import ClickEnergy, Search, lowest  # noqa: E402
from clickmask.nn.refine.step import BrsMemo  # noqa: E402
from clickmask.predict.predictor import Pipeline, advance  # noqa: E402
from clickmask.predict.stage import StageContext  # noqa: E402
from clickmask.zoo.spec import ModelSpec  # noqa: E402

from .tiny import SIDE, TinyNet, backend, frame, method  # noqa: E402

NAMES = ["brs", "distmap_brs", "rgb_brs", "fbrs_a", "fbrs_b", "fbrs_c"]
CLICKS = (Click(8.5, 8.5), Click(24.5, 24.5, False), Click(20.5, 6.5, False), Click(6.5, 25.5))


def step_of(name: str, made: object) -> Step:
    def never(_: Request) -> Result:
        raise AssertionError("the stage asks the network itself")

    return STAGES.get(name).make(StageContext(made))(never)  # type: ignore[arg-type]


def energy_of(made: object, result: Result, prompts: Prompts) -> float:
    """Mean squared errors over the windows, from the logits alone."""
    question = ask(made, Request(frame(), prompts))  # type: ignore[arg-type]
    energy = ClickEnergy.of(question.labels, 0.5, torch.device("cpu"))
    return float(energy(torch.sigmoid(torch.from_numpy(result.logits.values.copy())[None, None])))


def follow(step: Step, image: Frame, clicks: tuple[Click, ...]) -> list[Result]:
    results: list[Result] = []
    for count in range(1, len(clicks) + 1):
        before = results[-1] if results else None
        previous, memo = (before.logits, before.memo) if before else (None, {})
        results.append(step(Request(image, Prompts(clicks[:count]), previous, memo)))
    return results


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_energy_never_rises_and_clicks_are_obeyed(name: str, seed: int) -> None:
    made = backend(seed)
    plain, refined = (assemble_step(made, stages) for stages in ((), (name,)))
    results = follow(refined, frame(seed), CLICKS)
    for count, result in enumerate(results[1:], start=2):
        prompts = Prompts(CLICKS[:count])
        request = Request(frame(seed), prompts, results[count - 2].logits, results[count - 2].memo)
        memo = result.memo[name]
        unrefined = energy_of(made, plain(request), prompts)
        assert isinstance(memo, BrsMemo)
        assert energy_of(made, result, prompts) <= unrefined + 1e-5
        if name != "brs":
            assert memo.energy <= unrefined + 1e-5
        for click in prompts.clicks if memo.obeyed else ():
            assert (result.logits.values[int(click.y), int(click.x)] > 0) == click.positive


def assemble_step(made: object, stages: tuple[str, ...]) -> Step:
    spec = ModelSpec("tiny", "tiny", "For tests.", "Apache-2.0", input_hw=(SIDE, SIDE))
    return assemble(spec, made, stages)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "part"), [("distmap_brs", 0.25), ("rgb_brs", 0.25), ("fbrs_a", 0.6), ("fbrs_b", 0.8), ("fbrs_c", 0.8)]
)
def test_refinement_brings_wrong_clicks_to_their_side(name: str, part: float) -> None:
    """Networks with random weights hear little through their input, and all the more the nearer to their head."""
    wrong = mended = 0
    for seed in range(6):
        made = backend(seed)
        prompts = Prompts(CLICKS)
        plain = assemble_step(made, ())(Request(frame(seed), prompts)).logits.values
        after = step_of(name, made)(Request(frame(seed), prompts)).logits.values
        for click in CLICKS:
            place = int(click.y), int(click.x)
            if (plain[place] > 0) != click.positive:
                wrong += 1
                mended += (after[place] > 0) == click.positive
    assert wrong >= 6
    assert mended >= part * wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_first_click_is_answered_plainly(name: str) -> None:
    made = backend()
    request = Request(frame(), Prompts(CLICKS[:1]))
    assert np.array_equal(step_of(name, made)(request).logits.values, assemble_step(made, ())(request).logits.values)


@pytest.mark.parametrize("name", NAMES)
def test_box_prompts_and_clicks_outside_the_crop(name: str) -> None:
    made = backend()
    for prompts in (Prompts((Box(3, 3, 20, 20),)), Prompts((Click(-5, 3), Click(99, 2, False)))):
        result = step_of(name, made)(Request(frame(), prompts))
        assert np.isfinite(result.logits.values).all()
        assert name not in result.memo


@pytest.mark.parametrize("name", NAMES)
def test_the_same_clicks_give_the_same_bytes_and_nothing_is_changed(name: str) -> None:
    made = backend(1)
    before = {key: value.clone() for key, value in made.network.state_dict().items()}
    one, two = (follow(step_of(name, made), frame(), CLICKS) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert first.logits.values.tobytes() == second.logits.values.tobytes()
    assert all(torch.equal(before[key], value) for key, value in made.network.state_dict().items())
    kept = one[1].memo[name].values.copy()
    step_of(name, made)(Request(frame(), Prompts(CLICKS), one[1].logits, one[1].memo))
    assert np.array_equal(one[1].memo[name].values, kept)


@pytest.mark.parametrize("name", ["fbrs_a", "fbrs_b", "fbrs_c"])
def test_gradients_go_through_the_tail_alone(name: str) -> None:
    made = backend()
    network = made.network
    assert isinstance(network, TinyNet)
    step_of(name, made)(Request(frame(), Prompts(CLICKS)))
    assert network.counts["encoder"] == 1
    assert network.counts["encoder backward"] == 0
    assert 1 < network.counts["head"] <= 20
    assert all(p.grad is None for p in network.parameters())


def test_input_space_refinement_goes_through_the_whole_network() -> None:
    made = backend()
    step_of("rgb_brs", made)(Request(frame(), Prompts(CLICKS)))
    assert made.network.counts["encoder backward"] > 1  # type: ignore[attr-defined, operator]


def test_the_search_starts_from_the_values_of_the_click_before() -> None:
    made = backend(2)
    step = step_of("fbrs_c", made)
    first = step(Request(frame(), Prompts(CLICKS[:3])))
    kept = first.memo["fbrs_c"].values
    assert kept.any()
    again = step(Request(frame(), Prompts(CLICKS[:3]), None, first.memo))
    assert again.memo["fbrs_c"].energy <= first.memo["fbrs_c"].energy + 1e-6


@pytest.mark.parametrize("name", ["brs", "distmap_brs", "rgb_brs"])
def test_a_bias_is_forgotten_with_its_crop(name: str) -> None:
    made = backend(2)
    step = step_of(name, made)
    first = step(Request(frame(0), Prompts(CLICKS[:3])))
    fresh = step(Request(frame(1), Prompts(CLICKS)))
    other = step(Request(frame(1), Prompts(CLICKS), None, first.memo))
    assert other.memo[name].fingerprint != first.memo[name].fingerprint
    assert np.array_equal(other.logits.values, fresh.logits.values)


def test_the_network_sees_the_first_clicks_alone() -> None:
    prompts = Prompts((Click(1, 1), Box(0, 0, 5, 5), Click(1, 1), Click(2, 2, False)))
    assert first_clicks(prompts, 2).items == prompts.items[:3]
    assert first_clicks(prompts, None) is prompts
    made = backend()
    many = Prompts(tuple(Click(i + 0.5, 4.5) for i in range(12)))
    shown, all_ = ask(made, Request(frame(), many), 8), ask(made, Request(frame(), many))
    assert torch.equal(shown.guidance, ask(made, Request(frame(), Prompts(many.items[:8]))).guidance)
    assert not torch.equal(shown.guidance, all_.guidance)
    assert np.array_equal(shown.labels, all_.labels)


# the search itself


def bowl(target: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Logits that are the values themselves."""
    return lambda flat: (flat + target).view(1, 1, 1, -1)


def everywhere(positive: bool, count: int) -> ClickEnergy:
    windows = torch.ones((1, 1, 1, count), dtype=torch.bool)
    return ClickEnergy(windows, ~windows, 0.5) if positive else ClickEnergy(~windows, windows, 0.5)


def nothing(flat: torch.Tensor) -> torch.Tensor:
    return 0 * flat.sum()


def test_an_obeyed_answer_ends_the_search_at_once() -> None:
    found = lowest(bowl(2.0), nothing, everywhere(True, 4), Search(), np.zeros(4), torch.device("cpu"))
    assert found.evaluations == 1 and found.obeyed
    assert not found.values.any()


def test_the_search_ends_after_the_evaluations_allowed() -> None:
    heavy = lambda flat: 1e6 * (flat**2).sum()  # noqa: E731 - nothing can be reached
    limits = Search(evaluations=5, still_iou=2.0)
    found = lowest(bowl(-3.0), heavy, everywhere(True, 4), limits, np.zeros(4), torch.device("cpu"))
    assert found.evaluations <= 5
    assert not found.obeyed


def test_a_warm_start_that_is_worse_than_nothing_is_not_used() -> None:
    start = np.full(4, -9.0)
    found = lowest(bowl(-1.0), nothing, everywhere(True, 4), Search(), start, torch.device("cpu"))
    plain = float(everywhere(True, 4)(torch.sigmoid(torch.full((1, 1, 1, 4), -1.0))))
    assert found.energy <= plain


# pairs that make no sense


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_without_gradients_is_refused_with_the_remedy(name: str) -> None:
    spec = ModelSpec("mine", "toy", "For tests.", "Apache-2.0")
    from clickmask.predict.flood import FloodBackend

    with pytest.raises(CapabilityError, match=r"needs gradients.*'mine'.*backend=\"torch\""):
        assemble(spec, FloodBackend(), (name,))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_sees_its_edge_has_it_made_from_the_mask(name: str) -> None:
    torch.manual_seed(0)
    made = type(backend())(TinyNet(3).eval(), method(encoding="edge_disks", encoding_options={}))
    results = follow(step_of(name, made), frame(), CLICKS)
    assert "network" not in results[-1].memo
    assert np.isfinite(results[-1].logits.values).all()


def test_an_insertion_point_that_is_not_there() -> None:
    with pytest.raises(CapabilityError, match="needs a network with the insertion point 'z'"):
        fbrs(FBrs("z"), StageContext(backend()), "fbrs_z")


@pytest.mark.parametrize("name", NAMES)
def test_inside_a_whole_pipeline_with_zoom_in_and_flip(name: str) -> None:
    made = backend()
    spec = ModelSpec("tiny", "tiny", "For tests.", "Apache-2.0", input_hw=(SIDE, SIDE), zoom_in={})
    model = Pipeline(spec, made, assemble(spec, made, (name, "flip", "connected_to_clicks")))
    image = Frame.of(np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8))
    state = ObjectState()
    for click in (Click(20.5, 20.5), Click(60.5, 40.5, False), Click(22.5, 24.5)):
        state = advance(model, image, state, click)
    assert state.logits is not None and np.isfinite(state.logits.values).all()
    assert state.memo[name].values.size and state.memo["flip"][name].values.size
