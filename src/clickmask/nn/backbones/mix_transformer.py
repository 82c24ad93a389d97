"""Mix transformer: the hierarchical encoder of SegFormer (Xie et al., 2021, arXiv 2105.15203), sizes B0 and B3.

Overlapping patches, attention over keys and values on a coarser grid, and a depthwise convolution between the two
linear layers of a block in place of position embeddings. Guidance enters as FocalClick (Chen et al., 2022) has it: a
second overlapping embedding is added to what goes from the first stage to the second; the first map stays without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.blocks.stochastic_depth import StochasticDepth

NORM_EPSILON = 1e-6
"""Of the blocks' norms; those after a convolution keep the library's 1e-5, as the published weights expect."""


@dataclass(frozen=True, slots=True)
class MixSize:
    """A row of the paper's table; every field but the last has one value a stage.

    Attributes:
        widths: channels.
        depths: number of blocks.
        heads: of the attention.
        shrinks: side of the cells that keys and values are pooled from.
        drop: chance of leaving out the last block in training; it falls to 0 towards the first.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int] = (1, 2, 5, 8)
    shrinks: tuple[int, int, int, int] = (8, 4, 2, 1)
    drop: float = 0.1


SIZES = {
    "b0": MixSize((32, 64, 160, 256), (2, 2, 2, 2)),
    "b3": MixSize((64, 128, 320, 512), (3, 4, 18, 3)),
    "tiny": MixSize((4, 8, 10, 16), (1, 1, 1, 1)),
}
"""The published ones, and one for tests."""


class OverlapEmbedding(nn.Module):
    """Patches that overlap: a strided convolution, then a norm over channels."""

    def __init__(self, inputs: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(inputs, width, kernel, stride=stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, h, w, width), rounded up."""
        out: Tensor = self.norm(self.projection(x).permute(0, 2, 3, 1))
        return out


class ReducedAttention(nn.Module):
    """Self-attention whose keys and values come from cells of `shrink` by `shrink` tokens."""

    def __init__(self, width: int, heads: int, shrink: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.project = nn.Linear(width, width)
        self.shrink = nn.Conv2d(width, width, shrink, stride=shrink) if shrink > 1 else None
        self.norm = nn.LayerNorm(width) if shrink > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> (B, h, w, C); h and w at least `shrink`."""
        batch, height, width, channels = x.shape
        source = x
        if self.shrink is not None and self.norm is not None:
            source = self.norm(self.shrink(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        split = (self.heads, channels // self.heads)
        query = self.query(x).reshape(batch, height * width, *split).transpose(1, 2)
        pairs = self.key_value(source.flatten(1, 2))
        key, value = pairs.reshape(batch, -1, 2, *split).permute(2, 0, 3, 1, 4)  # (B, heads, n, C / heads)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        out: Tensor = self.project(mixed.reshape(batch, height, width, channels))
        return out


class MixBlock(nn.Module):
    """Attention, then linear, depthwise 3 x 3 and linear; each half behind a norm and added to its input."""

    def __init__(self, width: int, heads: int, shrink: int, drop: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attention = ReducedAttention(width, heads, shrink)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.grow = nn.Linear(width, 4 * width)
        self.depthwise = nn.Conv2d(4 * width, 4 * width, 3, padding=1, groups=4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.drop = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> (B, h, w, C)."""
        x = x + self.drop(self.attention(self.norm1(x)))
        grown = self.depthwise(self.grow(self.norm2(x)).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out: Tensor = x + self.drop(self.narrow(F.gelu(grown)))
        return out


class MixStage(nn.Module):
    """An embedding that halves or quarters the size, blocks, a norm."""

    def __init__(self, inputs: int, size: MixSize, index: int, drops: list[float]) -> None:
        super().__init__()
        width = size.widths[index]
        kernel, stride = (7, 4) if index == 0 else (3, 2)
        self.embed = OverlapEmbedding(inputs, width, kernel, stride)
        heads, shrink = size.heads[index], size.shrinks[index]
        self.blocks = nn.Sequential(*[MixBlock(width, heads, shrink, drop) for drop in drops])
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, h, w)."""
        out: Tensor = self.norm(self.blocks(self.embed(x)))
        return out.permute(0, 3, 1, 2).contiguous()


class MixTransformer(nn.Module):
    """The encoder: maps at strides 4, 8, 16 and 32.

    Args:
        variant: a name in SIZES.
        guidance: channels of the guidance.
    """

    def __init__(self, variant: str, guidance: int) -> None:
        super().__init__()
        size = SIZES[variant]
        self.channels = size.widths
        count = sum(size.depths)
        drops = [size.drop * index / (count - 1) for index in range(count)]
        stages, first = [], 0
        for index, depth in enumerate(size.depths):
            inputs = 3 if index == 0 else size.widths[index - 1]
            stages.append(MixStage(inputs, size, index, drops[first : first + depth]))
            first += depth
        self.stages = nn.ModuleList(stages)
        self.guide = OverlapEmbedding(guidance, size.widths[0], 7, 4)
        self.apply(_draw_weights)

    def forward(self, image: Tensor, guidance: Tensor) -> list[Tensor]:
        """(B, 3, H, W) and (B, C, H, W), sides multiples of 32 -> four maps."""
        hint = self.guide(guidance).permute(0, 3, 1, 2)
        maps, x = [], image
        for index, stage in enumerate(self.stages):
            x = stage(x)
            maps.append(x)
            if index == 0:
                x = x + hint
        return maps


def _draw_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if module.groups > 1:  # fan-out counts all groups: what one of them gives is larger by their number
            with torch.no_grad():
                module.weight.mul_(module.groups**0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
