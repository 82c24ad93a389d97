from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from clickmask.core.masks import RunLengthMask
from clickmask.formats import coco, lvis
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN, GOLDEN_PACKED


def document() -> dict[str, Any]:
    return {
        "info": {"version": "v1.0"},
        "images": [
            {"id": 42, "coco_url": "http://images.cocodataset.org/val2017/000000000042.jpg", "height": 5, "width": 6,
             "neg_category_ids": [9], "not_exhaustive_category_ids": [3], "license": 1}
        ],
        "categories": [
            {"id": 3, "name": "bagel", "synset": "bagel.n.01", "synonyms": ["bagel", "beigel"], "def": "a bread ring",
             "frequency": "f", "image_count": 500, "instance_count": 900}
        ],
        "annotations": [
            {"id": 8, "image_id": 42, "category_id": 3, "area": 9.0, "bbox": [1, 1, 3, 3],
             "segmentation": [[1, 1, 4, 1, 4, 4, 1, 4]]}
        ],
    }  # fmt: skip


def test_a_file_of_lvis_is_read() -> None:
    found = coco.parse(document(), dialect=lvis.LVIS)
    (image,) = found.images
    assert (image.path, image.id) == ("val2017/000000000042.jpg", 42)
    assert [(a.class_name, a.mask.area) for a in image.annotations] == [("bagel", 9)]


def test_what_only_lvis_knows_goes_back_and_counts_are_counted(tmp_path: Path) -> None:
    lvis.FORMAT.write(coco.parse(document(), dialect=lvis.LVIS), str(tmp_path))
    written = json.loads((tmp_path / "annotations.json").read_text())
    (image,), (category,), (annotation,) = written["images"], written["categories"], written["annotations"]
    assert image == {**document()["images"][0], "file_name": "val2017/000000000042.jpg"}
    counted = {"frequency": "r", "image_count": 1, "instance_count": 1}
    assert category == {**document()["categories"][0], **counted}
    assert "iscrowd" not in annotation and written["info"] == {"version": "v1.0"}


def test_frequencies_are_those_of_the_paper() -> None:
    uses = [
        lvis.LVIS.category_entry(coco.ObjectClass("a"), coco.ClassUse(n, n))["frequency"] for n in (10, 11, 100, 101)
    ]
    assert uses == ["r", "c", "c", "f"]


def test_the_golden_mask_is_written_as_run_lengths() -> None:
    objects = (Annotation("ring", RunLengthMask.encode(GOLDEN)),)
    written, losses = coco.serialize(AnnotationSet((AnnotatedImage("a.jpg", (5, 6), objects),)), dialect=lvis.LVIS)
    assert written["annotations"][0]["segmentation"] == {"size": [5, 6], "counts": GOLDEN_PACKED} and losses == ()
    image = written["images"][0]
    assert (image["neg_category_ids"], image["not_exhaustive_category_ids"]) == ([], [])
    np.testing.assert_array_equal(coco.parse(written, dialect=lvis.LVIS).images[0].annotations[0].mask.decode(), GOLDEN)
