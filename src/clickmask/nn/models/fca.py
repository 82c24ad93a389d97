"""FCA-Net, First Click Attention (Lin, Zhang, Chen, Cheng, Lu; CVPR 2020).

A DeepLabV3+ on ResNet-101 or Res2Net-101 sees the image and gaussians of all clicks; a branch of its own sees the fine
features with a wide gaussian round the first click, which usually sits in the middle of the object. The network is that
of the authors' public code (frazerlin/fcanet), whose weights `convert` reads; it sees no previous mask. The paper's
structural integrity strategy is the stage ``connected_to_clicks``.

Departures: the training code is not published, so the click loss is our reading of the paper: cross-entropy with
weights that grow towards the clicks, for the auxiliary answer of the first-click branch towards the first click. Inputs
are squares, theirs keep the image's shape with a short side of 512.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.encode.fca_gaussian import FcaGaussian
from clickmask.nn.backbones.hrnet import resized
from clickmask.nn.backbones.res2net import Bottle2neck
from clickmask.nn.backbones.residual import Bottleneck, conv_norm_relu
from clickmask.nn.encode import encode_fca_gaussian
from clickmask.nn.heads.deeplab import SpatialPyramid
from clickmask.nn.losses import weighted_cross_entropy
from clickmask.nn.method import Method, Outputs, Phase, Scaling, Training

GUIDANCE_CHANNELS = 3
RATES = (6, 12, 18)
"""Dilations of the pyramid at output stride 16."""
GRID = (2, 4, 8)
"""Dilations of the three blocks of the last stage: multi-grid 1, 2, 4 at twice the step."""
NEAR = FcaGaussian(width=60.0, first_width=120.0)
"""How far from a click the click loss still weighs a pixel more."""
EXTRA_WEIGHT = 4.0
"""Added to the weight 1 of a pixel right at a click."""
FIRST_WEIGHT = 0.4
"""Weight of the auxiliary answer's loss."""
ZERO_TO_ONE = Scaling((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class FcaConfig:
    """Size of the network.

    Attributes:
        res2net: Res2Net's blocks and its stem of three convolutions, else ResNet's.
        blocks: of the first three stages; the last one has three.
        width: of the first stage; its features have 4 times as many channels, each later stage twice as many.
        first: channels of the two halves of the first-click branch.
        head: channels of pyramid and decoder.
        skip: channels that the decoder takes of the fine features.
    """

    res2net: bool = False
    blocks: tuple[int, int, int] = (3, 4, 23)
    width: int = 64
    first: tuple[int, int] = (256, 512)
    head: int = 256
    skip: int = 48


class FcaNet(nn.Module):
    """See the module's text."""

    def __init__(self, config: FcaConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        fine, deep = 4 * width, 32 * width
        self.stem = _split_stem(width) if config.res2net else _plain_stem(width)
        self.stem_norm = nn.BatchNorm2d(width)
        self.stages = nn.ModuleList(_stages(config))
        early, late = config.first
        self.first = nn.Sequential(
            conv_norm_relu(fine + 1, early, 3, stride=2),
            conv_norm_relu(early, early, 3),
            conv_norm_relu(early, early, 3),
            conv_norm_relu(early, late, 3, stride=2),
            conv_norm_relu(late, late, 3),
            conv_norm_relu(late, late, 3),
        )
        self.pyramid = SpatialPyramid(deep + late, config.head, RATES, dropout=0.0)
        self.skip = conv_norm_relu(fine, config.skip, 1)
        self.decoder = nn.Sequential(
            conv_norm_relu(config.head + config.skip, config.head, 3), conv_norm_relu(config.head, config.head, 3)
        )
        self.classify = _classifier(config.head)
        self.classify_first = _classifier(late)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Logits of a batch.

        Args:
            image: (B, 3, H, W) in [0, 1]; H and W multiples of 16.
            guidance: (B, 3, H, W), see `clickmask.encode.fca_gaussian`.

        Returns:
            ``logits`` (B, 1, H, W), and in training ``first``, the same from the first-click branch alone.
        """
        everything, first_click = guidance.split([2, 1], dim=1)
        x = F.relu(self.stem_norm(self.stem(torch.cat([image, everything], dim=1))))
        fine = self.stages[0](F.max_pool2d(x, 3, stride=2, padding=1))
        deep = fine
        for stage in self.stages[1:]:
            deep = stage(deep)
        first = self.first(torch.cat([fine, resized(first_click, fine)], dim=1))
        seen = self.pyramid(torch.cat([first, deep], dim=1))
        skip = self.skip(fine)
        answers = {"logits": self.classify(self.decoder(torch.cat([resized(seen, skip), skip], dim=1)))}
        if self.training:
            answers["first"] = self.classify_first(first)
        return {name: resized(logits, image) for name, logits in answers.items()}


def _plain_stem(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(5, width, 7, stride=2, padding=3, bias=False))


def _split_stem(width: int) -> nn.Sequential:
    half = width // 2
    last = nn.Conv2d(half, width, 3, padding=1, bias=False)
    return nn.Sequential(conv_norm_relu(5, half, 3, stride=2), conv_norm_relu(half, half, 3), last)


def _stages(config: FcaConfig) -> list[nn.Module]:
    stages: list[nn.Module] = []
    inputs = config.width
    plans = [[1] * count for count in config.blocks] + [list(GRID)]
    for level, (dilations, stride) in enumerate(zip(plans, (1, 2, 2, 1), strict=True)):
        width = config.width << level
        blocks: list[nn.Module] = []
        for number, dilation in enumerate(dilations):
            step, pair = (stride if number == 0 else 1), (dilation, dilation)
            if config.res2net:
                blocks.append(Bottle2neck(inputs, width, step, pair, opens=number == 0))
            else:
                blocks.append(Bottleneck(inputs, width, step, pair))
            inputs = 4 * width
        stages.append(nn.Sequential(*blocks))
    return stages


def _classifier(inputs: int) -> nn.Sequential:
    half = inputs // 2
    return nn.Sequential(conv_norm_relu(inputs, half, 3), conv_norm_relu(half, half, 3), nn.Conv2d(half, 1, 1))


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) click loss of the answer, and of the first-click branch's where it gave one."""
    near = encode_fca_gaussian(NEAR, clicks, torch.zeros_like(labels)) * EXTRA_WEIGHT + 1  # (B, 3, H, W)
    total = weighted_cross_entropy(outputs["logits"], labels, near[:, :2].amax(dim=1, keepdim=True))
    if "first" in outputs:
        total = total + FIRST_WEIGHT * weighted_cross_entropy(outputs["first"], labels, near[:, 2:])
    return total


def build(config: FcaConfig, *, pretrained: bool) -> FcaNet:
    """The network; there are no encoder weights to begin with, and no recipe asks for them."""
    network = FcaNet(config)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' checkpoints (``fcanet-resnet.pth``, ``fcanet-res2net.pth``) -> ours."""
    return {_renamed(name): value for name, value in state.items()}


PLACES = (
    ("backbone_pre.conv1.0.", "stem.0.0."),
    ("backbone_pre.conv1.1.", "stem.0.1."),
    ("backbone_pre.conv1.3.", "stem.1.0."),
    ("backbone_pre.conv1.4.", "stem.1.1."),
    ("backbone_pre.conv1.6.", "stem.2."),
    ("backbone_pre.conv1.", "stem.0."),
    ("backbone_pre.bn1.", "stem_norm."),
    ("backbone_pre.layer1.", "stages.0."),
    ("backbone_last.layer2.", "stages.1."),
    ("backbone_last.layer3.", "stages.2."),
    ("backbone_last.layer4.", "stages.3."),
    ("my_aspp.aspp1.atrous_conv.", "pyramid.point.0."),
    ("my_aspp.aspp1.bn.", "pyramid.point.1."),
    *((f"my_aspp.aspp{n}.atrous_conv.", f"pyramid.windows.{n - 2}.0.") for n in (2, 3, 4)),
    *((f"my_aspp.aspp{n}.bn.", f"pyramid.windows.{n - 2}.1.") for n in (2, 3, 4)),
    ("my_aspp.global_avg_pool.1.", "pyramid.whole.0."),
    ("my_aspp.global_avg_pool.2.", "pyramid.whole.1."),
    ("my_aspp.conv1.", "pyramid.project.0."),
    ("my_aspp.bn1.", "pyramid.project.1."),
    ("my_decoder.side_conv.", "skip."),
    *((f"my_decoder.merge_conv.{n}.", f"decoder.{n // 3}.{n % 3}.") for n in (0, 1, 3, 4)),
    *((f"pred_decoder.pred_conv.{n}.", f"classify.{n // 3}.{n % 3}.") for n in (0, 1, 3, 4)),
    ("pred_decoder.pred_conv.6.", "classify.2."),
    *((f"first_pred_decoder.pred_conv.{n}.", f"classify_first.{n // 3}.{n % 3}.") for n in (0, 1, 3, 4)),
    ("first_pred_decoder.pred_conv.6.", "classify_first.2."),
    ("first_conv.convs.", "first."),
)
"""Beginnings of the authors' names and of ours."""


def _renamed(name: str) -> str:
    for theirs, ours in PLACES:
        if name.startswith(theirs):
            return (ours + name[len(theirs) :]).replace(".downsample.", ".shortcut.")
    return name


SMALL = FcaConfig(blocks=(2, 2, 4), width=16, first=(64, 96), head=96, skip=32)
TINY = FcaConfig(blocks=(1, 1, 1), width=8, first=(8, 8), head=8, skip=8)
TRAINING = Training(
    phases=(Phase(128, 32, 3125, 1e-3, 1e-5),),
    encoder=("stem.", "stages."),
    rehearsals=0,
    # the network sees clicks alone: a box or a mask to begin with would be a sample that says nothing
    clicks={"starts": (0.4, 0.6, 0.0, 0.0)},
)


def _method(name: str, config: FcaConfig, summary: str, side: int, zoom_in: Mapping[str, float] | None) -> Method:
    return Method(
        name=name,
        family="fca",
        summary=summary,
        paper="Lin, Zhang, Chen, Cheng, Lu: Interactive Image Segmentation with First Click Attention, CVPR 2020",
        licence="research and education only",
        config=config,
        build=build,
        encoding="fca_gaussian",
        loss=loss,
        input_hw=(side, side),
        scaling=ZERO_TO_ONE,
        capabilities=frozenset(),
        training=TRAINING,
        least_batch=2,
        zoom_in=zoom_in,
        tiny=TINY,
        convert=convert if zoom_in is None else None,
    )


METHODS = (
    _method("fca", FcaConfig(), "FCA-Net on ResNet-101: a branch of its own for the first click.", 512, None),
    _method("fca_res2net101", FcaConfig(res2net=True), "FCA-Net on Res2Net-101.", 512, None),
    _method("fca_small", SMALL, "FCA-Net with a quarter of the channels and fewer blocks, for a CPU.", 256, {}),
)
