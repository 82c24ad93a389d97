"""Guidance of the compact network: previous mask, disks, and soft distances to the nearest click.

Disks of fixed radius in network pixels come from RITM (Sofiiuk et al., 2021). The soft distance maps beside
them reach the whole crop, which teaches a network sooner what clicks mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import mean_side, nearest_squared, previous_probability


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
    feedback = "logits"

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(5, h, w) float32 in [0, 1]: previous probability, disks and soft distances, positive before negative.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: (h, w) logits, None at the start.
            size_hw: size of the network's input.
        """
        maps = np.zeros((self.channels, *size_hw), dtype=np.float32)
        maps[0] = previous_probability(prompts.box, previous, size_hw)
        for sign, positive in enumerate((True, False)):
            points = prompts.points_xy(positive)
            if len(points):
                squared = nearest_squared(points, size_hw)
                maps[1 + sign] = squared <= self.radius**2
                maps[3 + sign] = np.exp(np.sqrt(squared) * (-self.falloff / mean_side(size_hw)))
        return maps
