"""GeoJSON in the coordinates of the image's own reference system, as QGIS and GDAL read it.

The member `crs` names the system by its EPSG number (GeoJSON 2008; RFC 7946 knows degrees alone and took it out, the
programs kept it). The member `image` holds the GeoTIFF tags of the image, so that the file can be read back to pixels
without it; other files need the image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.formats import fields, geojson
from clickmask.formats.annotation import AnnotatedImage, Convention, FoundImage
from clickmask.formats.georeference import Georeference, from_json
from clickmask.formats.geotiff import NO_PLACE

_TAGS = "geotiff"
_EPSG = re.compile(r"EPSG:(?:[0-9.]*:)?([0-9]{1,6})", re.IGNORECASE)


class WorldGeoJson(geojson.GeoJson):
    """One file per image, in world coordinates."""

    title = "GeoJSON, world coordinates"
    summary = "GeoJSON in the coordinates of georeferenced images, one file per image (QGIS, GDAL)"

    def parsed(self, document: Any, found: FoundImage, convention: Convention) -> tuple[AnnotatedImage, list[str]]:
        """Taken to pixels by the georeference in the file, else by that of the image."""
        place = _place(document, found)
        to_pixels = None if place is None else place.to_pixels
        image, losses = geojson.parse(document, found.path, found.size_hw, convention, to_pixels)
        return AnnotatedImage(image.path, image.size_hw, image.annotations, georeference=place), losses

    def serialized(self, image: AnnotatedImage) -> tuple[dict[str, Any], list[str]]:
        """Pixels taken to the world; of an image without a georeference pixels, which is said."""
        document, losses = geojson.serialize(image)
        place = image.georeference
        document["image"][_TAGS] = None if place is None else place.to_json()
        if place is None:
            return document, [f"{image.path} {NO_PLACE} its coordinates are pixels.", *losses]
        for feature in document["features"]:
            geometry = feature["geometry"]
            geometry["coordinates"] = _in_world(geometry["coordinates"], place)
        if place.epsg is None:
            return document, [f"{image.path}: its reference system has no EPSG number, so no `crs` names it.", *losses]
        name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{place.epsg}"}}
        return {"type": document.pop("type"), "crs": name, **document}, losses


FORMAT = WorldGeoJson()


def _in_world(coordinates: list[Any], place: Georeference) -> list[Any]:
    """Rings of any nesting; turned where the world's y goes up, so that outer rings stay counterclockwise."""
    if not isinstance(coordinates[0][0], list):
        ring: list[Any] = place.to_world(np.array(coordinates, dtype=np.float64)).tolist()
        return ring[::-1] if np.linalg.det(place.affine[:, :2]) < 0 else ring
    return [_in_world(part, place) for part in coordinates]


def _place(document: Any, found: FoundImage) -> Georeference | None:
    own = document.get("image") if isinstance(document, dict) else None
    if isinstance(own, dict) and _TAGS in own:
        tags = own[_TAGS]
        return None if tags is None else from_json(fields.mapping(tags, "image.geotiff"), "image.geotiff")
    if found.georeference is None:
        raise FormatError(
            f"There is no georeference to take its coordinates to pixels of '{found.path}'. Give the folder of the "
            "GeoTIFF images with --images DIR; for coordinates in pixels choose geojson."
        )
    _check_system(document, found.georeference)
    return found.georeference


def _check_system(document: Any, place: Georeference) -> None:
    """Refuse a file in another reference system than its image."""
    crs = document.get("crs") if isinstance(document, Mapping) else None
    named = _EPSG.search(str(crs.get("properties", ""))) if isinstance(crs, Mapping) else None
    if named and place.epsg is not None and int(named[1]) != place.epsg:
        raise FormatError(
            f"Its coordinates are in EPSG:{named[1]}, its image is in EPSG:{place.epsg}. Reproject it to that."
        )
