from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.core.masks import RunLengthMask
from clickmask.formats import FORMATS
from clickmask.formats.annotation import KNOWS_PLACES, AnnotatedImage, Annotation, AnnotationSet
from clickmask.formats.image_names import FolderImages


@pytest.fixture
def annotations() -> AnnotationSet:
    """Two images; on the first a ring and a block of other classes that do not overlap."""
    ring = np.zeros((12, 16), dtype=bool)
    ring[1:8, 1:8] = True
    ring[3:5, 3:5] = False
    block = np.zeros((12, 16), dtype=bool)
    block[5:11, 10:15] = True
    objects = (Annotation("cat", RunLengthMask.encode(ring)), Annotation("dog", RunLengthMask.encode(block)))
    return AnnotationSet((AnnotatedImage("a.jpg", (12, 16), objects), AnnotatedImage("b.jpg", (12, 16))))


def content(annotations: AnnotationSet) -> dict[str, dict[str, RunLengthMask]]:
    return {Path(i.path).stem: {a.class_name: a.mask for a in i.annotations} for i in annotations.images}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FORMATS, repeat=2)))
def test_masks_and_classes_survive_every_conversion(
    clickmask_command: Any, tmp_path: Path, annotations: AnnotationSet, first: str, second: str
) -> None:
    for image in annotations.images:
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", (16, 12)).save(tmp_path / "images" / image.path)
    FORMATS.get(first).write(annotations, str(tmp_path / "in"))
    arguments = ("--from", first, "--to", second, "--images", tmp_path / "images")
    ran = clickmask_command("convert", tmp_path / "in", tmp_path / "out", *arguments)
    assert ran.status == 0
    said = "seams" if second == "yolo" else "has no georeference" if second in KNOWS_PLACES else ""
    assert said in ran.err and bool(ran.err) == bool(said), ran.err
    assert "2 objects on 2 images" in ran.out
    find = FolderImages(tmp_path / "images")
    assert content(FORMATS.get(second).read(str(tmp_path / "out"), find_image=find)) == content(annotations)


def test_full_names_of_images_come_from_their_folder(
    clickmask_command: Any, tmp_path: Path, annotations: AnnotationSet
) -> None:
    (tmp_path / "images" / "deep").mkdir(parents=True)
    for name in ("deep/a.jpg", "b.jpg"):
        Image.new("RGB", (16, 12)).save(tmp_path / "images" / name)
    FORMATS.get("yolo").write(annotations, str(tmp_path / "in"))
    arguments = ("--from", "yolo", "--to", "coco", "--images", tmp_path / "images")
    assert clickmask_command("convert", tmp_path / "in", tmp_path / "o.json", *arguments).status == 0
    assert {i.path for i in FORMATS.get("coco").read(str(tmp_path / "o.json")).images} == {"deep/a.jpg", "b.jpg"}


def test_without_the_images_it_says_that_they_are_needed(
    clickmask_command: Any, tmp_path: Path, annotations: AnnotationSet
) -> None:
    FORMATS.get("yolo").write(annotations, str(tmp_path / "in"))
    ran = clickmask_command("convert", tmp_path / "in", tmp_path / "o.json", "--from", "yolo", "--to", "coco")
    assert ran.status == 2 and "--images DIR" in ran.err and not (tmp_path / "o.json").exists()


def test_losses_are_said(clickmask_command: Any, tmp_path: Path, annotations: AnnotationSet) -> None:
    FORMATS.get("labelme").write(annotations, str(tmp_path / "in"))
    arguments = (
        "convert",
        tmp_path / "in",
        tmp_path / "o.json",
        "--from",
        "labelme",
        "--to",
        "coco",
        "--style",
        "polygon",
    )
    ran = clickmask_command(*arguments)
    assert ran.status == 0 and "Lost: annotation 1 ('cat'): 1 hole filled" in ran.err
    report = json.loads(clickmask_command(*arguments, "--json").out)
    assert report["objects"] == 2 and len(report["losses"]) == 1 and report["files"] == [str(tmp_path / "o.json")]


def test_the_convention_of_polygons_can_be_said(clickmask_command: Any, tmp_path: Path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 6, "width": 6}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 4, 1, 4, 4, 1, 4]]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    for convention, pixels in [(["--convention", "center"], 16), (["--convention", "edge"], 9), ([], 9)]:
        ran = clickmask_command(
            "convert", tmp_path / "a.json", tmp_path / "png", "--from", "coco", "--to", "png", *convention
        )
        assert ran.status == 0, ran.err
        (image,) = FORMATS.get("png").read(str(tmp_path / "png")).images
        assert image.annotations[0].mask.area == pixels


def test_bad_arguments_are_refused(clickmask_command: Any, tmp_path: Path) -> None:
    for arguments, text in [
        (("none", "out", "--from", "coco", "--to", "png"), "no file or folder none"),
        ((tmp_path, tmp_path, "--from", "coco", "--to", "png"), "overwritten"),
        ((tmp_path, "out", "--from", "cocoa", "--to", "png"), "Did you mean 'coco'"),
        ((tmp_path, "out", "--from", "labelme", "--to", "png"), "no .json file"),
    ]:
        ran = clickmask_command("convert", *arguments)
        assert ran.status == 2 and text in ran.err
