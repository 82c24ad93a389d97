"""DIOS, Deep Interactive Object Selection (Xu, Price, Cohen, Yang, Huang; CVPR 2016, arXiv 1603.04042).

A fully convolutional network (Long et al., 2015) over the VGG-16 layers (Simonyan and Zisserman, 2015) takes the image
and two truncated distance maps; scores at strides 32, 16 and 8 are fused by doubling and adding. It sees no previous
mask.

Departures: one logit in place of two classes; the three fusions are trained at once, each with a loss of its own (Long
et al., 2017, "at once"), not one after the other; batch norm, because no ImageNet weights of VGG are at hand to start
from; for the same reason the first layer's weights for the distance maps are random like the others, where the paper
begins with zeros; bilinear resizing in place of deconvolutions that are begun as bilinear. The paper's graph cut is the
stage ``graph_cut``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.losses import binary_cross_entropy
from clickmask.nn.method import IMAGENET, Method, Outputs, Phase, Training

GUIDANCE_CHANNELS = 2
STRIDES = (32, 16, 8)
"""Strides at which scores are made, in the order of fusion."""
HEADS = {32: "stride32", 16: "stride16", 8: "logits"}
"""Names of the answers after each fusion."""


@dataclass(frozen=True, slots=True)
class DiosConfig:
    """Size of the network.

    Attributes:
        widths: channels of the five blocks, which end at strides 2, 4, 8, 16 and 32.
        depths: convolutions of the five blocks.
        head: channels of the two layers that stand for VGG's fully connected ones.
        dropout: share of their channels left out in training.
    """

    widths: tuple[int, int, int, int, int] = (64, 128, 256, 512, 512)
    depths: tuple[int, int, int, int, int] = (2, 2, 3, 3, 3)
    head: int = 4096
    dropout: float = 0.5


class Dios(nn.Module):
    """See the module's text."""

    def __init__(self, config: DiosConfig) -> None:
        super().__init__()
        self.config = config
        channels = [3 + GUIDANCE_CHANNELS, *config.widths]
        sizes = zip(pairwise(channels), config.depths, strict=True)
        self.blocks = nn.ModuleList([_block(inputs, outputs, depth) for (inputs, outputs), depth in sizes])
        self.head = nn.Sequential(
            *_layer(config.widths[4], config.head, 7),
            nn.Dropout2d(config.dropout),
            *_layer(config.head, config.head, 1),
            nn.Dropout2d(config.dropout),
        )
        inputs = {32: config.head, 16: config.widths[3], 8: config.widths[2]}
        self.scores = nn.ModuleList([nn.Conv2d(inputs[stride], 1, 1) for stride in STRIDES])
        self._forget_skips()

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Logits of a batch.

        Args:
            image: (B, 3, H, W) with ImageNet's mean and deviation; H and W multiples of 32.
            guidance: (B, 2, H, W), see `clickmask.encode.truncated_distance`.

        Returns:
            ``logits``, ``stride16`` and ``stride32``, each (B, 1, H, W): after three fusions, two, and none.
        """
        x = torch.cat([image, guidance], dim=1)
        features = {}
        for block, stride in zip(self.blocks, (2, 4, 8, 16, 32), strict=True):
            x = F.max_pool2d(block(x), 2)
            features[stride] = x
        features[32] = self.head(x)
        answers: dict[str, Tensor] = {}
        fused = None
        for score, stride in zip(self.scores, STRIDES, strict=True):
            here = score(features[stride])
            fused = here if fused is None else _grown(fused, 2) + here
            answers[HEADS[stride]] = _grown(fused, stride)
        return answers

    def _forget_skips(self) -> None:
        """At the start the finer scores count for nothing (Long et al.)."""
        with torch.no_grad():
            for parameter in self.scores[1:].parameters():
                parameter.zero_()


def _layer(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _block(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    sizes = [inputs, *[outputs] * depth]
    return nn.Sequential(*[module for a, b in pairwise(sizes) for module in _layer(a, b, 3)])


def _grown(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) mean cross-entropy of the three fusions."""
    return torch.stack([binary_cross_entropy(outputs[name], labels) for name in HEADS.values()]).mean(dim=0)


def build(config: DiosConfig, *, pretrained: bool) -> Dios:
    """The network; there are no weights to begin with, so `pretrained` changes nothing and no recipe asks for it."""
    network = Dios(config)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


SMALL = DiosConfig((24, 48, 96, 160, 224), (2, 2, 2, 2, 2), 384, 0.1)
TINY = DiosConfig((4, 4, 8, 8, 8), (1, 1, 1, 1, 1), 8, 0.0)
TRAINING = Training(
    phases=(Phase(128, 32, 3125, 1e-3, 1e-5),),
    schedule="iterative",
    rehearsals=0,
    clicks={"starts": (0.0, 1.0, 0.0, 0.0), "sampler": "dios"},
    encoder=("blocks.",),
)


def _method(name: str, config: DiosConfig, summary: str) -> Method:
    return Method(
        name=name,
        family="dios",
        summary=summary,
        paper="Xu, Price, Cohen, Yang, Huang: Deep Interactive Object Selection, CVPR 2016",
        licence="none published",
        config=config,
        build=build,
        encoding="truncated_distance",
        loss=loss,
        scaling=IMAGENET,
        capabilities=frozenset(),
        training=TRAINING,
        tiny=TINY,
    )


METHODS = (
    _method("dios", DiosConfig(), "VGG-16 FCN over distance maps, scores fused at strides 32, 16 and 8; no memory."),
    _method("dios_small", SMALL, "DIOS with about an eighth of the channels, for training on a CPU."),
)
