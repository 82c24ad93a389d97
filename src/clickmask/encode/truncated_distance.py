"""Guidance of DIOS: truncated distance to the nearest click of each sign.

Source: DIOS (Xu et al., CVPR 2016); used by BRS (Jang and Kim, 2019) and Latent Diversity (Li et al., 2018) too.
Departure: distances are divided by their limit, so that all channels of the network are of one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import signed_squared


@dataclass(frozen=True, slots=True)
class TruncatedDistance:
    """The encoding; `limit` in network pixels is also the distance where there is no click (255 in the paper)."""

    limit: float = 255.0

    channels = 2
    feedback = None

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(2, h, w) float32 in [0, 1]: min(distance, limit) / limit to positive and to negative clicks.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: not seen by the network: DIOS has no memory.
            size_hw: size of the network's input.
        """
        distance = np.sqrt(signed_squared(prompts, size_hw))
        return np.asarray(np.minimum(distance, self.limit) / self.limit, dtype=np.float32)
