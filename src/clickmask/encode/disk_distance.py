"""Guidance of the compact network: previous mask, disks, and soft distances to the nearest click.

Disks of fixed radius in network pixels come from RITM (Sofiiuk et al., 2021). The soft distance maps beside
them reach the whole crop, which teaches a network sooner what clicks mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Box, Prompts

BOX_PROBABILITY = np.float32(0.5)
"""Value of the previous-mask channel inside a box prompt that comes before any mask."""


@dataclass(frozen=True, slots=True)
class DiskDistance:
    """The encoding.

    Attributes:
        radius: of the disks, in network pixels.
        falloff: soft distance is exp(-falloff * d / s), d to the nearest click, s the mean side of the crop.
    """

    radius: float = 5.0
    falloff: float = 16.0

    channels = 5

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(5, h, w) float32 in [0, 1]: previous probability, disks and soft distances, positive before negative.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: (h, w) logits, None at the start.
            size_hw: size of the network's input.
        """
        maps = np.zeros((self.channels, *size_hw), dtype=np.float32)
        maps[0] = _previous(prompts.box, previous, size_hw)
        for sign, positive in enumerate((True, False)):
            points = prompts.points_xy(positive)
            if len(points):
                squared = nearest_squared(points, size_hw)
                maps[1 + sign] = squared <= self.radius**2
                maps[3 + sign] = np.exp(np.sqrt(squared) * (-self.falloff / mean_side(size_hw)))
        return maps


def mean_side(size_hw: tuple[int, int]) -> float:
    """Geometric mean of height and width."""
    return float((size_hw[0] * size_hw[1]) ** 0.5)


def nearest_squared(points_xy: NDArray[np.float64], size_hw: tuple[int, int]) -> FloatMap:
    """(h, w) float32 squared distance from each pixel's centre to the nearest of (N, 2) points; N at least 1."""
    rows = np.arange(size_hw[0], dtype=np.float32) + 0.5
    columns = np.arange(size_hw[1], dtype=np.float32) + 0.5
    points = points_xy.astype(np.float32)
    nearest = np.full(size_hw, np.inf, dtype=np.float32)
    for x, y in points:
        np.minimum(nearest, ((rows - y) ** 2)[:, None] + ((columns - x) ** 2)[None, :], out=nearest)
    return nearest


def _previous(box: Box | None, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
    if previous is not None:
        return np.asarray(1 / (1 + np.exp(-previous)), dtype=np.float32)
    filled = np.zeros(size_hw, dtype=np.float32)
    if box is not None:
        x0, y0, x1, y1 = (max(round(v), 0) for v in box.xyxy)
        filled[y0:y1, x0:x1] = BOX_PROBABILITY
    return filled
