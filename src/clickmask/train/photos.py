"""Photographs with object ids, decoded when they are used."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.data.files import read_values
from clickmask.data.mask_values import ValuesTruth, instance_values
from clickmask.formats.coco import polygons_to_mask, rle_decode
from clickmask.formats.image_file import decode_image, read_image

Ids = NDArray[np.uint16]

IGNORE_ID = 65535
LONGEST_SIDE = 448
"""Photographs are kept at most this long in memory unless a recipe says otherwise."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph.

    Attributes:
        name: as in its source, for messages.
        group: the set it belongs to; recipes weigh sets.
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) uint16; 0 background, IGNORE_ID ignored, anything else one object or region.
    """

    name: str
    group: str
    image: Image
    ids: Ids


class PhotoSource(Protocol):
    """A photograph that is decoded when used."""

    @property
    def name(self) -> str:
        """As in its source, for messages and for choosing what is held out."""
        ...

    @property
    def group(self) -> str:
        """The set it belongs to."""
        ...

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """Read and decode, shrunk to `longest_side`.

        Raises:
            ImageError: the photograph is missing or damaged.
            FormatError: its mask is, or has another size.
        """
        ...


@dataclass(frozen=True, eq=False)
class Encoded:
    """A photograph of a shard: the bytes of two files.

    Attributes:
        name, group: see `PhotoSource`.
        image: bytes of the image file.
        ids: bytes of a single-channel picture of ids.
    """

    name: str
    group: str
    image: bytes
    ids: bytes

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """See `PhotoSource.decode`."""
        image = decode_image(self.image, f"The training photograph '{self.name}'")
        return shrunk_photo(self, image, decode_ids(self.ids, self.name), longest_side)


@dataclass(frozen=True)
class FromFiles:
    """A photograph and its mask in two files.

    Attributes:
        name, group: see `PhotoSource`.
        image, mask: paths.
        reading: what the mask's values mean, one of `clickmask.data.sample.MASK_VALUES`.
    """

    name: str
    group: str
    image: Path
    mask: Path
    reading: str

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """See `PhotoSource.decode`."""
        return shrunk_photo(self, read_image(self.image), ids_of_mask(self.mask, self.reading), longest_side)


@dataclass(frozen=True, eq=False)
class FromCoco:
    """A photograph and its COCO annotations.

    Attributes:
        name, group: see `PhotoSource`.
        image: path.
        size_hw: as the COCO file states it.
        objects: segmentations of objects.
        crowds: segmentations of regions to ignore.
    """

    name: str
    group: str
    image: Path
    size_hw: tuple[int, int]
    objects: Sequence[Any]
    crowds: Sequence[Any]

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """See `PhotoSource.decode`."""
        return shrunk_photo(self, read_image(self.image), self._ids(), longest_side)

    def _ids(self) -> Ids:
        """Where objects overlap the smaller one is kept: it is the one in front more often."""
        ids = np.zeros(self.size_hw, dtype=np.uint16)
        for crowd in self.crowds:
            ids[rasterised(crowd, self.size_hw)] = IGNORE_ID
        masks = [rasterised(segmentation, self.size_hw) for segmentation in self.objects]
        for number, mask in enumerate(sorted(masks, key=lambda m: -np.count_nonzero(m)), start=1):
            ids[mask] = number
        return ids


def decode_ids(data: bytes, name: str) -> Ids:
    """Ids from the bytes of a grey or indexed PNG; 255 in 8-bit files becomes IGNORE_ID.

    Raises:
        FormatError: it cannot be decoded, or has several channels.
    """
    from PIL import Image as Pictures

    try:
        with Pictures.open(io.BytesIO(data)) as picture:
            array = np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(f"The mask of the training photograph '{name}' cannot be decoded: {error}.") from error
    if array.ndim != 2:
        raise FormatError(f"The mask of the training photograph '{name}' has {array.shape[2]} channels, not one.")
    ids = array.astype(np.uint16)
    if array.dtype == np.uint8:
        ids[array == 255] = IGNORE_ID
    return ids


def ids_of_mask(path: Path, reading: str) -> Ids:
    """Ids from a mask file whose values mean what `reading` says."""
    if not reading.startswith("instances"):
        truth = ValuesTruth(path, reading).load()
        ids = truth.mask.astype(np.uint16)
        if truth.ignore is not None:
            ids[truth.ignore] = IGNORE_ID
        return ids
    values = read_values(path)
    objects = instance_values(values, reading)
    ids = np.zeros(values.shape, dtype=np.uint16)
    ids[values != 0] = IGNORE_ID  # what is neither background nor an object
    for number, value in enumerate(objects, start=1):
        ids[values == value] = number
    return ids


def rasterised(segmentation: Any, size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) mask of a COCO segmentation: run lengths or a list of polygons."""
    if isinstance(segmentation, Mapping):
        return rle_decode(segmentation, size_hw)
    return polygons_to_mask(segmentation, size_hw)


def shrunk_photo(source: PhotoSource, image: Image, ids: Ids, longest_side: int) -> Photo:
    """A decoded photograph, brought to `longest_side`.

    Raises:
        FormatError: image and ids differ in size.
    """
    if image.shape[:2] != ids.shape:
        (height, width), (mask_height, mask_width) = image.shape[:2], ids.shape
        raise FormatError(
            f"The training photograph '{source.name}' is {width} x {height} pixels but its mask is "
            f"{mask_width} x {mask_height}. Each mask must have the size of its image."
        )
    factor = longest_side / max(ids.shape)
    if factor < 1:
        size_wh = (max(round(ids.shape[1] * factor), 1), max(round(ids.shape[0] * factor), 1))
        image = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        ids = np.asarray(cv2.resize(ids, size_wh, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint16)
    return Photo(source.name, source.group, image, ids)
