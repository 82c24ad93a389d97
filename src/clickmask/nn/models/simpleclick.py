"""SimpleClick (Liu, Xu, Bertasius, Niethammer; ICCV 2023, arXiv 2210.11006).

A plain vision transformer takes the image and the guidance (previous mask, positive disks, negative disks) through two
patch embeddings of the same shape, whose tokens are summed; a simple feature pyramid and a light head give the logits.
Departures: no random token split (an option of the published code that its models do not use); the second, unused
upsampling layers of the published head are left out. Published weights are under the MIT licence; those of MAE, which
B, L and H start from, are non-commercial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.vit import PatchEmbedding, PlainViT, ViTConfig
from clickmask.nn.heads.simple_pyramid import JoiningHead, SimplePyramid
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
