"""COCO instances JSON: polygons as rings along pixel edges, or run lengths in column order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.formats import fields
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationSet,
    Convention,
    ObjectClass,
    ShapeStyle,
    Written,
    numbered,
)
from clickmask.formats.files import json_bytes, read_json, write_atomically
from clickmask.formats.polygons import Ring, edge_rings, fill_center, fill_edge
from clickmask.formats.rle import counts_of, mask_of, pack, unpack

NAME = "coco"
FILE_NAME = "annotations.json"

_IMAGE_FIELDS = frozenset({"id", "file_name", "height", "width"})
_ANNOTATION_FIELDS = frozenset({"id", "image_id", "category_id", "bbox", "area", "segmentation", "color"})
_CATEGORY_FIELDS = frozenset({"id", "name"})
_SET_FIELDS = frozenset({"images", "annotations", "categories"})


def rle_decode(segmentation: Mapping[str, Any], size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) mask behind ``{"size": [h, w], "counts": list or packed text}``.

    Raises:
        FormatError: the run lengths are damaged or belong to an image of another size.
    """
    return _rle_mask(segmentation, size_hw, "segmentation").decode()


def polygons_to_mask(polygons: Sequence[Any], size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) union of polygons, each a flat list x0, y0, x1, y1, ...; the same pixels as the COCO API gives."""
    return fill_edge(_rings(polygons, "segmentation"), size_hw)


def rle_encode(mask: RunLengthMask) -> dict[str, Any]:
    """Packed run lengths of the whole image."""
    return {"size": list(mask.size_hw), "counts": pack(counts_of(mask))}


def parse(document: Any, convention: Convention = "edge") -> AnnotationSet:
    """Images, classes and objects of a parsed COCO file.

    Args:
        document: what `json.load` gave.
        convention: what whole numbers in polygons mean; files made with OpenCV contours need `center`.

    Raises:
        FormatError: the structure is another, or a number refers to nothing.
    """
    whole = _instances(document)
    categories = [fields.mapping(c, f"categories[{i}]") for i, c in enumerate(_section(whole, "categories"))]
    names = {fields.whole(c, "id", "categories"): fields.text(c, "name", "categories") for c in categories}
    images = [fields.mapping(v, f"images[{i}]") for i, v in enumerate(_section(whole, "images"))]
    sizes = {fields.whole(v, "id", "images"): fields.size_hw(v, ("height", "width"), "images") for v in images}
    objects: dict[int, list[Annotation]] = {number: [] for number in sizes}
    losses: list[str] = []
    for position, value in enumerate(_section(whole, "annotations")):
        where = f"annotations[{position}]"
        entry = fields.mapping(value, where)
        image_id = _known(entry, "image_id", sizes, where)
        if not entry.get("segmentation"):
            losses.append(f"{where} has no segmentation (only a box or keypoints); it is left out.")
            continue
        mask = _mask(entry["segmentation"], sizes[image_id], convention, f"{where}.segmentation")
        class_name = names[_known(entry, "category_id", names, where)]
        objects[image_id].append(_annotation(entry, class_name, mask, where))
    return AnnotationSet(
        tuple(_image(v, sizes, objects) for v in images),
        tuple(ObjectClass(names[c["id"]], int(c["id"]), _others(c, _CATEGORY_FIELDS)) for c in categories),
        tuple(losses),
        _others(whole, _SET_FIELDS),
    )


def serialize(annotations: AnnotationSet, style: ShapeStyle = "auto") -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file's content, and what it cannot hold.

    Args:
        annotations: what to write.
        style: `mask` writes run lengths, `polygon` rings along pixel edges, `auto` rings where they hold exactly
            the mask's pixels and run lengths elsewhere.
    """
    classes = annotations.all_classes()
    class_ids = dict(zip((c.name for c in classes), numbered([c.id for c in classes]), strict=True))
    image_ids = numbered([image.id for image in annotations.images], first=0 if _starts_at_zero(annotations) else 1)
    pairs = [(i, a) for i, image in zip(image_ids, annotations.images, strict=True) for a in image.annotations]
    object_ids = numbered([a.id for _, a in pairs])
    losses: list[str] = []
    entries = []
    for number, (image_id, annotation) in zip(object_ids, pairs, strict=True):
        segmentation, lost = _segmentation(annotation.mask, style)
        losses += [f"annotation {number} ('{annotation.class_name}'): {text}" for text in lost]
        entries.append(_entry(annotation, number, image_id, class_ids[annotation.class_name], segmentation))
    document: dict[str, Any] = {
        **_own(annotations.attributes),
        "images": [_image_entry(v, n) for n, v in zip(image_ids, annotations.images, strict=True)],
        "categories": [
            {"supercategory": "", **_own(c.attributes), "id": class_ids[c.name], "name": c.name} for c in classes
        ],
        "annotations": entries,
    }
    return document, tuple(losses)


class CocoJson:
    """One JSON file for a whole data set."""

    summary = "one JSON file for all images: polygons or run lengths, by style"

    def read(self, source: str, *, convention: Convention | None = None) -> AnnotationSet:
        """A COCO file, or `annotations.json` in a folder. Polygons are read as `edge` unless told otherwise."""
        path = Path(source)
        try:
            return parse(read_json(path / FILE_NAME if path.is_dir() else path), convention or "edge")
        except FormatError as error:
            raise FormatError(str(error) if source in str(error) else f"{source}: {error}") from error

    def write(self, annotations: AnnotationSet, target: str, *, style: ShapeStyle = "auto") -> Written:
        """To `target` if it ends in `.json`, else to `annotations.json` in that folder."""
        path = Path(target) if target.endswith(".json") else Path(target) / FILE_NAME
        document, losses = serialize(annotations, style)
        write_atomically(path, json_bytes(document))
        return Written((str(path),), losses)


FORMAT = CocoJson()


def _instances(document: Any) -> Mapping[str, Any]:
    if isinstance(document, list):
        raise FormatError(
            "This is a list, as COCO results are. Accepted: an instances file with images, annotations and categories."
        )
    whole = fields.mapping(document, "A COCO file")
    missing = [key for key in ("images", "annotations", "categories") if key not in whole]
    if missing:
        raise FormatError(
            f"This is no COCO instances file: it has no '{missing[0]}'. Its keys: {', '.join(whole) or '-'}."
        )
    return whole


def _section(whole: Mapping[str, Any], key: str) -> list[Any]:
    return fields.items(whole[key], f"'{key}'")


def _known(entry: Mapping[str, Any], key: str, known: Mapping[int, Any], where: str) -> int:
    number = fields.whole(entry, key, where)
    if number not in known:
        raise FormatError(f"{where}: '{key}' {number} is not among the file's {key.removesuffix('_id')} ids.")
    return number


def _image(
    entry: Mapping[str, Any], sizes: Mapping[int, tuple[int, int]], objects: Mapping[int, list[Annotation]]
) -> AnnotatedImage:
    number = fields.whole(entry, "id", "images")
    name = fields.text(entry, "file_name", "images").replace("\\", "/")
    return AnnotatedImage(name, sizes[number], tuple(objects[number]), number, _others(entry, _IMAGE_FIELDS))


def _annotation(entry: Mapping[str, Any], class_name: str, mask: RunLengthMask, where: str) -> Annotation:
    colour = entry.get("color")
    number = fields.whole(entry, "id", where) if "id" in entry else None
    return Annotation(
        class_name, mask, number, colour if isinstance(colour, str) else None, _others(entry, _ANNOTATION_FIELDS)
    )


def _mask(segmentation: Any, size_hw: tuple[int, int], convention: Convention, where: str) -> RunLengthMask:
    if isinstance(segmentation, dict):
        return _rle_mask(segmentation, size_hw, where)
    rings = _rings(fields.items(segmentation, where), where)
    fill = fill_edge if convention == "edge" else fill_center
    return RunLengthMask.encode(fill(rings, size_hw))


def _rle_mask(segmentation: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> RunLengthMask:
    size = segmentation.get("size")
    if size is not None and list(size) != list(size_hw):
        raise FormatError(f"{where}: 'size' is {size}, but the image is {list(size_hw)} (height, width).")
    counts = segmentation.get("counts")
    if isinstance(counts, str | bytes):
        return mask_of(unpack(counts), size_hw)
    try:
        numbers = np.array(counts, dtype=np.float64)
    except (ValueError, TypeError):
        numbers = np.array(np.nan)
    if numbers.ndim != 1 or not (numbers == np.floor(numbers)).all():
        raise FormatError(f"{where}: 'counts' must be whole numbers or packed text.")
    return mask_of(numbers.astype(np.int64), size_hw)


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


def _entry(annotation: Annotation, number: int, image_id: int, class_id: int, segmentation: Any) -> dict[str, Any]:
    x0, y0, x1, y1 = annotation.mask.box_xyxy
    return {
        "iscrowd": 0,
        **_own(annotation.attributes),
        **({"color": annotation.colour} if annotation.colour else {}),
        "id": number,
        "image_id": image_id,
        "category_id": class_id,
        "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
        "area": annotation.mask.area,
        "segmentation": segmentation,
    }


def _image_entry(image: AnnotatedImage, number: int) -> dict[str, Any]:
    height, width = image.size_hw
    return {**_own(image.attributes), "id": number, "file_name": image.path, "height": height, "width": width}


def _starts_at_zero(annotations: AnnotationSet) -> bool:
    """Image numbers may begin at 0 in a source; they are kept then."""
    return any(image.id == 0 for image in annotations.images)


def _others(entry: Mapping[str, Any], known: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    rest = {key: value for key, value in entry.items() if key not in known}
    return {NAME: rest} if rest else {}


def _own(attributes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return attributes.get(NAME, {})
