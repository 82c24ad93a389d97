"""DeepLabV3+ (Chen et al., ECCV 2018): atrous spatial pyramid pooling, a decoder with a skip, and a light head.

In the form of f-BRS and RITM: skip of 32 channels, separable convolutions in decoder and head, corners aligned.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clickmask.nn.backbones.hrnet import resized
from clickmask.nn.backbones.residual import conv_norm_relu

SKIP_CHANNELS = 32
RATES = (12, 24, 36)
"""Dilations at output stride 8."""


class SpatialPyramid(nn.Module):
    """The input seen through windows of several sizes and as a whole, side by side.

    Args:
        inputs, width: channels in and out.
        rates: dilations of the 3 x 3 convolutions.
        dropout: after the projection.
    """

    def __init__(self, inputs: int, width: int, rates: tuple[int, ...] = RATES, dropout: float = 0.5) -> None:
        super().__init__()
        self.point = conv_norm_relu(inputs, width, 1)
        self.windows = nn.ModuleList([conv_norm_relu(inputs, width, 3, dilation=rate) for rate in rates])
        self.whole = conv_norm_relu(inputs, width, 1)
        self.project = conv_norm_relu((2 + len(rates)) * width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, width, h, w)."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        parts = [self.point(x), *(window(x) for window in self.windows), whole]
        out: Tensor = self.dropout(self.project(torch.cat(parts, dim=1)))
        return out


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """Depthwise 3 x 3 and 1 x 1 convolutions, normalised once, rectified."""
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    point = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(depthwise, point, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class DeepLabHead(nn.Module):
    """Logits from the features of a dilated encoder, in three steps that refinement can stop between.

    Args:
        deep, fine: channels of the deep features and of those at stride 4.
        width: of the decoder.
        dropout: after the pyramid.

    Attributes:
        joined: channels between pyramid and decoder.
    """

    def __init__(self, deep: int, fine: int, width: int, dropout: float) -> None:
        super().__init__()
        self.joined = width + SKIP_CHANNELS
        self.pyramid = SpatialPyramid(deep, width, dropout=dropout)
        self.skip = conv_norm_relu(fine, SKIP_CHANNELS, 1)
        self.decoder = nn.Sequential(separable(self.joined, width), separable(width, width), nn.Conv2d(width, width, 1))
        self.classify = nn.Sequential(
            separable(width, width // 2), separable(width // 2, width // 2), nn.Conv2d(width // 2, 1, 1)
        )

    def join(self, deep: Tensor, skip: Tensor) -> Tensor:
        """Deep features and ``skip(fine)`` (B, 32, h, w) -> (B, joined, h, w) at the size of the skip."""
        return torch.cat([resized(self.pyramid(deep), skip), skip], dim=1)

    def forward(self, deep: Tensor, fine: Tensor) -> Tensor:
        """(B, 1, h, w) logits at the size of the fine features."""
        logits: Tensor = self.classify(self.decoder(self.join(deep, self.skip(fine))))
        return logits
