"""ResNet (He et al., CVPR 2016) as an encoder, with dilation in place of stride where finer maps are wanted.

The forms are those whose ImageNet weights the field begins with ("v1b" and "v1s"): the stride sits in the 3 x 3
convolution, and the 50- and 101-layer ones have three 3 x 3 convolutions for a stem. A dilated stage begins with
half its dilation (Yu et al., CVPR 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.residual import BasicBlock, Bottleneck, conv_norm, conv_norm_relu

STEM_WIDTH = 64


@dataclass(frozen=True, slots=True)
class _Form:
    block: Any
    blocks: tuple[int, int, int, int]
    deep_stem: bool


_FORMS = {
    18: _Form(BasicBlock, (2, 2, 2, 2), deep_stem=False),
    34: _Form(BasicBlock, (3, 4, 6, 3), deep_stem=False),
    50: _Form(Bottleneck, (3, 4, 6, 3), deep_stem=True),
    101: _Form(Bottleneck, (3, 4, 23, 3), deep_stem=True),
}
DEPTHS = tuple(_FORMS)


class ResNet(nn.Module):
    """Features at strides 4, 8 and then 8, 16 or 32.

    Args:
        depth: in DEPTHS.
        stride: of the last two stages' features: 8 (both dilated), 16 (the last one dilated) or 32.
        width: channels of the first stage's blocks, 64 in the published forms.

    Attributes:
        channels: of the four stages.
        stem_channels: of the stem, where guidance may be added.
    """

    def __init__(self, depth: int, stride: int = 8, width: int = STEM_WIDTH) -> None:
        super().__init__()
        form = _FORMS[depth]
        self.stem_channels = 2 * width if form.deep_stem else width
        self.stem = _deep_stem(width) if form.deep_stem else nn.Sequential(*_plain_stem(width))
        plans = {8: ((1, 1), (2, 1), (1, 2), (1, 4)), 16: ((1, 1), (2, 1), (2, 1), (1, 2))}
        steps = plans.get(stride, ((1, 1), (2, 1), (2, 1), (2, 1)))
        stages, inputs = [], self.stem_channels
        for level, (step, dilation) in enumerate(steps):
            stages.append(_stage(form.block, inputs, width << level, form.blocks[level], step, dilation))
            inputs = (width << level) * form.block.expansion
        self.stages = nn.ModuleList(stages)
        self.channels = tuple((width << level) * form.block.expansion for level in range(4))

    def forward(self, image: Tensor, extra: Tensor | None = None) -> list[Tensor]:
        """Features of the four stages.

        Args:
            image: (B, 3, H, W).
            extra: (B, C, H/2, W/2) added to the first C channels of the stem: the door for guidance.
        """
        x = self.stem(image)
        if extra is not None:
            missing = x.shape[1] - extra.shape[1]
            x = x + (F.pad(extra, (0, 0, 0, 0, 0, missing)) if missing else extra)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def _plain_stem(width: int) -> list[nn.Module]:
    return [*conv_norm(3, width, 7, stride=2), nn.ReLU(inplace=True)]


def _deep_stem(width: int) -> nn.Sequential:
    return nn.Sequential(
        *conv_norm_relu(3, width, 3, stride=2),
        *conv_norm_relu(width, width, 3),
        *conv_norm_relu(width, 2 * width, 3),
    )


def _stage(block: Any, inputs: int, width: int, count: int, stride: int, dilation: int) -> nn.Sequential:
    first = (max(dilation // 2, 1), dilation)
    blocks = [block(inputs, width, stride, first)]
    blocks += [block(width * block.expansion, width, 1, (dilation, dilation)) for _ in range(count - 1)]
    return nn.Sequential(*blocks)
