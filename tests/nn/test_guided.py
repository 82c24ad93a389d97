"""RITM's and f-BRS's networks answer what the authors' code answered, and can be stopped where f-BRS wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the torch extra")

import torch

from clickmask.core.errors import WeightsError
from clickmask.nn.guided import GuidedDeepLabConfig, GuidedHRNet, GuidedHRNetConfig
from clickmask.nn.heads.ocr import OcrHead
from clickmask.nn.method import Method, find_method
from clickmask.nn.weights import fill

from .published import GOLDEN, imagenet, made_inputs, made_state

VARIANTS = {"ritm_hrnet18s_conv1e": "conv1e", "ritm_hrnet18s_dmf": "dmf"}
"""Golden files of other ways of fusion than the method's own."""


def method_of(name: str) -> Method:
    if name not in VARIANTS:
        return find_method(name)
    method = find_method("ritm_hrnet18s")
    return method.with_config(replace(method.config, fusion=VARIANTS[name]))


@pytest.mark.parametrize(
    "name", ["ritm_hrnet18s", *VARIANTS, "ritm_resnet34", "fbrs_hrnet18", "fbrs_resnet34", "fbrs_resnet50"]
)
def test_it_answers_what_the_authors_code_answered(name: str) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    side, step = int(golden["side"]), int(golden["step"])
    method = method_of(name)
    network = method.network().eval()
    assert method.convert is not None
    fill(network, method.convert(made_state(golden)), "made-up checkpoint")
    image, previous, prompts = made_inputs(side)
    guidance = method.make_encoding().encode(prompts, torch.logit(previous[0, 0]).numpy(), (side, side))
    with torch.inference_mode():
        logits = network(imagenet(image), torch.from_numpy(guidance)[None])["logits"]
    difference = np.abs(logits[0, 0, ::step, ::step].numpy() - golden["logits"]).max()
    assert difference < 1e-4 * max(1.0, golden["logits"].std())
    assert logits.std() > 0.01


def test_a_checkpoint_with_other_names_is_refused() -> None:
    golden = np.load(GOLDEN / "ritm_hrnet18s.npz")
    state = made_state(golden)
    state["feature_extractor.stage9.weight"] = state.pop("feature_extractor.cls_head.bias")
    method = find_method("ritm_hrnet18s")
    assert method.convert is not None
    with pytest.raises(WeightsError, match=r"lacks head.classify.bias; it has unknown feature_extractor.stage9.weight"):
        fill(method.network(), method.convert(state), "their.pth")


def test_a_checkpoint_of_another_size_is_refused() -> None:
    state = made_state(np.load(GOLDEN / "ritm_hrnet18s.npz"))
    method = find_method("ritm_hrnet18s")
    assert method.convert is not None
    wider = method.with_config(replace(method.config, ocr=64))
    with pytest.raises(WeightsError, match=r"another size of head.*\(96,\) instead of \(128,\).* and \d+ more"):
        fill(wider.network(), method.convert(state), "their.pth")


def made(config: Any) -> Any:
    torch.manual_seed(0)
    network = find_method("ritm_hrnet18s" if isinstance(config, GuidedHRNetConfig) else "ritm_resnet34")
    return network.with_config(config).network().eval()


@pytest.mark.parametrize(
    "config",
    [GuidedHRNetConfig(width=4, ocr=4, stem=8), GuidedDeepLabConfig(depth=50, width=8, stem=8)],
    ids=["hrnet", "deeplab"],
)
def test_the_tail_alone_is_differentiated_from_an_insertion_point(config: Any) -> None:
    network = made(config)
    image, guidance = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    for point, channels in network.insertion_points.items():
        with torch.no_grad():
            cut = network.features(image, guidance, point)
            plain = network(image, guidance)["logits"]
        assert cut.features.shape[1] == channels and not cut.features.requires_grad
        scale = torch.zeros(1, channels, 1, 1, requires_grad=True)
        answer = network.rest(replace(cut, features=cut.features * (1 + scale)))
        torch.testing.assert_close(answer.detach(), plain)
        answer.square().sum().backward()
        assert scale.grad is not None and scale.grad.abs().max() > 0
        assert all(p.grad is None for p in network.encoder.parameters()), "the encoder is before the point"
        network.zero_grad()


def test_the_short_form_of_ocr_is_the_long_one() -> None:
    """The kernel that is split over context and pixels gives what one over both, spread out and joined, gives."""
    torch.manual_seed(0)
    head = OcrHead(6, 4).eval()
    features = torch.rand(2, 6, 5, 7)
    merged, guess = head(features)
    pixels = head.pixels(features)
    shares = torch.softmax(guess.reshape(2, 1, 35), dim=2)
    pooled = torch.einsum("bkn,bcn->bck", shares, pixels.reshape(2, 8, 35))[..., None]
    spread = head.up(head.down(pooled)).expand(-1, -1, 5, 7)
    long = torch.relu(head.merge_norm(head.merge(torch.cat([spread, pixels], dim=1))))
    torch.testing.assert_close(merged, long)


def test_guidance_counts_in_the_stem_from_the_first_step() -> None:
    torch.manual_seed(0)
    network = GuidedHRNet(GuidedHRNetConfig(width=4, ocr=4))
    image, guidance = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    same_image, extra = network.fusion(image, guidance)
    assert same_image is image and extra is not None
    assert float(extra.detach().std()) > 0.1 * float(network.encoder.stem1(image).detach().std())
