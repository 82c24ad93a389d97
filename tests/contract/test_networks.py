"""What every trainable network keeps, in a size for tests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the torch extra")

import torch
from torch import Tensor

from clickmask.core.frames import Frame
from clickmask.core.prompts import Click, Prompts
from clickmask.nn.export import export_model, spec_of
from clickmask.nn.method import Refinable, find_method
from clickmask.nn.torch_backend import backend_of, open_torch
from clickmask.predict.onnx import open_onnx
from clickmask.zoo.spec import ModelSpec

from .small_networks import BATCH, DISTINCT, KINDS, NAMES, inputs_of, method_of, network_of, side_of

EXPORTED = list({KINDS[name]: name for name in DISTINCT}.values())
"""Writing a graph takes seconds: one name for each kind of network."""
LEAST_SEEN = 0.1
"""Least effect of other clicks on a network without learning, as a part of the effect of other images."""


def answer(name: str, image: Tensor, guidance: Tensor) -> Tensor:
    network = network_of(name)
    with torch.inference_mode():
        logits: Tensor = network(image, guidance)["logits"]
    return logits


@pytest.mark.parametrize("name", DISTINCT)
def test_one_logit_map_at_the_input_s_size_for_each_sample(name: str) -> None:
    image, guidance = inputs_of(name)
    logits = answer(name, image, guidance)
    assert logits.shape == (BATCH, 1, *image.shape[2:])
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all() and logits.std() > 0
    assert torch.equal(logits, answer(name, image, guidance)), "the same answer to the same question"


@pytest.mark.parametrize("name", DISTINCT)
def test_a_batch_is_its_samples(name: str) -> None:
    image, guidance = inputs_of(name)
    batch = answer(name, image, guidance)
    singles = torch.cat([answer(name, image[n : n + 1], guidance[n : n + 1]) for n in range(BATCH)])
    torch.testing.assert_close(batch, singles, rtol=1e-3, atol=1e-3 * float(batch.std()))


@pytest.mark.parametrize("name", DISTINCT)
def test_the_image_and_every_map_of_the_guidance_matter(name: str) -> None:
    image, guidance = (part[:1].clone().requires_grad_() for part in inputs_of(name))
    network_of(name)(image, guidance)["logits"].square().sum().backward()
    assert image.grad is not None and image.grad.abs().max() > 0
    assert guidance.grad is not None
    assert (guidance.grad.abs().amax((0, 2, 3)) > 0).all()
    network_of(name).zero_grad()


@pytest.mark.parametrize("name", DISTINCT)
def test_clicks_change_the_answer(name: str) -> None:
    method, side = method_of(name), side_of(method_of(name))
    backend = backend_of(network_of(name), method, (side, side))
    differentiable = set[str]() if "refiner" in method.capabilities else {"gradients"}
    assert backend.capabilities >= method.capabilities | differentiable
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    embedding = backend.embed(Frame.of(image))
    first = backend.decode(embedding, Prompts((Click(20, 30),)), None)
    assert (first.shape, first.dtype) == ((side, side), np.dtype(np.float32))
    for prompts in (Prompts((Click(50, 30),)), Prompts((Click(20, 30, False),))):
        assert not np.array_equal(first, backend.decode(embedding, prompts, None))
    seen_again = backend.decode(embedding, Prompts((Click(20, 30),)), first)
    assert np.array_equal(first, seen_again) != ("previous_mask" in method.capabilities)


@pytest.mark.parametrize("name", DISTINCT)
def test_clicks_count_before_anything_is_learned(name: str) -> None:
    """Beginnings made for weights learned from images hide clicks from a network that begins with random ones."""
    method, (image, guidance) = method_of(name), inputs_of(name)
    torch.manual_seed(0)
    network = method.network().train()

    def fresh(image: Tensor, guidance: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same dropout
        with torch.no_grad():
            logits: Tensor = network(image, guidance)["logits"]
        return logits

    plain = fresh(image, guidance)
    by_clicks = (fresh(image, guidance.flip(0)) - plain).std()
    by_image = (fresh(image.flip(0), guidance) - plain).std()
    assert by_clicks > LEAST_SEEN * by_image


@pytest.mark.parametrize("name", DISTINCT)
def test_its_own_loss_trains_every_parameter(name: str) -> None:
    method, (image, guidance) = method_of(name), inputs_of(name)
    torch.manual_seed(1)
    network = method.network().train()
    side = image.shape[2]
    labels = (torch.arange(side)[None, :] > torch.arange(side)[:, None]).float().expand(BATCH, 1, side, side).clone()
    labels[:, :, :3] = -1
    clicks = torch.tensor([[[side * 0.7, side * 0.2, 1.0], [side * 0.2, side * 0.7, 0.0]]]).expand(BATCH, 2, 3)
    learn = method.learn or (lambda net, i, g, _labels, _clicks: net(i, g))
    losses = method.loss(learn(network, image, guidance, labels, clicks), labels, clicks)
    assert losses.shape == (BATCH,)
    assert torch.isfinite(losses).all() and (losses >= 0).all() and losses.sum() > 0
    losses.mean().backward()
    assert [key for key, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("name", DISTINCT)
def test_stopping_at_an_insertion_point_changes_nothing(name: str) -> None:
    network = network_of(name)
    if not isinstance(network, Refinable):
        pytest.skip("the network has no insertion points")
    image, guidance = inputs_of(name)
    plain = answer(name, image, guidance)
    for point, channels in network.insertion_points.items():
        with torch.inference_mode():
            cut = network.features(image, guidance, point)
            assert cut.features.shape[1] == channels
            torch.testing.assert_close(network.rest(cut), plain)


@cache
def exported(name: str, folder: Path) -> ModelSpec:
    method = method_of(name)
    return export_model(network_of(name), method, spec_of(method, "toy", side=side_of(method)), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("name", EXPORTED)
def test_what_is_exported_answers_like_the_network(name: str, folder: Path) -> None:
    method, side = method_of(name), side_of(method_of(name))
    spec = exported(name, folder / name)
    assert ModelSpec.read(folder / name) == spec
    assert spec.runtime == ("onnx" if method.onnx else "torch")
    frame = Frame.of(np.random.default_rng(1).integers(0, 256, (side, side, 3)).astype(np.uint8))
    prompts, previous = Prompts((Click(20, 30), Click(50, 10, False))), np.linspace(-4, 4, side**2, dtype=np.float32)
    backends = [backend_of(network_of(name), method, (side, side)), open_torch(spec, folder / name)]
    backends += [open_onnx(spec, folder / name)] if method.onnx else []
    ours, stored, *light = [b.decode(b.embed(frame), prompts, previous.reshape(side, side)) for b in backends]
    # halves move the logits of untrained networks a little; both files hold the same halves
    assert np.abs(1 / (1 + np.exp(-stored)) - 1 / (1 + np.exp(-ours))).max() < 0.05
    for theirs in light:
        np.testing.assert_allclose(theirs, stored, atol=2e-3 * max(1.0, float(np.abs(stored).max())))


@pytest.mark.parametrize("name", NAMES)
def test_its_full_size_is_the_default_of_its_training(name: str) -> None:
    method = find_method(name)
    for phase in method.training.phases:
        assert phase.side % method.side_step == 0 and phase.batch >= method.least_batch
    assert method.input_hw[0] % method.side_step == 0 and method.input_hw[1] % method.side_step == 0
    spec = spec_of(method, "full")
    assert spec.config == {} and spec.method == name
    assert replace(spec, name="full") == spec
