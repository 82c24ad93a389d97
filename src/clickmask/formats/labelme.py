"""LabelMe JSON, one file per image: polygons through pixel centres, or mask shapes without loss.

Shapes with the same label and group number are one object. Shapes that enclose no area (points, lines) are reported
as lost on reading.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from clickmask.core.errors import FormatError
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.formats import fields
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    Convention,
    ImageLookup,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import OutputNames, files_below, json_bytes, naming, read_json, write_atomically
from clickmask.formats.mask_png import decode_values
from clickmask.formats.polygons import Ring, box_ring, center_rings, fill_center, mask_of_rings

NAME = "labelme"
VERSION = "5.5.0"
"""Written into every file, for LabelMe wants one; it reads files of any version."""

_IMAGE_FIELDS = frozenset({"version", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"})
_SHAPE_FIELDS = frozenset({"label", "points", "shape_type", "mask"})
_POLYGONS = ("polygon", "oriented_rectangle")
_AREAS = (*_POLYGONS, "rectangle", "circle", "mask")


def parse(document: Any, convention: Convention = "center") -> tuple[AnnotatedImage, tuple[str, ...]]:
    """The image of a parsed LabelMe file, and what could not be taken over.

    Args:
        document: what `json.load` gave.
        convention: what whole numbers in polygons mean; LabelMe itself draws them inclusively, which is `center`.

    Raises:
        FormatError: the structure is another.
    """
    whole = fields.mapping(document, "A LabelMe file")
    if "shapes" not in whole:
        raise FormatError(f"This is no LabelMe file: it has no 'shapes'. Its keys: {', '.join(whole) or '-'}.")
    size_hw = fields.size_hw(whole, ("imageHeight", "imageWidth"), "LabelMe file")
    path = fields.text(whole, "imagePath", "LabelMe file").replace("\\", "/")
    found: dict[Any, Annotation] = {}
    losses: list[str] = []
    for position, value in enumerate(fields.items(whole["shapes"], "'shapes'")):
        where = f"shapes[{position}]"
        shape = fields.mapping(value, where)
        kind = shape.get("shape_type") or "polygon"
        if kind not in _AREAS:
            losses.append(f"{path}: {where} is a {kind}, which encloses no area; it is left out.")
            continue
        annotation = _annotation(shape, kind, size_hw, convention, where)
        group = shape.get("group_id")
        key = position if group is None else (annotation.class_name, "group", group)
        found[key] = _united(found[key], annotation) if key in found else annotation
    rest = fields.others(NAME, whole, _IMAGE_FIELDS)
    return AnnotatedImage(path, size_hw, tuple(found.values()), attributes=rest), tuple(losses)


def serialize(image: AnnotatedImage, style: ShapeStyle = "auto") -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file's content, and what it cannot hold.

    Args:
        image: what to write; `imagePath` becomes its bare file name, for the file lies beside the image.
        style: `mask` writes mask shapes, `polygon` rings through pixel centres (the parts of one object share a group
            number), `auto` a ring where LabelMe would draw exactly the mask's pixels from it, a mask shape elsewhere.
    """
    groups = _free_groups(image)
    shapes: list[dict[str, Any]] = []
    losses: list[str] = []
    for number, annotation in enumerate(image.annotations, start=1):
        if not annotation.mask:
            losses.append(f"{image.path}: object {number} ('{annotation.class_name}') is empty; it is left out.")
            continue
        written, lost = _shapes(annotation, style, next(groups))
        shapes += written
        losses += [f"{image.path}: object {number} ('{annotation.class_name}'): {text}" for text in lost]
    height, width = image.size_hw
    document = {
        "version": VERSION,
        "flags": {},
        **fields.own(NAME, image.attributes),
        "shapes": shapes,
        "imagePath": PurePosixPath(image.path).name,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    return document, tuple(losses)


class LabelMeJson(AnnotationFormat):
    """One JSON file beside each image."""

    title = "LabelMe"
    summary = "one JSON file per image: polygons or mask shapes, by style"
    suffixes = (".json",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One file, or every `.json` in a folder and below. Polygons are read as `center` unless told otherwise."""
        root = Path(source)
        files = files_below(root, self.suffixes, "LabelMe files")
        losses: list[str] = []
        images = _images(root, files, convention or "center", losses)
        return AnnotationStream(images, losses=losses, count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One file per image below `target`; images keep their own folders there."""
        names = OutputNames(".json", annotations.paths)
        paths: list[str] = []
        losses: list[str] = []
        for image in annotations.images:
            document, lost = serialize(image, style)
            path = Path(target) / names.name(image.path)
            write_atomically(path, json_bytes(document))
            paths.append(str(path))
            losses += lost
        return Written(tuple(paths), tuple(losses))


FORMAT = LabelMeJson()


def _images(root: Path, files: Sequence[Path], convention: Convention, losses: list[str]) -> Iterator[AnnotatedImage]:
    for file in files:
        with naming(file):
            image, lost = parse(read_json(file), convention)
        below = file.parent.relative_to(root) if root.is_dir() else Path()
        losses += lost
        yield replace(image, path=str(PurePosixPath(below.as_posix()) / image.path))


def _annotation(
    shape: Mapping[str, Any], kind: str, size_hw: tuple[int, int], convention: Convention, where: str
) -> Annotation:
    points = fields.ring(shape.get("points"), f"{where}.points")
    expected = {"rectangle": 2, "circle": 2, "mask": 2, "oriented_rectangle": 4}.get(kind)
    if expected and len(points) != expected:
        raise FormatError(f"{where}: a {kind} has {expected} points, got {len(points)}.")
    if kind == "mask":
        mask = _mask_shape(shape, points, size_hw, where)
    else:
        mask = _filled(points, kind, size_hw, convention)
    return Annotation(fields.text(shape, "label", where), mask, attributes=fields.others(NAME, shape, _SHAPE_FIELDS))


def _filled(points: Ring, kind: str, size_hw: tuple[int, int], convention: Convention) -> RunLengthMask:
    if kind == "circle":
        return RunLengthMask.encode(_circle(points, size_hw))
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        points = box_ring(x0, y0, x1, y1)
    return mask_of_rings([points], size_hw, convention)


def _circle(points: Ring, size_hw: tuple[int, int]) -> BoolMask:
    """Centre and a point on the edge, drawn as LabelMe does."""
    (x, y), _ = points
    radius = float(np.hypot(*(points[1] - points[0])))
    if radius > 10 * max(size_hw):
        raise FormatError(f"A circle of radius {radius:g} pixels does not belong to an image of {size_hw} pixels.")
    image = Image.new("1", (size_hw[1], size_hw[0]))
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
    return np.array(image, dtype=bool)


def _mask_shape(shape: Mapping[str, Any], corners: Ring, size_hw: tuple[int, int], where: str) -> RunLengthMask:
    """A PNG laid at its top left corner; whole-number corners also give its size, inclusively."""
    try:
        data = base64.b64decode(str(shape.get("mask") or ""), validate=True)
    except binascii.Error as error:
        raise FormatError(f"{where}: 'mask' must be a PNG in base64 ({error}).") from error
    part = decode_values(data, f"{where}.mask") != 0
    x0, y0 = (int(v) for v in np.floor(corners[0]))
    if (corners == np.floor(corners)).all():
        width, height = (int(v) for v in corners[1] - corners[0] + 1)
        part = part[: max(height, 0), : max(width, 0)]
    visible = part[max(-y0, 0) : max(size_hw[0] - y0, 0), max(-x0, 0) : max(size_hw[1] - x0, 0)]
    return RunLengthMask.encode(visible, (max(x0, 0), max(y0, 0)), size_hw)


def _united(first: Annotation, second: Annotation) -> Annotation:
    return replace(first, mask=RunLengthMask.encode(first.mask.decode() | second.mask.decode()))


def _shapes(annotation: Annotation, style: ShapeStyle, free_group: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Shapes of one object, and what they lose."""
    x0, y0, _, _ = annotation.mask.box_xyxy
    part = annotation.mask.decode_crop()
    rings = center_rings(part)
    exact = len(rings.outer) == 1 and bool((fill_center(rings.outer, part.shape) == part).all())
    if style == "mask" or (style == "auto" and not exact):
        return [_shape(annotation, "mask", _corners(annotation.mask), _png_text(part))], []
    grouped = annotation
    if len(rings.outer) > 1 and fields.own(NAME, annotation.attributes).get("group_id") is None:
        own = {**fields.own(NAME, annotation.attributes), "group_id": free_group}
        grouped = replace(annotation, attributes={**annotation.attributes, NAME: own})
    shapes = [_shape(grouped, "polygon", np.add(_three_points(r), (x0, y0)).tolist(), None) for r in rings.outer]
    changed = int(np.count_nonzero(fill_center(rings.outer, part.shape) != part))
    return shapes, [f"{changed} pixels change, because polygons hold no holes."] if changed else []


def _shape(annotation: Annotation, kind: str, points: list[list[float]], mask: str | None) -> dict[str, Any]:
    own = {"group_id": None, "description": "", "flags": {}, **fields.own(NAME, annotation.attributes)}
    return {**own, "label": annotation.class_name, "points": points, "shape_type": kind, "mask": mask}


def _three_points(ring: Ring) -> Ring:
    """A ring of one or two pixels with its last point repeated, because LabelMe wants at least three."""
    return np.concatenate((ring, np.repeat(ring[-1:], max(3 - len(ring), 0), axis=0)))


def _corners(mask: RunLengthMask) -> list[list[float]]:
    x0, y0, x1, y1 = mask.box_xyxy
    return [[float(x0), float(y0)], [float(x1 - 1), float(y1 - 1)]]


def _png_text(part: BoolMask) -> str:
    buffer = io.BytesIO()
    Image.fromarray(part.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _free_groups(image: AnnotatedImage) -> Any:
    taken = {fields.own(NAME, a.attributes).get("group_id") for a in image.annotations}
    return (n for n in range(1, 2 * len(image.annotations) + 2) if n not in taken)
