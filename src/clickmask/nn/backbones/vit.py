"""Plain vision transformer with windowed attention, as SimpleClick uses it.

Source: ViT (Dosovitskiy et al., 2021, arXiv 2010.11929) with the windows of ViTDet (Li et al., 2022, arXiv 2203.16527)
as SimpleClick (Liu et al., 2023, arXiv 2210.11006) sets them: tokens meet inside windows of 224 pixels, and at the end
of every group of blocks all tokens meet. There is no class token. Departures: an input smaller than one window is
one window; positions are resampled whenever the grid differs from the one they were learned for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.core.errors import InputError

WINDOW_PIXELS = 224
"""Side of the windows: the size that such networks are pretrained at."""
NORM_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class ViTConfig:
    """Size of a plain transformer.

    Attributes:
        width: channels of a token.
        depth: number of blocks.
        heads: of the attention.
        patch: side of a patch in pixels.
        group: blocks in a group; the last one of each sees all tokens, the others their own window.
        side: input side in pixels that the position embedding is made for.
    """

    width: int = 768
    depth: int = 12
    heads: int = 12
    patch: int = 16
    group: int = 6
    side: int = 448


class PatchEmbedding(nn.Module):
    """Patches to tokens by one convolution whose stride is its kernel."""

    def __init__(self, inputs: int, config: ViTConfig) -> None:
        super().__init__()
        self.projection = nn.Conv2d(inputs, config.width, config.patch, stride=config.patch)
        # drawn like a linear layer, which is what it is
        nn.init.xavier_uniform_(self.projection.weight.view(config.width, -1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, h, w, width), h and w patches high and wide."""
        tokens: Tensor = self.projection(x).permute(0, 2, 3, 1)
        return tokens


class Attention(nn.Module):
    """Self-attention of several heads over the middle axis."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        batch, count, width = x.shape
        q, k, v = self.qkv(x).view(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, C / heads)
        out: Tensor = self.project(mixed.transpose(1, 2).reshape(batch, count, width))
        return out


class Block(nn.Module):
    """Attention, then two linear layers; each behind a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.grow = nn.Linear(width, 4 * width)
        self.shrink = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.shrink(F.gelu(self.grow(self.norm2(x))))
        return out


class PlainViT(nn.Module):
    """The transformer; `extra` tokens are added to those of the image: the door for guidance."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        grid = config.side // config.patch
        self.embed = PatchEmbedding(3, config)
        self.positions = nn.Parameter(torch.empty(1, grid, grid, config.width))
        self.blocks = nn.ModuleList([Block(config.width, config.heads) for _ in range(config.depth)])
        nn.init.normal_(self.positions, std=0.02)
        self.apply(_draw_weights)

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        """Features of an image.

        Args:
            image: (B, 3, H, W); H and W multiples of 224, or multiples of the patch that are smaller than 224.
            extra: (B, h, w, width) tokens of something else in the same grid.

        Returns:
            (B, width, h, w) features, one vector a patch.

        Raises:
            InputError: a size that windows do not fill.
        """
        x: Tensor = self.embed(image) + extra
        grid_hw = (int(x.shape[1]), int(x.shape[2]))
        window_hw = self.window_hw(grid_hw)
        x = x + self.positions_for(grid_hw)
        for start in range(0, self.config.depth, self.config.group):
            x = self._group(x, start, window_hw)
        return x.permute(0, 3, 1, 2)  # (B, width, h, w)

    def window_hw(self, grid_hw: tuple[int, int]) -> tuple[int, int]:
        """Window in patches: 224 pixels, or all of a smaller input; InputError if windows do not fill the grid."""
        side = WINDOW_PIXELS // self.config.patch
        height, width = min(grid_hw[0], side), min(grid_hw[1], side)
        if grid_hw[0] % height or grid_hw[1] % width:
            given = " x ".join(str(n * self.config.patch) for n in grid_hw)
            raise InputError(f"The network takes sides that are multiples of {WINDOW_PIXELS} pixels, got {given}.")
        return height, width

    def positions_for(self, grid_hw: tuple[int, int]) -> Tensor:
        """(1, h, w, width) position embedding, resampled if the grid is not the one it was made for."""
        if tuple(self.positions.shape[1:3]) == grid_hw:
            return self.positions
        planes = self.positions.permute(0, 3, 1, 2)
        resampled = F.interpolate(planes, size=grid_hw, mode="bicubic", align_corners=False)
        return resampled.permute(0, 2, 3, 1)

    def _group(self, x: Tensor, start: int, window_hw: tuple[int, int]) -> Tensor:
        """A group of blocks: all but the last one inside windows."""
        batch, height, width, channels = x.shape
        *inner, last = self.blocks[start : start + self.config.group]
        tokens = to_windows(x, window_hw)
        for block in inner:
            tokens = block(tokens)
        whole = from_windows(tokens, window_hw, (height, width)).reshape(batch, height * width, channels)
        out: Tensor = last(whole)
        return out.view(batch, height, width, channels)


def to_windows(x: Tensor, window_hw: tuple[int, int]) -> Tensor:
    """(B, h, w, C) -> (B * windows, tokens of a window, C), windows row by row."""
    batch, height, width, channels = x.shape
    rows, columns = height // window_hw[0], width // window_hw[1]
    parts = x.reshape(batch, rows, window_hw[0], columns, window_hw[1], channels).transpose(2, 3)
    return parts.reshape(batch * rows * columns, window_hw[0] * window_hw[1], channels)


def from_windows(tokens: Tensor, window_hw: tuple[int, int], grid_hw: tuple[int, int]) -> Tensor:
    """Inverse of `to_windows`: (B * windows, tokens, C) -> (B, h, w, C)."""
    rows, columns = grid_hw[0] // window_hw[0], grid_hw[1] // window_hw[1]
    channels = tokens.shape[-1]
    parts = tokens.reshape(-1, rows, columns, window_hw[0], window_hw[1], channels).transpose(2, 3)
    return parts.reshape(-1, grid_hw[0], grid_hw[1], channels)


def _draw_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
