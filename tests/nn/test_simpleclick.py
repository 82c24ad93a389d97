from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from clickmask.core.errors import InputError  # noqa: E402
from clickmask.encode.disk_mask import DiskMask  # noqa: E402
from clickmask.nn.backbones.vit import PlainViT, ViTConfig, from_windows, to_windows  # noqa: E402
from clickmask.nn.models.simpleclick import CONFIGS, SimpleClick, SimpleClickConfig, convert  # noqa: E402

from .published import GOLDEN, imagenet, made_inputs, made_state  # noqa: E402

SMALL = SimpleClickConfig(ViTConfig(24, 4, 3, patch=16, group=2, side=64), (8, 8, 8, 8), 8)


@pytest.mark.parametrize("name", ["simpleclick_xtiny", pytest.param("simpleclick_b", marks=pytest.mark.slow)])
def test_it_answers_what_the_authors_code_answered(name: str) -> None:
    """Windows (xTiny at 448 pixels has four), positions, disks and names of checkpoints included."""
    golden = np.load(GOLDEN / f"{name}.npz")
    side, step = int(golden["side"]), int(golden["step"])
    config = replace(CONFIGS[name], vit=replace(CONFIGS[name].vit, side=side))
    network = SimpleClick(config).eval()
    network.load_state_dict(convert(made_state(golden)))
    image, previous, prompts = made_inputs(side)
    disks = torch.from_numpy(DiskMask(previous=False).encode(prompts, None, (side, side)))[None]
    with torch.inference_mode():
        logits = network(imagenet(image), torch.cat([previous, disks], dim=1))["logits"]
    assert logits.shape == (1, 1, side, side)
    assert np.abs(logits[0, 0, ::step, ::step].numpy() - golden["logits"]).max() < 1e-4


def test_windows_are_cut_row_by_row_and_put_back() -> None:
    x = torch.arange(2 * 4 * 6, dtype=torch.float32).reshape(2, 4, 6, 1)
    windows = to_windows(x, (2, 3))
    assert windows.shape == (8, 6, 1)
    assert windows[1, :, 0].tolist() == [3, 4, 5, 9, 10, 11]
    assert torch.equal(from_windows(windows, (2, 3), (4, 6)), x)


def test_only_the_last_block_of_a_group_sees_other_windows() -> None:
    torch.manual_seed(0)
    vit = PlainViT(ViTConfig(16, 2, 2, patch=112, group=2, side=448)).eval()
    image = torch.zeros(1, 3, 448, 448)
    extra = torch.zeros(1, 4, 4, 16)
    marked = extra.clone()
    marked[0, 0, 0] = 1
    with torch.inference_mode():
        changed = (vit(image, marked) - vit(image, extra)).abs().amax(1)[0] > 1e-7
    assert changed.all()
    vit.blocks[1] = torch.nn.Identity()  # type: ignore[assignment]
    with torch.inference_mode():
        changed = (vit(image, marked) - vit(image, extra)).abs().amax(1)[0] > 1e-7
    assert changed.nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_sides_that_windows_do_not_fill_are_refused() -> None:
    network = SimpleClick(SMALL).eval()
    with pytest.raises(InputError, match="multiples of 224 pixels, got 256 x 320"):
        network(torch.zeros(1, 3, 256, 320), torch.zeros(1, 3, 256, 320))


def test_guidance_enters_through_an_embedding_of_its_own() -> None:
    torch.manual_seed(0)
    network = SimpleClick(SMALL).eval()
    image, guidance = torch.rand(1, 3, 64, 96), torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        given = network(image, guidance)["logits"]
        assert given.shape == (1, 1, 64, 96)
        assert (network(image, 1 - guidance)["logits"] - given).abs().max() > 1e-4


# 3.72, 96.46, 322.18 and 659.39 million are published; the guidance's embedding makes the rest
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("simpleclick_xtiny", 3.85),
        pytest.param("simpleclick_b", 97.1, marks=pytest.mark.slow),
        pytest.param("simpleclick_l", 323.0, marks=pytest.mark.slow),
        pytest.param("simpleclick_h", 660.0, marks=pytest.mark.slow),
    ],
)
def test_sizes_are_those_of_the_paper(name: str, millions: float) -> None:
    with torch.device("cpu" if name == "simpleclick_xtiny" else "meta"):
        network = SimpleClick(CONFIGS[name])
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.005)
