"""One object to segment, and a list of them. Pixels are read when asked for, never before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from clickmask.core.errors import InputError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.formats.image_file import read_image

MASK_VALUES = ("binary", "nonzero", "threshold", "trimap", "instances", "instances-void")
"""Accepted readings of mask files; `clickmask.data.mask_values` tells what each means."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may be told besides the folder.

    Attributes:
        split: part of a data set that has several; None for the one that results are published on.
        mask_values: how `folder` reads the values of its mask files, one of `MASK_VALUES`.
    """

    split: str | None = None
    mask_values: str = "binary"

    def __post_init__(self) -> None:
        if self.mask_values not in MASK_VALUES:
            raise InputError(
                f"Unknown reading of mask values '{self.mask_values}'. Accepted: {', '.join(MASK_VALUES)}."
            )


@dataclass(frozen=True, eq=False)
class Truth:
    """What is right for one object.

    Attributes:
        mask: (H, W) the object's pixels.
        ignore: (H, W) pixels outside scoring; None for none. May overlap `mask`: ignore wins.
    """

    mask: BoolMask
    ignore: BoolMask | None = None

    @property
    def scored(self) -> BoolMask:
        """(H, W) the object's pixels that count."""
        return self.mask if self.ignore is None else self.mask & ~self.ignore


class TruthSource(Protocol):
    """Where a truth comes from. Small and picklable, so that samples can go to other processes."""

    def load(self) -> Truth:
        """Read or rasterise the truth."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One object in one image.

    Attributes:
        image_id: unique in the data set.
        object_id: unique in the image.
        image_path: the photograph.
        source: reads the truth.
    """

    image_id: str
    object_id: str
    image_path: Path
    source: TruthSource

    def image(self) -> Image:
        """(H, W, 3) uint8 RGB."""
        return read_image(self.image_path)

    def truth(self) -> Truth:
        """The object's mask and ignore region, both of the image's size."""
        return self.source.load()

    def load(self) -> tuple[Image, Truth]:
        """Image and truth, checked against each other.

        Raises:
            InputError: sizes differ, or no pixel of the object counts.
        """
        image, truth = self.image(), self.truth()
        if truth.mask.shape != image.shape[:2]:
            (height, width), (image_height, image_width) = truth.mask.shape, image.shape[:2]
            raise InputError(
                f"The mask of object '{self.object_id}' is {width} x {height} pixels but its image {self.image_path} "
                f"is {image_width} x {image_height}. Each mask must have the size of its image."
            )
        if not np.any(truth.scored):
            raise InputError(f"Object '{self.object_id}' of {self.image_path} has no pixel outside the ignore region.")
        return image, truth


@dataclass(frozen=True, slots=True)
class Dataset:
    """The objects of one data set, in a fixed order.

    Attributes:
        name: as registered.
        root: folder that it was read from.
        samples: one per object.
        published_objects: number of objects behind published figures; None where there is no such number.
        notes: remarks for the report, e.g. about files that were left out.
    """

    name: str
    root: Path
    samples: tuple[Sample, ...]
    published_objects: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def image_count(self) -> int:
        """Number of different images."""
        return len({sample.image_id for sample in self.samples})
