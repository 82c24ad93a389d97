from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import label_studio, rle_label_studio
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet, ClassTable, FoundImage

from .golden import GOLDEN
from .strategies import masks

GOLDEN_BYTES = [
    0, 0, 0, 120, 57, 27, 254, 27, 0, 183, 255, 108, 2, 63, 248, 192, 35, 255, 182, 1, 111, 254, 48, 8, 255, 240, 152,
    4, 127, 224,
]  # fmt: skip


def region(kind: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {"id": "Ab3dE", "from_name": "tag", "to_name": "image", "original_width": 6, "original_height": 5,
            "image_rotation": 0}  # fmt: skip
    return {**base, "type": kind, "value": {**value, kind: ["car"]}, **changes}


def task(*regions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"id": 3, "result": list(regions)}], **changes}


BRUSH = region("brushlabels", {"format": "rle", "rle": GOLDEN_BYTES})


def only(found: tuple[AnnotatedImage | None, list[str]]) -> NDArray[np.bool_]:
    image, losses = found
    assert image is not None and losses == []
    (annotation,) = image.annotations
    return annotation.mask.decode()


def test_the_golden_bytes_in_both_directions() -> None:
    assert rle_label_studio.encode(GOLDEN) == GOLDEN_BYTES
    np.testing.assert_array_equal(rle_label_studio.decode(GOLDEN_BYTES, (5, 6)), GOLDEN)
    np.testing.assert_array_equal(only(label_studio.parse(task(BRUSH))), GOLDEN)
    written, _ = label_studio.serialize(
        AnnotatedImage("a.jpg", (5, 6), (Annotation("car", RunLengthMask.encode(GOLDEN)),))
    )
    assert written["annotations"][0]["result"][0]["value"] == {
        "format": "rle", "rle": GOLDEN_BYTES, "brushlabels": ["car"],
    }  # fmt: skip


@given(mask=masks())
def test_any_mask_comes_back_through_the_bytes(mask: NDArray[np.bool_]) -> None:
    data = rle_label_studio.encode(mask)
    np.testing.assert_array_equal(rle_label_studio.decode(data, mask.shape), mask)  # type: ignore[arg-type]
    assert all(0 <= n < 256 for n in data)


def test_runs_longer_than_sixteen_bits_hold() -> None:
    mask = np.zeros((300, 400), dtype=bool)
    mask[10:290] = True
    np.testing.assert_array_equal(rle_label_studio.decode(rle_label_studio.encode(mask), (300, 400)), mask)


def test_literals_and_other_widths_are_read() -> None:
    """Written by hand: 2 x 1 pixels, widths 3, 3, 3, 3, one record of eight literals 0 0 0 0 0 0 0 200."""
    words = [0] * 7 + [200]
    bits = f"{8:032b}{7:05b}" + f"{2:04b}" * 4 + "0" + "00" + f"{7:03b}" + "".join(f"{w:08b}" for w in words)
    data = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
    assert rle_label_studio.decode(data, (1, 2)).tolist() == [[False, True]]


def test_polygons_boxes_and_ellipses_in_percent() -> None:
    square = [[100 / 6, 20], [400 / 6, 20], [400 / 6, 80], [100 / 6, 80]]
    polygon = only(label_studio.parse(task(region("polygonlabels", {"points": square, "closed": True}))))
    assert polygon.sum() == 9 and polygon[1:4, 1:4].all()
    box = {"x": 100 / 6, "y": 20, "width": 50, "height": 60, "rotation": 0}
    np.testing.assert_array_equal(only(label_studio.parse(task(region("rectanglelabels", box)))), polygon)
    turned = {"x": 400 / 6, "y": 20, "width": 50, "height": 60, "rotation": 90}
    np.testing.assert_array_equal(only(label_studio.parse(task(region("rectanglelabels", turned)))), polygon)
    ellipse = {"x": 50, "y": 50, "radiusX": 100 / 3, "radiusY": 30, "rotation": 0}
    assert only(label_studio.parse(task(region("ellipselabels", ellipse)))).sum() == 10


def test_the_convention_of_polygons_can_be_said() -> None:
    square = [[100 / 6, 20], [400 / 6, 20], [400 / 6, 80], [100 / 6, 80]]
    entry = task(region("polygonlabels", {"points": square}))
    assert only(label_studio.parse(entry, "t", "center")).sum() == 16


def test_run_lengths_beside_the_value_are_read() -> None:
    legacy = region("brushlabels", {}, rle=GOLDEN_BYTES, format="rle")
    np.testing.assert_array_equal(only(label_studio.parse(task(legacy))), GOLDEN)


def test_the_newest_annotation_counts_and_predictions_serve_without_one() -> None:
    cancelled = {"was_cancelled": True, "result": []}
    full = task(annotations=[{"result": []}, {"result": [BRUSH]}, cancelled], predictions=[{"result": []}])
    image, losses = label_studio.parse(full)
    assert image is not None and len(image.annotations) == 1 and "2 other annotations" in losses[0]
    np.testing.assert_array_equal(
        only(label_studio.parse(task(annotations=[], predictions=[{"result": [BRUSH]}]))), GOLDEN
    )


def test_what_holds_no_mask_is_reported() -> None:
    point = region("keypointlabels", {"x": 1, "y": 1, "width": 1})
    turned = {**BRUSH, "image_rotation": 90}
    two = region("brushlabels", {"rle": GOLDEN_BYTES})
    two["value"]["brushlabels"] = ["car", "red"]
    image, losses = label_studio.parse(task(point, turned, two))
    assert image is not None and [a.class_name for a in image.annotations] == ["car"]
    assert len(losses) == 3 and "keypointlabels" in losses[0] and "90 degrees" in losses[1] and "red" in losses[2]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("/data/upload/12/0a1b2c3d-b.jpg", "b.jpg"),
        ("/data/local-files/?d=day%201/b.jpg", "day 1/b.jpg"),
        ("http://host:8080/data/upload/1/0a1b2c3d-b%20c.jpg", "b c.jpg"),
        ("s3://bucket/deep/b.jpg", "b.jpg"),
    ],
)
def test_images_are_named_by_their_address(address: str, path: str) -> None:
    image, _ = label_studio.parse(task(BRUSH, data={"text": "x", "image": address}))
    assert image is not None and image.path == path


def test_tasks_without_regions_need_a_size_from_elsewhere() -> None:
    image, losses = label_studio.parse(task())
    assert image is None and "does not tell its image's size" in losses[0]
    image, losses = label_studio.parse(task(), find_image=lambda path: FoundImage(path, (5, 6)))
    assert image is not None and image.size_hw == (5, 6) and losses == []


def test_what_only_label_studio_knows_goes_back_to_it() -> None:
    source = task({**BRUSH, "id": "keep-me", "score": 0.5}, meta={"a": 1}, data={"image": "a.jpg", "note": "x"})
    image, _ = label_studio.parse(source)
    assert image is not None
    written, _ = label_studio.serialize(image)
    assert written["meta"] == {"a": 1} and written["data"] == {"image": "a.jpg", "note": "x", "width": 6, "height": 5}
    assert written["annotations"][0]["result"][0]["id"] == "keep-me"


def test_the_written_configuration_holds_the_classes() -> None:
    text = label_studio.label_config(ClassTable(()), {})
    assert ET.fromstring(text).tag == "View"
    classes = ClassTable()
    classes.place('a "b" <c>')
    tree = ET.fromstring(label_studio.label_config(classes, {'a "b" <c>': "#ff0000"}))
    labels = tree.findall("BrushLabels/Label")
    assert [(n.get("value"), n.get("background")) for n in labels] == [('a "b" <c>', "#ff0000")]
    assert [e.get("toName") for e in tree.findall("PolygonLabels")] == ["image"]


@pytest.mark.parametrize(
    ("damaged", "text"),
    [
        ({}, "must be a list"),
        ([1], "must be an object"),
        ([{"image": "a.jpg", "tag": []}], "data must be an object"),
        ([task(BRUSH, data={"n": 1})], "names no image"),
        ([task(BRUSH, data={"image": "data:image/png;base64,AA"})], "holds the image itself"),
        ([task({**BRUSH, "original_width": 7})], "hold 120 values"),
        ([task({**BRUSH, "original_width": 0})], "no size of an image"),
        ([task(BRUSH, {**BRUSH, "original_width": 7})], "another size"),
        ([task(region("brushlabels", {"rle": GOLDEN_BYTES[:20]}))], "end too early"),
        ([task(region("brushlabels", {"rle": [300]}))], "must be bytes"),
        ([task(region("brushlabels", {"rle": "abc"}))], "must be a list"),
        ([task(region("brushlabels", {}))], "must be a list"),
        ([task(region("polygonlabels", {"points": [[1, "a"]]}))], "must be numbers"),
        ([task(region("rectanglelabels", {"x": None, "y": 1, "width": 1, "height": 1}))], "finite number"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, damaged: Any, text: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(damaged))
    with pytest.raises(FormatError, match=text) as caught:
        label_studio.FORMAT.read(str(tmp_path))
    assert str(path) in str(caught.value)


def test_an_empty_list_is_written_as_one(tmp_path: Path) -> None:
    label_studio.FORMAT.write(AnnotationSet(()), str(tmp_path / "a.json"))
    assert json.loads((tmp_path / "a.json").read_text()) == []
