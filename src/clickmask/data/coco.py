"""COCO (Lin et al. 2014): instances of 80 classes, 36,335 of them in the 5,000 validation photographs.

Licence: annotations CC BY 4.0, Flickr photographs under their own. Layout: `annotations/instances_SPLIT.json` and
photographs in `SPLIT/` (or `images/SPLIT/`, or `images/`). Polygons and run lengths are rasterised exactly as the
official API does it; crowd regions are no objects and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickmask.core.errors import FormatError, InputError
from clickmask.core.masks import BoolMask
from clickmask.data.files import find_folders, need_file
from clickmask.data.sample import Dataset, ReadOptions, Sample, Truth
from clickmask.formats.coco import polygons_to_mask, rle_decode

SPLIT = "val2017"
CERTAINLY_VISIBLE_AREA = 16.0
"""Annotations of a smaller stated area are rasterised while listing, since some of them cover no pixel."""


@dataclass(frozen=True, slots=True)
class AnnotationTruth:
    """Truth from a COCO segmentation: a list of polygons, or run lengths."""

    segmentation: Any
    size_hw: tuple[int, int]

    def load(self) -> Truth:
        """Rasterise."""
        return Truth(self._mask())

    def _mask(self) -> BoolMask:
        if isinstance(self.segmentation, list):
            return polygons_to_mask(self.segmentation, self.size_hw)
        return rle_decode(self.segmentation, self.size_hw)


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects of one split (``"val2017"`` unless told) below `root`."""
    split = options.split or SPLIT
    (annotations,) = find_folders(root, [(f"annotations/instances_{split}.json",)])
    (images,) = find_folders(root, [(split,), (f"images/{split}",), ("images",)])
    content = read_annotations(annotations)
    paths = {image["id"]: images / image["file_name"] for image in content["images"]}
    samples, notes = list_objects(content, paths)
    return Dataset("coco", root, samples, None, notes)


def read_annotations(path: Path) -> dict[str, Any]:
    """The content of a COCO-style instances file.

    Raises:
        FormatError: not JSON, or without `images` and `annotations`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise FormatError(f"{path} is not a COCO instances file: expected an object with 'images' and 'annotations'.")
    return content


def list_objects(content: Mapping[str, Any], paths: Mapping[int, Path]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Samples of all annotations in order of image and annotation id, and remarks about those left out."""
    sizes = {image["id"]: (int(image["height"]), int(image["width"])) for image in content["images"]}
    crowds = empty = 0
    samples: list[Sample] = []
    for annotation in sorted(content["annotations"], key=lambda a: (a["image_id"], a["id"])):
        image_id = annotation["image_id"]
        if image_id not in sizes:
            raise InputError(f"Annotation {annotation['id']} names image {image_id}, which the file does not list.")
        source = AnnotationTruth(annotation["segmentation"], sizes[image_id])
        if annotation.get("iscrowd"):
            crowds += 1
        elif _covers_no_pixel(annotation, source):
            empty += 1
        else:
            image = need_file(paths[image_id], "image")
            samples.append(Sample(str(image_id), str(annotation["id"]), image, source))
    return tuple(samples), tuple(_notes({"crowd regions": crowds, "annotations that cover no pixel": empty}.items()))


def _covers_no_pixel(annotation: Mapping[str, Any], source: AnnotationTruth) -> bool:
    if annotation.get("area", 0.0) >= CERTAINLY_VISIBLE_AREA:
        return False
    return not source.load().mask.any()


def _notes(counts: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{count} {what} are left out." for what, count in counts if count]
