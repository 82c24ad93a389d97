"""FocalClick's refiner (Chen et al., CVPR 2022, arXiv 2204.02574): a second look at a small window, at full resolution.

About 0.011 million parameters. It sees the window's pixels, clicks and coarse answer, and the coarse network's features
of that window; where it finds a boundary its answer counts, elsewhere the coarse one stays.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 32


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2), nn.BatchNorm2d(outputs), nn.ReLU()
        )


class Separable(nn.Sequential):
    """Depthwise 3 x 3, then 1 x 1, batch norm, ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.Conv2d(width, width, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )


class LocalRefiner(nn.Module):
    """The refiner.

    Args:
        features: channels of the coarse network's features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.look = nn.Sequential(ConvNorm(6, WIDTH, 3, stride=2), Separable(WIDTH), Separable(WIDTH))
        self.recall = ConvNorm(features, WIDTH, 1)
        self.join = nn.Sequential(Separable(WIDTH), Separable(WIDTH))
        self.mask = nn.Conv2d(WIDTH, 1, 3, padding=1)
        self.boundary = nn.Conv2d(WIDTH, 1, 3, padding=1)

    def forward(self, image: Tensor, disks: Tensor, coarse: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Refined logits and boundary logits of a window.

        Args:
            image: (B, 3, h, w), scaled like the coarse network's.
            disks: (B, 2, h, w) disks of the positive and of the negative clicks.
            coarse: (B, 1, h, w) coarse logits.
            features: (B, C, any, any) coarse features of the same window.

        Returns:
            Two (B, 1, h, w) maps of logits.
        """
        seen = self.look(torch.cat([image, disks, torch.sigmoid(coarse)], dim=1))
        recalled = grown(self.recall(features), seen)
        joined = self.join(seen + recalled)
        refined, boundary = grown(self.mask(joined), image), grown(self.boundary(joined), image)
        share = torch.sigmoid(boundary)
        return share * refined + (1 - share) * coarse, boundary


def grown(maps: Tensor, like: Tensor) -> Tensor:
    """Bilinear samples at the size of `like`, corners on corners."""
    size = [int(n) for n in like.shape[2:]]
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=True)
