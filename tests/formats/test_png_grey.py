from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import png_grey
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN


def halves(*names: str) -> AnnotatedImage:
    objects = [Annotation(n, RunLengthMask.encode(m)) for n, m in zip(names, (GOLDEN, ~GOLDEN), strict=True)]
    return AnnotatedImage("a.jpg", (5, 6), tuple(objects))


def test_values_are_class_times_thousand_plus_object(tmp_path: Path) -> None:
    written = png_grey.FORMAT.write(AnnotationSet((halves("cat", "cat"),)), str(tmp_path))
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(image), np.where(GOLDEN, 1000, 1001))
    assert written.losses == () and (tmp_path / "labels.txt").read_text() == "background\ncat\n"
    back = png_grey.FORMAT.read(str(tmp_path)).images[0]
    assert [(a.class_name, a.mask) for a in back.annotations] == [
        (a.class_name, a.mask) for a in halves("cat", "cat").annotations
    ]


def test_instance_pictures_of_cityscapes_are_read(tmp_path: Path) -> None:
    """Class 26 with two objects, class 23 without objects, in a file without names."""
    values = np.zeros((5, 6), dtype=np.uint16)
    values[GOLDEN], values[0], values[4, 0] = 26001, 23, 26000
    Image.fromarray(values).save(tmp_path / "frankfurt_gtFine_instanceIds.png")
    found = png_grey.FORMAT.read(str(tmp_path)).images[0]
    assert [(a.class_name, a.mask.area) for a in found.annotations] == [
        ("class 23", 6),
        ("class 26", 1),
        ("class 26", 10),
    ]


def test_pixels_under_later_objects_are_reported(tmp_path: Path) -> None:
    both = AnnotatedImage(
        "a.jpg", (5, 6), (*halves("cat", "dog").annotations[:1], Annotation("dog", RunLengthMask.encode(GOLDEN)))
    )
    written = png_grey.FORMAT.write(AnnotationSet((both,)), str(tmp_path))
    assert written.losses == ("a.jpg: object 1 ('cat') loses 10 pixels to later ones.",)


def test_more_classes_than_sixteen_bits_hold_are_refused(tmp_path: Path) -> None:
    dots = [np.arange(65).reshape(1, 65) == n for n in range(65)]
    many = AnnotatedImage(
        "a.jpg", (1, 65), tuple(Annotation(f"c{n}", RunLengthMask.encode(m)) for n, m in enumerate(dots))
    )
    with pytest.raises(FormatError, match="64 classes"):
        png_grey.FORMAT.write(AnnotationSet((many,)), str(tmp_path))
