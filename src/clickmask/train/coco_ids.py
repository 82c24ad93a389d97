"""COCO instances as id pictures, for training on a COCO file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.formats.coco import polygons_to_mask, rle_decode

IGNORE_ID = 65535


def coco_ids(path: Path) -> Iterator[tuple[str, NDArray[np.uint16]]]:
    """File name and (H, W) uint16 ids of every image with annotations.

    Where objects overlap the smaller one is kept: it is the one in front more often. Crowds become IGNORE_ID.

    Raises:
        FormatError: the file is no COCO instances file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in document["images"]}
        annotations = document["annotations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} is not a COCO instances file: {error!r}. It needs 'images' and 'annotations'."
        ) from error
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for annotation in annotations:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    for image_id, image in images.items():
        if image_id in by_image:
            size_hw = (int(image["height"]), int(image["width"]))
            yield str(image["file_name"]), _painted(by_image[image_id], size_hw)


def _painted(annotations: list[dict[str, Any]], size_hw: tuple[int, int]) -> NDArray[np.uint16]:
    crowds = [a for a in annotations if a.get("iscrowd")]
    objects = [(a, _mask(a["segmentation"], size_hw)) for a in annotations if not a.get("iscrowd")]
    ids = np.zeros(size_hw, dtype=np.uint16)
    for crowd in crowds:
        ids[_mask(crowd["segmentation"], size_hw)] = IGNORE_ID
    objects.sort(key=lambda pair: -int(pair[1].sum()))
    for number, (_, mask) in enumerate(objects, start=1):
        ids[mask] = number
    return ids


def _mask(segmentation: Any, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    if isinstance(segmentation, dict):
        return rle_decode(segmentation, size_hw)
    return polygons_to_mask(segmentation, size_hw)
