"""The page for people from other tools: its commands run on files of those tools, its keys are the presets'."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.formats import FORMATS, rle_label_studio

SQUARE = [[1, 1], [4, 1], [4, 4], [1, 4]]
MASK = np.zeros((5, 6), dtype=bool)
MASK[1:4, 1:5] = True

CVAT = """<annotations><version>1.1</version><image id="0" name="a.jpg" width="6" height="5">
<mask label="cat" source="manual" occluded="0" rle="0, 12" left="1" top="1" width="4" height="3" z_order="0"></mask>
</image></annotations>"""


def polygon(**changes: Any) -> dict[str, Any]:
    shape = {"label": "cat", "points": SQUARE, "group_id": None, "shape_type": "polygon", "flags": {}, **changes}
    return {"version": "1.1", "flags": {}, "shapes": [shape], "imagePath": "a.jpg", "imageData": None, "imageHeight": 5,
            "imageWidth": 6}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the tools write, under the names that the page uses, in the current folder."""
    for folder in ("eiseg/label", "eiseg/png", "labelme"):
        (tmp_path / folder).mkdir(parents=True)
    # EISeg: an absolute path of another system, a colour in each shape, a suffix of its own
    theirs = {**polygon(color=[255, 0, 0]), "imagePath": "D:\\photos\\a.jpg"}
    (tmp_path / "eiseg" / "label" / "a_labelme.json").write_text(json.dumps(theirs))
    flat = [float(v) for point in SQUARE for v in point]
    entry = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": [flat]}
    image = {"id": 1, "file_name": "a.jpg", "height": 5, "width": 6}
    coco = {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": [entry]}
    (tmp_path / "eiseg" / "coco.json").write_text(json.dumps(coco))
    Image.fromarray(MASK.astype(np.uint8)).save(tmp_path / "eiseg" / "png" / "a.png")
    (tmp_path / "labelme" / "a.json").write_text(json.dumps(polygon(score=0.5)))
    (tmp_path / "annotations.xml").write_text(CVAT)
    value = {"format": "rle", "rle": rle_label_studio.encode(MASK), "brushlabels": ["cat"]}
    region = {"type": "brushlabels", "original_width": 6, "original_height": 5, "value": value}
    tasks = [{"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [{"result": [region]}]}]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "coming-from.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("files")
def test_every_command_of_the_page_takes_the_object_along(page: str, clickmask_command: Any) -> None:
    found = commands(page)
    assert len(found) == 13
    for arguments in found:
        ran = clickmask_command(*arguments)
        assert ran.status == 0 and "1 objects on 1 images" in ran.out and ran.err == "", (arguments, ran)


@pytest.mark.usefixtures("files")
def test_polygons_of_eiseg_and_labelme_include_their_outline(clickmask_command: Any, page: str) -> None:
    for arguments in [a for a in commands(page) if a[1].startswith(("eiseg/label", "eiseg/coco", "labelme"))]:
        assert clickmask_command(*arguments).status == 0
        (image,) = FORMATS.get("coco").read(arguments[2]).images
        assert image.annotations[0].mask.area == 16, arguments


@pytest.mark.usefixtures("files")
def test_what_only_one_tool_knows_goes_back_to_it(clickmask_command: Any, files: Path) -> None:
    clickmask_command("convert", "labelme", "again", "--from", "labelme", "--to", "labelme")
    assert json.loads((files / "again" / "a.json").read_text())["shapes"][0]["score"] == 0.5
    clickmask_command("convert", "annotations.xml", "again.xml", "--from", "cvat", "--to", "cvat", "--style", "mask")
    assert 'source="manual"' in (files / "again.xml").read_text()


@pytest.mark.parametrize(
    ("preset", "command", "chord"),
    [
        ("eiseg", "previous-image", "S"), ("eiseg", "next-image", "F"), ("eiseg", "redo", "Ctrl+Y"),
        ("eiseg", "start-over", "Ctrl+Shift+Z"), ("eiseg", "remove", "Backspace"),
        ("labelme", "aim-positive", "Q"), ("labelme", "aim-negative", "E"), ("labelme", "finish", "F"),
        ("labelme", "start-over", "B"),
        ("cvat", "finish", "N"), ("cvat", "previous-image", "D"), ("cvat", "next-image", "F"),
    ],
)  # fmt: skip
def test_the_keys_of_the_page_are_those_of_the_presets(repository: Path, preset: str, command: str, chord: str) -> None:
    text = (repository / "web" / "src" / "state" / "presets.ts").read_text(encoding="utf-8")
    (block,) = re.findall(rf"'{preset}': {{\n(.*?)\n  }},", text, re.DOTALL)
    (keys,) = re.findall(rf"'{command}': \[(.*?)\]", block)
    assert f"'{chord}'" in keys
