from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from clickmask.encode.disk_mask import DiskMask  # noqa: E402
from clickmask.nn.backbones.mix_transformer import SIZES, MixTransformer  # noqa: E402
from clickmask.nn.blocks.stochastic_depth import StochasticDepth  # noqa: E402
from clickmask.nn.heads.local_refiner import LocalRefiner  # noqa: E402
from clickmask.nn.models.focalclick import FocalClick, FocalClickConfig, convert_segformer  # noqa: E402

from .published import GOLDEN, imagenet, made_inputs, made_state  # noqa: E402

PUBLISHED = ("segformer_b0_s2", "segformer_b0_s1")
RADII = {"segformer_b0_s1": 3.0}


@pytest.mark.parametrize("name", PUBLISHED)
def test_both_networks_answer_what_the_authors_code_answered(name: str) -> None:
    golden = np.load(GOLDEN / f"focalclick_{name}.npz")
    network = FocalClick(FocalClickConfig(name[:-3], halved=name.endswith("s1"))).eval()
    network.load_state_dict(convert_segformer(made_state(golden)))
    side, step = int(golden["side"]), int(golden["step"])
    image, previous, prompts = made_inputs(side)
    window, _, _ = made_inputs(side, seed=1)

    def disks(radius: float) -> torch.Tensor:
        return torch.from_numpy(DiskMask(radius, previous=False).encode(prompts, None, (side, side)))[None]

    with torch.inference_mode():
        coarse = network(imagenet(image), torch.cat([previous, disks(RADII.get(name, 5.0))], dim=1))
        boxes = torch.from_numpy(golden["box"])[None]
        refined = network.refine(imagenet(window), disks(5.0), coarse["logits"], coarse["features"], boxes)
    answers = {"logits": coarse["logits"], "aux": coarse["aux"], "refined": refined["logits"]}
    for key, value in {**answers, "boundary": refined["boundary"]}.items():
        assert np.abs(value[0, 0, ::step, ::step].numpy() - golden[key]).max() < 1e-4, key


def test_where_no_boundary_is_found_the_coarse_answer_stays() -> None:
    refiner = LocalRefiner(8).eval()
    coarse = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        torch.nn.init.zeros_(refiner.boundary.weight)
        torch.nn.init.constant_(refiner.boundary.bias, -30.0)
        kept, _ = refiner(torch.rand(1, 3, 32, 32), torch.zeros(1, 2, 32, 32), coarse, torch.rand(1, 8, 8, 8))
        torch.nn.init.constant_(refiner.boundary.bias, 30.0)
        new, _ = refiner(torch.rand(1, 3, 32, 32), torch.zeros(1, 2, 32, 32), coarse, torch.rand(1, 8, 8, 8))
    assert torch.allclose(kept, coarse, atol=1e-5)
    assert (new - coarse).abs().max() > 0.1


def test_the_refiner_is_light() -> None:
    # 0.011 million are published for HRNet-18s, whose features have 96 channels
    assert sum(p.numel() for p in LocalRefiner(96).parameters()) == pytest.approx(11_300, rel=0.03)


@pytest.mark.parametrize(("name", "millions"), [("b0", 3.32), ("b3", 44.1)])
def test_the_encoder_has_the_published_size(name: str, millions: float) -> None:
    with torch.device("meta"):
        encoder = MixTransformer(name, 3)
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, rel=0.01)
    assert encoder.channels == SIZES[name].widths


def test_guidance_does_not_reach_the_first_map() -> None:
    torch.manual_seed(0)
    encoder = MixTransformer("b0", 3).eval()
    image, guidance = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        pairs = zip(encoder(image, guidance), encoder(image, 1 - guidance), strict=True)
        differences = [float((a - b).abs().max()) for a, b in pairs]
    assert differences[0] == 0 and min(differences[1:]) > 1e-4


def test_stochastic_depth_keeps_the_mean_and_rests_outside_training() -> None:
    torch.manual_seed(0)
    layer = StochasticDepth(0.25)
    branch = torch.ones(4000, 2)
    dropped = layer(branch)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert layer.eval()(branch) is branch
