"""SimpleClick (Liu, Xu, Bertasius, Niethammer; ICCV 2023, arXiv 2210.11006).

A plain vision transformer takes the image and the guidance (previous mask, positive disks, negative disks) through two
patch embeddings of the same shape, whose tokens are summed; a simple feature pyramid and a light head give the logits.
Departures: no random token split (an option of the published code that its models do not use); the second, unused
upsampling layers of the published head are left out. Published weights are under the MIT licence; those of MAE, which
B, L and H start from, are non-commercial, so that training here begins from random weights and at a smaller scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.vit import PatchEmbedding, PlainViT, ViTConfig
from clickmask.nn.heads.simple_pyramid import JoiningHead, SimplePyramid
from clickmask.nn.losses import normalised_focal
from clickmask.nn.method import Method, Outputs, Phase, Training
from clickmask.nn.naming import renamed_state

GUIDANCE_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class SimpleClickConfig:
    """Size of the network.

    Attributes:
        vit: the transformer.
        pyramid: channels at strides 4, 8, 16 and 32 (of a patch's 16).
        head: channels of the head.
    """

    vit: ViTConfig = field(default_factory=ViTConfig)
    pyramid: tuple[int, int, int, int] = (128, 256, 512, 1024)
    head: int = 256


CONFIGS = {
    "simpleclick_xtiny": SimpleClickConfig(ViTConfig(160, 8, 4, group=2), (96, 192, 288, 384), 128),
    "simpleclick_b": SimpleClickConfig(),
    "simpleclick_l": SimpleClickConfig(ViTConfig(1024, 24, 16), (192, 384, 768, 1536)),
    "simpleclick_h": SimpleClickConfig(ViTConfig(1280, 32, 16, patch=14, group=8), (240, 480, 960, 1920)),
}


class SimpleClick(nn.Module):
    """See the module's text."""

    def __init__(self, config: SimpleClickConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = PlainViT(config.vit)
        self.guide = PatchEmbedding(GUIDANCE_CHANNELS, config.vit)
        self.pyramid = SimplePyramid(config.vit.width, config.pyramid)
        self.head = JoiningHead(config.pyramid, config.head)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Logits of a batch.

        Args:
            image: (B, 3, H, W) with ImageNet's mean and spread; sides as `PlainViT` takes them.
            guidance: (B, 3, H, W) previous probability, positive disks, negative disks.

        Returns:
            ``logits`` (B, 1, H, W).
        """
        features = self.encoder(image, self.guide(guidance))
        logits = self.head(self.pyramid(features))
        size = [int(n) for n in image.shape[2:]]
        return {"logits": F.interpolate(logits, size=size, mode="bilinear", align_corners=True)}


UNUSED = ("backbone.cls_token", "backbone.fc_norm.", "backbone.head.", "head.up_conv", "maps_transform.")
"""Prefixes of published weights that the published network never reads."""
PYRAMID = ("neck.down_4.", "neck.down_8.", "neck.down_16.", "neck.down_32.")
RENAMED = (
    ("patch_embed_coords.proj.", "guide.projection."),
    ("backbone.patch_embed.proj.", "encoder.embed.projection."),
    ("backbone.pos_embed", "encoder.positions"),
    ("backbone.blocks.", "encoder.blocks."),
    (".attn.qkv.", ".attention.qkv."),
    (".attn.proj.", ".attention.project."),
    (".mlp.fc1.", ".grow."),
    (".mlp.fc2.", ".shrink."),
    ("head.convs.", "head.laterals."),
    ("head.fusion_conv.", "head.fuse."),
    ("head.conv_seg.", "head.logits."),
    (".conv.", "."),
    *((theirs, f"pyramid.levels.{level}.") for level, theirs in enumerate(PYRAMID)),
)


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names and shapes of the published checkpoints (uncbiag/SimpleClick) -> ours."""
    ours = renamed_state(state, RENAMED, UNUSED)
    positions = ours.get("encoder.positions")
    if positions is not None:
        side = round((positions.shape[1] - 1) ** 0.5)
        ours["encoder.positions"] = positions[:, 1:].reshape(1, side, side, -1)  # without the class token
    return ours


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) normalised focal loss."""
    return normalised_focal(outputs["logits"], labels, alpha=0.5, gamma=2)


def build(config: SimpleClickConfig, *, pretrained: bool) -> SimpleClick:
    """The network; there are no encoder weights that may be bundled, so `pretrained` changes nothing."""
    return SimpleClick(config)


PAPER = "Liu, Xu, Bertasius, Niethammer: SimpleClick, ICCV 2023"
ZOOM_IN = {"expansion": 1.4, "min_crop": 200 / 448, "min_aspect": 0.0}
"""The published harness: square inputs, crops of at least 200 pixels, a second pass on the first click."""
TINY = {
    patch: SimpleClickConfig(ViTConfig(24, 4, 3, patch=patch, group=2, side=5 * patch), (8, 8, 8, 8), 8)
    for patch in (14, 16)
}
SMALL_SIDE = {14: 126, 16: 128}
CLICKS = {"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 24, "gamma": 0.8}


def _method(name: str, summary: str, rate: float) -> Method:
    patch = CONFIGS[name].vit.patch
    return Method(
        name=name,
        family="simpleclick",
        summary=summary,
        paper=PAPER,
        licence="MIT",
        config=CONFIGS[name],
        build=build,
        encoding="disk_mask",
        loss=loss,
        input_hw=(448, 448),
        # published: 448 pixels, batches of 32, 1.65 million samples (6.9 for xTiny) at 5e-5, a tenth at the end
        training=Training(
            phases=(Phase(SMALL_SIDE[patch], 32, 2200, rate, rate / 10), Phase(224, 32, 925, rate / 10, rate / 100)),
            clicks=CLICKS,
            input_side=224,
        ),
        zoom_in=ZOOM_IN,
        side_step=patch,
        tiny=TINY[patch],
        convert=convert,
    )


METHODS: tuple[Method, ...] = (
    _method("simpleclick_xtiny", "A plain transformer of 3.8 million parameters.", 5e-4),
    _method("simpleclick_b", "SimpleClick on ViT-B, the published standard size.", 2e-4),
    _method("simpleclick_l", "SimpleClick on ViT-L.", 1e-4),
    _method("simpleclick_h", "SimpleClick on ViT-H, the most accurate and slowest.", 5e-5),
)
