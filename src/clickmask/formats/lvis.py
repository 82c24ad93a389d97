"""LVIS JSON (Gupta et al. 2019): built like COCO, with a place for classes of which only some images were searched.

Images are named by the last two parts of `coco_url` where there is no `file_name`. On writing, `image_count`,
`instance_count` and `frequency` (r: at most 10 images, c: at most 100, f: more) are counted; which classes were
searched for and not found is known of a source in LVIS alone and kept from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from clickmask.formats import fields
from clickmask.formats.annotation import AnnotatedImage, ObjectClass
from clickmask.formats.coco import ClassUse, CocoJson, Dialect

MOST_IMAGES_RARE, MOST_IMAGES_COMMON = 10, 100


class LvisDialect(Dialect):
    """LVIS v1."""

    name = "lvis"
    title = "LVIS"
    object_defaults: Mapping[str, Any] = {}

    def image_path(self, entry: Mapping[str, Any]) -> str:
        """`file_name`, or the end of `coco_url`."""
        if entry.get("file_name"):
            return fields.text(entry, "file_name", "images")
        parts = PurePosixPath(urlsplit(fields.text(entry, "coco_url", "images")).path).parts
        return "/".join(p for p in parts[-2:] if p != "/")

    def image_entry(self, image: AnnotatedImage) -> dict[str, Any]:
        """Lists of classes searched for and not found, and not searched for throughout: empty where unknown."""
        return {"neg_category_ids": [], "not_exhaustive_category_ids": [], **super().image_entry(image)}

    def category_entry(self, found: ObjectClass, use: ClassUse) -> dict[str, Any]:
        """Fields of a category, counted."""
        rare, common = use.images <= MOST_IMAGES_RARE, use.images <= MOST_IMAGES_COMMON
        return {
            "synset": "",
            "synonyms": [found.name],
            "def": "",
            **fields.own(self.name, found.attributes),
            "frequency": "r" if rare else "c" if common else "f",
            "image_count": use.images,
            "instance_count": use.objects,
        }


LVIS = LvisDialect()


class LvisJson(CocoJson):
    """One JSON file for a whole data set."""

    title = "LVIS"
    summary = "one JSON file for all images, as LVIS v1 has it: polygons or run lengths, by style"
    dialect = LVIS


FORMAT = LvisJson()
