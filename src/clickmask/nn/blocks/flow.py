"""Feature maps moved along a learned flow (SFNet, Li et al., ECCV 2020), here towards the edges that a network sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def warped(maps: Tensor, flow: Tensor) -> Tensor:
    """Bilinear samples of maps beside each pixel; beyond the border the outermost values.

    Args:
        maps: (B, C, h, w).
        flow: (B, 2, h, w) where to look, in pixels to the right and downwards.

    Returns:
        (B, C, h, w).
    """
    height, width = int(maps.shape[2]), int(maps.shape[3])
    rows = (torch.arange(height, device=flow.device) + 0.5)[:, None]
    columns = (torch.arange(width, device=flow.device) + 0.5)[None, :]
    x = (columns + flow[:, 0]) * (2 / width) - 1
    y = (rows + flow[:, 1]) * (2 / height) - 1
    grid = torch.stack([x, y], dim=3)  # (B, h, w, 2)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)


class EdgeFlow(nn.Module):
    """Features of a mask, looked up where features of its edge point to; at the start every pixel looks at itself.

    Args:
        features: channels of the mask's features.
        edges: channels of the edge's.
    """

    def __init__(self, features: int, edges: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(features, edges, 1)
        self.flow = nn.Conv2d(2 * edges, 2, 3, padding=1, bias=False)
        nn.init.zeros_(self.flow.weight)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """(B, features, h, w) and (B, edges, h, w) -> (B, features, h, w)."""
        return warped(features, self.flow(torch.cat([self.reduce(features), edges], dim=1)))
