from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from clickmask.encode.two_disks import TwoDisks  # noqa: E402
from clickmask.nn.models.cdnet import (  # noqa: E402
    CDNet,
    CDNetConfig,
    FeatureDiffusion,
    click_weights,
    convert,
)

from .published import GOLDEN, imagenet, made_inputs, made_state  # noqa: E402


def test_it_answers_what_the_authors_code_answered() -> None:
    golden = np.load(GOLDEN / "cdnet_resnet34.npz")
    network = CDNet(CDNetConfig()).eval()
    network.load_state_dict(convert({**made_state(golden), "PDM.aff_x.kernel": torch.zeros(8, 1, 3, 3)}))
    side, step = int(golden["side"]), int(golden["step"])
    image, _, prompts = made_inputs(side)
    guidance = torch.from_numpy(TwoDisks().encode(prompts, None, (side, side)))[None]
    with torch.inference_mode():
        outputs = network(imagenet(image), guidance)
    assert np.abs(outputs["logits"][0, 0, ::step, ::step].numpy() - golden["logits"]).max() < 1e-4
    assert np.abs(outputs["latent"][0, :, ::step, ::step].numpy() - golden["latent"]).max() < 1e-4


def test_without_clicks_and_without_a_sure_gate_every_pixel_gets_the_mean() -> None:
    """Weights of 0 make all pixels alike: attention is uniform."""
    torch.manual_seed(0)
    diffusion = FeatureDiffusion(6).eval()
    x = torch.rand(1, 6, 4, 5)
    torch.nn.init.zeros_(diffusion.gate[1].weight)
    torch.nn.init.zeros_(diffusion.gate[1].bias)
    for norm in diffusion.norms:
        norm.eps = 0.0
    with torch.inference_mode():
        out, gate = diffusion(x, torch.zeros(1, 2, 4, 5))
        added = (out - x)[0].flatten(1)
        mean = sum(0.5 * spread(diffusion.value(x)).mean((2, 3))[0] for spread in diffusion.spread)
    assert gate.abs().max() == 0
    assert torch.allclose(added, mean[:, None].expand_as(added), atol=1e-5)


def test_clicked_pixels_weigh_a_hundred_times_more() -> None:
    clicks = torch.tensor([[[10.5, 8.5, 1.0], [3.5, 3.5, -1.0]]])
    weights = click_weights(clicks, torch.zeros(1, 1, 16, 24))
    assert weights[0, 0, 8, 10] == pytest.approx(1.0)
    assert weights[0, 0, 3, 3] == pytest.approx(0.01)
    assert weights[0, 0, 8, 16] == pytest.approx(0.01)
