"""Label Studio JSON: a list of tasks with brush masks, polygons, rectangles and ellipses, in percent of the image.

Of several annotations of a task the newest that was not cancelled is read, of a task without one the newest
prediction; what is left out is reported. `label_config.xml`, written beside the tasks, sets up a project that shows
them: its image key is `image`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import fields, rle_label_studio
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    ClassTable,
    Convention,
    ImageLookup,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import atomic_file, json_bytes, naming, only_file, write_atomically
from clickmask.formats.image_names import in_turn
from clickmask.formats.json_items import items, read_items
from clickmask.formats.mask_png import OBJECT
from clickmask.formats.polygons import Ring, box_ring, edge_rings, ellipse_ring, mask_of_rings
from clickmask.formats.xml_text import clean

NAME = "labelstudio"
FILE_NAME = "tasks.json"
CONFIG_NAME = "label_config.xml"
TO_NAME = "image"
TAGS = {"brushlabels": "brush", "polygonlabels": "polygon"}
"""Region types that are written, and the control tag of each."""

_KINDS = {"brush": "brush", "polygon": "polygon", "rectangle": "rectangle", "ellipse": "ellipse"}
_TASK_FIELDS = frozenset({"annotations", "predictions", "completions"})
_REGION_FIELDS = frozenset(
    {"from_name", "to_name", "type", "value", "original_width", "original_height", "rle", "format"}
)
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-")


def parse(
    task: Any, where: str = "task", convention: Convention = "edge", find_image: ImageLookup | None = None
) -> tuple[AnnotatedImage | None, list[str]]:
    """The image of one task, None if its size is unknown, and what could not be taken over.

    Args:
        task: parsed JSON.
        where: stands in messages.
        convention: what whole numbers mean in polygons, once their percentages are pixels.
        find_image: asked for the size of images of tasks without a region.

    Raises:
        FormatError: the structure is another.
    """
    entry = fields.mapping(task, where)
    data = fields.mapping(entry.get("data"), f"{where}.data")
    path = image_path(data, where)
    results, losses = _results(entry, where)
    regions = [fields.mapping(r, f"{where}.result[{i}]") for i, r in enumerate(results)]
    size_hw = _size(regions, data, where)
    found = in_turn(find_image)(path)
    if size_hw is None and found is None:
        return None, [*losses, f"{path}: a task without regions does not tell its image's size; it is left out."]
    size_hw = size_hw or (found.size_hw if found else (0, 0))
    objects: list[Annotation] = []
    for position, region in enumerate(regions):
        annotation, lost = _object(region, size_hw, convention, f"{where}.result[{position}]")
        objects += [] if annotation is None else [annotation]
        losses += [f"{path}: {text}" for text in lost]
    rest = fields.others(NAME, entry, _TASK_FIELDS)
    return AnnotatedImage(path, size_hw, tuple(objects), attributes=rest), losses


def serialize(image: AnnotatedImage, style: ShapeStyle = "auto") -> tuple[dict[str, Any], tuple[str, ...]]:
    """One task, and what it cannot hold.

    Args:
        image: what to write; `data.image` becomes its path, and its size is kept in `data` too.
        style: `mask` writes brush masks, `polygon` the outer ring of each part, `auto` a polygon where one ring holds
            exactly the mask's pixels and a brush mask elsewhere.
    """
    height, width = image.size_hw
    regions: list[dict[str, Any]] = []
    losses: list[str] = []
    for number, annotation in enumerate(image.annotations, start=1):
        written, lost = _regions(annotation, style, f"{image.path}#{number}")
        regions += written
        losses += [f"{image.path}: object {number} ('{annotation.class_name}'): {text}" for text in lost]
    own = fields.own(NAME, image.attributes)
    data = {"image": image.path, **own.get("data", {}), "width": width, "height": height}
    return {**own, "data": data, "annotations": [{"result": regions}]}, tuple(losses)


def region(kind: str, value: Mapping[str, Any], class_name: str, size_hw: tuple[int, int], key: str) -> dict[str, Any]:
    """An entry of `result`: `kind` is brushlabels or polygonlabels; the same `key` gives the same id."""
    return {
        "id": hashlib.blake2b(key.encode(), digest_size=5).hexdigest(),
        "from_name": TAGS[kind],
        "to_name": TO_NAME,
        "type": kind,
        "origin": "manual",
        "original_width": size_hw[1],
        "original_height": size_hw[0],
        "image_rotation": 0,
        "value": {**value, kind: [class_name]},
    }


def brush_value(mask: RunLengthMask) -> dict[str, Any]:
    """The value of a brush region, without its label."""
    return {"format": "rle", "rle": rle_label_studio.encode(mask.decode())}


def image_path(data: Mapping[str, Any], where: str) -> str:
    """Path of a task's image, as far as its address tells: `?d=a/b.jpg`, `/data/upload/1/0a1b2c3d-b.jpg`, a URL."""
    value = next((v for k, v in data.items() if k == "image" or (isinstance(v, str) and "." in v)), None)
    if not isinstance(value, str) or not value:
        raise FormatError(f"{where}.data names no image. Accepted: {{'image': 'path or address'}}.")
    if value.startswith("data:"):
        raise FormatError(f"{where}.data holds the image itself, so it is not clear which file is meant.")
    fields.writable(value, f"{where}.data")
    parts = urlsplit(value)
    local = parse_qs(parts.query).get("d", [""])[0]
    if local:
        return local
    if not parts.scheme and not value.startswith("/data/"):
        return value
    name = PurePosixPath(unquote(parts.path)).name
    return _UPLOAD_PREFIX.sub("", name, count=1) if "/upload/" in parts.path else name or value


def label_config(classes: ClassTable, colours: Mapping[str, str]) -> str:
    """XML that sets up a project with these classes."""
    lines = ["<View>", f'  <Image name="{TO_NAME}" value="$image" zoom="true"/>']
    for tag, name in (("BrushLabels", TAGS["brushlabels"]), ("PolygonLabels", TAGS["polygonlabels"])):
        labels = [_label(c.name, colours.get(c.name)) for c in classes]
        lines += [f'  <{tag} name="{name}" toName="{TO_NAME}">', *labels, f"  </{tag}>"]
    return "\n".join([*lines, "</View>", ""])


class LabelStudioJson(AnnotationFormat):
    """One JSON list of tasks."""

    title = "Label Studio"
    summary = "Label Studio's JSON, one list of tasks: brush masks or polygons, by style"
    suffixes = (".json",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """A file, or `tasks.json` (else the only `.json`) in a folder. Polygons are `edge` unless told otherwise."""
        path = only_file(Path(source), FILE_NAME)
        with naming(path):
            tasks = items(read_items(path, ()), "A Label Studio export")
        losses: list[str] = []

        def images() -> Iterator[AnnotatedImage]:
            with naming(path):
                for position, task in enumerate(tasks):
                    image, lost = parse(task, f"tasks[{position}]", convention or "edge", find_image)
                    losses.extend(lost)
                    if image is not None:
                        yield image

        return AnnotationStream(images(), losses=losses, count=len(tasks))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """To `target` if it ends in `.json`, else to `tasks.json` in that folder, with `label_config.xml` beside it."""
        single = target.endswith(".json")
        path = Path(target) if single else Path(target) / FILE_NAME
        classes, colours, losses = ClassTable(annotations.classes), dict[str, str](), list[str]()
        with atomic_file(path) as file:
            for position, image in enumerate(annotations.images):
                task, lost = serialize(image, style)
                _append(file, position, task)
                losses += lost
                for annotation in image.annotations:
                    classes.place(annotation.class_name)
                    colours.setdefault(annotation.class_name, annotation.colour or "")
            file.write(b"[]\n" if not file.tell() else b"\n]\n")
        if single:
            return Written((str(path),), tuple(losses))
        config = path.with_name(CONFIG_NAME)
        write_atomically(config, label_config(classes, colours).encode())
        return Written((str(path), str(config)), tuple(losses))


FORMAT = LabelStudioJson()


def _append(file: IO[bytes], position: int, task: Mapping[str, Any]) -> None:
    file.write((b",\n" if position else b"[\n") + json_bytes(task).rstrip())


def _results(task: Mapping[str, Any], where: str) -> tuple[list[Any], list[str]]:
    """Regions of the answer that counts, and a loss for each other one."""
    answers = [
        (kind, fields.mapping(a, f"{where}.{kind}s[{i}]"))
        for kind in ("prediction", "annotation")
        for i, a in enumerate(fields.items(task.get(f"{kind}s") or [], f"{where}.{kind}s"))
    ]
    valid = [(kind, a) for kind, a in answers if not a.get("was_cancelled")]
    if not valid:
        return [], []
    kind, newest = valid[-1]
    left = sum(1 for other, a in answers if other == kind) - 1
    losses = [f"{where}: {left} other {kind}s of the task are left out; the newest counts."] if left else []
    return fields.items(newest.get("result"), f"{where}.{kind}s.result"), losses


def _size(regions: list[Mapping[str, Any]], data: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    sized = [r for r in regions if "original_width" in r]
    if sized:
        return fields.size_hw(sized[0], ("original_height", "original_width"), f"{where}.result")
    if fields.maybe_whole(data, "width") and fields.maybe_whole(data, "height"):
        return fields.size_hw(data, ("height", "width"), f"{where}.data")
    return None


def _object(
    entry: Mapping[str, Any], size_hw: tuple[int, int], convention: Convention, where: str
) -> tuple[Annotation | None, list[str]]:
    kind = str(entry.get("type", ""))
    shape = _KINDS.get(kind.removesuffix("labels"))
    if shape is None:
        return None, [f"{where} is of type '{kind}', which holds no mask; it is left out."]
    if entry.get("image_rotation"):
        return None, [f"{where} was drawn on an image turned by {entry['image_rotation']} degrees; it is left out."]
    if "original_width" in entry and fields.size_hw(entry, ("original_height", "original_width"), where) != size_hw:
        raise FormatError(f"{where} was drawn on another size than the regions before it.")
    value = fields.mapping(entry.get("value"), f"{where}.value")
    mask = (
        _brush(entry, value, size_hw, where) if shape == "brush" else _shape(shape, value, size_hw, convention, where)
    )
    names = value.get(kind) if kind.endswith("labels") else None
    labels = [fields.writable(n, where) for n in names or () if isinstance(n, str) and n] or [OBJECT]
    lost = [f"{where} has the labels {labels}; only the first is kept."] if len(labels) > 1 else []
    return Annotation(labels[0], mask, attributes=fields.others(NAME, entry, _REGION_FIELDS)), lost


def _brush(entry: Mapping[str, Any], value: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> RunLengthMask:
    """Some exports put `rle` beside `value` instead of into it."""
    data = fields.items(value.get("rle", entry.get("rle")), f"{where}.value.rle")
    try:
        return RunLengthMask.encode(rle_label_studio.decode(data, size_hw))
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error


def _shape(
    shape: str, value: Mapping[str, Any], size_hw: tuple[int, int], convention: Convention, where: str
) -> RunLengthMask:
    scale = np.array((size_hw[1], size_hw[0])) / 100
    if shape == "polygon":
        ring = fields.ring(value.get("points"), f"{where}.value.points") * scale
        return mask_of_rings([ring], size_hw, convention)
    turn = fields.number(value, "rotation", where) if value.get("rotation") else 0.0
    x, y = (fields.number(value, k, where) * s for k, s in zip("xy", scale, strict=True))
    sides = ("radiusX", "radiusY") if shape == "ellipse" else ("width", "height")
    w, h = (fields.number(value, k, where) * s for k, s in zip(sides, scale, strict=True))
    ring = ellipse_ring((x, y), (w, h), turn) if shape == "ellipse" else box_ring(x, y, x + w, y + h, turn, True)
    return mask_of_rings([ring], size_hw, convention)


def _regions(annotation: Annotation, style: ShapeStyle, key: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Regions of one object, and what they lose."""
    own, size_hw = fields.own(NAME, annotation.attributes), annotation.mask.size_hw
    x0, y0, _, _ = annotation.mask.box_xyxy
    rings = edge_rings(annotation.mask.decode_crop())
    exact = len(rings.outer) == 1 and not rings.holes
    if style == "mask" or not rings.outer or (style == "auto" and not exact):
        value = brush_value(annotation.mask)
        return [{**region("brushlabels", value, annotation.class_name, size_hw, key), **own}], []
    values = [_polygon_value(np.add(ring, (x0, y0)), size_hw) for ring in rings.outer]
    regions = [
        {**region("polygonlabels", v, annotation.class_name, size_hw, f"{key}.{i}"), **(own if i == 0 else {})}
        for i, v in enumerate(values)
    ]
    losses = [f"{len(rings.holes)} holes filled, because polygons hold none."] if rings.holes else []
    return regions, losses + ([f"its {len(values)} parts become objects of their own."] if len(values) > 1 else [])


def _polygon_value(ring: Ring, size_hw: tuple[int, int]) -> dict[str, Any]:
    percent = ring / (size_hw[1], size_hw[0]) * 100
    return {"points": percent.tolist(), "closed": True}


def _label(name: str, colour: str | None) -> str:
    background = f' background="{escape(colour)}"' if colour else ""
    return f'    <Label value="{escape(clean(name))}"{background}/>'
