"""The compact default network: one encoder pass a click, cheap enough for a laptop's CPU.

Ours; put together from published parts: an EfficientNet-Lite encoder (Tan and Le, 2019), guidance with the
previous mask added to the stem (RITM, Sofiiuk et al., 2021) and again in the decoder (as EdgeFlow, Hao et
al., 2021, argues), lateral connections with top-down sums (Lin et al., 2017), one logit map at stride 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.efficientnet_lite import STEM_CHANNELS, EfficientNetLite
from clickmask.nn.losses import bce_iou
from clickmask.nn.method import SYMMETRIC, Cut, Method, Outputs, Phase, Training

GUIDANCE_CHANNELS = 5


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """Size of the network.

    Attributes:
        encoder: ``lite0``, ``lite1`` or ``lite2``.
        widths: decoder channels at strides 2, 4, 8, 16, 32.
        guidance: channels of the guidance pyramid at strides 2, 4, 8, 16.
    """

    encoder: str = "lite0"
    widths: tuple[int, int, int, int, int] = (32, 64, 96, 128, 128)
    guidance: tuple[int, int, int, int] = (32, 32, 48, 64)


class Compact(nn.Module):
    """See the module's text."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = EfficientNetLite(config.encoder)
        self.guidance = GuidancePyramid(GUIDANCE_CHANNELS, config.guidance)
        self.to_stem = nn.Conv2d(config.guidance[0], STEM_CHANNELS, 1)
        self.laterals = nn.ModuleList(
            [nn.Conv2d(c, w, 1) for c, w in zip(self.encoder.channels, config.widths, strict=True)]
        )
        self.late = nn.ModuleList(
            [nn.Conv2d(c, w, 1, bias=False) for c, w in zip(config.guidance, config.widths[:4], strict=True)]
        )
        self.downs = nn.ModuleList([nn.Conv2d(config.widths[i + 1], config.widths[i], 1, bias=False) for i in range(4)])
        self.fuses = nn.ModuleList([nn.Conv2d(w, w, 3, padding=1) for w in config.widths])
        self.head = nn.Conv2d(config.widths[0], 1, 1)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Logits of a batch.

        Args:
            image: (B, 3, H, W) RGB in [-1, 1]; H and W multiples of 32.
            guidance: (B, 5, H, W), see `clickmask.encode.disk_distance`.

        Returns:
            ``"logits"`` (B, 1, H, W).
        """
        hints = self.guidance(guidance)
        features = self.encoder(image, self.to_stem(hints[0]))
        return {"logits": self._answer(self._decode(features, hints, down_to=0))}

    @property
    def insertion_points(self) -> Mapping[str, int]:
        """Behind the encoder at stride 32, in the decoder at stride 4, and before the last fusion at stride 2."""
        return {"a": self.encoder.channels[4], "b": self.config.widths[1], "c": self.config.widths[0]}

    def features(self, image: Tensor, guidance: Tensor, point: str) -> Cut:
        """See `clickmask.nn.method.Refinable`."""
        size_hw = image.shape[2], image.shape[3]
        hints = self.guidance(guidance)
        maps = self.encoder(image, self.to_stem(hints[0]))
        if point == "a":
            return Cut(point, maps[4], (*maps[:4], *hints), size_hw)
        x = self._decode(maps, hints, down_to=1)
        if point == "b":
            return Cut(point, x, (maps[0], hints[0]), size_hw)
        return Cut(point, self._merged(x, maps, hints, 0), (), size_hw)

    def rest(self, cut: Cut) -> Tensor:
        """See `clickmask.nn.method.Refinable`."""
        if cut.point == "a":
            return self._answer(self._decode((*cut.kept[:4], cut.features), cut.kept[4:], down_to=0))
        merged = cut.features if cut.point == "c" else self._merged(cut.features, cut.kept[:1], cut.kept[1:], 0)
        return self._answer(F.relu(self.fuses[0](merged)))

    def _decode(self, features: Sequence[Tensor], hints: Sequence[Tensor], down_to: int) -> Tensor:
        """Five maps and four hints -> the decoder's map at a level; at level 0 (B, widths[0], H/2, W/2)."""
        x = F.relu(self.fuses[4](self.laterals[4](features[4])))
        for level in range(3, down_to - 1, -1):
            merged = self._merged(x, features, hints, level)
            x = merged + F.relu(self.fuses[level](merged)) if level else F.relu(self.fuses[0](merged))
        return x

    def _merged(self, above: Tensor, features: Sequence[Tensor], hints: Sequence[Tensor], level: int) -> Tensor:
        """What a level fuses: its own map, the clicks, and the level above."""
        lateral = self.laterals[level](features[level]) + self.late[level](hints[level])
        return F.relu(lateral + F.interpolate(self.downs[level](above), scale_factor=2.0, mode="nearest"))

    def _answer(self, x: Tensor) -> Tensor:
        """(B, widths[0], H/2, W/2) -> (B, 1, H, W) logits."""
        return F.interpolate(self.head(x).float(), scale_factor=2.0, mode="bilinear", align_corners=False)


class GuidancePyramid(nn.Module):
    """Guidance at strides 2, 4, 8 and 16 through four strided convolutions."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        sizes = [inputs, *widths]
        self.convolutions = nn.ModuleList([nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(sizes)])

    def forward(self, guidance: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> four maps."""
        maps = []
        x = guidance
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
            maps.append(x)
        return maps


def build(config: CompactConfig, *, pretrained: bool) -> Compact:
    """The network; with ImageNet weights in its encoder if `pretrained`."""
    network = Compact(config)
    if pretrained:
        network.encoder.load_imagenet()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) cross-entropy plus soft IoU."""
    return bce_iou(outputs["logits"], labels)


METHODS: tuple[Method, ...] = (
    Method(
        name="compact",
        family="compact",
        summary="The default network: one light pass a click.",
        paper="ours",
        licence="Apache-2.0",
        config=CompactConfig(),
        build=build,
        encoding="disk_distance",
        loss=loss,
        scaling=SYMMETRIC,
        capabilities=frozenset({"box", "previous_mask"}),
        # `clickmask train compact` is a recipe of its own; these serve whoever builds on the method by name
        training=Training(
            phases=(Phase(128, 64, 2000, 1.2e-3, 8e-4), Phase(256, 24, 1500, 5e-4, 1e-5)),
            optimizer="adamw",
            weight_decay=1e-4,
            schedule="conveyor",
            encoder_rate=0.35,
            clip=2.0,
        ),
        pretrained=True,
        any_size=True,
        tiny=CompactConfig(widths=(8, 8, 16, 16, 16), guidance=(8, 8, 16, 16)),
    ),
)
