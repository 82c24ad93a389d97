from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.errors import StorageError
from clickmask.core.frames import Crop, Frame
from clickmask.formats import levels
from clickmask.formats.levels import halved_rows, level_sizes, open_levels, write_levels


@pytest.fixture(autouse=True)
def small_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "LAST_SIDE", 8)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def written(folder: Path, pixels: np.ndarray, band: int, first: int = 0) -> list[int]:
    told: list[int] = []
    bands = (pixels[y : y + band] for y in range(0, len(pixels), band))
    write_levels(folder, pixels.shape[:2], bands, told.append, first)
    return told


def test_every_level_is_half_of_the_one_before_rounded_up() -> None:
    assert level_sizes((37, 20)) == ((37, 20), (19, 10), (10, 5), (5, 3))
    assert level_sizes((8, 8)) == ((8, 8),)


@given(height=st.integers(1, 40), width=st.integers(1, 40), band=st.integers(1, 17))
def test_bands_make_the_levels_that_the_whole_makes(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, band: int
) -> None:
    folder, pixels = tmp_path_factory.mktemp("levels"), picture(height, width)
    told = written(folder, pixels, band)
    found = open_levels(folder, (height, width))
    assert found is not None and told[-1] == height
    want = pixels
    for level in found:
        np.testing.assert_array_equal(level[:, :], want)
        np.testing.assert_array_equal(level[1:3, 2:100], want[1:3, 2:100])
        odd = np.concatenate((want, want[-1:])) if len(want) % 2 else want
        want = halved_rows(odd)


def test_levels_after_the_files_own(tmp_path: Path) -> None:
    pixels = picture(33, 20)
    written(tmp_path / "all", pixels, 7)
    everything = open_levels(tmp_path / "all", (33, 20))
    assert everything is not None
    bands = (everything[1][y : y + 5, :] for y in range(0, 17, 5))
    write_levels(tmp_path / "some", (33, 20), bands, lambda rows: None, first=2)
    some = open_levels(tmp_path / "some", (33, 20), first=2)
    assert some is not None and not (tmp_path / "some" / "level-1.rgb").exists()
    np.testing.assert_array_equal(some[0][:, :], everything[2][:, :])


def test_a_pyramid_that_was_stopped_is_none(tmp_path: Path) -> None:
    def bands():
        yield picture(10, 30)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_levels(tmp_path, (20, 30), bands(), lambda rows: None)
    assert open_levels(tmp_path, (20, 30)) is None
    written(tmp_path, picture(20, 30), 4)
    assert open_levels(tmp_path, (20, 30)) is not None
    assert open_levels(tmp_path, (30, 20)) is None, "of another image"


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    written(tmp_path, picture(20, 30), 4)
    found = open_levels(tmp_path, (20, 30))
    assert found is not None
    (tmp_path / "level-0.rgb").unlink()
    with pytest.raises(StorageError, match="Open the image again"):
        found[0][:, :]


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "FREE_BYTES_LEFT", 2**60)
    with pytest.raises(StorageError, match=r"takes 0\.0 GB, but only"):
        written(tmp_path / "levels", picture(20, 30), 4)
    assert not (tmp_path / "levels").exists()


@given(data=st.data())
def test_a_frame_of_levels_in_files_crops_as_one_in_memory(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder, pixels = tmp_path_factory.mktemp("levels"), picture(48, 64)
    written(folder, pixels, 16)
    found = open_levels(folder, (48, 64))
    assert found is not None
    stored, held = Frame(found), Frame(tuple(level[:, :] for level in found))
    x0 = data.draw(st.floats(-5, 60))
    y0 = data.draw(st.floats(-5, 40))
    box = (x0, y0, x0 + data.draw(st.floats(1, 70)), y0 + data.draw(st.floats(1, 70)))
    crop = Crop(box, (data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))))
    difference = stored.crop(crop).pixels.astype(int) - held.crop(crop).pixels
    assert np.abs(difference).max() <= 1, "fixed-point weights of OpenCV round with the corner"


def test_a_part_of_a_frame_is_that_part(tmp_path: Path) -> None:
    pixels = picture(64, 96)
    written(tmp_path, pixels, 16)
    found = open_levels(tmp_path, (64, 96))
    assert found is not None
    for frame in (Frame(found), Frame(tuple(level[:, :] for level in found))):
        part = frame.part((16, 8, 80, 56))
        assert [level.shape[:2] for level in part.levels] == [(48, 64), (24, 32), (12, 16), (6, 8)]
        np.testing.assert_array_equal(part.pixels, pixels[8:56, 16:80])
        np.testing.assert_array_equal(part.levels[2][3:, :4], found[2][5:14, 4:8])
        assert len(frame.part((17, 8, 80, 56)).levels) == 1
