"""Guidance of FCA-Net: gaussians round all clicks, and a wide one round the first.

Source: FCA-Net (Lin et al., CVPR 2020), constants of the authors' code: exp(-4 ln 2 d^2 / s^2), which
falls to half its height at s / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import nearest_squared, signed_squared

STEEPNESS = 4 * math.log(2)


@dataclass(frozen=True, slots=True)
class FcaGaussian:
    """The encoding.

    Attributes:
        width: of the gaussians at half their height, in network pixels.
        first_width: of the first positive click's.
    """

    width: float = 10.0
    first_width: float = 30.0

    channels = 3
    feedback = None

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(3, h, w) float32 in [0, 1]: all positive clicks, all negative clicks, first positive click.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: not seen by the network: FCA-Net has no memory.
            size_hw: size of the network's input.
        """
        first = nearest_squared(prompts.points_xy(positive=True)[:1], size_hw)
        squared = np.concatenate([signed_squared(prompts, size_hw), first[None]])
        rates = -STEEPNESS / np.array([self.width, self.width, self.first_width], dtype=np.float32) ** 2
        return np.asarray(np.exp(squared * rates[:, None, None]), dtype=np.float32)
