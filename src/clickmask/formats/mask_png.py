"""Masks as PNG: binary 0 / 255, class numbers with the PASCAL VOC palette, object numbers in 16 bits.

A data set in this format is a folder with one PNG per image, named as the image is, and `labels.txt` with one class
name per line, line N for value N (line 0 is the background). Objects keep their class there but not their borders with
others of the same class; `object_values` with `encode_ids` keeps the objects and drops the classes.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickmask.core.check import check_mask
from clickmask.core.errors import FormatError, ImageError, PromptError
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationSet,
    Convention,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import output_names, read_bytes, write_atomically
from clickmask.formats.image_file import opened_image

LABELS_FILE = "labels.txt"
BACKGROUND = "background"
OBJECT = "object"
VOC_BORDER = 255
"""In a palette PNG, the value of pixels that belong to no class for certain."""


def voc_palette() -> NDArray[np.uint8]:
    """(256, 3) uint8: the bits of each index, three at a time, become the highest bits of red, green and blue."""
    index = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.int64)
    for bit in range(8):
        palette[:, bit % 3] |= ((index >> bit) & 1) << (7 - bit // 3)
    return palette.astype(np.uint8)


def encode_binary(mask: BoolMask) -> bytes:
    """PNG with 0 outside and 255 inside."""
    return _png(Image.fromarray(mask.astype(np.uint8) * 255))


def encode_indexed(values: NDArray[np.integer[Any]]) -> bytes:
    """(H, W) values 0..255 as a palette PNG with the VOC colours."""
    _check_range(values, 255)
    image = Image.fromarray(values.astype(np.uint8)).convert("L")
    image.putpalette(voc_palette().tobytes())
    return _png(image)


def encode_ids(values: NDArray[np.integer[Any]]) -> bytes:
    """(H, W) values 0..65535 as a 16-bit grey PNG."""
    _check_range(values, 65535)
    return _png(Image.fromarray(values.astype(np.uint16)))


def decode_values(data: bytes, name: str = "the mask") -> NDArray[np.int64]:
    """(H, W) whole numbers of a grey, palette or 16-bit image; colour images are refused."""
    try:
        with opened_image(io.BytesIO(data), name) as image:
            if image.format == "JPEG":
                raise FormatError(f"{name} is a JPEG, which changes values near every edge. Save the mask as PNG.")
            image.load()
            return _one_channel(image, name)
    except ImageError as error:
        raise FormatError(f"{error} A mask has one channel and is zero outside the object.") from error


def read_mask(path: str | os.PathLike[str], size_hw: tuple[int, int]) -> BoolMask:
    """An initial mask for an image of `size_hw`: every value but 0 is inside.

    Raises:
        PromptError: the file is missing or no mask, or its size is another.
    """
    try:
        values = decode_values(read_bytes(path), str(path))
    except FormatError as error:
        raise PromptError(str(error)) from error
    try:
        return check_mask(values != 0, size_hw)
    except PromptError as error:
        raise PromptError(f"{path}: {error}") from error


def class_values(image: AnnotatedImage, class_names: Sequence[str]) -> NDArray[np.int64]:
    """(H, W) class numbers, 1 for the first name; later objects lie over earlier ones."""
    return _painted(image, [class_names.index(a.class_name) + 1 for a in image.annotations])


def object_values(image: AnnotatedImage) -> NDArray[np.int64]:
    """(H, W) object numbers, 1 for the first; later objects lie over earlier ones."""
    return _painted(image, range(1, len(image.annotations) + 1))


def losses_of(image: AnnotatedImage) -> list[str]:
    """What one value per pixel cannot hold: pixels under a later object, borders between objects of one class."""
    numbers = object_values(image)
    losses: list[str] = []
    for number, annotation in enumerate(image.annotations, start=1):
        hidden = annotation.mask.area - int(np.count_nonzero(numbers == number))
        if hidden:
            losses.append(
                f"{image.path}: object {number} ('{annotation.class_name}') loses {hidden} pixels to later ones."
            )
    counts = Counter(a.class_name for a in image.annotations)
    losses += [f"{image.path}: {n} objects of class '{name}' become one." for name, n in counts.items() if n > 1]
    return losses


def parse(values: NDArray[np.integer[Any]], path: str, class_names: Sequence[str] = ()) -> AnnotatedImage:
    """One object per class number that occurs; numbers without a name are called `class 7`.

    255 means "no class for certain" and is left out, except in a mask of nothing but 0 and 255 without class names:
    there it is the one object.
    """
    size_hw = (int(values.shape[0]), int(values.shape[1]))
    numbers = [int(n) for n in np.unique(values) if n != 0]
    if numbers == [VOC_BORDER] and not class_names:
        return AnnotatedImage(path, size_hw, (Annotation(OBJECT, RunLengthMask.encode(values != 0)),))
    annotations = [
        Annotation(_class_name(n, class_names), RunLengthMask.encode(values == n)) for n in numbers if n != VOC_BORDER
    ]
    return AnnotatedImage(path, size_hw, tuple(annotations))


class PngMasks:
    """Folder of palette PNGs with class numbers."""

    summary = "folder of palette PNGs with class numbers (PASCAL VOC colours) and labels.txt"

    def read(self, source: str, *, convention: Convention | None = None) -> AnnotationSet:
        """One PNG, or every PNG in a folder, with the class names of `labels.txt` beside them."""
        root = Path(source)
        files = sorted(root.glob("*.png")) if root.is_dir() else [root]
        if not files:
            raise FormatError(f"There is no .png file in {source}. Give a folder of mask PNGs, or one of them.")
        names = _read_labels((root if root.is_dir() else root.parent) / LABELS_FILE)
        images = [parse(decode_values(read_bytes(f), str(f)), f.name, names) for f in files]
        return AnnotationSet(tuple(images), tuple(ObjectClass(n) for n in names))

    def write(self, annotations: AnnotationSet, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One palette PNG per image, and `labels.txt`."""
        names = [c.name for c in annotations.all_classes()]
        if len(names) >= VOC_BORDER:
            raise FormatError(f"A palette PNG holds at most 254 classes, there are {len(names)}. Write COCO instead.")
        losses: list[str] = []
        paths: list[str] = []
        names_of_files = output_names([image.path for image in annotations.images], ".png")
        for image, file_name in zip(annotations.images, names_of_files, strict=True):
            path = Path(target) / file_name
            write_atomically(path, encode_indexed(class_values(image, names)))
            paths.append(str(path))
            losses += losses_of(image)
        labels = Path(target) / LABELS_FILE
        write_atomically(labels, "".join(f"{n}\n" for n in [BACKGROUND, *names]).encode())
        return Written((*paths, str(labels)), tuple(losses))


FORMAT = PngMasks()


def _painted(image: AnnotatedImage, numbers: Iterable[int]) -> NDArray[np.int64]:
    values = np.zeros(image.size_hw, dtype=np.int64)
    for number, annotation in zip(numbers, image.annotations, strict=True):
        x0, y0, x1, y1 = annotation.mask.box_xyxy
        values[y0:y1, x0:x1][annotation.mask.decode_crop()] = number
    return values


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _check_range(values: NDArray[np.integer[Any]], highest: int) -> None:
    if values.size and (values.min() < 0 or values.max() > highest):
        raise FormatError(
            f"Values {values.min()} to {values.max()} do not fit this PNG, which holds 0 to {highest}. "
            "Write 16-bit numbers, or COCO."
        )


def _one_channel(image: Image.Image, name: str) -> NDArray[np.int64]:
    """Values of a one-channel image, or of a colour image that is grey all over."""
    if image.mode in ("1", "L", "P", "I", "I;16", "I;16B", "I;16L"):
        return np.asarray(image).astype(np.int64)
    channels = np.asarray(image.convert("RGB"))
    if (channels != channels[:, :, :1]).any():
        raise FormatError(
            f"{name} is a colour image (mode {image.mode}), so it is not clear what is inside. "
            "Accepted: one channel (grey, palette or 1-bit), zero outside the object."
        )
    return channels[:, :, 0].astype(np.int64)


def _read_labels(path: Path) -> list[str]:
    """Class names of values 1, 2, ...; none without the file."""
    if not path.exists():
        return []
    try:
        names = [line.strip() for line in read_bytes(path).decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text: {error}.") from error
    while names and not names[-1]:
        names.pop()
    return names[1:]


def _class_name(number: int, names: Sequence[str]) -> str:
    return names[number - 1] if number <= len(names) and names[number - 1] else f"class {number}"
