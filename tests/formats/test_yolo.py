from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import yolo
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet, ClassTable
from clickmask.formats.polygons import edge_rings

from .golden import GOLDEN

LINE = "0 0.166667 0.200000 0.166667 0.800000 0.666667 0.800000 0.666667 0.200000"


def image_of(mask: Any) -> AnnotatedImage:
    return AnnotatedImage("a.jpg", mask.shape, (Annotation("cat", RunLengthMask.encode(mask)),))


def first_part() -> Any:
    part = np.zeros((5, 6), dtype=bool)
    part[1:4, 1:4] = True
    return part


def test_the_golden_line_in_both_directions() -> None:
    text, losses = yolo.serialize(image_of(first_part()), ClassTable())
    assert (text, losses) == (LINE + "\n", [])
    image, losses = yolo.parse(LINE, "a.jpg", (5, 6), ["cat"])
    np.testing.assert_array_equal(image.annotations[0].mask.decode(), first_part())
    assert losses == []


@pytest.mark.parametrize(("convention", "pixels"), [("edge", 9), ("center", 16)])
def test_polygons_are_read_by_the_convention_asked_for(convention: Any, pixels: int) -> None:
    assert yolo.parse(LINE, "a.jpg", (5, 6), (), convention)[0].annotations[0].mask.area == pixels


def test_holes_and_parts_are_joined_by_a_seam_and_that_is_said() -> None:
    text, losses = yolo.serialize(image_of(GOLDEN), ClassTable())
    assert text.count("\n") == 1
    assert "1 hole, 2 parts" in losses[0] and "seams of no width" in losses[0]
    np.testing.assert_array_equal(yolo.parse(text, "a", (5, 6))[0].annotations[0].mask.decode(), GOLDEN)


def test_the_seams_lead_from_the_nearest_corner_of_the_ring_before() -> None:
    ring = yolo.one_ring(edge_rings(GOLDEN)).tolist()
    assert len(ring) == 4 + (4 + 2) * 2
    second = ring.index([5, 3])
    assert ring[second - 1] == [3, 3] and ring[second + 5] == [3, 3]


def test_a_speckled_mask_is_one_ring_whose_seams_are_short() -> None:
    mask = np.random.default_rng(4).random((90, 120)) < 0.5
    rings = edge_rings(mask)
    corners = sum(map(len, (*rings.outer, *rings.holes)))
    ring = yolo.one_ring(rings)
    number = len(rings.outer) + len(rings.holes)
    assert len(ring) == corners + 2 * (number - 1)  # the work, and the file, grow with the corners alone
    own = sum(np.abs(np.roll(r, -1, axis=0) - r).sum() for r in (*rings.outer, *rings.holes))
    seams = np.abs(np.roll(ring, -1, axis=0) - ring).sum() - own
    assert seams / (2 * (number - 1)) < 6
    text, _ = yolo.serialize(image_of(mask), ClassTable())
    np.testing.assert_array_equal(yolo.parse(text, "a", mask.shape)[0].annotations[0].mask.decode(), mask)


def test_parts_can_become_lines_of_their_own_or_be_refused() -> None:
    text, losses = yolo.serialize(image_of(GOLDEN), ClassTable(), "polygon")
    assert text.count("\n") == 2 and "each part becomes an object, holes are filled" in losses[0]
    with pytest.raises(FormatError, match="1 hole, 2 parts, which one ring does not hold"):
        yolo.serialize(image_of(GOLDEN), ClassTable(), "mask")


def test_a_data_set_of_ultralytics_is_read(tmp_path: Path) -> None:
    for folder in ("images/train", "images/val", "labels/train", "labels/val"):
        (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (6, 5)).save(tmp_path / "images" / "train" / "a.jpg")
    Image.new("RGB", (6, 5)).save(tmp_path / "images" / "val" / "b.png")
    (tmp_path / "data.yaml").write_text(
        "path: ../outside\ntrain: images/train\nval: images/val\nnames:\n  0: person\n  2: dog\n"
    )
    (tmp_path / "labels" / "train" / "a.txt").write_text(f"2{LINE[1:]}\n1 0.5 0.5 0.2 0.2\n")
    (tmp_path / "labels" / "val" / "b.txt").write_text("")
    found = yolo.FORMAT.read(str(tmp_path))
    assert [(i.path, len(i.annotations)) for i in found.images] == [("train/a.jpg", 1), ("val/b.png", 0)]
    assert [c.name for c in found.classes] == ["person", "class 1", "dog"]
    assert found.images[0].annotations[0].class_name == "dog"
    assert found.losses == ("train/a.jpg: line 2 is a box without a mask; it is left out.",)


def test_what_is_written_is_laid_out_for_training(tmp_path: Path) -> None:
    given = AnnotationSet((AnnotatedImage("train/a.jpg", (5, 6), image_of(first_part()).annotations),))
    yolo.FORMAT.write(given, str(tmp_path))
    assert (tmp_path / "labels" / "train" / "a.txt").read_text() == LINE + "\n"
    assert (tmp_path / "data.yaml").read_text() == "path: .\ntrain: images\nval: images\nnames:\n  0: cat\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.1 0.2 0.3 0.4 0.5", "line 1: points must be pairs"),
        ("0 0.1 0.2 0.3", "pairs of finite"),
        ("0 0.1 0.2", "at least three points"),
        ("\n0 0.1 0.2 0.3 0.4 0.5 x", "line 2: coordinates must be numbers"),
        ("cat 0.1 0.2 0.3 0.4 0.5 0.6", "begin with a class number, got 'cat'"),
        ("-1 0.1 0.2 0.3 0.4 0.5 0.6", "begin with a class number"),
        ("0.5 0.1 0.2 0.3 0.4 0.5 0.6", "begin with a class number"),
        ("0 100 200 300 400 500 600", "0 to 1; got 600"),
        ("0 nan 0.2 0.3 0.4 0.5 0.6", "finite"),
    ],
)
def test_damage_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        yolo.parse(text, "a.jpg", (5, 6))


BAD_CONFIGS = "names: 3|[|names: {a: b}|names: {1000000000: x}|- 1|!!python/object:os.system {}".split("|")


@pytest.mark.parametrize("config", BAD_CONFIGS)
def test_damaged_configurations_are_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "a.txt").write_text(LINE)
    (tmp_path / "data.yaml").write_text(config)
    with pytest.raises(FormatError, match=r"data\.yaml"):
        yolo.FORMAT.read(str(tmp_path))
