"""Masks as PNG: binary 0 / 255, class numbers with the PASCAL VOC palette, object numbers in 16 bits.

A data set in this format is a folder with one PNG per image, named as the image is, and `labels.txt` with one class
name per line, line N for value N (line 0 is the background). Objects keep their class there but not their borders with
others of the same class; `object_values` with `encode_ids` keeps the objects and drops the classes.
"""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
from clickmask.formats.files import OutputNames, files_below, read_bytes, read_text, write_atomically
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
    return painted(image, [class_names.index(a.class_name) + 1 for a in image.annotations])


def object_values(image: AnnotatedImage) -> NDArray[np.int64]:
    """(H, W) object numbers, 1 for the first; later objects lie over earlier ones."""
    return painted(image, range(1, len(image.annotations) + 1))


def losses_of(image: AnnotatedImage) -> list[str]:
    """What one class per pixel cannot hold: `hidden_losses`, and borders between objects of one class."""
    counts = Counter(a.class_name for a in image.annotations)
    merged = [f"{image.path}: {n} objects of class '{name}' become one." for name, n in counts.items() if n > 1]
    return hidden_losses(image) + merged


def hidden_losses(image: AnnotatedImage) -> list[str]:
    """What one object per pixel cannot hold: pixels under a later object, and objects without a pixel."""
    numbers = object_values(image)
    losses: list[str] = []
    for number, annotation in enumerate(image.annotations, start=1):
        where = f"{image.path}: object {number} ('{annotation.class_name}')"
        x0, y0, x1, y1 = annotation.mask.box_xyxy
        hidden = annotation.mask.area - int(np.count_nonzero(numbers[y0:y1, x0:x1] == number))
        if not annotation.mask:
            losses.append(f"{where} is empty; it is left out.")
        elif hidden:
            losses.append(f"{where} loses {hidden} pixels to later ones.")
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
        Annotation(class_name(n, class_names), RunLengthMask.encode(values == n)) for n in numbers if n != VOC_BORDER
    ]
    return AnnotatedImage(path, size_hw, tuple(annotations))


class PngFolder(AnnotationFormat):
    """A folder with one picture of numbers per image and `labels.txt`; what they mean is for subclasses to say."""

    suffixes: tuple[str, ...] = (".png",)

    @abstractmethod
    def parse_values(self, values: NDArray[np.int64], path: str, class_names: Sequence[str]) -> AnnotatedImage:
        """Objects of (H, W) numbers."""

    @abstractmethod
    def encode_image(self, image: AnnotatedImage, classes: ClassTable) -> bytes:
        """The PNG of one image; classes that it brings are added to the table."""

    @abstractmethod
    def losses(self, image: AnnotatedImage) -> list[str]:
        """What the PNG does not hold of an image."""

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One PNG, or every PNG in a folder and below, with the class names of its `labels.txt`."""
        root = Path(source)
        files = files_below(root, self.suffixes, "mask PNGs")
        folder = root if root.is_dir() else root.parent
        names = read_labels(folder / LABELS_FILE)
        paths = tuple(f.relative_to(folder).as_posix() for f in files)

        def images() -> Iterator[AnnotatedImage]:
            for file, path in zip(files, paths, strict=True):
                yield self.parse_values(decode_values(read_bytes(file), str(file)), path, names)

        classes = tuple(ObjectClass(n) for n in dict.fromkeys(n for n in names if n))
        return AnnotationStream(images(), classes, paths=paths, count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One PNG per image, and `labels.txt`."""
        classes, names = ClassTable(annotations.classes), OutputNames(self.suffixes[0], annotations.paths)
        losses: list[str] = []
        paths: list[str] = []
        for image in annotations.images:
            path = Path(target) / names.name(image.path)
            write_atomically(path, self.encode_image(image, classes))
            paths.append(str(path))
            losses += self.losses(image)
        labels = Path(target) / LABELS_FILE
        losses += write_labels(labels, classes.names)
        return Written((*paths, str(labels)), tuple(losses))


class PngMasks(PngFolder):
    """Folder of palette PNGs with class numbers."""

    title = "Indexed PNG"
    summary = "folder of palette PNGs with class numbers (PASCAL VOC colours) and labels.txt"

    def parse_values(self, values: NDArray[np.int64], path: str, class_names: Sequence[str]) -> AnnotatedImage:
        """See `parse`."""
        return parse(values, path, class_names)

    def encode_image(self, image: AnnotatedImage, classes: ClassTable) -> bytes:
        """Palette PNG; FormatError with more than 254 classes."""
        values = painted(image, [numbered(classes, a) for a in image.annotations])
        _check_count(classes)
        return encode_indexed(values)

    def losses(self, image: AnnotatedImage) -> list[str]:
        """See `losses_of`."""
        return losses_of(image)

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One palette PNG per image, and `labels.txt`; too many classes are refused before the first file."""
        _check_count(ClassTable(annotations.classes))
        return super().write(annotations, target, style=style)


FORMAT = PngMasks()


def _check_count(classes: ClassTable) -> None:
    if len(classes) >= VOC_BORDER:
        raise FormatError(f"A palette PNG holds at most 254 classes, there are {len(classes)}. Write COCO instead.")


def numbered(classes: ClassTable, annotation: Annotation) -> int:
    """The number that stands for an object's class; VOC_BORDER for an ignore region."""
    place = classes.place(annotation.class_name) + 1
    return VOC_BORDER if annotation.ignored else place


def painted(image: AnnotatedImage, numbers: Iterable[int]) -> NDArray[np.int64]:
    """(H, W) with one number per object; later objects lie over earlier ones."""
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


def read_labels(path: Path) -> list[str]:
    """Class names of values 1, 2, ...; none without the file."""
    if not path.exists():
        return []
    names = [line.strip() for line in read_text(path, "list of classes").splitlines()]
    while names and not names[-1]:
        names.pop()
    return names[1:]


def write_labels(path: Path, names: Sequence[str]) -> list[str]:
    """Write class names, one per line after that of the background; returns what a line cannot hold."""
    lines = [" ".join(name.split()) for name in names]
    write_atomically(path, "".join(f"{n}\n" for n in [BACKGROUND, *lines]).encode())
    changed = [(n, line) for n, line in zip(names, lines, strict=True) if n != line]
    return [f"Class {name!r} is written as {line!r}: a line holds no other white space." for name, line in changed]


def class_name(number: int, names: Sequence[str]) -> str:
    """The name of a class number, 1 for the first name; made up where there is none."""
    return names[number - 1] if number <= len(names) and names[number - 1] else f"class {number}"
