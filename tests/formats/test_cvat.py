from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import cvat
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN

GOLDEN_RLE = "0, 3, 2, 1, 1, 1, 2, 3, 1, 1, 4, 1"

FOREIGN = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><name>street</name><labels>
    <label><name>car</name><color>#ff0000</color><type>any</type><attributes><attribute><name>parked</name>
      <mutable>False</mutable><input_type>checkbox</input_type></attribute></attributes></label>
    <label><name>tree</name><color>#00ff00</color><type>mask</type><attributes></attributes></label>
  </labels></task><dumped>2026-01-01 00:00:00+00:00</dumped></meta>
  <image id="4" name="day 1\\a.jpg" subset="train" width="6" height="5">
    <polygon label="car" source="manual" occluded="1" points="1.00,1.00;4.00,1.00;4.00,4.00;1.00,4.00" z_order="2">
      <attribute name="parked">true</attribute>
    </polygon>
    <mask label="tree" source="semi-auto" occluded="0" rle="{GOLDEN_RLE}" left="1" top="1" width="5" height="4"
          z_order="-1"></mask>
    <box label="car" occluded="0" xtl="0.00" ytl="0.00" xbr="2.00" ybr="1.00" z_order="3"></box>
    <ellipse label="car" occluded="0" cx="3.00" cy="2.50" rx="2.00" ry="1.50" z_order="4"></ellipse>
    <points label="car" occluded="0" points="1.00,1.00" z_order="0"></points>
    <tag label="car" source="manual"></tag>
  </image>
  <image id="5" name="b.jpg" width="6" height="5"></image>
  <track id="0" label="car"><box frame="0" outside="0" xtl="0" ytl="0" xbr="1" ybr="1"></box></track>
</annotations>
"""


def read(tmp_path: Path, text: str, **options: Any) -> AnnotationSet:
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    return cvat.FORMAT.read(str(path), **options)


def shape(**changes: str) -> str:
    values = {"label": "car", "rle": GOLDEN_RLE, "left": "1", "top": "1", "width": "5", "height": "4", **changes}
    attributes = " ".join(f'{k}="{v}"' for k, v in values.items() if v != "-")
    return f'<annotations><image id="0" name="a.jpg" width="6" height="5"><mask {attributes}/></image></annotations>'


def test_a_file_of_cvat_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, FOREIGN)
    first, second = found.images
    assert (first.path, first.id, first.size_hw, second.annotations) == ("day 1/a.jpg", 4, (5, 6), ())
    assert [(a.class_name, a.mask.area, a.colour) for a in first.annotations] == [
        ("tree", 10, "#00ff00"), ("car", 9, "#ff0000"), ("car", 2, "#ff0000"), ("car", 10, "#ff0000"),
    ]  # fmt: skip
    np.testing.assert_array_equal(first.annotations[0].mask.decode(), GOLDEN)
    assert [c.name for c in found.classes] == ["car", "tree"]
    assert len(found.losses) == 3 and "1 tracks" in found.losses[0] and "<points>" in found.losses[1]


def test_what_only_cvat_knows_goes_back_to_it(tmp_path: Path) -> None:
    cvat.FORMAT.write(read(tmp_path, FOREIGN), str(tmp_path / "again.xml"), style="mask")
    image = ET.parse(tmp_path / "again.xml").find("image")
    assert image is not None and image.attrib == {
        "id": "0", "name": "day 1/a.jpg", "subset": "train", "width": "6", "height": "5",
    }  # fmt: skip
    car = image.findall("mask")[1]
    assert (car.get("occluded"), car.get("z_order"), car.findtext("attribute")) == ("1", "1", "true")


def test_the_golden_mask_is_written_as_cvat_writes_it(tmp_path: Path) -> None:
    objects = (Annotation("tree", RunLengthMask.encode(GOLDEN)),)
    cvat.FORMAT.write(AnnotationSet((AnnotatedImage("a.jpg", (5, 6), objects),)), str(tmp_path))
    root = ET.parse(tmp_path / "annotations.xml").getroot()
    mask = root.find("image/mask")
    assert mask is not None and mask.get("rle") == GOLDEN_RLE
    assert [mask.get(k) for k in ("left", "top", "width", "height")] == ["1", "1", "5", "4"]
    assert root.findtext("version") == "1.1" and root.findtext("meta/task/labels/label/name") == "tree"


def test_a_plain_block_is_written_as_a_polygon_along_pixel_edges() -> None:
    block = np.zeros((5, 6), dtype=bool)
    block[1:4, 1:4] = True
    text, losses = cvat.image_xml(AnnotatedImage("a", (5, 6), (Annotation("c", RunLengthMask.encode(block)),)), 0)
    assert 'points="1.00,1.00;1.00,4.00;4.00,4.00;4.00,1.00"' in text and losses == []


@pytest.mark.parametrize(("convention", "pixels"), [("edge", 9), ("center", 16)])
def test_polygons_are_read_by_the_convention_asked_for(tmp_path: Path, convention: Any, pixels: int) -> None:
    assert read(tmp_path, FOREIGN, convention=convention).images[0].annotations[1].mask.area == pixels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations>", "not well-formed"),
        ("<html></html>", "no <annotations>"),
        ("", "not well-formed"),
        (shape(rle="0, 3"), "run lengths sum to 3"),
        (shape(rle="a"), "'rle' must be whole numbers"),
        (shape(rle="-1, 21"), "run lengths sum"),
        (shape(rle="99999999999999999999"), "'rle' must be whole numbers"),
        (shape(left="4"), "does not lie on the image"),
        (shape(width="1000000000", height="1000000000"), "does not lie on the image"),
        (shape(left="x"), "whole number"),
        (shape(left="-"), "needs left, top"),
        (shape(label="-"), "'label' must be a text, got nothing"),
        (FOREIGN.replace('width="6" height="5"', 'width="0" height="5"'), "no size of an image"),
        (FOREIGN.replace("1.00,1.00;4.00,1.00;4.00,4.00", "1.00"), "points must be numbers"),
        (FOREIGN.replace("4.00,4.00;1.00,4.00", "4.00,x"), "'points' must be x,y"),
        (FOREIGN.replace("1.00,1.00;4.00,1.00", "1e9,1.00;4.00,1.00"), "outside the image"),
        (FOREIGN.replace('xtl="0.00"', 'xtl="nan"'), "finite number"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path, text)
    assert "annotations.xml" in str(caught.value)


def test_entities_are_refused_before_they_grow(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{levels}]><annotations><version>&l9;</version></annotations>'
    outside = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations><version>&x;</version></annotations>'
    for text in (bomb, outside, '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><annotations/>'):
        with pytest.raises(FormatError, match="document type or entities"):
            read(tmp_path, text)
