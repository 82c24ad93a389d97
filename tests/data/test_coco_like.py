from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_api

from clickmask.core.errors import FormatError, InputError
from clickmask.data import ReadOptions, open_dataset

SIZE_HW = (40, 60)
COCO_API_WARNING = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
POLYGON = [5.5, 4.2, 50.1, 6.0, 44.0, 33.7, 12.3, 30.0]
HOLE_FREE = [[2.0, 2.0, 20.0, 2.0, 20.0, 20.0, 2.0, 20.0], [30.5, 10.0, 55.0, 12.5, 40.0, 38.0]]


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """Uncompressed COCO run lengths: down the columns, zeros first."""
    flat = np.concatenate(([0], mask.T.ravel().astype(int), [0]))
    changes = np.flatnonzero(np.diff(flat))
    edges = np.concatenate(([0], changes, [mask.size])) if not mask.T.ravel()[-1] else np.concatenate(([0], changes))
    return {"size": list(mask.shape), "counts": np.diff(edges).tolist()}


def annotation(number: int, image: int, segmentation: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": 1, "segmentation": segmentation, "area": 200.0, **more}


def write(root: Path, file: str, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    (root / file).write_text(json.dumps(content), encoding="utf-8")


def image(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "height": SIZE_HW[0], "width": SIZE_HW[1], **more}


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE_HW[::-1]).save(path)


def api_mask(polygons: list[list[float]]) -> np.ndarray:
    return coco_api.decode(coco_api.merge(coco_api.frPyObjects(polygons, *SIZE_HW))).astype(bool)


@COCO_API_WARNING
def test_coco_objects_are_those_of_the_official_api(tmp_path: Path) -> None:
    for number in (1, 2):
        photo(tmp_path / f"val2017/{number:012d}.jpg")
    rectangle = np.zeros(SIZE_HW, dtype=bool)
    rectangle[3:9, 7:20] = True
    packed = coco_api.encode(np.asfortranarray(rectangle.astype(np.uint8)))
    write(
        tmp_path,
        "annotations/instances_val2017.json",
        [image(2, "000000000002.jpg"), image(1, "000000000001.jpg")],
        [
            annotation(9, 2, [POLYGON]),
            annotation(4, 1, HOLE_FREE, iscrowd=0),
            annotation(5, 1, run_lengths(rectangle), iscrowd=1),
            annotation(7, 1, run_lengths(rectangle)),
            annotation(8, 1, {"size": packed["size"], "counts": packed["counts"].decode()}),
            annotation(6, 1, [[10.2, 10.2, 10.3, 10.2, 10.3, 10.3]], area=0.005),
        ],
    )
    dataset = open_dataset("coco", tmp_path)
    assert [(s.image_id, s.object_id) for s in dataset.samples] == [("1", "4"), ("1", "7"), ("1", "8"), ("2", "9")]
    masks = [sample.load()[1].mask for sample in dataset.samples]
    for mask, expected in zip(masks, [api_mask(HOLE_FREE), rectangle, rectangle, api_mask([POLYGON])], strict=True):
        assert np.array_equal(mask, expected)
    assert dataset.notes == ("1 crowd regions are left out.", "1 annotations that cover no pixel are left out.")


def test_coco_reads_another_split_and_photographs_in_images(tmp_path: Path) -> None:
    photo(tmp_path / "images/mine/a.jpg")
    write(tmp_path, "annotations/instances_mine.json", [image(1, "a.jpg")], [annotation(1, 1, [POLYGON])])
    dataset = open_dataset("coco", tmp_path, ReadOptions(split="mine"))
    assert [sample.load()[0].shape for sample in dataset.samples] == [(*SIZE_HW, 3)]


@COCO_API_WARNING
def test_lvis_finds_photographs_by_their_address(tmp_path: Path) -> None:
    photo(tmp_path / "train2017/000000000007.jpg")
    photo(tmp_path / "val2017/000000000008.jpg")
    places = [(8, "val2017"), (7, "train2017")]
    images = [
        {"id": i, "coco_url": f"http://images/{folder}/{i:012d}.jpg", "height": SIZE_HW[0], "width": SIZE_HW[1]}
        for i, folder in places
    ]
    write(tmp_path, "lvis_v1_val.json", images, [annotation(1, 8, [POLYGON]), annotation(2, 7, HOLE_FREE)])
    dataset = open_dataset("lvis", tmp_path)
    assert [(s.image_id, s.image_path.parent.name) for s in dataset.samples] == [("7", "train2017"), ("8", "val2017")]
    assert np.array_equal(dataset.samples[0].load()[1].mask, api_mask(HOLE_FREE))


def test_missing_photograph_is_named(tmp_path: Path) -> None:
    (tmp_path / "val2017").mkdir()
    write(tmp_path, "annotations/instances_val2017.json", [image(1, "gone.jpg")], [annotation(1, 1, [POLYGON])])
    with pytest.raises(InputError, match=r"gone\.jpg does not exist"):
        open_dataset("coco", tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}'])
def test_damaged_annotations_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_val2017.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"instances_val2017\.json"):
        open_dataset("coco", tmp_path)


def test_annotation_of_an_unknown_image_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "val2017/a.jpg")
    write(tmp_path, "annotations/instances_val2017.json", [image(1, "a.jpg")], [annotation(3, 2, [POLYGON])])
    with pytest.raises(InputError, match="Annotation 3 names image 2"):
        open_dataset("coco", tmp_path)
