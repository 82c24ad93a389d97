from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import datumaro
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN, GOLDEN_PACKED

SQUARE = [1.0, 1.0, 4.0, 1.0, 4.0, 4.0, 1.0, 4.0]


def entry(kind: str, **values: Any) -> dict[str, Any]:
    return {"id": 0, "type": kind, "attributes": {"occluded": True}, "group": 0, "label_id": 1, "z_order": 0, **values}


def document(*annotations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    labels = [{"name": n, "parent": "", "attributes": []} for n in ("cat", "dog")]
    item = {
        "id": "a",
        "annotations": list(annotations),
        "attr": {"frame": 3},
        "image": {"path": "a.jpg", "size": [5, 6]},
    }
    return {
        "dm_format_version": "1.0", "media_type": 2, "infos": {},
        "categories": {"label": {"labels": labels, "label_groups": [], "attributes": []}},
        "items": [{**item, **changes}],
    }  # fmt: skip


MASK = entry("mask", rle={"counts": GOLDEN_PACKED, "size": [5, 6]}, z_order=1)


def write(folder: Path, content: Any, name: str = "default") -> None:
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / f"{name}.json").write_text(json.dumps(content))


def test_a_folder_of_datumaro_is_read(tmp_path: Path) -> None:
    shapes = (MASK, entry("polygon", points=SQUARE), entry("bbox", bbox=[0.0, 0.0, 2.0, 1.0], label_id=0, z_order=2),
              entry("ellipse", points=[1.0, 1.0, 5.0, 4.0], z_order=3), entry("label"))  # fmt: skip
    write(tmp_path, document(*shapes))
    found = datumaro.FORMAT.read(str(tmp_path))
    (image,) = found.images
    assert (image.path, image.size_hw, [c.name for c in found.classes]) == ("a.jpg", (5, 6), ["cat", "dog"])
    assert [(a.class_name, a.mask.area) for a in image.annotations] == [
        ("dog", 9),
        ("dog", 10),
        ("cat", 2),
        ("dog", 10),
    ]
    np.testing.assert_array_equal(image.annotations[1].mask.decode(), GOLDEN)
    assert len(found.losses) == 1 and "is a label" in found.losses[0]


def test_the_golden_mask_is_written_as_datumaro_writes_it(tmp_path: Path) -> None:
    objects = (Annotation("cat", RunLengthMask.encode(GOLDEN)),)
    datumaro.FORMAT.write(AnnotationSet((AnnotatedImage("x/a.jpg", (5, 6), objects),)), str(tmp_path))
    whole = json.loads((tmp_path / "annotations" / "default.json").read_text())
    assert (whole["dm_format_version"], whole["media_type"]) == ("1.0", 2)
    (item,) = whole["items"]
    assert item["id"] == "x/a" and item["image"] == {"path": "x/a.jpg", "size": [5, 6]}
    assert item["annotations"] == [
        {"id": 0, "type": "mask", "attributes": {}, "group": 0, "label_id": 0, "z_order": 0,
         "rle": {"size": [5, 6], "counts": GOLDEN_PACKED}}
    ]  # fmt: skip


def test_what_only_datumaro_knows_goes_back_to_it(tmp_path: Path) -> None:
    write(tmp_path, document(MASK))
    datumaro.FORMAT.write(datumaro.FORMAT.read(str(tmp_path)), str(tmp_path / "again"))
    (item,) = json.loads((tmp_path / "again" / "annotations" / "default.json").read_text())["items"]
    assert item["attr"] == {"frame": 3} and item["annotations"][0]["attributes"] == {"occluded": True}


def test_subsets_become_one_and_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, document(MASK), "train")
    write(tmp_path, document(MASK, image={"path": "b.jpg", "size": [5, 6]}), "val")
    found = datumaro.FORMAT.read(str(tmp_path))
    assert [i.path for i in found.images] == ["a.jpg", "b.jpg"] and "train, val become one" in found.losses[0]


@pytest.mark.parametrize(("convention", "pixels"), [("edge", 9), ("center", 16)])
def test_polygons_are_read_by_the_convention_asked_for(tmp_path: Path, convention: Any, pixels: int) -> None:
    write(tmp_path, document(entry("polygon", points=SQUARE)))
    (image,) = datumaro.FORMAT.read(str(tmp_path), convention=convention).images
    assert image.annotations[0].mask.area == pixels


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"items": []}, "has no 'items'"),
        ([], "must be an object"),
        (document({**MASK, "label_id": 2}), "label_id 2 is not among the file's 2"),
        (document({**MASK, "rle": {"counts": "1", "size": [5, 6]}}), "sum to 1"),
        (document({**MASK, "rle": {"counts": GOLDEN_PACKED, "size": [6, 5]}}), "height, width"),
        (document({**MASK, "rle": None}), "must be an object"),
        (document(entry("polygon", points=[1, 2])), "at least three points"),
        (document(entry("bbox", bbox=[1, 2])), "four numbers"),
        (document(image={"path": "a.jpg", "size": [5]}), r"\[height, width\]"),
        (document(image={"path": "a.jpg"}), "--images DIR"),
        (document(image={"path": "a.jpg", "size": [0, 6]}), "no size of an image"),
        ({**document(), "items": {}}, "'items' must be a list"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, content: Any, text: str) -> None:
    write(tmp_path, content)
    with pytest.raises(FormatError, match=text) as caught:
        datumaro.FORMAT.read(str(tmp_path))
    assert "default.json" in str(caught.value)
