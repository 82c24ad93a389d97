"""PASCAL VOC segmentation: palette PNGs with classes in `SegmentationClass` and with objects in `SegmentationObject`.

`labelmap.txt` (as CVAT and Datumaro write it: `name:r,g,b::`) says which colour is which class; without it the numbers
are those of VOC's own twenty classes. 255, the border that belongs to nothing for certain, is read as background and
not written: our masks have no such border. Colour PNGs are read by their colours.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, ImageError
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
from clickmask.formats.files import (
    OutputNames,
    files_below,
    inner_path,
    naming,
    read_bytes,
    read_text,
    write_atomically,
)
from clickmask.formats.image_file import opened_image
from clickmask.formats.image_names import images_in, in_turn

CLASSES, OBJECTS, IMAGES, LISTS = "SegmentationClass", "SegmentationObject", "JPEGImages", "ImageSets/Segmentation"
LABELMAP = "labelmap.txt"
LIST_NAME = "default.txt"
MOST = 254
VOC_NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""Classes 1 to 20 of the challenge."""

Colours = Mapping[tuple[int, int, int], int]


def palette_numbers() -> Colours:
    """Colour -> number of the VOC palette."""
    return {(r, g, b): number for number, (r, g, b) in enumerate(mask_png.voc_palette().tolist())}


def parse_labelmap(text: str) -> tuple[list[str], Colours]:
    """Names of classes 1, 2, ... and the number behind each colour; background is 0 wherever it stands.

    A line without a colour has that of the VOC palette at its place, as Datumaro means it.

    Raises:
        FormatError: a line is not `name:r,g,b:parts:actions`.
    """
    names: list[str] = []
    colours: dict[tuple[int, int, int], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        digits = rest.split(":")[0].split(",")
        if len(digits) != 3 and rest.strip(":"):
            raise FormatError(f"line {number} must be name:r,g,b:: with numbers from 0 to 255, got {line[:60]!r}.")
        background = name.strip() == mask_png.BACKGROUND
        if not background:
            names.append(name.strip() or f"class {len(names) + 1}")
        place = 0 if background else len(names)
        colours[_colour(digits, number) if len(digits) == 3 else _palette_colour(place)] = place
    return names, colours


def _colour(digits: Sequence[str], line: int) -> tuple[int, int, int]:
    if not all(d.strip().isdecimal() and int(d) < 256 for d in digits):
        raise FormatError(
            f"line {line} must be name:r,g,b:: with numbers from 0 to 255, got {','.join(digits)[:60]!r}."
        )
    return int(digits[0]), int(digits[1]), int(digits[2])


def _palette_colour(number: int) -> tuple[int, int, int]:
    red, green, blue = mask_png.voc_palette()[number % 256].tolist()
    return red, green, blue


def parse(
    classes: NDArray[np.int64], objects: NDArray[np.int64] | None, path: str, class_names: Sequence[str]
) -> tuple[AnnotatedImage, list[str]]:
    """The objects behind two masks of numbers, and what could not be taken over.

    Args:
        classes: (H, W) class numbers.
        objects: (H, W) object numbers; None makes one object of each class.
        path: of the image.
        class_names: of classes 1, 2, ...

    Raises:
        FormatError: the masks differ in size.
    """
    if objects is None:
        return mask_png.parse(classes, path, class_names), []
    if objects.shape != classes.shape:
        raise FormatError(f"{path}: the mask of objects is {objects.shape}, that of classes {classes.shape} (H, W).")
    found: list[Annotation] = []
    losses: list[str] = []
    for number in (int(n) for n in np.unique(objects) if n not in (0, mask_png.VOC_BORDER) or n > mask_png.VOC_BORDER):
        inside = objects == number
        counts = np.bincount(classes[inside])
        counts[[n for n in (0, mask_png.VOC_BORDER) if n < len(counts)]] = 0
        if not counts.any():
            losses.append(f"{path}: object {number} has no class; it is left out.")
            continue
        if np.count_nonzero(counts) > 1:
            losses.append(f"{path}: object {number} spans several classes; the commonest is kept.")
        name = mask_png.class_name(int(counts.argmax()), class_names)
        found.append(Annotation(name, RunLengthMask.encode(inside)))
    height, width = classes.shape
    return AnnotatedImage(path, (int(height), int(width)), tuple(found)), losses


def object_png(image: AnnotatedImage) -> tuple[bytes, list[str]]:
    """The mask of objects: a palette PNG, or with more than 254 objects a 16-bit grey one, which is said."""
    values = mask_png.object_values(image)
    ignored = np.isin(values, [n for n, a in enumerate(image.annotations, start=1) if a.ignored])
    if len(image.annotations) <= MOST:
        return mask_png.encode_indexed(np.where(ignored, mask_png.VOC_BORDER, values)), []
    # 255 stays free, as in the palette, for what is ignored
    shifted = np.where(values >= mask_png.VOC_BORDER, values + 1, values)
    shifted[ignored] = mask_png.VOC_BORDER
    text = f"{image.path}: more than {MOST} objects, so their mask is 16-bit grey, which VOC itself does not know."
    return mask_png.encode_ids(shifted), [text]


class VocFolder(AnnotationFormat):
    """A folder in the layout of the challenge."""

    title = "PASCAL VOC"
    summary = "PASCAL VOC folder: SegmentationClass and SegmentationObject as palette PNGs, and labelmap.txt"
    suffixes: tuple[str, ...] = ()

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """The masks below `SegmentationClass`; images are named after `JPEGImages`, else by `find_image`."""
        root = Path(source)
        if not (root / CLASSES).is_dir():
            raise FormatError(f"{root} is no VOC folder: it has no {CLASSES}. Give the folder that holds it.")
        files = files_below(root / CLASSES, (".png",), "VOC masks")
        names, colours = _labelmap(root)
        find = in_turn(images_in(root / IMAGES), find_image)
        losses = _missing(root, {f.relative_to(root / CLASSES).with_suffix("").as_posix() for f in files})

        def images() -> Iterator[AnnotatedImage]:
            for file in files:
                below = file.relative_to(root / CLASSES)
                with naming(file):
                    other = root / OBJECTS / below
                    objects = _numbers(other, palette_numbers()) if other.exists() else None
                    found = find(below.as_posix())
                    path = found.path if found else below.with_suffix(".jpg").as_posix()
                    image, lost = parse(_numbers(file, colours), objects, path, names)
                losses.extend(lost)
                yield image

        return AnnotationStream(images(), tuple(ObjectClass(n) for n in dict.fromkeys(names)), losses, count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """Both kinds of masks, `ImageSets/Segmentation/default.txt` and `labelmap.txt`."""
        root, classes, names = Path(target), ClassTable(annotations.classes), OutputNames(".png", annotations.paths)
        paths: list[Path] = []
        losses: list[str] = []
        listed: list[str] = []
        for image in annotations.images:
            numbers = [mask_png.numbered(classes, a) for a in image.annotations]
            if len(classes) > MOST:
                raise FormatError(f"A palette PNG holds at most {MOST} classes, there are {len(classes)}. Write COCO.")
            name = names.name(image.path)
            objects, lost = object_png(image)
            for folder, data in (
                (CLASSES, mask_png.encode_indexed(mask_png.painted(image, numbers))),
                (OBJECTS, objects),
            ):
                write_atomically(root / folder / name, data)
                paths.append(root / folder / name)
            losses += [*lost, *mask_png.hidden_losses(image)]
            listed.append(f"{name.removesuffix('.png')}\n")
        text, lost = labelmap(classes.names)
        for path, content in ((root / LISTS / LIST_NAME, "".join(listed)), (root / LABELMAP, text)):
            write_atomically(path, content.encode())
            paths.append(path)
        return Written(tuple(str(p) for p in paths), (*losses, *lost))


FORMAT = VocFolder()


def labelmap(names: Sequence[str]) -> tuple[str, list[str]]:
    """Text of `labelmap.txt`, and what its lines cannot hold."""
    lines = ["# label:color_rgb:parts:actions", f"{mask_png.BACKGROUND}:0,0,0::"]
    losses: list[str] = []
    for number, name in enumerate(names, start=1):
        written = " ".join(name.replace(":", " ").split()).lstrip("#") or f"class {number}"
        written = f"{written} (class)" if written == mask_png.BACKGROUND else written
        if written != name:
            losses.append(f"Class {name!r} is written as {written!r}: a line of {LABELMAP} does not hold it otherwise.")
        lines.append(f"{written}:{','.join(str(v) for v in mask_png.voc_palette()[number].tolist())}::")
    return "".join(f"{line}\n" for line in lines), losses


def _labelmap(root: Path) -> tuple[list[str], Colours]:
    path = root / LABELMAP
    if not path.exists():
        return list(VOC_NAMES), palette_numbers()
    with naming(path):
        names, colours = parse_labelmap(read_text(path, "label map"))
    return names, {_palette_colour(mask_png.VOC_BORDER): mask_png.VOC_BORDER, **colours}


def _missing(root: Path, known: set[str]) -> list[str]:
    """A loss for each image that a list names without a mask; a name that leads out of the folder is refused."""
    losses: list[str] = []
    for file in sorted((root / LISTS).glob("*.txt")):
        for name in (line.strip() for line in read_text(file, "list of images").splitlines()):
            if name and str(inner_path(name)) != name:
                raise FormatError(f"{file} names the image {name[:100]!r}, which lies outside the folder.")
            if name and name not in known:
                losses.append(f"{name}: listed in {file.name}, but there is no mask of it.")
    return losses


def _numbers(file: Path, colours: Colours) -> NDArray[np.int64]:
    """(H, W) numbers of a mask: its colours where it has some, its grey values else."""
    data = read_bytes(file)
    try:
        with opened_image(io.BytesIO(data), str(file)) as image:
            image.load()
            if image.mode not in ("P", "RGB", "RGBA"):
                return mask_png.decode_values(data, str(file))
            rgb = np.asarray(image.convert("RGB")).astype(np.int64)
    except ImageError as error:
        raise FormatError(str(error)) from error
    return _by_colour(rgb, colours, file)


def _by_colour(rgb: NDArray[np.int64], colours: Colours, file: Path) -> NDArray[np.int64]:
    codes = (rgb[:, :, 0] << 16) | (rgb[:, :, 1] << 8) | rgb[:, :, 2]
    present, places = np.unique(codes, return_inverse=True)
    numbers: list[int] = []
    for code in present.tolist():
        colour = (code >> 16, (code >> 8) & 255, code & 255)
        if colour not in colours:
            raise FormatError(f"{file}: the colour {colour} belongs to no class. Add it to {LABELMAP}: name:r,g,b::")
        numbers.append(colours[colour])
    return np.array(numbers, dtype=np.int64)[places].reshape(codes.shape)
