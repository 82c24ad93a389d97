from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import voc
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet
from clickmask.formats.mask_png import encode_indexed, voc_palette

from .golden import GOLDEN


def put(path: Path, values: np.ndarray, colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if colour:
        Image.fromarray(voc_palette()[values]).save(path)
    else:
        path.write_bytes(encode_indexed(values))


def twins() -> tuple[np.ndarray, np.ndarray]:
    """Two cows (class 10) that touch, with a border of 255 round the first, and an aeroplane."""
    classes, objects = np.zeros((5, 6), dtype=np.int64), np.zeros((5, 6), dtype=np.int64)
    classes[0:4, 0:4], objects[0:4, 0:2], objects[0:4, 2:4] = 10, 1, 2
    classes[4, 5], objects[4, 5] = 1, 3
    classes[3, :2] = objects[3, :2] = 255
    return classes, objects


@pytest.mark.parametrize("colour", [False, True])
def test_a_folder_of_the_challenge_is_read(tmp_path: Path, colour: bool) -> None:
    classes, objects = twins()
    put(tmp_path / "SegmentationClass" / "2007_1.png", classes, colour)
    put(tmp_path / "SegmentationObject" / "2007_1.png", objects, colour)
    Image.new("RGB", (6, 5)).save(tmp_path / "x.png")
    (tmp_path / "JPEGImages").mkdir()
    Image.new("RGB", (6, 5)).save(tmp_path / "JPEGImages" / "2007_1.jpg")
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_1\n2007_2\n")
    found = voc.FORMAT.read(str(tmp_path))
    (image,) = found.images
    assert image.path == "2007_1.jpg"
    assert [(a.class_name, a.mask.area) for a in image.annotations] == [("cow", 6), ("cow", 8), ("aeroplane", 1)]
    assert found.losses == ("2007_2: listed in train.txt, but there is no mask of it.",)


def test_a_label_map_names_the_colours_in_any_order(tmp_path: Path) -> None:
    """As CVAT exports it: colours of its own, background not first, colour pictures."""
    text = "# label:color_rgb:parts:actions\ntree:10,20,30::\nbackground:0,0,0::\ncar:200,0,0::\n"
    (tmp_path / "labelmap.txt").write_text(text)
    pixels = np.zeros((5, 6, 3), dtype=np.uint8)
    pixels[GOLDEN] = (200, 0, 0)
    (tmp_path / "SegmentationClass").mkdir()
    Image.fromarray(pixels).save(tmp_path / "SegmentationClass" / "a.png")
    found = voc.FORMAT.read(str(tmp_path))
    (annotation,) = found.images[0].annotations
    np.testing.assert_array_equal(annotation.mask.decode(), GOLDEN)
    assert (annotation.class_name, [c.name for c in found.classes]) == ("car", ["tree", "car"])


def test_a_label_map_without_colours_means_the_palette(tmp_path: Path) -> None:
    """As Datumaro exports it without colours of its own."""
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:::\ncat:::\ndog:::\n")
    put(tmp_path / "SegmentationClass" / "a.png", GOLDEN * 2, colour=True)
    (annotation,) = voc.FORMAT.read(str(tmp_path)).images[0].annotations
    np.testing.assert_array_equal(annotation.mask.decode(), GOLDEN)
    assert annotation.class_name == "dog"


def test_what_is_written_has_the_layout_and_the_palette(tmp_path: Path) -> None:
    objects = (Annotation("cat", RunLengthMask.encode(GOLDEN)), Annotation("cat", RunLengthMask.encode(~GOLDEN)))
    written = voc.FORMAT.write(AnnotationSet((AnnotatedImage("x/a.jpg", (5, 6), objects),)), str(tmp_path))
    assert written.losses == ()
    names = {Path(p).relative_to(tmp_path).as_posix() for p in written.paths}
    assert names == {"SegmentationClass/x/a.png", "SegmentationObject/x/a.png", "ImageSets/Segmentation/default.txt",
                     "labelmap.txt"}  # fmt: skip
    with Image.open(tmp_path / "SegmentationObject" / "x" / "a.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), np.where(GOLDEN, 1, 2))
    with Image.open(tmp_path / "SegmentationClass" / "x" / "a.png") as image:
        assert (np.asarray(image) == 1).all() and image.getpalette()[:6] == [0, 0, 0, 128, 0, 0]  # type: ignore[index]
    assert (tmp_path / "labelmap.txt").read_text().splitlines()[1:] == ["background:0,0,0::", "cat:128,0,0::"]
    assert (tmp_path / "ImageSets" / "Segmentation" / "default.txt").read_text() == "x/a\n"


def test_more_than_254_objects_need_sixteen_bits_and_that_is_said(tmp_path: Path) -> None:
    masks = [np.arange(300).reshape(1, 300) == n for n in range(300)]
    given = AnnotatedImage("a.jpg", (1, 300), tuple(Annotation("cell", RunLengthMask.encode(m)) for m in masks))
    written = voc.FORMAT.write(AnnotationSet((given,)), str(tmp_path))
    assert len(written.losses) == 1 and "16-bit grey" in written.losses[0]
    (back,) = voc.FORMAT.read(str(tmp_path)).images
    assert [a.mask for a in back.annotations] == [a.mask for a in given.annotations]


def test_objects_without_or_with_several_classes_are_reported() -> None:
    classes, objects = np.zeros((1, 5), dtype=np.int64), np.array([[1, 1, 2, 2, 2]])
    classes[0, 2:4], classes[0, 4] = 3, 4
    image, losses = voc.parse(classes, objects, "a.jpg", ["a", "b", "c", "d"])
    assert [a.class_name for a in image.annotations] == ["c"]
    assert "object 1 has no class" in losses[0] and "object 2 spans several" in losses[1]


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("labelmap.txt", b"cat:1,2::\n", "line 1 must be name:r,g,b"),
        ("labelmap.txt", b"cat:1,2,300::\n", "line 1 must be"),
        ("labelmap.txt", b"cat:red::\n", "line 1 must be"),
        ("labelmap.txt", b"background:0,0,0::\n", "belongs to no class"),
        ("labelmap.txt", b"\xff\xff", "UTF-8"),
        ("SegmentationClass/a.png", b"hello", "not an image"),
        ("SegmentationObject/a.png", encode_indexed(np.zeros((2, 2), dtype=int)), r"mask of objects is \(2, 2\)"),
        ("ImageSets/Segmentation/a.txt", b"../../etc/passwd\n", "outside the folder"),
        ("ImageSets/Segmentation/a.txt", b"/etc/passwd\n", "outside the folder"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, file: str, content: bytes, text: str) -> None:
    put(tmp_path / "SegmentationClass" / "a.png", twins()[0])
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(FormatError, match=text):
        voc.FORMAT.read(str(tmp_path))
