"""What every format promises: what comes back is what was written, or the report says what is lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import FORMATS
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationSet,
    AnnotationStream,
    FoundImage,
    ObjectClass,
    ShapeStyle,
)
from clickmask.formats.image_names import ImageNames

from .golden import GOLDEN
from .strategies import masks

ALL = list(FORMATS)
MAPS = {"geotiff", "png", "png_grey", "voc"}
"""One value per pixel: objects cannot overlap, and their order is that of their numbers."""
LOSSLESS = set(ALL) - MAPS - {"geojson_world", "yolo"}
"""Hold every mask that is not empty, without a word of loss. Of `geojson_world` that holds for georeferenced images."""


def lookup(given_set: AnnotationSet) -> Any:
    """Finds the images of a set, as a folder of them would."""
    names, sizes = ImageNames(given_set.paths), {i.path: i.size_hw for i in given_set.images}

    def find(path: str) -> FoundImage | None:
        found = names.find(path)
        return None if found is None else FoundImage(found, sizes[found])

    return find


def there_and_back(name: str, given_set: AnnotationSet, style: ShapeStyle = "auto") -> tuple[AnnotationSet, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        written = FORMATS.get(name).write(given_set, folder, style=style)
        assert all(Path(p).is_file() and Path(p).is_relative_to(folder) for p in written.paths)
        return FORMATS.get(name).read(folder, find_image=lookup(given_set)), list(written.losses)


def content(annotations: AnnotationSet) -> dict[str, list[tuple[str, RunLengthMask]]]:
    """Objects by image, whose ending does not matter: masks of `a.jpg` are `a.png`."""
    stem = {i.path: str(PurePosixPath(i.path).with_suffix("")) for i in annotations.images}
    return {stem[i.path]: [(a.class_name, a.mask) for a in i.annotations] for i in annotations.images}


@st.composite
def sets(draw: st.DrawFn, plain: bool = False) -> AnnotationSet:
    """Up to three images with up to three objects, whose names and overlaps are anything; `plain` ones are not."""
    text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
    names = st.sampled_from(["cat", "dog", "bicycle lane"]) if plain else text
    images = []
    for number in range(draw(st.integers(1, 3))):
        first = draw(masks(12))
        objects = []
        for _ in range(draw(st.integers(1 if plain else 0, 3))):
            mask = np.random.default_rng(draw(st.integers(0, 99))).random(first.shape) < draw(st.floats(0, 1))
            mask = mask if not plain else mask | first
            objects.append(Annotation(draw(names), RunLengthMask.encode(mask)))
        objects = [o for o in objects if o.mask or not plain]
        images.append(AnnotatedImage(f"deep/in {number}/a.jpg", first.shape, tuple(objects)))
    return AnnotationSet(tuple(images), (ObjectClass("cat"),))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(given_set=sets())
def test_what_is_not_reported_comes_back(name: str, given_set: AnnotationSet) -> None:
    back, losses = there_and_back(name, given_set)
    if losses:
        return
    want, have = content(given_set), content(back)
    assert want.keys() == have.keys()
    for path in want:
        assert Counter(want[path]) == Counter(have[path])
        assert name in MAPS or want[path] == have[path]


@pytest.mark.parametrize("style", ["auto", "mask"])
@pytest.mark.parametrize("name", sorted(LOSSLESS))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(given_set=sets(plain=True))
def test_formats_that_hold_everything_lose_nothing(name: str, style: ShapeStyle, given_set: AnnotationSet) -> None:
    back, losses = there_and_back(name, given_set, style)
    assert losses == []
    assert content(back) == content(given_set)
    assert {c.name for c in back.all_classes()} >= {a.class_name for i in given_set.images for a in i.annotations}


@given(mask=masks())
@settings(max_examples=40)
def test_seams_give_every_mask_back_from_one_ring(mask: Any) -> None:
    given_set = one(mask)
    back, losses = there_and_back("yolo", given_set)
    if mask.any():
        assert content(back) == content(given_set)
    else:
        assert "is empty" in losses[0]


def one(mask: Any, path: str = "a.jpg") -> AnnotationSet:
    return AnnotationSet((AnnotatedImage(path, mask.shape, (Annotation("cat", RunLengthMask.encode(mask)),)),))


@pytest.mark.parametrize("name", ALL)
def test_the_golden_mask_comes_back(name: str) -> None:
    back, _ = there_and_back(name, one(GOLDEN))
    ((class_name, mask),) = content(back)["a"]
    np.testing.assert_array_equal(mask.decode(), GOLDEN)
    assert class_name == "cat"


@pytest.mark.parametrize("name", ALL)
def test_images_are_read_and_written_one_by_one(name: str, tmp_path: Path) -> None:
    """The writer asks for an image only after it has finished with the one before; the reader likewise."""
    alive: list[int] = []

    def images() -> Any:
        for number in range(3):
            alive.append(number)
            yield AnnotatedImage(f"{number}.jpg", (5, 6), (Annotation("cat", RunLengthMask.encode(GOLDEN)),))

    FORMATS.get(name).write(AnnotationStream(images()), str(tmp_path / "out"))
    assert alive == [0, 1, 2]
    find = lookup(AnnotationSet(tuple(AnnotatedImage(f"{n}.jpg", (5, 6)) for n in range(3))))
    stream = FORMATS.get(name).open(str(tmp_path / "out"), find_image=find)
    assert stream.count == 3 and iter(stream.images) is stream.images
    first = next(iter(stream.images))
    assert first.annotations[0].mask.decode().tolist() == GOLDEN.tolist()


@pytest.mark.parametrize("name", ALL)
def test_a_missing_source_is_refused(name: str, tmp_path: Path) -> None:
    for source in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FormatError):
            FORMATS.get(name).read(str(source))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("damage", ["cut", "bytes", "empty"])
def test_damaged_files_are_refused_or_read(name: str, damage: str, tmp_path: Path) -> None:
    """Whatever is in a file, the answer is annotations or a FormatError, never another exception."""
    FORMATS.get(name).write(one(GOLDEN), str(tmp_path))
    rng = np.random.default_rng(7)
    for file in [p for p in tmp_path.rglob("*") if p.is_file()]:
        data = file.read_bytes()
        for _ in range(6):
            changed = bytearray(data if damage == "bytes" else data[: int(rng.integers(0, len(data)))])
            if damage == "bytes":
                changed[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
            file.write_bytes(b"" if damage == "empty" else bytes(changed))
            try:
                FORMATS.get(name).read(str(tmp_path), find_image=lookup(one(GOLDEN)))
            except FormatError as error:
                assert str(error)
        file.write_bytes(data)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("path", ["../../escape.jpg", "/etc/escape.jpg", "C:\\x\\escape.jpg", "a/../../../escape.jpg"])
def test_paths_of_images_never_lead_out_of_the_target(name: str, path: str, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "out"
    written = FORMATS.get(name).write(one(GOLDEN, path), str(target))
    assert all(Path(p).resolve().is_relative_to(target.resolve()) for p in written.paths)
    assert [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(target)] == []


@pytest.mark.parametrize("name", ALL)
def test_two_images_that_differ_in_their_ending_stay_two(name: str) -> None:
    two = AnnotationSet((*one(GOLDEN, "a.jpg").images, *one(~GOLDEN, "a.png").images))
    back, _ = there_and_back(name, two)
    assert len({i.path for i in back.images}) == 2
    assert Counter(i.annotations[0].mask for i in back.images) == Counter(i.annotations[0].mask for i in two.images)


@pytest.mark.parametrize("name", ALL)
def test_names_that_utf8_cannot_hold_are_refused_or_never_come(name: str, tmp_path: Path) -> None:
    """JSON can spell half a character; no reader lets it through to a writer, which could only fail on it."""
    FORMATS.get(name).write(one(GOLDEN), str(tmp_path))
    for file in tmp_path.rglob("*"):
        if file.suffix in (".json", ".geojson"):
            file.write_text(file.read_text().replace('"cat"', '"\\ud800"'))
            with pytest.raises(FormatError, match="surrogate"):
                FORMATS.get(name).read(str(tmp_path))
