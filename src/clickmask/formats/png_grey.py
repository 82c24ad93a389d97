"""Grey PNGs: 16 bits per pixel, class number times 1000 plus the number of the object within its class.

That is how Cityscapes numbers instances. Values below 1000 are read as a class without objects, as 8-bit masks have
them. `labels.txt` names the classes as for `png`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import mask_png
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    ClassTable,
    Convention,
    ImageLookup,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import OutputNames, files_below, read_bytes, write_atomically

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


class GreyPng(AnnotationFormat):
    """Folder of 16-bit grey PNGs with class and object numbers."""

    title = "Grey PNG"
    summary = "folder of 16-bit grey PNGs, class number x 1000 + object number (as Cityscapes), and labels.txt"
    suffixes = (".png",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One PNG, or every PNG in a folder and below, with the class names of its `labels.txt`."""
        root = Path(source)
        files = files_below(root, self.suffixes, "mask PNGs")
        folder = root if root.is_dir() else root.parent
        names = mask_png.read_labels(folder / mask_png.LABELS_FILE)
        paths = tuple(f.relative_to(folder).as_posix() for f in files)

        def images() -> Iterator[AnnotatedImage]:
            for file, path in zip(files, paths, strict=True):
                yield parse(mask_png.decode_values(read_bytes(file), str(file)), path, names)

        classes = tuple(ObjectClass(n) for n in dict.fromkeys(n for n in names if n))
        return AnnotationStream(images(), classes, paths=paths, count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One PNG per image, and `labels.txt`."""
        classes, names = ClassTable(annotations.classes), OutputNames(".png", annotations.paths)
        losses: list[str] = []
        paths: list[str] = []
        for image in annotations.images:
            path = Path(target) / names.name(image.path)
            write_atomically(path, mask_png.encode_ids(values_of(image, classes)))
            paths.append(str(path))
            losses += mask_png.hidden_losses(image)
        labels = Path(target) / mask_png.LABELS_FILE
        losses += mask_png.write_labels(labels, classes.names)
        return Written((*paths, str(labels)), tuple(losses))


FORMAT = GreyPng()
