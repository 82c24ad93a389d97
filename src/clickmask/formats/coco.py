"""COCO instances JSON: polygons as rings along pixel edges, or run lengths in column order.

LVIS is a dialect of it (`clickmask.formats.lvis`): both share everything here but what a `Dialect` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.formats import fields
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationSet,
    AnnotationStream,
    ClassTable,
    Convention,
    ImageLookup,
    Numbers,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import atomic_file, json_bytes, naming, only_file
from clickmask.formats.json_items import items, read_items
from clickmask.formats.polygons import Ring, edge_rings, fill_edge, mask_of_rings
from clickmask.formats.rle import counts_of, mask_of, pack, unpack

FILE_NAME = "annotations.json"

_IMAGE_FIELDS = frozenset({"id", "file_name", "height", "width"})
_ANNOTATION_FIELDS = frozenset({"id", "image_id", "category_id", "bbox", "area", "segmentation", "color"})
_CATEGORY_FIELDS = frozenset({"id", "name"})
_SECTIONS = ("images", "annotations", "categories")


class Dialect:
    """What is particular to a file that is built like COCO's."""

    name = "coco"
    title = "COCO"
    object_defaults: Mapping[str, Any] = {"iscrowd": 0}

    def image_path(self, entry: Mapping[str, Any]) -> str:
        """Path of an image."""
        return fields.text(entry, "file_name", "images")

    def image_entry(self, image: AnnotatedImage) -> dict[str, Any]:
        """Fields of an image besides its number, name and size."""
        return dict(fields.own(self.name, image.attributes))

    def category_entry(self, found: ObjectClass, use: ClassUse) -> dict[str, Any]:
        """Fields of a category besides its number and name."""
        return {"supercategory": "", **fields.own(self.name, found.attributes)}


@dataclass
class ClassUse:
    """How often a class occurs in a file."""

    objects: int = 0
    images: int = 0


COCO = Dialect()


def rle_decode(segmentation: Mapping[str, Any], size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) mask behind ``{"size": [h, w], "counts": list or packed text}``.

    Raises:
        FormatError: the run lengths are damaged or belong to an image of another size.
    """
    return rle_mask(segmentation, size_hw, "segmentation").decode()


def polygons_to_mask(polygons: Sequence[Any], size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) union of polygons, each a flat list x0, y0, x1, y1, ...; the same pixels as the COCO API gives."""
    return fill_edge(_rings(polygons, "segmentation"), size_hw)


def rle_encode(mask: RunLengthMask) -> dict[str, Any]:
    """Packed run lengths of the whole image."""
    return {"size": list(mask.size_hw), "counts": pack(counts_of(mask))}


def rle_mask(segmentation: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> RunLengthMask:
    """As `rle_decode`; `where` stands in messages."""
    size = segmentation.get("size")
    if size is not None and size != list(size_hw):
        raise FormatError(f"{where}: 'size' is {size}, but the image is {list(size_hw)} (height, width).")
    counts = segmentation.get("counts")
    if isinstance(counts, str | bytes):
        return mask_of(unpack(counts), size_hw)
    try:
        numbers = np.array(counts, dtype=np.float64)
    except (ValueError, TypeError):
        numbers = np.array(np.nan)
    if numbers.ndim != 1 or not (numbers == np.floor(numbers)).all() or not (np.abs(numbers) < 2**53).all():
        raise FormatError(f"{where}: 'counts' must be whole numbers or packed text.")
    return mask_of(numbers.astype(np.int64), size_hw)


def parse(document: Any, convention: Convention = "edge", dialect: Dialect = COCO) -> AnnotationSet:
    """Images, classes and objects of a parsed COCO file.

    Args:
        document: what `json.load` gave.
        convention: what whole numbers in polygons mean; files made with OpenCV contours need `center`.
        dialect: COCO or LVIS.

    Raises:
        FormatError: the structure is another, or a number refers to nothing.
    """
    return stream(document, convention, dialect).collected()


def stream(document: Any, convention: Convention, dialect: Dialect) -> AnnotationStream:
    """As `parse`; objects are looked at when their image's turn comes. Their list may be lazy, see `json_items`."""
    whole = _instances(document, dialect)
    categories = _entries(whole, "categories")
    names = {fields.whole(c, "id", "categories"): fields.text(c, "name", "categories") for c in categories}
    images = _entries(whole, "images")
    sizes = {fields.whole(v, "id", "images"): fields.size_hw(v, ("height", "width"), "images") for v in images}
    paths = tuple(dialect.image_path(v).replace("\\", "/") for v in images)
    entries = items(whole["annotations"], "'annotations'")
    places = _places_by_image(entries, sizes)
    losses: list[str] = []

    def each() -> Iterator[AnnotatedImage]:
        for path, image in zip(paths, images, strict=True):
            number = fields.whole(image, "id", "images")
            found = [_annotation(entries[p], f"annotations[{p}]", names, sizes[number], (convention, dialect, losses))
                     for p in places.get(number, ())]  # fmt: skip
            objects = tuple(a for a in found if a is not None)
            rest = fields.others(dialect.name, image, _IMAGE_FIELDS)
            yield AnnotatedImage(path, sizes[number], objects, number, rest)

    classes = tuple(
        ObjectClass(names[c["id"]], int(c["id"]), fields.others(dialect.name, c, _CATEGORY_FIELDS)) for c in categories
    )
    rest = fields.others(dialect.name, whole, frozenset(_SECTIONS))
    return AnnotationStream(each(), classes, losses, rest, paths, len(images))


def serialize(
    annotations: AnnotationSet, style: ShapeStyle = "auto", dialect: Dialect = COCO
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file's content, and what it cannot hold.

    Args:
        annotations: what to write.
        style: `mask` writes run lengths, `polygon` rings along pixel edges, `auto` rings where they hold exactly
            the mask's pixels and run lengths elsewhere.
        dialect: COCO or LVIS.
    """
    writer = _Writer(annotations, style, dialect)
    entries = list(writer.entries())
    return {**writer.head(), "annotations": entries}, tuple(writer.losses)


class CocoJson(AnnotationFormat):
    """One JSON file for a whole data set."""

    title = "COCO"
    summary = "one JSON file for all images: polygons or run lengths, by style"
    suffixes = (".json",)
    dialect = COCO

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """A file, or `annotations.json` (else the only `.json`) in a folder. Polygons are `edge` unless told."""
        path = only_file(Path(source), FILE_NAME)
        with naming(path):
            found = stream(read_items(path, ("annotations",)), convention or "edge", self.dialect)
        found.images = _named(found.images, path)
        return found

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """To `target` if it ends in `.json`, else to `annotations.json` in that folder."""
        path = Path(target) if target.endswith(".json") else Path(target) / FILE_NAME
        writer = _Writer(annotations, style, self.dialect)
        with atomic_file(path) as file:
            _write(writer, file)
        return Written((str(path),), tuple(writer.losses))


FORMAT = CocoJson()


class _Writer:
    """Entries of the objects first, for only then are images, classes and their numbers known."""

    def __init__(self, annotations: Annotations, style: ShapeStyle, dialect: Dialect) -> None:
        self.losses: list[str] = []
        self._given = annotations
        self._style: ShapeStyle = style
        self._dialect = dialect
        self._classes = ClassTable(annotations.classes)
        self._uses: dict[str, ClassUse] = {}
        self._images: list[dict[str, Any]] = []
        self._image_ids, self._object_ids = Numbers(lowest=0), Numbers()

    def entries(self) -> Iterator[dict[str, Any]]:
        """One for each object, going through the images."""
        for image in self._given.images:
            number = self._image_ids.take(image.id)
            height, width = image.size_hw
            own = self._dialect.image_entry(image)
            self._images.append({**own, "id": number, "file_name": image.path, "height": height, "width": width})
            for annotation in image.annotations:
                yield self._entry(annotation, number)
            for name in {a.class_name for a in image.annotations}:
                self._uses[name].images += 1

    def head(self) -> dict[str, Any]:
        """Everything else in the file."""
        categories = [
            {**self._dialect.category_entry(c, self._uses.get(c.name, ClassUse())),
             "id": self._classes.id(c.name), "name": c.name} for c in self._classes
        ]  # fmt: skip
        own = fields.own(self._dialect.name, self._given.attributes)
        return {**own, "images": self._images, "categories": categories}

    def _entry(self, annotation: Annotation, image_id: int) -> dict[str, Any]:
        number = self._object_ids.take(annotation.id)
        segmentation, lost = _segmentation(annotation.mask, "mask" if annotation.ignored else self._style)
        self.losses += [f"annotation {number} ('{annotation.class_name}'): {text}" for text in lost]
        self._uses.setdefault(annotation.class_name, ClassUse()).objects += 1
        x0, y0, x1, y1 = annotation.mask.box_xyxy
        return {
            **self._dialect.object_defaults,
            **fields.own(self._dialect.name, annotation.attributes),
            **({"color": annotation.colour} if annotation.colour else {}),
            **({"iscrowd": 1} if annotation.ignored else {}),
            "id": number,
            "image_id": image_id,
            "category_id": self._classes.id(annotation.class_name),
            "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
            "area": annotation.mask.area,
            "segmentation": segmentation,
        }


def _write(writer: _Writer, file: IO[bytes]) -> None:
    file.write(b'{"annotations":[')
    for position, entry in enumerate(writer.entries()):
        file.write((b",\n" if position else b"\n") + json_bytes(entry).rstrip())
    file.write(b"\n]," + json_bytes(writer.head())[1:])


def _named(images: Any, path: Path) -> Iterator[AnnotatedImage]:
    with naming(path):
        yield from images


def _instances(document: Any, dialect: Dialect) -> Mapping[str, Any]:
    if not isinstance(document, dict) and isinstance(document, Sequence) and not isinstance(document, str):
        raise FormatError(
            f"This is a list, as {dialect.title} results are. "
            "Accepted: an instances file with images, annotations and categories."
        )
    whole = fields.mapping(document, f"A {dialect.title} file")
    missing = [key for key in _SECTIONS if key not in whole]
    if missing:
        raise FormatError(
            f"This is no {dialect.title} instances file: it has no '{missing[0]}'. Its keys: {', '.join(whole) or '-'}."
        )
    return whole


def _entries(whole: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [fields.mapping(entry, f"{key}[{i}]") for i, entry in enumerate(items(whole[key], f"'{key}'"))]


def _places_by_image(entries: Sequence[Any], sizes: Mapping[int, Any]) -> dict[int, list[int]]:
    """Where the objects of each image stand in the list."""
    places: dict[int, list[int]] = {}
    for position, entry in enumerate(entries):
        where = f"annotations[{position}]"
        places.setdefault(_known(fields.mapping(entry, where), "image_id", sizes, where), []).append(position)
    return places


def _known(entry: Mapping[str, Any], key: str, known: Mapping[int, Any], where: str) -> int:
    number = fields.whole(entry, key, where)
    if number not in known:
        raise FormatError(f"{where}: '{key}' {number} is not among the file's {key.removesuffix('_id')} ids.")
    return number


def _annotation(
    entry: Mapping[str, Any],
    where: str,
    names: Mapping[int, str],
    size_hw: tuple[int, int],
    reading: tuple[Convention, Dialect, list[str]],
) -> Annotation | None:
    """An object; None and one more loss if it has no mask."""
    convention, dialect, losses = reading
    segmentation = entry.get("segmentation")
    if not segmentation:
        losses.append(f"{where} has no segmentation (only a box or keypoints); it is left out.")
        return None
    if isinstance(segmentation, dict):
        mask = rle_mask(segmentation, size_hw, f"{where}.segmentation")
    else:
        rings = _rings(fields.items(segmentation, f"{where}.segmentation"), f"{where}.segmentation")
        mask = mask_of_rings(rings, size_hw, convention)
    colour = entry.get("color")
    return Annotation(
        names[_known(entry, "category_id", names, where)],
        mask,
        fields.whole(entry, "id", where) if "id" in entry else None,
        colour if isinstance(colour, str) else None,
        fields.others(dialect.name, entry, _ANNOTATION_FIELDS),
        ignored=entry.get("iscrowd") == 1,
    )


def _rings(polygons: Sequence[Any], where: str) -> list[Ring]:
    rings = [fields.ring(p, f"{where}[{i}]") for i, p in enumerate(polygons)]
    short = [i for i, r in enumerate(rings) if len(r) < 3]
    if short:
        raise FormatError(f"{where}[{short[0]}]: a polygon needs at least three points, got {len(rings[short[0]])}.")
    return rings


def _segmentation(mask: RunLengthMask, style: ShapeStyle) -> tuple[Any, list[str]]:
    """Polygons or run lengths, and what they lose."""
    if style == "mask" or not mask:
        return rle_encode(mask), []
    x0, y0, _, _ = mask.box_xyxy
    rings = edge_rings(mask.decode_crop())
    if rings.holes and style == "auto":
        return rle_encode(mask), []
    polygons = [np.add(ring, (x0, y0)).astype(int).ravel().tolist() for ring in rings.outer]
    count = len(rings.holes)
    return polygons, [f"{count} hole{'s' if count > 1 else ''} filled, because polygons hold none."] if count else []
