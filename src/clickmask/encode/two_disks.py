"""Guidance of CDNet: small disks for the network's stem, large ones for its feature diffusion.

Source: CDNet (Chen et al., ICCV 2021) and its published code, which takes no previous mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import signed_squared


@dataclass(frozen=True, slots=True)
class TwoDisks:
    """The encoding.

    Attributes:
        radius: of the small disks, in network pixels.
        reach: radius of the large ones.
    """

    radius: float = 5.0
    reach: float = 24.0

    channels = 4
    feedback = None

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(4, h, w) float32 of 0 and 1: small disks of positive and negative clicks, then large ones.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: not used.
            size_hw: size of the network's input.
        """
        squared = signed_squared(prompts, size_hw)
        return np.concatenate([squared <= self.radius**2, squared <= self.reach**2]).astype(np.float32)
