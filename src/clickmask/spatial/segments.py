"""Labels of a volume: which object each voxel belongs to, and what the objects are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError
from clickmask.spatial.volume import Volume

MOST_SEGMENTS = 65_535

COLOURS_RGB = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""Colours that people with colour vision deficiencies tell apart (Okabe and Ito, 2008)."""


@dataclass(frozen=True)
class Segment:
    """One object of a label volume.

    Attributes:
        number: its label, from 1.
        name: what it is, e.g. its class.
        model: what drew it, "" if a person alone did.
        colour_rgb: to show it in, None for one by its number.
    """

    number: int
    name: str = ""
    model: str = ""
    colour_rgb: tuple[int, int, int] | None = None

    @property
    def label(self) -> str:
        """The name, never empty."""
        return self.name or f"object {self.number}"

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour, never None."""
        return self.colour_rgb or COLOURS_RGB[(self.number - 1) % len(COLOURS_RGB)]


@dataclass(frozen=True, eq=False)
class LabelVolume:
    """Labels on the grid of a volume.

    Attributes:
        volume: whose grid it is.
        labels: (Z, Y, X) unsigned: 0 for none, else a segment's number.
        segments: in the order of their numbers.
    """

    volume: Volume
    labels: NDArray[np.unsignedinteger[Any]]
    segments: tuple[Segment, ...]

    @staticmethod
    def of(volume: Volume, labels: NDArray[Any], segments: Sequence[Segment] = ()) -> LabelVolume:
        """Labels with the smallest unsigned type; segments that are not given are named by their numbers.

        Raises:
            InputError: another shape than the volume's, numbers below 0 or too many, or a segment twice.
        """
        if labels.shape != volume.shape_zyx or labels.dtype.kind not in "iub":
            raise InputError(
                f"Labels of a volume of {volume.shape_zyx} (Z, Y, X) are whole numbers of that shape, got "
                f"{labels.shape} of {labels.dtype}."
            )
        numbers = [segment.number for segment in segments]
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high > MOST_SEGMENTS or len(set(numbers)) < len(numbers) or min(numbers, default=1) < 1:
            raise InputError(
                f"Labels are 0 to {MOST_SEGMENTS} and each segment has a number of its own from 1; got labels {low} "
                f"to {high} and segments {numbers}."
            )
        kind = np.uint8 if max([high, *numbers]) < 256 else np.uint16
        known = {segment.number: segment for segment in segments}
        missing = [int(n) for n in np.unique(labels) if n and int(n) not in known]
        known |= {number: Segment(number) for number in missing}
        return LabelVolume(volume, labels.astype(kind), tuple(known[number] for number in sorted(known)))
