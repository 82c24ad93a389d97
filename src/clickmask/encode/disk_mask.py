"""Guidance of the RITM family: previous mask and disks of fixed radius.

Source: RITM (Sofiiuk et al., 2021); used by FocalClick (Chen et al., 2022) and SimpleClick (Liu et al., 2023) too. The
disks are drawn in network pixels, so a click looks the same to the network at every zoom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import previous_probability, signed_squared


@dataclass(frozen=True, slots=True)
class DiskMask:
    """The encoding.

    Attributes:
        radius: of the disks, in network pixels.
        previous: whether the previous mask is a channel; networks without memory take the disks alone.
    """

    radius: float = 5.0
    previous: bool = True

    @property
    def channels(self) -> int:
        """2 disk maps, and the previous mask before them."""
        return 2 + self.previous

    @property
    def feedback(self) -> str | None:
        """Which of its answers the network sees again, see `clickmask.encode.Encoding`."""
        return "logits" if self.previous else None

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(3 or 2, h, w) float32 in [0, 1]: previous probability, positive disks, negative disks.

        Args:
            prompts: in network pixels; clicks outside the input are allowed. A box before the first mask is a
                previous mask of doubt.
            previous: (h, w) logits, None at the start.
            size_hw: size of the network's input.
        """
        disks = (signed_squared(prompts, size_hw) <= self.radius**2).astype(np.float32)
        if not self.previous:
            return disks
        return np.concatenate([previous_probability(prompts.box, previous, size_hw)[None], disks])
