"""Guidance of ITIS: previous mask and gaussians round the clicks.

Source: ITIS (Mahadevan et al., BMVC 2018), constants of the authors' code: 25 times the normal density of the distance
with standard deviation 10, the distance cut off at 20 pixels; so 0.997 on a click and 0.135 from 20 pixels on and
without any click. Departure: the previous mask is a probability, theirs is binary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import previous_probability, signed_squared

FACTOR = 25.0


@dataclass(frozen=True, slots=True)
class ItisGaussian:
    """The encoding; standard deviation and largest distance in network pixels."""

    deviation: float = 10.0
    limit: float = 20.0

    channels = 3
    feedback = "logits"

    @property
    def peak(self) -> float:
        """Value on a click."""
        return FACTOR / (self.deviation * math.sqrt(2 * math.pi))

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(3, h, w) float32: previous probability, positive and negative gaussians in [0.135, 0.997].

        Args:
            prompts: in network pixels; clicks outside the input are allowed. A box before the first mask is a
                previous mask of doubt.
            previous: (h, w) logits, None at the start.
            size_hw: size of the network's input.
        """
        squared = np.minimum(signed_squared(prompts, size_hw), np.float32(self.limit**2))
        gaussians = np.exp(squared * np.float32(-0.5 / self.deviation**2)) * np.float32(self.peak)
        return np.concatenate([previous_probability(prompts.box, previous, size_hw)[None], gaussians])
