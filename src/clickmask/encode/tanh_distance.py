"""Guidance of f-BRS: squashed distance to the nearest click of each sign.

Source: f-BRS (Sofiiuk et al., CVPR 2020), tanh(2 d / norm radius).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import signed_squared


@dataclass(frozen=True, slots=True)
class TanhDistance:
    """The encoding; `norm_radius` in network pixels (260 in the authors' code)."""

    norm_radius: float = 260.0

    channels = 2
    feedback = None

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(2, h, w) float32 in [0, 1]: positive, negative; 1 far away and where there is no click.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: not seen by the network: f-BRS has no memory.
            size_hw: size of the network's input.
        """
        distance = np.sqrt(signed_squared(prompts, size_hw))
        return np.asarray(np.tanh(distance * (2 / self.norm_radius)), dtype=np.float32)
