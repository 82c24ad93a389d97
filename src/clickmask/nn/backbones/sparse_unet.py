"""A sparse U-Net for voxels (after Res16UNet of Choy, Gwak, Savarese 2019): residual blocks, stride-2 steps, skips.

We depart from the published network in size, in a 3x3x3 stem where it has 5x5x5, and in steps between
levels over the 8 children of a voxel, as it has them too. Batch normalisation runs over all voxels of a
batch and melts into the convolutions when a model is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from clickmask.nn.sparse import Pairs, SparseConv, SparsePlan

MOMENTUM = 0.02
"""Of the running statistics: batches are few clouds, so each counts little."""


@dataclass(frozen=True)
class SparseUNetConfig:
    """Size of the network.

    Attributes:
        inputs: channels of a voxel.
        outputs: logits of a voxel.
        widths: channels per level, the finest first; one level more is one halving more.
        encoder_blocks: residual blocks per level on the way down.
        decoder_blocks: residual blocks per level on the way up.
    """

    inputs: int
    outputs: int = 1
    widths: tuple[int, ...] = (24, 48, 64, 96, 128)
    encoder_blocks: int = 1
    decoder_blocks: int = 1


class Normed(nn.Module):
    """A sparse convolution and its normalisation."""

    def __init__(self, inputs: int, outputs: int, places: int = 27, fan: float = 9.0) -> None:
        super().__init__()
        self.conv = SparseConv(inputs, outputs, places, fan)
        self.norm = nn.BatchNorm1d(outputs, momentum=MOMENTUM)

    def forward(self, rows: Tensor, pairs: Pairs) -> Tensor:
        """(N, Cin) to (M, Cout)."""
        out: Tensor = self.norm(self.conv(rows, pairs))
        return out


class Block(nn.Module):
    """Two 3x3x3 convolutions round a shortcut, which is a matrix where the channels change."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = Normed(inputs, outputs), Normed(outputs, outputs)
        self.shortcut = nn.Linear(inputs, outputs) if inputs != outputs else None

    def forward(self, rows: Tensor, pairs: Pairs) -> Tensor:
        """(N, Cin) to (N, Cout)."""
        hidden = torch.relu(self.first(rows, pairs))
        shortcut = rows if self.shortcut is None else self.shortcut(rows)
        return torch.relu(self.second(hidden, pairs) + shortcut)


class Level(nn.Module):
    """Blocks of one level, one after the other."""

    def __init__(self, inputs: int, outputs: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(inputs if i == 0 else outputs, outputs) for i in range(count)])

    def forward(self, rows: Tensor, pairs: Pairs) -> Tensor:
        """(N, Cin) to (N, Cout)."""
        for block in self.blocks:
            rows = block(rows, pairs)
        return rows


class SparseUNet(nn.Module):
    """Voxel features to voxel logits."""

    def __init__(self, config: SparseUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = Normed(config.inputs, widths[0])
        self.encoder = nn.ModuleList([Level(width, width, config.encoder_blocks) for width in widths])
        self.down = nn.ModuleList([Normed(a, b, 8, 3.0) for a, b in pairwise(widths)])
        self.up = nn.ModuleList([Normed(b, a, 8, 1.0) for a, b in pairwise(widths)])
        self.decoder = nn.ModuleList([Level(2 * width, width, config.decoder_blocks) for width in widths[:-1]])
        self.head = nn.Linear(widths[0], config.outputs)

    def forward(self, rows: Tensor, plan: SparsePlan) -> Tensor:
        """(N, inputs) features of the finest level's voxels to (N, outputs) logits."""
        rows = torch.relu(self.stem(rows, plan.same[0]))
        kept = []
        for i, level in enumerate(self.encoder):
            rows = level(rows, plan.same[i])
            if i < len(self.down):
                kept.append(rows)
                rows = torch.relu(self.down[i](rows, plan.down[i]))
        for i in reversed(range(len(self.up))):
            rows = torch.relu(self.up[i](rows, plan.up[i]))
            rows = self.decoder[i](torch.cat([rows, kept[i]], dim=1), plan.same[i])
        out: Tensor = self.head(rows)
        return out
