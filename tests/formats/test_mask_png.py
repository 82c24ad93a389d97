from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image

from clickmask.core.errors import FormatError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import mask_png
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet, ObjectClass

from .golden import GOLDEN
from .strategies import masks


def annotated(*parts: tuple[str, NDArray[np.bool_]], path: str = "a.jpg") -> AnnotatedImage:
    objects = tuple(Annotation(name, RunLengthMask.encode(mask)) for name, mask in parts)
    return AnnotatedImage(path, parts[0][1].shape, objects)  # type: ignore[arg-type]


def test_the_voc_palette() -> None:
    expected = {
        0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 7: (128, 128, 128),
        8: (64, 0, 0), 9: (192, 0, 0), 10: (64, 128, 0), 15: (192, 128, 128), 16: (0, 64, 0), 20: (0, 64, 128),
        255: (224, 224, 192),
    }  # fmt: skip
    palette = mask_png.voc_palette()
    assert {i: tuple(palette[i].tolist()) for i in expected} == expected


@given(masks())
def test_a_binary_mask_comes_back(mask: NDArray[np.bool_]) -> None:
    values = mask_png.decode_values(mask_png.encode_binary(mask))
    np.testing.assert_array_equal(values, mask * 255)


def test_indexed_and_16_bit_values_come_back() -> None:
    values = np.arange(6).reshape(2, 3)
    indexed = mask_png.encode_indexed(values)
    with Image.open(io.BytesIO(indexed)) as image:
        assert image.mode == "P" and image.getpalette()[3:6] == [128, 0, 0]  # type: ignore[index]
    np.testing.assert_array_equal(mask_png.decode_values(indexed), values)
    np.testing.assert_array_equal(mask_png.decode_values(mask_png.encode_ids(values * 10_000)), values * 10_000)


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormatError, match="0 to 255"):
        mask_png.encode_indexed(np.array([[256]]))
    with pytest.raises(FormatError, match="0 to 65535"):
        mask_png.encode_ids(np.array([[-1]]))


def test_an_initial_mask_in_any_grey_form(tmp_path: Path) -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "I;16"):
        image = Image.fromarray(GOLDEN.astype(np.uint8) * 255)
        image = Image.fromarray(GOLDEN.astype(np.uint16) * 9) if mode == "I;16" else image.convert(mode)
        image.save(tmp_path / "m.png")
        np.testing.assert_array_equal(mask_png.read_mask(tmp_path / "m.png", (5, 6)), GOLDEN, err_msg=mode)


def test_an_initial_mask_of_another_size_names_both(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    path.write_bytes(mask_png.encode_binary(GOLDEN))
    with pytest.raises(PromptError, match=r"m\.png.* 6 x 5 pixels.* 8 x 7.*Resize"):
        mask_png.read_mask(path, (7, 8))


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    Image.new("RGB", (6, 5), (10, 200, 30)).save(tmp_path / "colour.png")
    Image.fromarray(GOLDEN.astype(np.uint8) * 255).save(tmp_path / "photo.jpg")
    for name, text in [
        ("none.png", "no file"),
        ("text.png", "not an image"),
        ("colour.png", "colour image"),
        ("photo.jpg", "Save the mask as PNG"),
    ]:
        with pytest.raises(PromptError, match=text):
            mask_png.read_mask(tmp_path / name, (5, 6))


def test_a_folder_comes_back_with_its_classes(tmp_path: Path) -> None:
    square = np.zeros((5, 6), dtype=bool)
    square[0, :2] = True
    image = annotated(("cat", GOLDEN), ("dog", square), path="sub/a.jpg")
    given_set = AnnotationSet((image,), (ObjectClass("dog"), ObjectClass("unused")))
    written = mask_png.FORMAT.write(given_set, str(tmp_path))
    assert written.losses == ()
    assert (tmp_path / "labels.txt").read_text().split("\n") == ["background", "dog", "unused", "cat", ""]
    back = mask_png.FORMAT.read(str(tmp_path / "sub"))
    assert [a.class_name for a in back.images[0].annotations] == ["class 1", "class 3"]
    (tmp_path / "sub" / "a.png").rename(tmp_path / "a.png")
    (read,) = mask_png.FORMAT.read(str(tmp_path)).images
    assert {a.class_name: a.mask for a in read.annotations} == {a.class_name: a.mask for a in image.annotations}


def test_what_one_value_per_pixel_cannot_hold_is_reported(tmp_path: Path) -> None:
    square = np.zeros((5, 6), dtype=bool)
    square[1, 1:3] = True
    written = mask_png.FORMAT.write(AnnotationSet((annotated(("cat", GOLDEN), ("cat", square)),)), str(tmp_path))
    assert written.losses == (
        "a.jpg: object 1 ('cat') loses 2 pixels to later ones.",
        "a.jpg: 2 objects of class 'cat' become one.",
    )


def test_a_binary_png_is_one_object_and_255_is_otherwise_left_out() -> None:
    (only,) = mask_png.parse(GOLDEN * 255, "m.png").annotations
    assert only.class_name == "object" and only.mask.area == 10
    values = np.array([[0, 1, 255]])
    assert [a.mask.area for a in mask_png.parse(values, "m.png").annotations] == [1]


def test_names_never_lead_out_of_the_folder_and_never_collide(tmp_path: Path) -> None:
    images = [annotated(("cat", GOLDEN), path=p) for p in ("../../x.jpg", "/etc/y.jpg", "C:\\z.jpg", "b.jpg", "b.png")]
    mask_png.FORMAT.write(AnnotationSet(tuple(images)), str(tmp_path / "out"))
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert found == ["b.jpg.png", "b.png.png", "etc/y.png", "x.png", "z.png"]
    with pytest.raises(FormatError, match="twice"):
        mask_png.FORMAT.write(AnnotationSet((images[3], images[3])), str(tmp_path / "out"))


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    classes = tuple(ObjectClass(f"c{i}") for i in range(255))
    with pytest.raises(FormatError, match="254 classes"):
        mask_png.FORMAT.write(AnnotationSet((), classes), str(tmp_path))
