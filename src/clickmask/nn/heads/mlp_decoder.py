"""SegFormer's decoder (Xie et al., 2021, arXiv 2105.15203): one linear layer a map, one over all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MlpDecoder(nn.Module):
    """Four maps to one feature map at the finest stride, and logits.

    Args:
        inputs: channels of the maps, the finest first.
        width: channels of the features.
        dropout: share of channels left out in training.
    """

    def __init__(self, inputs: Sequence[int], width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.width = width
        self.laterals = nn.ModuleList([nn.Conv2d(channels, width, 1) for channels in inputs])
        self.fuse = nn.Conv2d(width * len(inputs), width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout2d(dropout)
        self.logits = nn.Conv2d(width, 1, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Maps -> (B, 1, h, w) logits and (B, width, h, w) features at the size of the finest."""
        size = [int(n) for n in maps[0].shape[2:]]
        raised = [
            F.interpolate(lateral(x), size=size, mode="bilinear", align_corners=False)
            for lateral, x in zip(self.laterals, maps, strict=True)
        ]
        # the coarsest comes first: the order of the published weights
        features = self.dropout(F.relu(self.norm(self.fuse(torch.cat(raised[::-1], dim=1)))))
        return self.logits(features), features
