"""Datumaro's own folder: `annotations/SUBSET.json` with masks as COCO's run lengths, or polygons along pixel edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import fields
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    ClassTable,
    Convention,
    FoundImage,
    ImageLookup,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.coco import rle_encode, rle_mask
from clickmask.formats.files import atomic_file, json_bytes, naming
from clickmask.formats.image_names import images_in, in_turn, known_image
from clickmask.formats.json_items import items, read_items
from clickmask.formats.mask_png import OBJECT
from clickmask.formats.polygons import box_ring, edge_rings, ellipse_ring, mask_of_rings

NAME = "datumaro"
FOLDER, IMAGES, SUBSET = "annotations", "images", "default"
VERSION = "1.0"
MEDIA_TYPE_IMAGE = 2

_AREAS = ("mask", "polygon", "bbox", "ellipse")
_ENTRY_FIELDS = frozenset({"id", "type", "label_id", "rle", "points", "bbox", "z_order"})
_ITEM_FIELDS = frozenset({"id", "annotations", "image"})


def parse_item(
    item: Any, names: Sequence[str], where: str, convention: Convention = "edge", find_image: ImageLookup | None = None
) -> tuple[AnnotatedImage, list[str]]:
    """The image of one entry of `items`, its objects lowest first, and what could not be taken over.

    Args:
        item: parsed JSON.
        names: of labels 0, 1, ...
        where: stands in messages.
        convention: what whole numbers in polygons mean.
        find_image: asked where the item does not tell its image's size.

    Raises:
        FormatError: the structure is another.
    """
    entry = fields.mapping(item, where)
    found = _image(entry, where, in_turn(find_image))
    losses: list[str] = []
    placed: list[tuple[int, Annotation]] = []
    for position, value in enumerate(fields.items(entry.get("annotations"), f"{where}.annotations")):
        place = f"{where}.annotations[{position}]"
        annotation = fields.mapping(value, place)
        kind = annotation.get("type")
        if kind in _AREAS:
            order = fields.maybe_whole(annotation, "z_order") or 0
            placed.append((order, _object(annotation, names, found.size_hw, convention, place)))
        else:
            losses.append(f"{found.path}: {place} is a {str(kind)[:30]}, which encloses no area; it is left out.")
    objects = tuple(a for _, a in sorted(placed, key=lambda pair: pair[0]))
    rest = fields.others(NAME, entry, _ITEM_FIELDS)
    return AnnotatedImage(found.path, found.size_hw, objects, attributes=rest), losses


def item_of(image: AnnotatedImage, classes: ClassTable, style: ShapeStyle = "auto") -> tuple[dict[str, Any], list[str]]:
    """An entry of `items`, and what it cannot hold.

    Args:
        image: what to write.
        classes: grows by the classes of the image.
        style: `mask` writes masks, `polygon` the outer ring of each part, `auto` a polygon where one ring holds exactly
            the mask's pixels and a mask elsewhere.
    """
    entries: list[dict[str, Any]] = []
    losses: list[str] = []
    for order, annotation in enumerate(image.annotations):
        shapes, lost = _shapes(annotation.mask, style)
        losses += [f"{image.path}: object {order + 1} ('{annotation.class_name}'): {text}" for text in lost]
        head = {"attributes": {}, "group": 0, **fields.own(NAME, annotation.attributes)}
        label = classes.place(annotation.class_name)
        for shape in shapes:
            entries.append({**head, "id": len(entries), "label_id": label, **shape, "z_order": order})
    height, width = image.size_hw
    own = fields.own(NAME, image.attributes)
    name = str(PurePosixPath(image.path).with_suffix(""))
    return {
        **own, "id": name, "annotations": entries, "image": {"path": image.path, "size": [height, width]},
    }, losses  # fmt: skip


class DatumaroFolder(AnnotationFormat):
    """A folder with one JSON file per subset."""

    title = "Datumaro"
    summary = "Datumaro's folder, annotations/default.json: masks or polygons, by style"
    suffixes = (".json",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """Every subset below `annotations`, or one file. Polygons are read as `edge` unless told otherwise."""
        root = Path(source)
        files = [root] if not root.is_dir() else sorted((root / FOLDER).glob("*.json"))
        if not files:
            raise FormatError(f"{root} is no Datumaro folder: it has no {FOLDER}/*.json inside.")
        find = in_turn(images_in(root / IMAGES), find_image)
        documents = [(f, *_document(f)) for f in files]
        losses = [] if len(files) == 1 else [f"The subsets {', '.join(f.stem for f in files)} become one."]

        def images() -> Iterator[AnnotatedImage]:
            for file, names, entries in documents:
                with naming(file):
                    for position, item in enumerate(entries):
                        image, lost = parse_item(item, names, f"items[{position}]", convention or "edge", find)
                        losses.extend(lost)
                        yield image

        classes = dict.fromkeys(name for _, names, _ in documents for name in names)
        count = sum(len(entries) for _, _, entries in documents)
        return AnnotationStream(images(), tuple(ObjectClass(n) for n in classes), losses, count=count)

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """`annotations/default.json` in a folder; the images themselves belong into `images/default/`."""
        path = Path(target) if target.endswith(".json") else Path(target) / FOLDER / f"{SUBSET}.json"
        classes = ClassTable(annotations.classes)
        losses: list[str] = []
        with atomic_file(path) as file:
            file.write(b'{"items":[')
            for position, image in enumerate(annotations.images):
                item, lost = item_of(image, classes, style)
                file.write((b",\n" if position else b"\n") + json_bytes(item).rstrip())
                losses += lost
            file.write(b"\n]," + json_bytes(_head(classes))[1:])
        return Written((str(path),), tuple(losses))


FORMAT = DatumaroFolder()


def _head(classes: ClassTable) -> dict[str, Any]:
    labels = [{"name": name, "parent": "", "attributes": []} for name in classes.names]
    categories = {"label": {"labels": labels, "label_groups": [], "attributes": []}}
    return {"dm_format_version": VERSION, "media_type": MEDIA_TYPE_IMAGE, "infos": {}, "categories": categories}


def _document(file: Path) -> tuple[list[str], Sequence[Any]]:
    with naming(file):
        whole = fields.mapping(read_items(file, ("items",)), "A Datumaro file")
        if "items" not in whole or "categories" not in whole:
            raise FormatError(f"This is no Datumaro file: it has no 'items'. Its keys: {', '.join(whole) or '-'}.")
        categories = fields.mapping(whole["categories"], "'categories'")
        label = fields.mapping(categories.get("label") or {}, "'categories.label'")
        labels = fields.items(label.get("labels") or [], "'labels'")
        names = [fields.text(fields.mapping(v, "'labels'"), "name", f"labels[{i}]") for i, v in enumerate(labels)]
        return names, items(whole["items"], "'items'")


def _image(entry: Mapping[str, Any], where: str, find: ImageLookup) -> FoundImage:
    image = fields.mapping(entry.get("image") or {}, f"{where}.image")
    path = image.get("path") or fields.text(entry, "id", where)
    name = fields.text({"path": path}, "path", f"{where}.image").replace("\\", "/")
    size = image.get("size")
    if not size:
        return known_image(name, find, where)
    sides = fields.items(size, f"{where}.image.size")
    if len(sides) != 2:
        raise FormatError(f"{where}.image.size must be [height, width], got {str(size)[:60]}.")
    return FoundImage(name, fields.size_hw({"h": sides[0], "w": sides[1]}, ("h", "w"), f"{where}.image.size"))


def _object(
    entry: Mapping[str, Any], names: Sequence[str], size_hw: tuple[int, int], convention: Convention, where: str
) -> Annotation:
    label = entry.get("label_id")
    if label is not None and not 0 <= fields.whole(entry, "label_id", where) < len(names):
        raise FormatError(f"{where}: label_id {label} is not among the file's {len(names)} labels.")
    name = OBJECT if label is None else names[int(label)]
    return Annotation(
        name, _mask(entry, size_hw, convention, where), attributes=fields.others(NAME, entry, _ENTRY_FIELDS)
    )


def _mask(entry: Mapping[str, Any], size_hw: tuple[int, int], convention: Convention, where: str) -> RunLengthMask:
    if entry["type"] == "mask":
        return rle_mask(fields.mapping(entry.get("rle"), f"{where}.rle"), size_hw, f"{where}.rle")
    key = "bbox" if entry["type"] == "bbox" else "points"
    points = fields.ring(entry.get(key), f"{where}.{key}")
    if entry["type"] == "polygon":
        if len(points) < 3:
            raise FormatError(f"{where}: a polygon needs at least three points, got {len(points)}.")
        return mask_of_rings([points], size_hw, convention)
    if len(points) != 2:
        raise FormatError(f"{where}: a {entry['type']} has four numbers, got {points.size}.")
    (x, y), (w, h) = points.tolist()
    if entry["type"] == "bbox":
        return mask_of_rings([box_ring(x, y, x + w, y + h)], size_hw, convention)
    ring = ellipse_ring(((x + w) / 2, (y + h) / 2), (abs(w - x) / 2, abs(h - y) / 2))
    return mask_of_rings([ring], size_hw, convention)


def _shapes(mask: RunLengthMask, style: ShapeStyle) -> tuple[list[dict[str, Any]], list[str]]:
    """Type and geometry of the entries of one object, and what they lose."""
    rings = edge_rings(mask.decode_crop())
    simple = len(rings.outer) == 1 and not rings.holes
    if style == "mask" or not mask or (style == "auto" and not simple):
        return [{"type": "mask", "rle": rle_encode(mask)}], []
    x0, y0, _, _ = mask.box_xyxy
    shapes = [{"type": "polygon", "points": np.add(ring, (x0, y0)).ravel().tolist()} for ring in rings.outer]
    losses = [f"{len(rings.holes)} holes filled, because polygons hold none."] if rings.holes else []
    return shapes, losses + ([f"its {len(shapes)} parts become objects of their own."] if len(shapes) > 1 else [])
