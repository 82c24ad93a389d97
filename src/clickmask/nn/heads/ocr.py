"""Object-contextual representations (Yuan et al., ECCV 2020) for one class, as RITM and f-BRS use them.

With one class the attention of the paper has one key: its softmax is 1 everywhere, and each pixel's context is the
same pooled object vector. So the query and key branches, which cannot change the answer, are left out; the vector
is merged before it is spread over the map. The function is that of the published networks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.residual import conv_norm_relu

DROPOUT = 0.05


class OcrHead(nn.Module):
    """Logits, and a first guess of them, from joined features.

    Args:
        inputs: channels of the features.
        width: of the object vector; merged features have twice as many channels.

    Attributes:
        channels: of the merged features.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.channels = 2 * width
        self.guess = nn.Sequential(
            nn.Conv2d(inputs, inputs, 1), nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.Conv2d(inputs, 1, 1)
        )
        self.pixels = nn.Sequential(
            nn.Conv2d(inputs, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True)
        )
        self.down = conv_norm_relu(2 * width, width, 1)
        self.up = conv_norm_relu(width, 2 * width, 1)
        self.merge = nn.Conv2d(4 * width, 2 * width, 1, bias=False)
        self.merge_norm = nn.BatchNorm2d(2 * width)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.classify = nn.Conv2d(2 * width, 1, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs, h, w) -> merged features (B, 2 width, h, w) and guessed logits (B, 1, h, w).

        ``classify`` turns merged features into logits.
        """
        guess = self.guess(features)
        pixels = self.pixels(features)
        shares = torch.softmax(guess.flatten(1), dim=1)  # (B, hw)
        pooled = torch.matmul(pixels.flatten(2), shares[:, :, None])[..., None]  # (B, 2 width, 1, 1)
        context = self.up(self.down(pooled))
        # the first half of the kernel reads the context, which is the same at every pixel
        for_context, for_pixels = torch.split(self.merge.weight, self.channels, dim=1)
        merged = F.conv2d(pixels, for_pixels) + F.conv2d(context, for_context)
        return self.dropout(F.relu(self.merge_norm(merged))), guess
