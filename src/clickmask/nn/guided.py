"""The two networks of RITM and f-BRS: HRNet with OCR, and DeepLabV3+ on a ResNet, both with guidance.

Both can be stopped at f-BRS's insertion points (Sofiiuk et al., CVPR 2020), see `clickmask.nn.method.Refinable`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.hrnet import STEM_CHANNELS, HRNet
from clickmask.nn.backbones.resnet import STEM_WIDTH, ResNet
from clickmask.nn.blocks.guidance import Conv1E, Conv1S, MapFusion
from clickmask.nn.heads.deeplab import DeepLabHead
from clickmask.nn.heads.ocr import OcrHead
from clickmask.nn.losses import first_guess, normalised_focal
from clickmask.nn.method import Cut, Outputs
from clickmask.nn.naming import renamed_state

FUSIONS = ("conv1s", "conv1e", "dmf", "dmf_norm_last")


@dataclass(frozen=True, slots=True)
class GuidedHRNetConfig:
    """Size of an HRNet with OCR.

    Attributes:
        width: of the finest branch.
        small: fewer blocks.
        ocr: width of the object vector.
        fusion: how guidance enters: ``conv1s``, ``conv1e``, ``dmf`` or ``dmf_norm_last`` (f-BRS's order of layers).
        guidance: channels of the guidance.
        stem: channels of the stem.
    """

    width: int = 18
    small: bool = True
    ocr: int = 48
    fusion: str = "conv1s"
    guidance: int = 3
    stem: int = STEM_CHANNELS


@dataclass(frozen=True, slots=True)
class GuidedDeepLabConfig:
    """Size of a DeepLabV3+.

    Attributes:
        depth: of the ResNet.
        width: of the decoder.
        dropout: after the pyramid.
        fusion, guidance: as in `GuidedHRNetConfig`.
        stem: channels of the encoder's first stage.
    """

    depth: int = 34
    width: int = 128
    dropout: float = 0.2
    fusion: str = "conv1s"
    guidance: int = 3
    stem: int = STEM_WIDTH


class Fusion(nn.Module):
    """Image and guidance -> what a backbone takes: an image, and features to add to its stem."""

    def __init__(self, kind: str, guidance: int, stem: int) -> None:
        super().__init__()
        self.maps: MapFusion | None = None
        self.features: nn.Module | None = None
        if kind.startswith("dmf"):
            self.maps = MapFusion(guidance, norm_last=kind == "dmf_norm_last")
        else:
            self.features = Conv1S(guidance, stem) if kind == "conv1s" else Conv1E(guidance, stem)

    def forward(self, image: Tensor, guidance: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 3, H, W), (B, C, H, W) -> image (B, 3, H, W) and features (B, stem, H/2, W/2) or None."""
        if self.maps is not None:
            return self.maps(image, guidance), None
        return image, None if self.features is None else self.features(guidance)


class GuidedHRNet(nn.Module):
    """HRNet with OCR. Insertion points: ``a`` before OCR, ``c`` after it; ``b`` is ``a``, as in the authors' code."""

    def __init__(self, config: GuidedHRNetConfig) -> None:
        super().__init__()
        self.fusion = Fusion(config.fusion, config.guidance, config.stem)
        self.encoder = HRNet(config.width, small=config.small, stem=config.stem)
        self.head = OcrHead(self.encoder.channels, config.ocr)
        self.insertion_points = {"a": self.encoder.channels, "b": self.encoder.channels, "c": self.head.channels}
        begin(self)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """``logits`` and ``aux`` (OCR's first guess), both (B, 1, H, W).

        Args:
            image: (B, 3, H, W) with ImageNet's mean and deviation.
            guidance: (B, C, H, W).
        """
        size = (int(image.shape[2]), int(image.shape[3]))
        merged, guess = self.head(self.encoder(*self.fusion(image, guidance)))
        return {"logits": full_size(self.head.classify(merged), size), "aux": full_size(guess, size)}

    def features(self, image: Tensor, guidance: Tensor, point: str) -> Cut:
        """See `clickmask.nn.method.Refinable`."""
        x = self.encoder(*self.fusion(image, guidance))
        if point == "c":
            x, _ = self.head(x)
        return Cut(point, x, (), (int(image.shape[2]), int(image.shape[3])))

    def rest(self, cut: Cut) -> Tensor:
        """See `clickmask.nn.method.Refinable`."""
        merged = cut.features if cut.point == "c" else self.head(cut.features)[0]
        return full_size(self.head.classify(merged), cut.size_hw)


class GuidedDeepLab(nn.Module):
    """DeepLabV3+. Insertion points: ``a`` before the pyramid, ``b`` before the decoder, ``c`` after it."""

    def __init__(self, config: GuidedDeepLabConfig) -> None:
        super().__init__()
        self.fusion = Fusion(config.fusion, config.guidance, config.stem)
        self.encoder = ResNet(config.depth, stride=8, width=config.stem)
        fine, deep = self.encoder.channels[0], self.encoder.channels[-1]
        self.head = DeepLabHead(deep, fine, config.width, config.dropout)
        self.insertion_points = {"a": deep, "b": self.head.joined, "c": config.width}
        begin(self)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """``logits`` (B, 1, H, W); arguments as of `GuidedHRNet`."""
        return {"logits": self.rest(self.features(image, guidance, "a"))}

    def features(self, image: Tensor, guidance: Tensor, point: str) -> Cut:
        """See `clickmask.nn.method.Refinable`."""
        maps = self.encoder(*self.fusion(image, guidance))
        size, deep, skip = (int(image.shape[2]), int(image.shape[3])), maps[-1], self.head.skip(maps[0])
        if point == "a":
            return Cut(point, deep, (skip,), size)
        joined = self.head.join(deep, skip)
        return Cut(point, joined if point == "b" else self.head.decoder(joined), (), size)

    def rest(self, cut: Cut) -> Tensor:
        """See `clickmask.nn.method.Refinable`."""
        x = cut.features
        if cut.point == "a":
            x = self.head.join(x, *cut.kept)
        if cut.point != "c":
            x = self.head.decoder(x)
        return full_size(self.head.classify(x), cut.size_hw)


def begin(network: nn.Module) -> None:
    """First weights as RITM draws them: normal, variance 2 over the mean of inputs and outputs; biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight, gain=math.sqrt(2))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def full_size(logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(B, 1, h, w) -> (B, 1, H, W) float32, bilinear with corners aligned."""
    return F.interpolate(logits.float(), size=size_hw, mode="bilinear", align_corners=True)


def guided_loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) normalised focal loss, and cross-entropy of the first guess where the network has one."""
    total = normalised_focal(outputs["logits"], labels, alpha=0.5, gamma=2)
    if "aux" in outputs:
        total = total + first_guess(outputs, labels)
    return total


def build_guided(config: Any, *, pretrained: bool) -> nn.Module:
    """The network; there are no encoder weights, so `pretrained` changes nothing and no recipe may ask for it."""
    network = GuidedHRNet(config) if isinstance(config, GuidedHRNetConfig) else GuidedDeepLab(config)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


_HRNET_NAMES = (
    ("feature_extractor.conv1.", "encoder.stem1.0."),
    ("feature_extractor.bn1.", "encoder.stem1.1."),
    ("feature_extractor.conv2.", "encoder.stem2.0."),
    ("feature_extractor.bn2.", "encoder.stem2.1."),
    ("feature_extractor.layer1.", "encoder.first."),
    *((f"feature_extractor.transition{n + 1}.", f"encoder.transitions.{n}.") for n in range(3)),
    *((f"feature_extractor.stage{n + 2}.", f"encoder.stages.{n}.") for n in range(3)),
    (".fuse_layers.", ".paths."),
    (".downsample.", ".shortcut."),
    ("feature_extractor.aux_head.", "head.guess."),
    ("feature_extractor.conv3x3_ocr.", "head.pixels."),
    ("feature_extractor.cls_head.", "head.classify."),
    ("feature_extractor.ocr_distri_head.", "head."),
    ("head.conv_bn_dropout.0.", "head.merge."),
    ("head.conv_bn_dropout.1.0.", "head.merge_norm."),
    *((f"head.object_context_block.f_{part}.1.0.", f"head.{part}.1.") for part in ("down", "up")),
    *((f"head.object_context_block.f_{part}.0.", f"head.{part}.0.") for part in ("down", "up")),
)
_HRNET_UNUSED = tuple(
    f"feature_extractor.ocr_distri_head.object_context_block.f_{part}." for part in ("pixel", "object")
)
"""Queries and keys of an attention over one key: they cannot change the answer, see `clickmask.nn.heads.ocr`."""
_DEEPLAB_NAMES = (
    ("feature_extractor.backbone.", "encoder."),
    *((f"encoder.conv1.{n}.", f"encoder.stem.{n}.") for n in (0, 1, 3, 4, 6)),
    ("encoder.conv1.", "encoder.stem.0."),
    *((f"encoder.layer{n + 1}.", f"encoder.stages.{n}.") for n in range(4)),
    (".downsample.", ".shortcut."),
    ("head.layers.", "classify."),
    ("feature_extractor.head.block.", "decoder."),
    (".body.", "."),
    ("feature_extractor.skip_project.skip_project.", "skip."),
    ("feature_extractor.aspp.", "pyramid."),
    ("concurent.0.", "point."),
    *((f"concurent.{n + 1}.", f"windows.{n}.") for n in range(3)),
    *((f"concurent.4.gap.{n + 1}.", f"whole.{n}.") for n in range(2)),
)
_FUSION_NAMES = (
    ("maps_transform.0.", "fusion.features.mix."),
    ("maps_transform.2.", "fusion.features.conv."),
    ("maps_transform.3.", "fusion.features."),
    ("maps_transform.", "fusion.features."),
    ("rgb_conv.0.", "fusion.maps.mix."),
    ("rgb_conv.3.", "fusion.maps.to_image."),
    ("rgb_conv.1.", "fusion.maps.norm."),
    ("rgb_conv.2.", "fusion.maps.norm."),
)


def convert_hrnet(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the authors' HRNet networks (RITM and f-BRS) under our names."""
    return renamed_state(state, (*_HRNET_NAMES, *_FUSION_NAMES), _HRNET_UNUSED)


def convert_deeplab(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the authors' DeepLabV3+ networks (RITM and f-BRS) under our names."""
    named = renamed_state(state, (*_DEEPLAB_NAMES, *_FUSION_NAMES))
    deep_stem = "encoder.stem.3.weight" in named
    ours = {name.replace("encoder.bn1.", f"encoder.stem.{7 if deep_stem else 1}."): v for name, v in named.items()}
    inside = ("pyramid.", "skip.", "decoder.", "classify.")
    return {f"head.{name}" if name.startswith(inside) else name: value for name, value in ours.items()}
