"""Residual blocks and small sequences that ResNet and HRNet are made of (He et al., CVPR 2016)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def conv_norm(inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    """Convolution without bias, and batch normalisation; sizes shrink by the stride alone."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


def conv_norm_relu(inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """`conv_norm` with a rectifier after it."""
    return nn.Sequential(*conv_norm(inputs, outputs, kernel, stride=stride, dilation=dilation), nn.ReLU(inplace=True))


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """What brings a block's input to its output's shape; None where it has it already."""
    return None if stride == 1 and inputs == outputs else nn.Sequential(*conv_norm(inputs, outputs, 1, stride=stride))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the input added.

    Args:
        inputs: channels.
        width: channels of the output.
        stride: of the first convolution.
        dilations: of both convolutions.
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilations: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_norm(inputs, width, 3, stride=stride, dilation=dilations[0])
        self.conv2, self.bn2 = conv_norm(width, width, 3, dilation=dilations[1])
        self.shortcut = shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and the input added; the output has 4 times `width` channels.

    The stride is that of the 3 x 3 convolution ("v1b"); its dilation is the first of `dilations`.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, dilations: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = conv_norm(inputs, width, 1)
        self.conv2, self.bn2 = conv_norm(width, width, 3, stride=stride, dilation=dilations[0])
        self.conv3, self.bn3 = conv_norm(width, outputs, 1)
        self.shortcut = shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))
