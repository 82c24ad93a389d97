"""How guidance (clicks and previous mask as maps) meets the image in the stem of an image network.

Source: RITM (Sofiiuk et al., 2021) for the first two, f-BRS (Sofiiuk et al., CVPR 2020) for the third. Departure: the
scale of Conv1S begins at 1, theirs at 0.05, so that features learned from images are not disturbed at first. Here
nothing is learned yet, and clicks that start at a twentieth are not seen for the first thousands of samples: see
docs/experiments/0012-from-scratch.md.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
SCALE_START = 1.0
"""Clicks count from the first step on."""


class Conv1S(nn.Module):
    """Guidance as features at stride 2, to be added to the stem's, times a learned scale ("Conv1S").

    Args:
        inputs: channels of the guidance.
        outputs: channels of the stem.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, 16, 1)
        self.conv = nn.Conv2d(16, outputs, 3, stride=2, padding=1)
        self.scale = nn.Parameter(torch.full((1,), SCALE_START))

    def forward(self, guidance: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/2, W/2)."""
        out: Tensor = self.conv(F.leaky_relu(self.mix(guidance), SLOPE)) * self.scale.abs()
        return out


class Conv1E(nn.Conv2d):
    """Guidance as features at stride 2 by one convolution ("Conv1E"): as if the stem had more input channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2, padding=1)


class MapFusion(nn.Module):
    """Image and guidance become an image again, for a backbone that is left as it is ("distance maps fusion").

    Args:
        inputs: channels of the guidance.
        norm_last: normalise after the rectifier, as f-BRS does; RITM normalises before it.
    """

    def __init__(self, inputs: int, *, norm_last: bool) -> None:
        super().__init__()
        self.norm_last = norm_last
        # f-BRS: 5 -> 8 channels; RITM: 3 + c -> 6 + c, which is the same for two maps
        self.mix = nn.Conv2d(3 + inputs, 6 + inputs, 1)
        self.norm = nn.BatchNorm2d(6 + inputs)
        self.to_image = nn.Conv2d(6 + inputs, 3, 1)

    def forward(self, image: Tensor, guidance: Tensor) -> Tensor:
        """(B, 3, H, W) and (B, inputs, H, W) -> (B, 3, H, W)."""
        x = self.mix(torch.cat([image, guidance], dim=1))
        x = self.norm(F.leaky_relu(x, SLOPE)) if self.norm_last else F.leaky_relu(self.norm(x), SLOPE)
        out: Tensor = self.to_image(x)
        return out
