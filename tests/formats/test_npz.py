from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import npz
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN


def archive(**arrays: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    buffer.seek(0)
    return buffer


def claimed(shape: tuple[int, ...], data: bytes = b"", descr: str = "|b1") -> io.BytesIO:
    """An archive whose `masks` says that it has a shape, whatever its data."""
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": descr, "fortran_order": False, "shape": shape})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("masks.npy", head.getvalue() + data)
    buffer.seek(0)
    return buffer


def test_what_is_written_is_a_plain_numpy_archive(tmp_path: Path) -> None:
    objects = tuple(Annotation(n, RunLengthMask.encode(m)) for n, m in (("cat", GOLDEN), ("dög", ~GOLDEN)))
    npz.FORMAT.write(AnnotationSet((AnnotatedImage("x/a.jpg", (5, 6), objects),)), str(tmp_path))
    with np.load(tmp_path / "x" / "a.npz", allow_pickle=False) as found:
        assert found["masks"].dtype == bool and found["masks"].shape == (2, 5, 6)
        np.testing.assert_array_equal(found["masks"][0], GOLDEN)
        assert found["class_names"].tolist() == ["cat", "dög"] and str(found["path"]) == "x/a.jpg"


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_masks_without_names_are_objects(dtype: Any) -> None:
    image = npz.parse(archive(masks=np.stack([GOLDEN, ~GOLDEN]).astype(dtype)), "deep/a.npz")
    assert [a.class_name for a in image.annotations] == ["object", "object"] and image.path == "deep/a.npz"
    np.testing.assert_array_equal(image.annotations[1].mask.decode(), ~GOLDEN)


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_map_of_numbers_holds_an_object_per_number(order: Any) -> None:
    values = np.asarray(GOLDEN.astype(np.uint16) * 7, order=order)
    values[0, 0] = 300
    image = npz.parse(archive(arr_0=values), "a.npz")
    first, second = image.annotations
    np.testing.assert_array_equal(first.mask.decode(), GOLDEN)
    assert second.mask.box_xyxy == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (io.BytesIO(b"hello"), "no NumPy archive"),
        (archive(masks=np.zeros((2, 5))), "3 dimensions and hold bool or whole numbers"),
        (archive(masks=np.zeros((1, 5, 6), dtype=float)), "float64"),
        (archive(masks=np.asfortranarray(np.zeros((2, 5, 6), dtype=bool))), "ascontiguousarray"),
        (archive(masks=GOLDEN[None], class_names=np.array(["a", "b"])), "2 names, but 'masks' 1"),
        (archive(masks=GOLDEN[None], class_names=np.array([1])), "must be a list of texts"),
        (archive(a=GOLDEN, b=GOLDEN), r"arrays a, b. Accepted"),
        (archive(masks=np.zeros((1, 0, 6), dtype=bool)), "no size of an image"),
        (claimed((1, 5, 6), b"\0" * 29), "ends before its masks"),
        (claimed((10**6, 10**5, 10**5)), "looks like a bomb"),
        (claimed((1, 10**6, 10**4)), "no size of an image"),
        (claimed((1, 5, 6), b"\0" * 30, "|O"), "Python objects"),
    ],
)
def test_damage_and_bombs_are_refused(file: io.BytesIO, text: str) -> None:
    with pytest.raises(FormatError, match=text):
        npz.parse(file, "a.npz")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    with pytest.raises(FormatError, match="Python objects"):
        npz.parse(archive(masks=np.array([Trap()], dtype=object)), "a.npz")
    assert not (tmp_path / "sprung").exists()
