from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.encode.fca_gaussian import FcaGaussian  # noqa: E402
from clickmask.nn.losses import weighted_cross_entropy  # noqa: E402
from clickmask.nn.method import find_method  # noqa: E402
from clickmask.nn.models.fca import TINY, build, convert, loss  # noqa: E402

from .published import GOLDEN, made_inputs, made_state  # noqa: E402


@pytest.mark.parametrize("name", ["fca", "fca_res2net101"])
def test_it_answers_what_the_authors_code_answered(name: str) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    side, step = int(golden["side"]), int(golden["step"])
    network = find_method(name).network().eval()
    network.load_state_dict(convert(made_state(golden)))
    image, _, prompts = made_inputs(side)
    guidance = torch.from_numpy(FcaGaussian().encode(prompts, None, (side, side)))[None]
    with torch.inference_mode():
        logits = network(image, guidance)["logits"]
    assert logits.shape == (1, 1, side, side)
    assert np.abs(logits[0, 0, ::step, ::step].numpy() - golden["logits"]).max() < 1e-4
    assert golden["logits"].std() > 0.01


@pytest.mark.parametrize("name", ["fca", "fca_res2net101"])
def test_pixels_are_scaled_as_the_authors_do(name: str) -> None:
    scaling = find_method(name).scaling
    assert torch.equal(scaling.of_bytes(torch.full((1, 3, 1, 1), 255.0)), torch.ones(1, 3, 1, 1))
    torch.testing.assert_close(scaling.of_symmetric(torch.full((1, 3, 1, 1), -1.0)), torch.zeros(1, 3, 1, 1))


def test_the_first_click_has_a_branch_of_its_own() -> None:
    torch.manual_seed(0)
    network = build(TINY, pretrained=False).eval().double()
    image, guidance = (torch.rand(1, 3, 64, 96, dtype=torch.float64) for _ in range(2))
    other = guidance.clone()
    other[:, 2] = 1 - other[:, 2]
    with torch.inference_mode():
        given = network(image, guidance)
        assert set(given) == {"logits"}
        assert (network(image, other)["logits"] - given["logits"]).abs().max() > 1e-9
    answers = network.float().train()(torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 96))
    assert answers["first"].shape == answers["logits"].shape == (2, 1, 64, 96)


def test_mistakes_near_clicks_cost_more() -> None:
    labels = torch.zeros(1, 1, 128, 128)
    clicks = torch.tensor([[[20.5, 20.5, 1.0], [100.5, 100.5, 0.0]]])

    def loss_of_mistake(x: int, y: int, answer: str) -> float:
        outputs = {name: torch.full((1, 1, 128, 128), -4.0) for name in ("logits", "first")}
        outputs[answer][..., y, x] = 4.0
        return loss(outputs, labels, clicks).item()

    assert loss_of_mistake(22, 22, "logits") > 3 * loss_of_mistake(100, 20, "logits") - 2 * loss_of_mistake(
        0, 127, "logits"
    )
    assert loss_of_mistake(102, 102, "logits") > loss_of_mistake(100, 20, "logits")
    assert loss_of_mistake(22, 22, "first") > loss_of_mistake(102, 102, "first")


def test_ignored_pixels_cost_nothing() -> None:
    labels = torch.tensor([1.0, 0.0, -1.0]).view(1, 1, 1, 3)
    weights = torch.tensor([3.0, 1.0, 9.0]).view(1, 1, 1, 3)
    value = weighted_cross_entropy(torch.zeros(1, 1, 1, 3), labels, weights)
    assert value.item() == pytest.approx(np.log(2), rel=1e-5)
