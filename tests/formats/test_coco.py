from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from pycocotools.coco import COCO

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import coco
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet, ObjectClass, ShapeStyle

from .golden import GOLDEN, GOLDEN_COUNTS, GOLDEN_PACKED
from .strategies import masks


def document(segmentation: Any, **changes: Any) -> dict[str, Any]:
    entry = {"id": 11, "image_id": 5, "category_id": 3, "iscrowd": 0, "segmentation": segmentation, **changes}
    return {
        "info": {"year": 2026},
        "images": [{"id": 5, "file_name": "a/b.jpg", "height": 5, "width": 6, "license": 2}],
        "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}],
        "annotations": [entry],
    }


def one(mask: NDArray[np.bool_], **changes: Any) -> AnnotationSet:
    annotation = Annotation("cat", RunLengthMask.encode(mask), **changes)
    return AnnotationSet((AnnotatedImage("a.jpg", mask.shape, (annotation,)),))  # type: ignore[arg-type]


def only_mask(annotations: AnnotationSet) -> NDArray[np.bool_]:
    return annotations.images[0].annotations[0].mask.decode()


@pytest.mark.parametrize("counts", [GOLDEN_COUNTS, GOLDEN_PACKED, [float(c) for c in GOLDEN_COUNTS]])
def test_the_golden_mask_from_either_kind_of_run_lengths(counts: Any) -> None:
    np.testing.assert_array_equal(only_mask(coco.parse(document({"size": [5, 6], "counts": counts}))), GOLDEN)
    np.testing.assert_array_equal(coco.rle_decode({"size": [5, 6], "counts": counts}, (5, 6)), GOLDEN)


def test_the_golden_mask_is_written_as_run_lengths_because_of_its_hole() -> None:
    written, losses = coco.serialize(one(GOLDEN))
    (entry,) = written["annotations"]
    assert entry["segmentation"] == {"size": [5, 6], "counts": GOLDEN_PACKED}
    assert (entry["area"], entry["bbox"], entry["iscrowd"], losses) == (10, [1.0, 1.0, 5.0, 4.0], 0, ())


def test_without_its_hole_it_is_written_as_rings_along_pixel_edges() -> None:
    filled = GOLDEN.copy()
    filled[2, 2] = True
    (entry,) = coco.serialize(one(filled))[0]["annotations"]
    assert entry["segmentation"] == [[1, 1, 1, 4, 4, 4, 4, 1], [5, 3, 5, 5, 6, 5, 6, 3]]
    np.testing.assert_array_equal(coco.polygons_to_mask(entry["segmentation"], (5, 6)), filled)


def test_polygons_by_force_report_the_filled_hole() -> None:
    written, losses = coco.serialize(one(GOLDEN), "polygon")
    assert losses == ("annotation 1 ('cat'): 1 hole filled, because polygons hold none.",)
    assert only_mask(coco.parse(written)).sum() == 11


@pytest.mark.parametrize(("convention", "pixels"), [("edge", 9), ("center", 16)])
def test_polygons_are_read_by_the_convention_asked_for(convention: Any, pixels: int) -> None:
    square = [[1, 1, 4, 1, 4, 4, 1, 4]]
    assert only_mask(coco.parse(document(square), convention)).sum() == pixels


@pytest.mark.parametrize("style", ["auto", "mask"])
@given(mask=masks())
def test_any_mask_comes_back(style: ShapeStyle, mask: NDArray[np.bool_]) -> None:
    written, losses = coco.serialize(one(mask), style)
    assert losses == ()
    np.testing.assert_array_equal(only_mask(coco.parse(json.loads(json.dumps(written)))), mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
def test_the_reference_reads_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    truth = [rng.random((20, 30)) < density for density in (0.02, 0.5, 0.98)]
    objects = tuple(Annotation(f"class {i}", RunLengthMask.encode(m)) for i, m in enumerate(truth))
    for style in ("auto", "mask"):
        coco.FORMAT.write(AnnotationSet((AnnotatedImage("a.jpg", (20, 30), objects),)), str(tmp_path), style=style)  # type: ignore[arg-type]
        reference = COCO(str(tmp_path / "annotations.json"))
        for number, mask in enumerate(truth, start=1):
            annotation = reference.loadAnns(number)[0]
            np.testing.assert_array_equal(reference.annToMask(annotation), mask)
            assert reference.loadCats(annotation["category_id"])[0]["name"] == f"class {number - 1}"


def test_numbers_and_unknown_fields_survive_a_round_trip() -> None:
    source = document({"size": [5, 6], "counts": GOLDEN_PACKED}, iscrowd=1, score=0.5, color="#ff0000", area=10)
    source["annotations"][0]["bbox"] = [1.0, 1.0, 5.0, 4.0]
    written, _ = coco.serialize(coco.parse(copy.deepcopy(source)))
    assert written == source


def test_classes_without_objects_and_image_number_zero_stay() -> None:
    images = (AnnotatedImage("a.jpg", (2, 2), id=0), AnnotatedImage("b.jpg", (2, 2)))
    written, _ = coco.serialize(AnnotationSet(images, (ObjectClass("dog", 7), ObjectClass("cat"))))
    assert [(c["id"], c["name"]) for c in written["categories"]] == [(7, "dog"), (1, "cat")]
    assert [v["id"] for v in written["images"]] == [0, 1]


def test_what_only_has_a_box_is_reported() -> None:
    read = coco.parse(document([]))
    assert read.images[0].annotations == () and "annotations[0] has no segmentation" in read.losses[0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.pop("images"), "no 'images'"),
        (lambda d: d["images"][0].pop("height"), "'height' must be a whole number, got nothing"),
        (lambda d: d["images"][0].update(width=0), "0 x 5 pixels"),
        (lambda d: d["images"][0].update(width=10**9), "no size of an image"),
        (lambda d: d["annotations"][0].update(image_id=9), r"annotations\[0\]: 'image_id' 9"),
        (lambda d: d["annotations"][0].update(category_id="x"), "'category_id' must be a whole number, got 'x'"),
        (lambda d: d["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), "at least three points"),
        (lambda d: d["annotations"][0].update(segmentation=[[1, 2, 3]]), "pairs of finite numbers"),
        (lambda d: d["annotations"][0].update(segmentation=[["a"] * 6]), "must be numbers"),
        (lambda d: d["annotations"][0].update(segmentation=[[float("nan")] * 6]), "finite"),
        (lambda d: d["annotations"][0].update(segmentation={"size": [6, 5], "counts": [30]}), "height, width"),
        (lambda d: d["annotations"][0].update(segmentation={"counts": [1, 2]}), "sum to 3"),
        (lambda d: d["annotations"][0].update(segmentation={"counts": [0.5, 29.5]}), "whole numbers"),
        (lambda d: d["annotations"][0].update(segmentation={"counts": None}), "whole numbers"),
        (lambda d: d.update(annotations={}), "'annotations' must be a list"),
        (lambda d: d["categories"][0].update(name=""), "'name' must be a text"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, change: Any, text: str) -> None:
    damaged = document([[1, 1, 4, 1, 4, 4, 1, 4]])
    change(damaged)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(damaged))
    with pytest.raises(FormatError, match=text) as caught:
        coco.FORMAT.read(str(path))
    assert str(path) in str(caught.value)


def test_a_results_list_is_refused_with_what_is_accepted() -> None:
    with pytest.raises(FormatError, match=r"results.*Accepted: an instances file"):
        coco.parse([])
