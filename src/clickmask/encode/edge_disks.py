"""Guidance of EdgeFlow: the object's outline as the network saw it last, and disks.

Source: EdgeFlow (Hao et al., ICCV 2021): the edge, not the full mask, goes back into the network, so that it does not
copy its own answer. Where there is a mask but no edge answer yet (an initial mask), the outline of that mask takes its
place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Prompts
from clickmask.encode.maps import probability, signed_squared

EDGE_WIDTH = 2
"""Outline pixels on each side of the boundary."""


@dataclass(frozen=True, slots=True)
class EdgeDisks:
    """The encoding; `radius` of the disks in network pixels."""

    radius: float = 5.0

    channels = 3
    feedback = "edge"

    def of_mask(self, mask: BoolMask) -> BoolMask:
        """(h, w) bool: what the network would say about a mask that it has not made itself."""
        return edge_of(mask)

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(3, h, w) float32 in [0, 1]: edge probability, positive disks, negative disks.

        Args:
            prompts: in network pixels; clicks outside the input are allowed.
            previous: (h, w) logits of the edge, None at the start.
            size_hw: size of the network's input.
        """
        edge = np.zeros(size_hw, dtype=np.float32) if previous is None else probability(previous)
        disks = signed_squared(prompts, size_hw) <= self.radius**2
        return np.concatenate([edge[None], disks.astype(np.float32)])


def edge_of(mask: BoolMask, width: int = EDGE_WIDTH) -> BoolMask:
    """(h, w) bool outline of a mask: pixels within `width` of the boundary, inside and outside.

    The image's border is no boundary: where an object leaves the image there is no edge to see.
    """
    kernel = np.ones((2 * width + 1, 2 * width + 1), dtype=np.uint8)
    filled = mask.astype(np.uint8)
    # OpenCV leaves what lies outside the image out of the maximum and of the minimum
    return np.asarray(cv2.dilate(filled, kernel) != cv2.erode(filled, kernel))
