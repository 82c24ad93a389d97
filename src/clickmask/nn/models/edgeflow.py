"""EdgeFlow (Hao et al., ICCV 2021 workshops, arXiv 2109.09406).

HRNet with OCR sees the guidance at its stem and again before each stage, so that clicks do not fade ("early-late
fusion"). It answers with a mask and with the mask's edge, and at the next click it sees its edge again, not its mask.
The mask's features flow towards the edge before the coarse mask is read from them, and a fine network with dilated
convolutions corrects that mask.

The training code was never published and the released graphs do not tell the layers, so the layout is ours from the
paper's
description: guidance is added (not concatenated) before the stages; the fine network works at half resolution; losses
are the normalised focal loss for both masks, class-balanced cross-entropy for the edge, and OCR's auxiliary
cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.encode.edge_disks import EDGE_WIDTH
from clickmask.nn.backbones.hrnet import STEM_CHANNELS, HRNet, resized
from clickmask.nn.backbones.residual import conv_norm_relu
from clickmask.nn.blocks.flow import EdgeFlow
from clickmask.nn.blocks.guidance import Conv1S
from clickmask.nn.heads.ocr import OcrHead
from clickmask.nn.losses import first_guess, normalised_focal, weighted_cross_entropy
from clickmask.nn.method import Method, Outputs, Phase, Training

GUIDANCE_CHANNELS = 3
STAGES = 3
RATES = (1, 2, 4)
"""Dilations of the fine network."""


@dataclass(frozen=True, slots=True)
class EdgeFlowConfig:
    """Size of the network.

    Attributes:
        width: of HRNet's finest branch.
        small: fewer blocks in HRNet.
        ocr: width of the object vector.
        stem: channels of HRNet's stem.
        edge: channels of the edge's features.
        fine: channels of the fine network.
    """

    width: int = 18
    small: bool = False
    ocr: int = 64
    stem: int = STEM_CHANNELS
    edge: int = 32
    fine: int = 32


class EdgeFlowNet(nn.Module):
    """See the module's text."""

    def __init__(self, config: EdgeFlowConfig) -> None:
        super().__init__()
        self.config = config
        self.early = Conv1S(GUIDANCE_CHANNELS, config.stem)
        self.late = LateGuidance(config.width)
        self.encoder = HRNet(config.width, small=config.small, stem=config.stem)
        self.head = OcrHead(self.encoder.channels, config.ocr)
        self.edges = nn.Sequential(
            conv_norm_relu(self.encoder.channels, config.edge, 1), conv_norm_relu(config.edge, config.edge, 3)
        )
        self.classify_edge = nn.Conv2d(config.edge, 1, 1)
        self.flow = EdgeFlow(self.head.channels, config.edge)
        self.fine = FineNet(self.head.channels, config.fine)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Masks and edge of a batch.

        Args:
            image: (B, 3, H, W) with ImageNet's mean and deviation; H and W multiples of 32.
            guidance: (B, 3, H, W), see `clickmask.encode.edge_disks`.

        Returns:
            ``logits`` of the fine mask, ``coarse`` of the coarse one, ``aux`` of OCR's first guess, ``edge``; all
            (B, 1, H, W).
        """
        features = self.encoder(image, self.early(guidance), self.late(guidance))
        merged, guess = self.head(features)
        edges = self.edges(features)
        edge = resized(self.classify_edge(edges), image)
        merged = self.flow(merged, edges)
        coarse = resized(self.head.classify(merged), image)
        fine = coarse + self.fine(torch.cat([image, guidance, coarse, edge], dim=1), merged)
        return {"logits": fine, "coarse": coarse, "aux": resized(guess, image), "edge": edge}


class LateGuidance(nn.Module):
    """Guidance as three maps for the finest branch, each with a learned scale that starts small."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(GUIDANCE_CHANNELS, width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.fuse = nn.ModuleList([nn.Conv2d(width, width, 1) for _ in range(STAGES)])
        self.scale = nn.Parameter(torch.full((STAGES,), 0.05))

    def forward(self, guidance: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> three maps (B, width, H/4, W/4)."""
        seen = self.look(guidance)
        return [fuse(seen) * scale for fuse, scale in zip(self.fuse, self.scale, strict=True)]


class FineNet(nn.Module):
    """What to add to the coarse logits: dilated convolutions at half resolution; at the start nothing."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.look = conv_norm_relu(3 + GUIDANCE_CHANNELS + 2, width, 3, stride=2)
        self.recall = conv_norm_relu(features, width, 1)
        self.atrous = nn.Sequential(*[conv_norm_relu(width, width, 3, dilation=rate) for rate in RATES])
        self.classify = nn.Conv2d(width, 1, 1, bias=False)
        nn.init.zeros_(self.classify.weight)

    def forward(self, seen: Tensor, features: Tensor) -> Tensor:
        """(B, 8, H, W) image, guidance and coarse answers, (B, features, h, w) -> (B, 1, H, W)."""
        x = self.look(seen)
        x = x + resized(self.recall(features), x)
        return resized(self.classify(x + self.atrous(x)), seen)


def edge_labels(labels: Tensor) -> Tensor:
    """(B, 1, H, W) of 1 on the outline of the labels, 0 elsewhere, -1 near pixels that do not count.

    The outline is that of `clickmask.encode.edge_disks.edge_of`.
    """
    kernel, padding = 2 * EDGE_WIDTH + 1, EDGE_WIDTH
    filled = (labels == 1).float()
    grown = F.max_pool2d(filled, kernel, stride=1, padding=padding)
    shrunk = -F.max_pool2d(-filled, kernel, stride=1, padding=padding)
    unknown = F.max_pool2d((labels < 0).float(), kernel, stride=1, padding=padding)
    return torch.where(unknown > 0, torch.full_like(filled, -1.0), grown - shrunk)


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) focal losses of both masks, class-balanced cross-entropy of the edge, and OCR's auxiliary cross-entropy."""
    edges = edge_labels(labels)
    share = (edges == 1).float().mean((1, 2, 3), keepdim=True).clamp(0.01, 0.99)
    balanced = torch.where(edges == 1, 1 - share, share)
    total = normalised_focal(outputs["logits"], labels) + normalised_focal(outputs["coarse"], labels)
    total = total + weighted_cross_entropy(outputs["edge"], edges, balanced)
    return total + first_guess(outputs, labels)


def build(config: EdgeFlowConfig, *, pretrained: bool) -> EdgeFlowNet:
    """The network; there are no encoder weights to begin with, and no recipe asks for them."""
    return EdgeFlowNet(config)


SMALL = EdgeFlowConfig(width=10, small=True, ocr=24, stem=32, edge=16, fine=16)
TINY = EdgeFlowConfig(width=4, small=True, ocr=4, stem=8, edge=4, fine=4)
CLICKS = {"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 24, "gamma": 0.8}
"""As RITM's: the paper trains like it."""


def _method(name: str, config: EdgeFlowConfig, summary: str) -> Method:
    return Method(
        name=name,
        family="edgeflow",
        summary=summary,
        paper="Hao et al.: EdgeFlow: Achieving Practical Interactive Segmentation with Edge-Guided Flow, ICCV 2021",
        licence="Apache-2.0",
        config=config,
        build=build,
        encoding="edge_disks",
        loss=loss,
        capabilities=frozenset({"previous_mask", "recall"}),
        training=Training(phases=(Phase(128, 32, 3125, 5e-4, 5e-6),), clicks=CLICKS),
        least_batch=2,
        tiny=TINY,
    )


METHODS = (
    _method("edgeflow", EdgeFlowConfig(), "HRNet-18 with OCR that sees its edge again; coarse to fine."),
    _method("edgeflow_hrnet18s", EdgeFlowConfig(small=True, ocr=48), "EdgeFlow on the small HRNet."),
    _method("edgeflow_small", SMALL, "EdgeFlow on an HRNet with half the channels, for a CPU."),
)
