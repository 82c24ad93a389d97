"""CVAT for images 1.1: one XML file with masks as run lengths inside their box, and polygons along pixel edges.

Higher `z_order` lies above. Boxes and ellipses are read as the areas that they enclose; points, lines, skeletons,
cuboids and tracks enclose none and are reported as lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask, run_lengths
from clickmask.formats import fields
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
from clickmask.formats.files import atomic_file, naming, only_file
from clickmask.formats.mask_png import voc_palette
from clickmask.formats.polygons import Ring, box_ring, edge_rings, ellipse_ring, mask_of_rings
from clickmask.formats.xml_text import clean, elements

NAME = "cvat"
FILE_NAME = "annotations.xml"

_AREAS = frozenset({"mask", "polygon", "box", "ellipse"})
_SHAPE_FIELDS = frozenset("label points rle left top width height z_order xtl ytl xbr ybr cx cy rx ry rotation".split())
_IMAGE_FIELDS = frozenset({"id", "name", "width", "height"})
_BODY_IN_MEMORY = 2**24


def parse_image(element: Element, convention: Convention = "edge") -> tuple[AnnotatedImage, list[str]]:
    """The image of an `<image>` element, its objects lowest first, and what could not be taken over.

    Raises:
        FormatError: an attribute is missing or damaged.
    """
    path = fields.text(element.attrib, "name", "<image>").replace("\\", "/")
    size_hw = fields.size_hw(_numbers(element, ("height", "width")), ("height", "width"), f"<image> '{path}'")
    losses: list[str] = []
    found: list[tuple[int, Annotation]] = []
    for position, shape in enumerate(element):
        where = f"'{path}' <{shape.tag}> {position + 1}"
        if shape.tag in _AREAS:
            order = _numbers(shape, ("z_order",)).get("z_order", 0)
            found.append((order, _object(shape, size_hw, convention, where)))
        else:
            losses.append(f"{where} encloses no area; it is left out.")
    objects = tuple(annotation for _, annotation in sorted(found, key=lambda pair: pair[0]))
    number = _numbers(element, ("id",)).get("id")
    return AnnotatedImage(path, size_hw, objects, number, fields.others(NAME, element.attrib, _IMAGE_FIELDS)), losses


def image_xml(image: AnnotatedImage, number: int, style: ShapeStyle = "auto") -> tuple[str, list[str]]:
    """An `<image>` element as text, and what it cannot hold.

    Args:
        image: what to write.
        number: its id.
        style: `mask` writes masks, `polygon` the outer ring of each part, `auto` a polygon where one ring holds exactly
            the mask's pixels and a mask elsewhere.
    """
    height, width = image.size_hw
    lines: list[str] = []
    losses: list[str] = []
    for order, annotation in enumerate(image.annotations):
        where = f"{image.path}: object {order + 1} ('{annotation.class_name}')"
        if clean(annotation.class_name) != annotation.class_name:
            losses.append(f"{where}: characters of its name that XML cannot hold are replaced.")
        if not annotation.mask:
            losses.append(f"{where} is empty; it is left out.")
            continue
        shapes, lost = _shapes(annotation, style)
        losses += [f"{where}: {text}" for text in lost]
        lines += [_shape_xml(annotation, tag, {**values, "z_order": order}) for tag, values in shapes]
    head = _attributes({"id": number, "name": image.path, "width": width, "height": height})
    own = _attributes({k: v for k, v in fields.own(NAME, image.attributes).items() if k not in _IMAGE_FIELDS})
    return f"  <image{head}{own}>\n" + "".join(lines) + "  </image>\n", losses


class CvatXml(AnnotationFormat):
    """One XML file for a whole task."""

    title = "CVAT XML"
    summary = "CVAT for images 1.1, one XML file: masks or polygons, by style"
    suffixes = (".xml",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """A file, or `annotations.xml` (else the only `.xml`) in a folder. Polygons are `edge` unless told."""
        path = only_file(Path(source), FILE_NAME)
        labels, paths, tracks = _overview(path)
        losses = [f"{tracks} tracks, which belong to video, are left out."] if tracks else []

        def images() -> Iterator[AnnotatedImage]:
            with naming(path):
                for element in elements(path, frozenset({"image"})):
                    image, lost = parse_image(element, convention or "edge")
                    losses.extend(lost)
                    yield _coloured(image, labels)

        classes = tuple(ObjectClass(name) for name in labels)
        return AnnotationStream(images(), classes, losses, paths=paths, count=len(paths))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """To `target` if it ends in `.xml`, else to `annotations.xml` in that folder."""
        path = Path(target) if target.endswith(".xml") else Path(target) / FILE_NAME
        classes, colours, losses = ClassTable(annotations.classes), dict[str, str](), list[str]()
        with tempfile.SpooledTemporaryFile(_BODY_IN_MEMORY) as body, atomic_file(path) as file:
            for number, image in enumerate(annotations.images):
                text, lost = image_xml(image, number, style)
                body.write(text.encode())
                losses += lost
                for annotation in image.annotations:
                    classes.place(annotation.class_name)
                    if annotation.colour:
                        colours.setdefault(annotation.class_name, annotation.colour)
            _compose(file, _head(classes, colours), body)
        return Written((str(path),), tuple(losses))


FORMAT = CvatXml()


def decode_rle(
    numbers: NDArray[np.int64], box_xywh: tuple[int, int, int, int], size_hw: tuple[int, int]
) -> RunLengthMask:
    """Mask behind run lengths inside a box, row by row, the first counting zeros.

    Raises:
        FormatError: the box does not lie on the image, or the runs do not fill it.
    """
    x, y, width, height = box_xywh
    if not (width > 0 and height > 0 and x >= 0 and y >= 0 and x + width <= size_hw[1] and y + height <= size_hw[0]):
        raise FormatError(f"a mask of {width} x {height} pixels at {x}, {y} does not lie on the image.")
    if (numbers < 0).any() or int(numbers.sum()) != width * height:
        raise FormatError(f"run lengths sum to {int(numbers.sum())}, but their box has {width * height} pixels.")
    inside = np.repeat(np.arange(len(numbers)) % 2 == 1, numbers).reshape(height, width)
    return RunLengthMask.encode(inside, (x, y), size_hw)


def encode_rle(mask: RunLengthMask) -> tuple[list[int], tuple[int, int, int, int]]:
    """Run lengths inside the mask's own box, and that box as x, y, width, height."""
    x0, y0, x1, y1 = mask.box_xyxy
    return run_lengths(mask.decode_crop().ravel()).tolist(), (x0, y0, x1 - x0, y1 - y0)


def _overview(path: Path) -> tuple[dict[str, str | None], tuple[str, ...], int]:
    """Labels with their colours, paths of the images, and how many tracks there are."""
    labels: dict[str, str | None] = {}
    paths: list[str] = []
    tracks = 0
    known = False
    for element in elements(path, frozenset({"annotations", "label", "image", "track"})):
        if element.tag == "label" and element.find("name") is not None:
            labels[element.findtext("name") or ""] = element.findtext("color")
        elif element.tag == "image":
            paths.append(str(element.get("name", "")).replace("\\", "/"))
        elif element.tag == "track":
            tracks += 1
        known = known or element.tag == "annotations"
    if not known:
        raise FormatError(f"{path} is no CVAT file: it has no <annotations>. Export as 'CVAT for images 1.1'.")
    labels.pop("", None)
    return labels, tuple(paths), tracks


def _coloured(image: AnnotatedImage, colours: Mapping[str, str | None]) -> AnnotatedImage:
    objects = tuple(
        Annotation(a.class_name, a.mask, a.id, colours.get(a.class_name), a.attributes) for a in image.annotations
    )
    return AnnotatedImage(image.path, image.size_hw, objects, image.id, image.attributes)


def _object(shape: Element, size_hw: tuple[int, int], convention: Convention, where: str) -> Annotation:
    label = fields.text(shape.attrib, "label", where)
    try:
        mask = _mask(shape, size_hw) if shape.tag == "mask" else _area(shape, size_hw, convention)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    rest: dict[str, Any] = {k: v for k, v in shape.attrib.items() if k not in _SHAPE_FIELDS}
    own = {str(a.get("name", "")): a.text or "" for a in shape.iter("attribute")}
    return Annotation(label, mask, attributes={NAME: {**rest, **({"attributes": own} if own else {})}})


def _mask(shape: Element, size_hw: tuple[int, int]) -> RunLengthMask:
    box = _numbers(shape, ("left", "top", "width", "height"))
    if len(box) != 4:
        raise FormatError("a mask needs left, top, width and height.")
    try:
        numbers = np.array([int(n) for n in str(shape.get("rle", "")).split(",")], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"'rle' must be whole numbers with commas between them ({error}).") from error
    return decode_rle(numbers, (box["left"], box["top"], box["width"], box["height"]), size_hw)


def _area(shape: Element, size_hw: tuple[int, int], convention: Convention) -> RunLengthMask:
    turn = _float(shape, "rotation") if shape.get("rotation") else 0.0
    if shape.tag == "box":
        x0, y0, x1, y1 = (_float(shape, k) for k in ("xtl", "ytl", "xbr", "ybr"))
        ring = box_ring(x0, y0, x1, y1, turn)
    elif shape.tag == "ellipse":
        cx, cy, rx, ry = (_float(shape, k) for k in ("cx", "cy", "rx", "ry"))
        ring = ellipse_ring((cx, cy), (rx, ry), turn)
    else:
        ring = _points(str(shape.get("points", "")))
    return mask_of_rings([ring], size_hw, convention)


def _points(text: str) -> Ring:
    try:
        pairs = [[float(v) for v in pair.split(",")] for pair in text.split(";") if pair.strip()]
    except ValueError as error:
        raise FormatError(f"'points' must be x,y;x,y;... ({error}).") from error
    ring = fields.ring(pairs, "points")
    if len(ring) < 3:
        raise FormatError(f"a polygon needs at least three points, got {len(ring)}.")
    return ring


def _numbers(element: Element, keys: Iterable[str]) -> dict[str, int]:
    """Those of the attributes that are there, as whole numbers."""
    try:
        return {k: int(element.attrib[k]) for k in keys if k in element.attrib}
    except ValueError as error:
        raise FormatError(f"<{element.tag}>: an attribute must be a whole number ({error}).") from error


def _float(element: Element, key: str) -> float:
    try:
        value = float(element.attrib[key])
    except (KeyError, ValueError) as error:
        raise FormatError(f"'{key}' must be a number, got {element.get(key)!r}.") from error
    return fields.number({key: value}, key, f"<{element.tag}>")


def _shapes(annotation: Annotation, style: ShapeStyle) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Elements of one object: name and attributes of each; and what they lose."""
    rings = edge_rings(annotation.mask.decode_crop())
    if style == "mask" or (style == "auto" and (rings.holes or len(rings.outer) > 1)):
        runs, (x, y, width, height) = encode_rle(annotation.mask)
        rle = ", ".join(str(n) for n in runs)
        return [("mask", {"rle": rle, "left": x, "top": y, "width": width, "height": height})], []
    x0, y0, _, _ = annotation.mask.box_xyxy
    texts = [";".join(f"{x:.2f},{y:.2f}" for x, y in np.add(ring, (x0, y0)).tolist()) for ring in rings.outer]
    losses = [f"{len(rings.holes)} holes filled, because polygons hold none."] if rings.holes else []
    losses += [f"its {len(texts)} parts become objects of their own."] if len(texts) > 1 else []
    return [("polygon", {"points": text}) for text in texts], losses


def _shape_xml(annotation: Annotation, tag: str, values: Mapping[str, Any]) -> str:
    own = fields.own(NAME, annotation.attributes)
    plain = {k: v for k, v in own.items() if k != "attributes" and k not in _SHAPE_FIELDS}
    children = "".join(
        f"      <attribute{_attributes({'name': k})}>{escape(clean(str(v)))}</attribute>\n"
        for k, v in own.get("attributes", {}).items()
    )
    head = _attributes({"label": annotation.class_name, "source": "manual", "occluded": 0, **plain, **values})
    return f"    <{tag}{head}>\n{children}    </{tag}>\n"


def _attributes(values: Mapping[str, Any]) -> str:
    """` a="1" b="2"`; line ends and tabs are spelt out, for readers turn them into spaces."""
    table = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
    return "".join(f' {k}="{escape(clean(str(v))).translate(table)}"' for k, v in values.items())


def _head(classes: ClassTable, colours: Mapping[str, str]) -> str:
    palette = voc_palette()
    lines = []
    for place, found in enumerate(classes, start=1):
        colour = colours.get(found.name) or "#{:02x}{:02x}{:02x}".format(*palette[place % 255].tolist())
        name = escape(clean(found.name)).replace("\r", "&#13;")
        lines.append(f"        <label><name>{name}</name><color>{escape(colour)}</color>"
                     "<type>any</type><attributes></attributes></label>\n")  # fmt: skip
    labels = "".join(lines)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
        f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
    )


def _compose(file: IO[bytes], head: str, body: Any) -> None:
    file.write(head.encode())
    body.seek(0)
    while piece := body.read(1 << 20):
        file.write(piece)
    file.write(b"</annotations>\n")
