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
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.core.registry import unknown_name
from clickmask.encode.disk_mask import DiskMask
from clickmask.nn.backbones.mix_transformer import MixTransformer
from clickmask.nn.blocks.crop import crop_maps
from clickmask.nn.encode import TWINS
from clickmask.nn.focus_windows import boundary_labels, draw_windows
from clickmask.nn.guided import GuidedHRNet, GuidedHRNetConfig, convert_hrnet
from clickmask.nn.heads.local_refiner import LocalRefiner, grown
from clickmask.nn.heads.mlp_decoder import MlpDecoder
from clickmask.nn.losses import binary_cross_entropy, first_guess, normalised_focal, weighted_normalised_focal
from clickmask.nn.method import IMAGENET, Method, Outputs, Phase, Training
from clickmask.nn.naming import renamed_state
from clickmask.nn.refiner_graph import export_refiner

GUIDANCE_CHANNELS = 3
REFINER_DISKS = DiskMask(radius=5.0, previous=False)


@dataclass(frozen=True, slots=True)
class FocalClickConfig:
    """Size of the network.

    Attributes:
        encoder: ``segformer_b0``, ``segformer_b3``, ``hrnet18s`` or ``hrnet32``; ``segformer_tiny`` for tests.
        halved: S1, the coarse network sees its input at half the size; else S2.
    """

    encoder: str = "segformer_b0"
    halved: bool = False


HRNETS = {
    "hrnet18s": GuidedHRNetConfig(18, small=True, ocr=48),
    "hrnet32": GuidedHRNetConfig(32, small=False, ocr=128),
    "hrnet_tiny": GuidedHRNetConfig(width=4, ocr=4, stem=8),
}
SEGFORMERS = {"segformer_b0": 256, "segformer_b3": 512, "segformer_tiny": 16}
"""Name -> channels of the decoder."""


class HRNetCoarse(nn.Module):
    """HRNet with OCR, guidance at its stem."""

    def __init__(self, config: GuidedHRNetConfig) -> None:
        super().__init__()
        self.network = GuidedHRNet(config)
        self.width = self.network.head.channels

    def forward(self, image: Tensor, guidance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images and guidance -> logits, auxiliary logits and features at stride 4."""
        net = self.network
        features, guess = net.head(net.encoder(*net.fusion(image, guidance)))
        return net.head.classify(features), guess, features


class SegFormerCoarse(nn.Module):
    """SegFormer with guidance beside its first stage; its auxiliary logits are its logits."""

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
        self.coarse: HRNetCoarse | SegFormerCoarse
        if config.encoder in HRNETS:
            self.coarse = HRNetCoarse(HRNETS[config.encoder])
        elif config.encoder in SEGFORMERS:
            self.coarse = SegFormerCoarse(config.encoder.removeprefix("segformer_"), SEGFORMERS[config.encoder])
        else:
            raise WeightsError(unknown_name("encoder", config.encoder, [*HRNETS, *SEGFORMERS]))
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
            # by size, not by factor: graphs place corners differently when they are given a factor
            size = [int(n) // 2 for n in image.shape[2:]]
            small = [F.interpolate(x, size=size, mode="bilinear", align_corners=True) for x in small]
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
    mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET.mean, IMAGENET.std))
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
    """Names and shapes of the published SegFormer checkpoints (XavierCHEN34/ClickSEG) -> ours."""
    ours = renamed_state(state, SEGFORMER_NAMES, (*UNUSED, "refiner."))
    for name, value in ours.items():
        if name.startswith("coarse.decoder.laterals.") and value.ndim == 2:
            ours[name] = value[:, :, None, None]  # a linear layer over channels is a 1 x 1 convolution
    return {**ours, **_refiner_state(state)}


def convert_hrnet_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the published HRNet checkpoints (XavierCHEN34/ClickSEG) -> ours."""
    coarse = {name: value for name, value in state.items() if not name.startswith("refiner.")}
    ours = {f"coarse.network.{name}": value for name, value in convert_hrnet(coarse).items()}
    return {**ours, **_refiner_state(state)}


def _refiner_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    parts = {name: value for name, value in state.items() if name.startswith("refiner.")}
    return renamed_state(parts, REFINER_NAMES, UNUSED)


def learn(network: nn.Module, image: Tensor, guidance: Tensor, labels: Tensor, clicks: Tensor) -> Outputs:
    """Both networks at once: the coarse answer, and what the refiner makes of a window of it."""
    focal = cast(FocalClick, network)
    outputs = focal(image, guidance)
    boxes = draw_windows(labels)
    size_hw = (int(image.shape[2]), int(image.shape[3]))
    corner, extent = boxes[:, None, :2] * clicks.new_tensor(size_hw[::-1]), boxes[:, None, 2:] - boxes[:, None, :2]
    moved = torch.cat([(clicks[:, :, :2] - corner) / extent, clicks[:, :, 2:]], dim=2)  # (B, N, 3) in the window
    disks = TWINS["disk_mask"](REFINER_DISKS, moved, labels.clamp(min=0))
    window = focal.refine(crop_maps(image, boxes, size_hw), disks, outputs["logits"], outputs["features"], boxes)
    counted = crop_maps((labels >= 0).float(), boxes, size_hw) > 0.999
    truth = (crop_maps((labels == 1).float(), boxes, size_hw) > 0.5).float()
    boundary = (crop_maps(boundary_labels(labels), boxes, size_hw) > 0.5).float()
    targets = {"window_labels": torch.where(counted, truth, -1.0), "boundary_labels": boundary}
    return {**outputs, "refined": window["logits"], "boundary": window["boundary"], **targets}


def coarse_loss(outputs: Outputs, labels: Tensor) -> Tensor:
    """(B,) normalised focal loss of the coarse answer."""
    return normalised_focal(outputs["logits"], labels, alpha=0.5, gamma=2)


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) coarse answer, refined answer with twice the weight at boundaries, and boundaries."""
    counted = torch.where(outputs["window_labels"] < 0, -1.0, outputs["boundary_labels"])
    weights = (1 + outputs["boundary_labels"]) / 2
    refined = weighted_normalised_focal(outputs["refined"], outputs["window_labels"], weights)
    return coarse_loss(outputs, labels) + refined + binary_cross_entropy(outputs["boundary"], counted)


def loss_with_aux(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) the same and the first guess of OCR."""
    return loss(outputs, labels, clicks) + first_guess(outputs, labels)


def build(config: FocalClickConfig, *, pretrained: bool) -> FocalClick:
    """The network; no package holds its encoders' first weights, so `pretrained` must be false."""
    return FocalClick(config)


PAPER = "Chen, Zhao, Zhang, Duan, Qi, Zhao: FocalClick, CVPR 2022"
CLICKS = {"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 24, "gamma": 0.8}


def _method(encoder: str, halved: bool, summary: str) -> Method:
    hrnet = encoder in HRNETS
    # published: 256 pixels, batches of 28 to 32, 6.9 million samples, the rate a tenth at 83 % and again at 91 %
    rate = 5e-4 if hrnet else 5e-3
    training = Training(
        phases=(Phase(128, 32, 3125, rate, rate / 100),),
        clicks=CLICKS,
        encoder=("coarse.encoder.",),
        encoder_rate=1.0 if hrnet else 0.1,
    )
    radius = (2.0 if hrnet else 3.0) if halved else 5.0
    return Method(
        name=f"focalclick_{encoder}_{'s1' if halved else 's2'}",
        family="focalclick",
        summary=summary,
        paper=PAPER,
        licence="MIT",
        config=FocalClickConfig(encoder, halved),
        build=build,
        encoding="disk_mask",
        encoding_options={"radius": radius, "previous": True},
        loss=loss_with_aux if hrnet else loss,
        training=training,
        capabilities=frozenset({"previous_mask", "refiner"}),
        zoom_in=None,
        side_step=64 if halved else 32,
        least_batch=2,
        tiny=FocalClickConfig("hrnet_tiny" if hrnet else "segformer_tiny", halved),
        learn=learn,
        convert=convert_hrnet_state if hrnet else convert_segformer,
        kept=("features",),
        further_graphs=export_refiner,
        backend="clickmask.nn.refining_backend:RefiningTorchBackend",
    )


METHODS: tuple[Method, ...] = (
    _method("hrnet18s", True, "FocalClick on HRNet-18s, coarse pass at half the size."),
    _method("hrnet18s", False, "FocalClick on HRNet-18s."),
    _method("hrnet32", False, "FocalClick on HRNet-32."),
    _method("segformer_b0", True, "FocalClick on SegFormer-B0, coarse pass at half the size."),
    _method("segformer_b0", False, "FocalClick on SegFormer-B0."),
    _method("segformer_b3", False, "FocalClick on SegFormer-B3, the most accurate of the paper."),
)
