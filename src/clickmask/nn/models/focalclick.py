"""FocalClick (Chen, Zhao, Zhang, Duan, Qi, Zhao; CVPR 2022, arXiv 2204.02574).

A coarse network answers on the target crop, a refiner looks again at the focus crop; `clickmask.predict.focal_click`
holds the steps of inference. Here are the two networks, of which S1 halves the coarse one's input, and how they learn
together. Departures: focus crops of training are cut from the same sample as in the published code, but drawn from the
sample's own content, so that a run can be resumed to the bit; samples are not filtered by area; the refined loss is
weighed within each sample, not over the batch. Layers that the published checkpoints hold and never read are left out.
Published weights are under the MIT licence, those of SegFormer's encoder under NVIDIA's non-commercial one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.mix_transformer import MixTransformer
from clickmask.nn.blocks.crop import crop_maps
from clickmask.nn.heads.local_refiner import LocalRefiner, grown
from clickmask.nn.heads.mlp_decoder import MlpDecoder
from clickmask.nn.naming import renamed_state

GUIDANCE_CHANNELS = 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class FocalClickConfig:
    """Size of the network.

    Attributes:
        encoder: ``segformer_b0``, ``segformer_b3``, ``hrnet18s`` or ``hrnet32``.
        halved: S1, the coarse network sees its input at half the size; else S2.
    """

    encoder: str = "segformer_b0"
    halved: bool = False


class SegFormerCoarse(nn.Module):
    """SegFormer with guidance beside its first stage."""

    def __init__(self, variant: str, width: int) -> None:
        super().__init__()
        self.width = width
        self.encoder = MixTransformer(variant, GUIDANCE_CHANNELS)
        self.decoder = MlpDecoder(self.encoder.channels, width)

    def forward(self, image: Tensor, guidance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images and guidance -> logits, auxiliary logits and features at stride 4."""
        logits, features = self.decoder(self.encoder(image, guidance))
        return logits, logits, features


class FocalClick(nn.Module):
    """See the module's text."""

    def __init__(self, config: FocalClickConfig) -> None:
        super().__init__()
        self.config = config
        self.coarse = SegFormerCoarse(config.encoder.removeprefix("segformer_"), 256)
        self.refiner = LocalRefiner(self.coarse.width)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """The coarse answer.

        Args:
            image: (B, 3, H, W) with ImageNet's mean and deviation; sides multiples of 32, of 64 for S1.
            guidance: (B, 3, H, W) previous probability, positive disks, negative disks.

        Returns:
            ``logits`` and ``aux`` (B, 1, H, W); ``features`` (B, C, h, w), what `refine` needs of this pass.
        """
        small = [image, guidance]
        if self.config.halved:
            small = [F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True) for x in small]
        logits, aux, features = self.coarse(*small)
        return {"logits": grown(logits, image), "aux": grown(aux, image), "features": features}

    def refine(
        self, image: Tensor, disks: Tensor, coarse: Tensor, features: Tensor, boxes: Tensor
    ) -> dict[str, Tensor]:
        """The refined answer in a window of the coarse one.

        Args:
            image: (B, 3, h, w) pixels of the window, scaled like the coarse network's.
            disks: (B, 2, h, w) disks of the positive and the negative clicks in the window.
            coarse: (B, 1, H, W) ``logits`` of `forward`.
            features: ``features`` of `forward`.
            boxes: (B, 4) the windows, x0, y0, x1, y1 as parts of the width and height of the coarse input.

        Returns:
            ``logits``, ``boundary`` and ``coarse`` (B, 1, h, w).
        """
        size_hw = (int(image.shape[2]), int(image.shape[3]))
        inside = crop_maps(coarse, boxes, size_hw)
        recalled = crop_maps(features, boxes, (int(features.shape[2]), int(features.shape[3])))
        refined, boundary = self.refiner(raw(image), disks, inside, recalled)
        return {"logits": refined, "boundary": boundary, "coarse": inside}


def raw(image: Tensor) -> Tensor:
    """Pixels with ImageNet's mean and deviation -> in [0, 1], which is how the published refiner sees them."""
    mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return image * std + mean


UNUSED = ("maps_transform.", "refiner.feature_gate.")
"""Prefixes of published SegFormer weights that the published network never reads."""
_BACKBONE = "feature_extractor.backbone."
_DECODER = "feature_extractor.decode_head."
SEGFORMER_NAMES = (
    (f"{_BACKBONE}patch_embed_side1.proj.", "coarse.encoder.guide.projection."),
    (f"{_BACKBONE}patch_embed_side1.norm.", "coarse.encoder.guide.norm."),
    *((f"{_BACKBONE}patch_embed{i + 1}.proj.", f"coarse.encoder.stages.{i}.embed.projection.") for i in range(4)),
    *((f"{_BACKBONE}patch_embed{i + 1}.norm.", f"coarse.encoder.stages.{i}.embed.norm.") for i in range(4)),
    *((f"{_BACKBONE}norm{i + 1}.", f"coarse.encoder.stages.{i}.norm.") for i in range(4)),
    *((f"{_BACKBONE}block{i + 1}.", f"coarse.encoder.stages.{i}.blocks.") for i in range(4)),
    (".attn.q.", ".attention.query."),
    (".attn.kv.", ".attention.key_value."),
    (".attn.proj.", ".attention.project."),
    (".attn.sr.", ".attention.shrink."),
    (".attn.norm.", ".attention.norm."),
    (".mlp.fc1.", ".grow."),
    (".mlp.dwconv.dwconv.", ".depthwise."),
    (".mlp.fc2.", ".narrow."),
    *((f"{_DECODER}linear_c{i + 1}.proj.", f"coarse.decoder.laterals.{i}.") for i in range(4)),
    (f"{_DECODER}linear_fuse.conv.", "coarse.decoder.fuse."),
    (f"{_DECODER}linear_fuse.bn.", "coarse.decoder.norm."),
    (f"{_DECODER}linear_pred.", "coarse.decoder.logits."),
)
REFINER_NAMES = (
    ("image_conv1.conv.", "look.0.0."),
    ("image_conv1.norm.", "look.0.1."),
    ("image_conv2.", "look.1."),
    ("image_conv3.", "look.2."),
    ("refine_fusion.conv.", "recall.0."),
    ("refine_fusion.norm.", "recall.1."),
    ("refine_fusion2.", "join.0."),
    ("refine_fusion3.", "join.1."),
    (".conv3x3.", ".0."),
    (".conv1x1.", ".1."),
    (".norm.", ".2."),
    ("refine_pred.", "mask."),
    ("refine_trimap.", "boundary."),
)


def convert_segformer(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names and shapes of the published checkpoints (XavierCHEN34/ClickSEG) -> ours."""
    ours = renamed_state(state, SEGFORMER_NAMES, (*UNUSED, "refiner."))
    for name, value in ours.items():
        if name.startswith("coarse.decoder.laterals.") and value.ndim == 2:
            ours[name] = value[:, :, None, None]  # a linear layer over channels is a 1 x 1 convolution
    return {**ours, **_refiner_state(state)}


def _refiner_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return renamed_state(
        {name: value for name, value in state.items() if name.startswith("refiner.")}, REFINER_NAMES, UNUSED
    )
