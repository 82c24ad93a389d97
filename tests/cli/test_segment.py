from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clickmask
from clickmask.formats.coco import rle_decode
from clickmask.formats.mask_png import encode_binary, read_mask


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A blue disc left and a red square right on grey, 80 x 60."""
    pixels = np.full((60, 80, 3), 120, np.uint8)
    rows, columns = np.mgrid[:60, :80]
    pixels[(rows - 30) ** 2 + (columns - 20) ** 2 < 150] = (20, 40, 200)
    pixels[20:40, 50:70] = (200, 30, 20)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def values(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_click_gives_the_mask_that_the_predictor_gives(clickmask_command: Any, photo: Path, tmp_path: Path) -> None:
    ran = clickmask_command(
        "segment", photo, "--positive", "60.5,30.5", "--model", "flood", "-o", tmp_path / "m.png",
        "--overlay", tmp_path / "o.jpg",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    predictor = clickmask.load("flood")
    predictor.set_image(clickmask.read_image(photo))
    mask = predictor.add_click(60.5, 30.5)
    assert mask[30, 60] and not mask[30, 20]
    np.testing.assert_array_equal(values(tmp_path / "m.png"), mask * np.uint8(255))
    assert values(tmp_path / "o.jpg").shape == (60, 80, 3)
    assert f"{mask.sum()} pixels" in ran.out and "m.png" in ran.out


def test_json_tells_everything(clickmask_command: Any, photo: Path) -> None:
    ran = clickmask_command("segment", photo, "--positive", "60,30", "--model", "flood", "--json")
    said = json.loads(ran.out)
    mask = rle_decode(said["segmentation"], (60, 80))
    rows, columns = np.nonzero(mask)
    assert said["area"] == mask.sum() > 0 and (said["width"], said["height"], said["model"]) == (80, 60, "flood")
    assert said["box_xyxy"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert 0 < said["expected_iou"] <= 1 and said["mask"] is None


def test_several_clicks_either_way_of_writing(clickmask_command: Any, photo: Path) -> None:
    ends = ("--negative", "5,5", "--model", "flood", "--json")
    repeated = clickmask_command("segment", photo, "--positive", "60,30", "--positive", "20,30", *ends)
    in_a_row = clickmask_command("segment", photo, "--positive", "60,30", "20,30", *ends)
    assert repeated.status == 0, repeated.err
    assert repeated.out == in_a_row.out
    mask = rle_decode(json.loads(in_a_row.out)["segmentation"], (60, 80))
    assert mask[30, 60] and mask[30, 20] and not mask[5, 5]


def test_a_box_alone_is_enough(clickmask_command: Any, photo: Path) -> None:
    ran = clickmask_command("segment", photo, "--box", "45,15,75,45", "--model", "flood", "--json")
    assert ran.status == 0, ran.err
    assert rle_decode(json.loads(ran.out)["segmentation"], (60, 80))[30, 60]


def test_an_initial_mask_is_corrected_only_where_the_click_asks(
    clickmask_command: Any, photo: Path, tmp_path: Path
) -> None:
    start = np.zeros((60, 80), dtype=bool)
    start[20:40, 50:70] = True
    start[2:6, 2:6] = True
    (tmp_path / "start.png").write_bytes(encode_binary(start))
    ran = clickmask_command(
        "segment", photo, "--initial-mask", tmp_path / "start.png", "--positive", "20,30", "--model", "flood",
        "-o", tmp_path / "m.png",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    result = read_mask(tmp_path / "m.png", (60, 80))
    assert result[30, 20] and result[start].all()


def test_coordinates_are_those_of_the_upright_image(clickmask_command: Any, photo: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(photo) as image:
        image.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    plain = clickmask_command("segment", photo, "--positive", "60,30", "--model", "flood", "--json")
    turned = clickmask_command("segment", tmp_path / "turned.png", "--positive", "60,30", "--model", "flood", "--json")
    assert json.loads(plain.out)["segmentation"] == json.loads(turned.out)["segmentation"]


def test_a_cold_start_loads_no_more_than_it_needs(photo: Path) -> None:
    code = (
        f"import sys; sys.argv = ['clickmask', 'segment', {str(photo)!r}, '--positive', '60,30', '--model', 'flood', "
        "'--json']\n"
        "from clickmask.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'fastapi', 'sqlalchemy', 'scipy', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
