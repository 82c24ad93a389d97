"""The compact default network: one encoder pass a click, cheap enough for a laptop's CPU.

Ours; put together from published parts: an EfficientNet-Lite encoder (Tan and Le, 2019), guidance with the
previous mask added to the stem (RITM, Sofiiuk et al., 2021) and again in the decoder (as EdgeFlow, Hao et
al., 2021, argues), lateral connections with top-down sums (Lin et al., 2017), one logit map at stride 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.efficientnet_lite import STEM_CHANNELS, EfficientNetLite
from clickmask.nn.losses import bce_iou
from clickmask.nn.method import SYMMETRIC, Method, Outputs, Phase, Training

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
        logits = self.head(self._decode(features, hints))
        return {"logits": F.interpolate(logits.float(), scale_factor=2.0, mode="bilinear", align_corners=False)}

    def _decode(self, features: Sequence[Tensor], hints: Sequence[Tensor]) -> Tensor:
        """Five maps and four hints -> (B, widths[0], H/2, W/2)."""
        x = F.relu(self.fuses[4](self.laterals[4](features[4])))
        for level in (3, 2, 1, 0):
            lateral = self.laterals[level](features[level]) + self.late[level](hints[level])
            from_above = F.interpolate(self.downs[level](x), scale_factor=2.0, mode="nearest")
            merged = F.relu(lateral + from_above)
            x = merged + F.relu(self.fuses[level](merged)) if level else F.relu(self.fuses[0](merged))
        return x


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
