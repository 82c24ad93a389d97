from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.nn.method import find_method  # noqa: E402
from clickmask.nn.models.dios import SMALL, TINY, Dios, DiosConfig, loss  # noqa: E402

IMAGE = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
GUIDANCE = torch.rand(2, 2, 64, 96, generator=torch.Generator().manual_seed(1))


def network() -> Dios:
    torch.manual_seed(0)
    return Dios(TINY).eval()


def test_it_has_the_layers_of_vgg16() -> None:
    with torch.device("meta"):
        vgg = Dios(DiosConfig())
    kernels = [m.kernel_size[0] for m in vgg.blocks.modules() if isinstance(m, torch.nn.Conv2d)]
    assert kernels == [3] * 13
    weights = sum(p.numel() for p in vgg.blocks.parameters() if p.ndim == 4)
    assert weights == 14_710_464 + 2 * 64 * 9  # VGG-16's convolutions without biases, and two further input channels
    assert sum(p.numel() for p in vgg.head.parameters() if p.ndim == 4) == 49 * 512 * 4096 + 4096**2


def test_at_the_start_it_answers_as_the_coarsest_network() -> None:
    answers = network()(IMAGE, GUIDANCE)
    assert answers["logits"].shape == (2, 1, 64, 96)
    torch.testing.assert_close(answers["stride16"], answers["logits"], atol=0.2, rtol=0.2)


def test_finer_scores_add_detail() -> None:
    made = network()
    with torch.no_grad():
        made.scores[2].weight.normal_(generator=torch.Generator().manual_seed(2))
    answers = made(IMAGE, GUIDANCE)
    detail = answers["logits"] - answers["stride16"]
    assert detail.abs().max() > 10 * (answers["stride16"] - answers["stride32"]).abs().max()


def test_each_fusion_has_a_loss_of_its_own() -> None:
    labels = (IMAGE[:, :1] > 0.5).float()
    answers = network()(IMAGE, GUIDANCE)
    losses = loss(answers, labels, torch.zeros(2, 1, 3))
    assert losses.shape == (2,)
    losses.sum().backward()
    wrong = {**answers, "stride16": answers["stride16"] - 5}
    assert not torch.allclose(loss(wrong, labels, torch.zeros(2, 1, 3)), losses)


def test_the_small_one_fits_a_cpu() -> None:
    parameters = sum(p.numel() for p in Dios(SMALL).parameters())
    assert 3e6 < parameters < 8e6
    assert find_method("dios").training.clicks == {"starts": (0.0, 1.0, 0.0, 0.0), "sampler": "dios"}
