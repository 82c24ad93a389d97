"""Maps at strides 4, 8, 16 and 32 from the last map of a plain transformer, and the head that joins them.

Source: the simple feature pyramid of ViTDet (Li et al., 2022, arXiv 2203.16527) with the widths of SimpleClick (Liu et
al., 2023, arXiv 2210.11006), and its head, which follows SegFormer's (Xie et al., 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SimplePyramid(nn.Module):
    """One map at a patch's stride to four: twice and once doubled, as it is, and halved.

    Args:
        inputs: channels of the map.
        widths: channels of the four maps, the finest first.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        fine = max(widths[0] * 2, inputs // 2)
        middle = max(widths[1], inputs // 2)
        coarse = max(widths[3], inputs * 2)
        self.levels = nn.ModuleList(
            [
                nn.Sequential(
                    *doubled(inputs, fine), nn.GELU(), *doubled(fine, fine // 2), *narrowed(fine // 2, widths[0])
                ),
                nn.Sequential(*doubled(inputs, middle), *narrowed(middle, widths[1])),
                nn.Sequential(*narrowed(inputs, widths[2])),
                nn.Sequential(
                    nn.Conv2d(inputs, coarse, 2, stride=2), nn.GroupNorm(1, coarse), *narrowed(coarse, widths[3])
                ),
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, inputs, h, w) -> (B, widths[i], ...) at 4h, 2h, h and h / 2."""
        return [level(x) for level in self.levels]


class JoiningHead(nn.Module):
    """All maps to one width, to the size of the finest, and together through one layer to the logits.

    Args:
        inputs: channels of the maps, the finest first.
        width: channels inside.
        dropout: share of channels left out in training.
    """

    def __init__(self, inputs: Sequence[int], width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.laterals = nn.ModuleList([nn.Conv2d(channels, width, 1) for channels in inputs])
        self.fuse = nn.Conv2d(width * len(inputs), width, 1)
        self.dropout = nn.Dropout2d(dropout)
        self.logits = nn.Conv2d(width, 1, 1)
        nn.init.normal_(self.logits.weight, std=0.01)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Four maps -> (B, 1, h, w) logits at the size of the finest."""
        size = [int(n) for n in maps[0].shape[2:]]
        raised = [
            F.interpolate(F.relu(lateral(x)), size=size, mode="bilinear", align_corners=False)
            for lateral, x in zip(self.laterals, maps, strict=True)
        ]
        joined = F.relu(self.fuse(torch.cat(raised, dim=1)))
        logits: Tensor = self.logits(self.dropout(joined))
        return logits


def doubled(inputs: int, outputs: int) -> list[nn.Module]:
    """Layers that double height and width."""
    return [nn.ConvTranspose2d(inputs, outputs, 2, stride=2), nn.GroupNorm(1, outputs)]


def narrowed(inputs: int, outputs: int) -> list[nn.Module]:
    """Layers that change the number of channels and end a level."""
    return [nn.Conv2d(inputs, outputs, 1), nn.GroupNorm(1, outputs), nn.GELU()]
