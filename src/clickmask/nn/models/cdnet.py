"""CDNet: Conditional Diffusion for Interactive Segmentation (Chen, Zhao, Yu, Zhang, Duan; ICCV 2021).

DeepLabV3+ on ResNet-34 without previous mask. Its feature diffusion lets features flow between pixels that are alike,
towards those near a click or surely of the object; its pixel diffusion is the stage ``pixel_diffusion``, which the
published results include. What is implemented is the published code's newest form (weights of clicks are their large
disks, plus 1 where the gate is above 0.8; the gate acts on the pixel that receives), not the paper's earlier one.
Departures: the gate is learned from its logits, brought to full size before the sigmoid; the weighted cross-entropy of
the diversity loss is taken within each sample. Published weights are under the MIT licence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.hrnet import resized
from clickmask.nn.backbones.resnet import STEM_WIDTH, ResNet
from clickmask.nn.blocks.guidance import Conv1S
from clickmask.nn.guided import begin, convert_deeplab, full_size
from clickmask.nn.heads.deeplab import DeepLabHead, separable
from clickmask.nn.losses import normalised_focal
from clickmask.nn.method import Method, Outputs, Phase, Training
from clickmask.nn.naming import renamed_state

SURE = 0.8
"""Gate above which a pixel counts like one near a click."""
GATE_WEIGHT = 0.4
LATENT_MAPS = 4
CLICK_SHARE, REST_SHARE = 0.99, 0.01
"""Weights of clicked and of all pixels in the diversity loss."""


@dataclass(frozen=True, slots=True)
class CDNetConfig:
    """Size of the network.

    Attributes:
        depth: of the ResNet.
        width: of the decoder.
        dropout: after the pyramid.
        stem: channels of the encoder's first stage.
    """

    depth: int = 34
    width: int = 128
    dropout: float = 0.2
    stem: int = STEM_WIDTH


class FeatureDiffusion(nn.Module):
    """Attention between all pixels whose keys are weighed by clicks, once for each sign; added to the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(separable(width, width), nn.Conv2d(width, 1, 1))
        self.query, self.key, self.value = (nn.Conv2d(width, width, 1, bias=False) for _ in range(3))
        self.spread = nn.ModuleList([nn.Conv2d(width, width, 1, bias=False) for _ in range(2)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(width) for _ in range(2)])

    def forward(self, x: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused features and gate logits.

        Args:
            x: (B, C, h, w) features.
            near: (B, 2, h, w) in [0, 1], how near a pixel is to a positive and to a negative click.

        Returns:
            (B, C, h, w), and (B, 1, h, w): whether a pixel belongs to the object.
        """
        gate = self.gate(x)
        inside = torch.sigmoid(gate).detach().flatten(2)  # (B, 1, hw)
        query, key, value = (layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value))
        alike = query @ key.transpose(1, 2)  # (B, hw, hw)
        out = x
        for sign, share in enumerate((inside, 1 - inside)):
            weight = near[:, sign : sign + 1].flatten(2) + (share > SURE).float()  # (B, 1, hw) of the giving pixels
            mixed = torch.softmax(alike * weight, dim=2) @ value * share.transpose(1, 2)
            out = out + self.norms[sign](self.spread[sign](mixed.transpose(1, 2).reshape(x.shape)))
        return out, gate


class CDNet(nn.Module):
    """See the module's text."""

    def __init__(self, config: CDNetConfig) -> None:
        super().__init__()
        self.fusion = Conv1S(2, config.stem)
        self.encoder = ResNet(config.depth, stride=8, width=config.stem)
        self.head = DeepLabHead(self.encoder.channels[-1], self.encoder.channels[0], config.width, config.dropout)
        self.diffusion = FeatureDiffusion(config.width)
        half = config.width // 2
        self.latent = nn.Sequential(
            separable(config.width, half), separable(half, half), nn.Conv2d(half, LATENT_MAPS, 1)
        )
        begin(self)

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        """Logits of a batch.

        Args:
            image: (B, 3, H, W) with ImageNet's mean and deviation.
            guidance: (B, 4, H, W) small and large disks of either sign, see `clickmask.encode.two_disks`.

        Returns:
            ``logits`` and ``gate`` (B, 1, H, W), ``latent`` (B, 4, H, W): answers that may differ from one another.
        """
        size = (int(image.shape[2]), int(image.shape[3]))
        maps = self.encoder(image, self.fusion(guidance[:, :2]))
        diffused, gate = self.diffusion(self.head.pyramid(maps[-1]), resized(guidance[:, 2:], maps[-1]))
        skip = self.head.skip(maps[0])
        features = self.head.decoder(torch.cat([resized(diffused, skip), skip], dim=1))
        answers = {"logits": self.head.classify(features), "gate": gate, "latent": self.latent(features)}
        return {name: full_size(value, size) for name, value in answers.items()}


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) normalised focal loss of answer and gate, and of the best of the latent answers, which all obey clicks."""
    answer = normalised_focal(outputs["logits"], labels) + GATE_WEIGHT * normalised_focal(outputs["gate"], labels)
    near = click_weights(clicks, labels)
    latent = outputs["latent"].split(1, dim=1)
    best = torch.stack([normalised_focal(one, labels) for one in latent]).amin(dim=0)
    obeyed = torch.stack([clicked_cross_entropy(one, labels, near) for one in latent]).sum(dim=0)
    return answer + best + obeyed


def click_weights(clicks: Tensor, labels: Tensor, radius: float = 5.0) -> Tensor:
    """(B, 1, H, W) weights: CLICK_SHARE more within `radius` pixels of a click than elsewhere."""
    height, width = labels.shape[2:]
    rows = torch.arange(height, device=clicks.device) + 0.5
    columns = torch.arange(width, device=clicks.device) + 0.5
    x, y, sign = clicks.unbind(dim=2)  # (B, N) each
    squared = (rows - y[..., None])[..., None] ** 2 + (columns - x[..., None])[..., None, :] ** 2
    disk = ((squared <= radius**2) & (sign >= 0)[..., None, None]).any(dim=1, keepdim=True)
    return disk.float() * CLICK_SHARE + REST_SHARE


def clicked_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """(B,) cross-entropy, weighed by pixel."""
    surprise = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none")
    return (surprise * weights * (labels >= 0)).sum((1, 2, 3)) / weights.sum((1, 2, 3))


_NAMES = (
    ("feature_extractor.FDM.gate_head_pos.layers.", "diffusion.gate."),
    ("feature_extractor.FDM.t.", "diffusion.query."),
    ("feature_extractor.FDM.p.", "diffusion.key."),
    ("feature_extractor.FDM.g.", "diffusion.value."),
    ("feature_extractor.FDM.z.", "diffusion.spread.0."),
    ("feature_extractor.FDM.z2.", "diffusion.spread.1."),
    ("feature_extractor.FDM.bn.", "diffusion.norms.0."),
    ("feature_extractor.FDM.bn2.", "diffusion.norms.1."),
    ("latent_head.layers.", "latent."),
    (".body.", "."),
)
_OWN = ("feature_extractor.FDM.", "latent_head.")


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the published checkpoints (XavierCHEN34/ClickSEG) -> ours; kernels of its pixel diffusion are left."""
    own = {name: value for name, value in state.items() if name.startswith(_OWN)}
    rest = {name: value for name, value in state.items() if not name.startswith((*_OWN, "PDM."))}
    shared = renamed_state(convert_deeplab(rest), (("fusion.features.", "fusion."),))
    return {**shared, **renamed_state(own, _NAMES)}


def build(config: CDNetConfig, *, pretrained: bool) -> CDNet:
    """The network; there are no encoder weights to begin with, so `pretrained` must be false."""
    return CDNet(config)


PUBLISHED = CDNetConfig()
SMALL = CDNetConfig(depth=18, width=64, stem=32)
TINY = CDNetConfig(depth=18, width=8, stem=8)


def _method(name: str, summary: str, config: CDNetConfig) -> Method:
    return Method(
        name=name,
        family="cdnet",
        summary=summary,
        paper="Chen, Zhao, Yu, Zhang, Duan: Conditional Diffusion for Interactive Segmentation, ICCV 2021",
        licence="MIT",
        config=config,
        build=build,
        encoding="two_disks",
        loss=loss,
        input_hw=(384, 384),
        capabilities=frozenset(),
        # published: 384 pixels, batches of 32, 3.6 million samples, a tenth at 67 % and again at 88 %
        training=Training(
            phases=(Phase(128, 32, 3125, 5e-4, 5e-6),),
            rehearsals=0,
            clicks={"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 24, "gamma": 0.8},
            input_side=256,
        ),
        zoom_in={"min_crop": 10 / 384, "min_aspect": 0.0, "refresh_iou": 1.0, "second_pass_iou": 0.0},
        least_batch=2,
        tiny=TINY,
        convert=convert,
    )


METHODS: tuple[Method, ...] = (
    _method(
        "cdnet_resnet34",
        "DeepLabV3+ on ResNet-34 with feature diffusion; meant for the stage pixel_diffusion.",
        PUBLISHED,
    ),
    _method("cdnet_small", "CDNet on a slim ResNet-18, for a CPU.", SMALL),
)
