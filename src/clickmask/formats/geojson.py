"""GeoJSON in pixels, one FeatureCollection per image, as QuPath reads and writes it: polygons with holes, no loss.

Coordinates are pixels of the image, x to the right and y down, along pixel edges. The member `image` (path, width,
height) says which image it is; files without it are matched to an image by their name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
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
    Convention,
    FoundImage,
    ImageLookup,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import OutputNames, files_below, json_bytes, naming, read_json, write_atomically
from clickmask.formats.image_names import images_in, in_turn, known_image
from clickmask.formats.mask_png import OBJECT
from clickmask.formats.polygons import Part, Ring, edge_parts, mask_of_parts

NAME = "geojson"
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def parse(
    document: Any,
    path: str,
    size_hw: tuple[int, int],
    convention: Convention = "edge",
    to_pixels: Callable[[Ring], Ring] | None = None,
) -> tuple[AnnotatedImage, list[str]]:
    """The image of a parsed file, and what could not be taken over.

    Args:
        document: a FeatureCollection, a list of features, or one feature.
        path: of the image.
        size_hw: of the image.
        convention: what whole numbers mean.
        to_pixels: takes (N, 2) coordinates to pixels, where they are something else.

    Raises:
        FormatError: the structure is another.
    """
    objects: list[Annotation] = []
    losses: list[str] = []
    for position, value in enumerate(_features(document)):
        where = f"features[{position}]"
        feature = fields.mapping(value, where)
        geometry = fields.mapping(feature.get("geometry"), f"{where}.geometry")
        if geometry.get("type") not in ("Polygon", "MultiPolygon"):
            losses.append(f"{path}: {where} is a {geometry.get('type')}, which encloses no area; it is left out.")
            continue
        parts = _parts(geometry, where)
        if to_pixels is not None:
            parts = [Part(to_pixels(p.outer), tuple(to_pixels(h) for h in p.holes)) for p in parts]
        mask = mask_of_parts(parts, size_hw, convention)
        objects.append(_annotation(feature, mask, where))
    return AnnotatedImage(path, size_hw, tuple(objects)), losses


def serialize(image: AnnotatedImage) -> tuple[dict[str, Any], list[str]]:
    """A FeatureCollection, and what it cannot hold: objects without a pixel."""
    losses = [
        f"{image.path}: object {number} ('{a.class_name}') is empty; it is left out."
        for number, a in enumerate(image.annotations, start=1)
        if not a.mask
    ]
    height, width = image.size_hw
    document = {
        "type": "FeatureCollection",
        "image": {"path": image.path, "width": width, "height": height},
        "features": [_feature(a) for a in image.annotations if a.mask],
    }
    return document, losses


class GeoJson(AnnotationFormat):
    """One file per image."""

    title = "GeoJSON"
    summary = "GeoJSON in pixels, one file per image (QuPath): polygons with holes"
    suffixes = (".geojson", ".json")

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One file, or every one in a folder and below. Polygons are read as `edge` unless told otherwise."""
        root = Path(source)
        files = files_below(root, self.suffixes, "GeoJSON files")
        folder = root if root.is_dir() else root.parent
        find = in_turn(find_image, images_in(root))
        losses: list[str] = []

        def images() -> Iterator[AnnotatedImage]:
            for file in files:
                with naming(file):
                    document = read_json(file)
                    found = _image(document, file.relative_to(folder).as_posix(), find, file)
                    image, lost = self.parsed(document, found, convention or "edge")
                losses.extend(lost)
                yield image

        return AnnotationStream(images(), losses=losses, count=len(files))

    def parsed(self, document: Any, found: FoundImage, convention: Convention) -> tuple[AnnotatedImage, list[str]]:
        """See `parse`."""
        return parse(document, found.path, found.size_hw, convention)

    def serialized(self, image: AnnotatedImage) -> tuple[dict[str, Any], list[str]]:
        """See `serialize`."""
        return serialize(image)

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One `.geojson` per image below `target`."""
        names = OutputNames(".geojson", annotations.paths)
        paths: list[str] = []
        losses: list[str] = []
        for image in annotations.images:
            document, lost = self.serialized(image)
            path = Path(target) / names.name(image.path)
            write_atomically(path, json_bytes(document))
            paths.append(str(path))
            losses += lost
        return Written(tuple(paths), tuple(losses))


FORMAT = GeoJson()


def _image(document: Any, name: str, find: ImageLookup, file: Path) -> FoundImage:
    own = document.get("image") if isinstance(document, dict) else None
    if isinstance(own, dict):
        path = fields.text(own, "path", "'image'").replace("\\", "/")
        return FoundImage(path, fields.size_hw(own, ("height", "width"), "'image'"))
    return known_image(name, find, str(file))


def _features(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    whole = fields.mapping(document, "A GeoJSON file")
    if whole.get("type") == "FeatureCollection":
        return fields.items(whole.get("features"), "'features'")
    if whole.get("type") == "Feature":
        return [whole]
    raise FormatError(f"'type' must be FeatureCollection or Feature, got {str(whole.get('type'))[:50]!r}.")


def _parts(geometry: Mapping[str, Any], where: str) -> list[Part]:
    coordinates = fields.items(geometry.get("coordinates"), f"{where}.coordinates")
    polygons = coordinates if geometry["type"] == "MultiPolygon" else [coordinates]
    parts: list[Part] = []
    for polygon in polygons:
        rings = [fields.ring(_plane(r), f"{where}.coordinates") for r in fields.items(polygon, f"{where}.coordinates")]
        if not rings or min(len(r) for r in rings) < 3:
            raise FormatError(f"{where}: a polygon is a list of rings of at least three points.")
        parts.append(Part(rings[0], tuple(rings[1:])))
    return parts


def _plane(ring: Any) -> Any:
    """Positions without their height, if they have one."""
    return [p[:2] if isinstance(p, list) else p for p in ring] if isinstance(ring, list) else ring


def _annotation(feature: Mapping[str, Any], mask: RunLengthMask, where: str) -> Annotation:
    properties = feature.get("properties") or {}
    classification = fields.mapping(properties, f"{where}.properties").get("classification") or {}
    found = fields.mapping(classification, f"{where}.classification")
    name = found.get("name") or OBJECT
    colour = found.get("color")
    valid = isinstance(colour, list) and len(colour) == 3 and all(isinstance(c, int) and 0 <= c < 256 for c in colour)
    rest = {k: v for k, v in properties.items() if k != "classification"}
    own = {"properties": rest, **({"id": feature["id"]} if "id" in feature else {})}
    return Annotation(
        fields.text({"name": name}, "name", where),
        mask,
        colour="#{:02x}{:02x}{:02x}".format(*colour) if valid and isinstance(colour, list) else None,
        attributes={NAME: own},
    )


def _feature(annotation: Annotation) -> dict[str, Any]:
    x0, y0, _, _ = annotation.mask.box_xyxy
    polygons = [
        [_closed(np.add(ring, (x0, y0)), exterior=place == 0) for place, ring in enumerate((part.outer, *part.holes))]
        for part in edge_parts(annotation.mask.decode_crop())
    ]
    single = len(polygons) == 1
    colour = _COLOUR.fullmatch(annotation.colour or "")
    own = fields.own(NAME, annotation.attributes)
    classification: dict[str, Any] = {"name": annotation.class_name}
    if colour:
        classification["color"] = [int(part, 16) for part in colour.groups()]
    return {
        "type": "Feature",
        **({"id": own["id"]} if "id" in own else {}),
        "geometry": {
            "type": "Polygon" if single else "MultiPolygon",
            "coordinates": polygons[0] if single else polygons,
        },
        "properties": {"objectType": "annotation", **own.get("properties", {}), "classification": classification},
    }


def _closed(ring: Ring, exterior: bool) -> list[list[int]]:
    """Whole numbers, first point again at the end; by RFC 7946 outer rings have a positive area, holes a negative."""
    x, y = ring[:, 0], ring[:, 1]
    positive = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) > 0
    turned = ring if positive == exterior else ring[::-1]
    points: list[list[int]] = turned.astype(int).tolist()
    return [*points, points[0]]
