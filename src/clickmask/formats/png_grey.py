"""Grey PNGs: 16 bits per pixel, class number times 1000 plus the number of the object within its class.

That is how Cityscapes numbers instances. Values below 1000 are read as a class without objects, as 8-bit masks have
them. `labels.txt` names the classes as for `png`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import mask_png
from clickmask.formats.annotation import AnnotatedImage, Annotation, ClassTable

PER_CLASS = 1000
MOST_CLASSES = 64


def values_of(image: AnnotatedImage, classes: ClassTable) -> NDArray[np.int64]:
    """(H, W) class number * 1000 + object number; later objects lie over earlier ones.

    Raises:
        FormatError: more than 64 classes, or 1000 objects of one.
    """
    counts: Counter[str] = Counter()
    numbers: list[int] = []
    for annotation in image.annotations:
        place, count = classes.place(annotation.class_name), counts[annotation.class_name]
        if place >= MOST_CLASSES or count >= PER_CLASS:
            raise FormatError(
                f"{image.path}: 16-bit grey holds {MOST_CLASSES} classes and {PER_CLASS} objects of each per image. "
                "Write npz or COCO instead."
            )
        numbers.append((place + 1) * PER_CLASS + count)
        counts[annotation.class_name] += 1
    return mask_png.painted(image, numbers)


def parse(values: NDArray[np.integer[Any]], path: str, class_names: Sequence[str] = ()) -> AnnotatedImage:
    """One object per value from 1000 on; smaller values as `mask_png.parse` takes them."""
    plain = np.where(values < PER_CLASS, values, 0)
    whole = mask_png.parse(plain, path, class_names)
    numbers = [int(n) for n in np.unique(values) if n >= PER_CLASS]
    objects = [
        Annotation(mask_png.class_name(n // PER_CLASS, class_names), RunLengthMask.encode(values == n)) for n in numbers
    ]
    return AnnotatedImage(path, whole.size_hw, (*whole.annotations, *objects))


class GreyPng(mask_png.PngFolder):
    """Folder of 16-bit grey PNGs with class and object numbers."""

    title = "Grey PNG"
    summary = "folder of 16-bit grey PNGs, class number x 1000 + object number (as Cityscapes), and labels.txt"

    def parse_values(self, values: NDArray[np.int64], path: str, class_names: Sequence[str]) -> AnnotatedImage:
        """See `parse`."""
        return parse(values, path, class_names)

    def encode_image(self, image: AnnotatedImage, classes: ClassTable) -> bytes:
        """16-bit PNG, see `values_of`."""
        return mask_png.encode_ids(values_of(image, classes))

    def losses(self, image: AnnotatedImage) -> list[str]:
        """Objects, or parts of them, that lie under others."""
        return mask_png.hidden_losses(image)


FORMAT = GreyPng()
