"""Res2Net's block (Gao et al., TPAMI 2021, arXiv 1904.01169): the middle convolution in groups that feed each other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.residual import conv_norm

GROUPS = 4
GROUP_SHARE = 26 / 64
"""Channels of a group relative to the block's width ("26w 4s")."""


class Bottle2neck(nn.Module):
    """1 x 1, four groups of 3 x 3, and 1 x 1 convolutions, and the input added ("v1b"); gives 4 times `width` channels.

    In the first block of a stage the groups do not feed each other.

    Args:
        inputs: channels.
        width: of the stage.
        stride: of the groups.
        dilations: of the groups; the second one is there for the shape that all blocks share.
        opens: whether it is the first block of a stage.
    """

    expansion = 4

    def __init__(
        self, inputs: int, width: int, stride: int = 1, dilations: tuple[int, int] = (1, 1), *, opens: bool = False
    ) -> None:
        super().__init__()
        outputs, self.group = width * self.expansion, int(width * GROUP_SHARE)
        self.opens, self.stride = opens, stride
        self.conv1, self.bn1 = conv_norm(inputs, GROUPS * self.group, 1)
        layers = [conv_norm(self.group, self.group, 3, stride=stride, dilation=dilations[0]) for _ in range(GROUPS - 1)]
        self.convs = nn.ModuleList([convolution for convolution, _ in layers])
        self.bns = nn.ModuleList([norm for _, norm in layers])
        self.conv3, self.bn3 = conv_norm(GROUPS * self.group, outputs, 1)
        self.shortcut = None if stride == 1 and inputs == outputs else _pooled_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 width, H / stride, W / stride)."""
        *parts, last = torch.tensor_split(F.relu(self.bn1(self.conv1(x))), GROUPS, dim=1)
        answers: list[Tensor] = []
        for part, convolution, norm in zip(parts, self.convs, self.bns, strict=True):
            fed = part if self.opens or not answers else part + answers[-1]
            answers.append(F.relu(norm(convolution(fed))))
        if self.opens and self.stride > 1:
            last = F.avg_pool2d(last, 3, stride=self.stride, padding=1)
        y = self.bn3(self.conv3(torch.cat([*answers, last], dim=1)))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def _pooled_shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(pool, *conv_norm(inputs, outputs, 1))
