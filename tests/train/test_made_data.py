"""Data without photographs: made-up scenes and cut-outs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickmask.core.errors import FormatError, RecipeError
from clickmask.train import scenes as made
from clickmask.train.cutouts import read_cutouts
from clickmask.train.samples import DataRules, SampleMaker
from clickmask.train.scenes import GROUP, Scene, scenes
from clickmask.train.sources import read_sources

from .made_up import shapes


@pytest.mark.parametrize("kind", range(len(made.KINDS)))
def test_every_kind_of_scene_has_objects_that_differ_from_their_surroundings(kind: int) -> None:
    colours, ids = made.KINDS[kind]((160, 200), np.random.default_rng(kind))
    assert colours.shape == (160, 200, 3)
    assert colours.dtype == np.float32
    assert np.isfinite(colours).all()
    assert ids.shape == (160, 200)
    assert ids.dtype == np.uint16
    numbers = np.unique(ids[ids > 0])
    assert len(numbers) >= 2
    ground = colours[ids == 0].mean(axis=0)
    assert any(np.abs(colours[ids == n].mean(axis=0) - ground).mean() > 10 for n in numbers)


def test_a_scene_is_decided_by_its_number() -> None:
    first, again, other = Scene(3).decode(), Scene(3).decode(), Scene(4).decode()
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.ids, again.ids)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)
    assert max(Scene(3).decode(100).image.shape) == 100
    assert len({scene.name for scene in scenes(20)}) == 20


def test_scenes_are_a_set_of_their_own_that_recipes_weigh() -> None:
    photos = [scene_like_photo() for _ in range(2)]
    rules = DataRules(weights=(("shapes", 0.0), (GROUP, 1.0)), scenes=3)
    maker = SampleMaker(photos, rules, seed=0)
    assert maker._names == [GROUP, "shapes"]
    sample = maker.sample(0, 64)
    assert sample.image.shape == (64, 64, 3)
    assert (sample.label == 1).any()


def test_scenes_are_never_pasted_on_photographs() -> None:
    assert SampleMaker([scene_like_photo()], DataRules(scenes=3), seed=0)._sources == ["shapes"]


def scene_like_photo() -> Scene:
    class Shapes(Scene):
        group = "shapes"

    return Shapes(1)


def write_cutout(path: Path, side: int = 96, flat: bool = False, opaque: bool = False) -> None:
    image, ids = shapes(1, (side, side))
    rng = np.random.default_rng(0)
    image = np.full_like(image, 90) if flat else rng.integers(0, 256, image.shape, dtype=np.uint8)
    alpha = np.where((ids > 0) | opaque, 255, 0).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.dstack([image, alpha])).save(path)


def test_transparency_is_the_mask_and_the_folder_names_the_set(tmp_path: Path) -> None:
    folder = tmp_path / "stamps"
    write_cutout(folder / "food" / "pear.png")
    (photo,) = read_sources([folder])
    assert (photo.name, photo.group) == ("food/pear", "stamps")
    decoded = photo.decode()
    assert set(np.unique(decoded.ids)) == {0, 1}
    assert (decoded.image[decoded.ids == 0] == 128).all()


def test_drawings_tiny_and_opaque_pictures_are_left_out(tmp_path: Path) -> None:
    write_cutout(tmp_path / "flat.png", flat=True)
    write_cutout(tmp_path / "tiny.png", side=40)
    write_cutout(tmp_path / "opaque.png", opaque=True)
    assert read_cutouts(tmp_path) == []
    with pytest.raises(RecipeError, match="cut-outs with transparency"):
        read_sources([tmp_path])


def test_a_damaged_cutout_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(FormatError, match=r"broken\.png"):
        read_cutouts(tmp_path)
