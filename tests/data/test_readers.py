from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from clickmask.core.errors import FormatError, InputError, UnknownNameError
from clickmask.data import DATASETS, Dataset, ReadOptions, open_dataset

SIZE_HW = (20, 30)


def photo(path: Path, size_hw: tuple[int, int] = SIZE_HW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size_hw[::-1], (90, 120, 30)).save(path)


def values(*boxes: tuple[int, int, int, int, int], dtype: type = np.uint8) -> np.ndarray:
    """(value, x0, y0, x1, y1) rectangles on zeros."""
    array = np.zeros(SIZE_HW, dtype=dtype)
    for value, x0, y0, x1, y1 in boxes:
        array[y0:y1, x0:x1] = value
    return array


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if mode == "P":
        image = Image.frombytes("P", image.size, array.tobytes())
        image.putpalette([channel for i in range(256) for channel in (i * 37 % 256, i * 91 % 256, i * 13 % 256)])
    image.save(path)


def areas(dataset: Dataset) -> list[tuple[str, str, int, int]]:
    """(image, object, pixels of the object, ignored pixels) of every sample, checked by loading it."""
    found = []
    for sample in dataset.samples:
        image, truth = sample.load()
        assert image.shape == (*SIZE_HW, 3)
        ignored = 0 if truth.ignore is None else int(truth.ignore.sum())
        found.append((sample.image_id, sample.object_id, int(truth.mask.sum()), ignored))
    return found


TRIMAP = values((128, 4, 4, 14, 12), (255, 5, 5, 13, 11))


@pytest.mark.parametrize("folders", [("images", "masks"), ("data_GT", "boundary_GT")])
def test_grabcut_ignores_its_band(tmp_path: Path, folders: tuple[str, str]) -> None:
    photo(tmp_path / folders[0] / "flower.jpg")
    photo(tmp_path / folders[0] / "unused.jpg")
    save(tmp_path / folders[1] / "flower.bmp", TRIMAP)
    dataset = open_dataset("grabcut", tmp_path)
    assert areas(dataset) == [("flower", "1", 48, 32)]
    assert dataset.published_objects == 50


def test_berkeley_takes_above_128_and_ignores_exactly_128(tmp_path: Path) -> None:
    photo(tmp_path / "images/1.jpg")
    save(
        tmp_path / "masks/1.png", values((255, 0, 0, 4, 4), (197, 4, 0, 6, 4), (128, 10, 0, 11, 4), (127, 12, 0, 13, 4))
    )
    assert areas(open_dataset("berkeley", tmp_path)) == [("1", "1", 24, 4)]


def test_davis_merges_the_objects_of_a_frame(tmp_path: Path) -> None:
    photo(tmp_path / "img/a.jpg")
    colours = np.zeros((*SIZE_HW, 3), dtype=np.uint8)
    colours[2:6, 2:6, 0] = 128
    colours[10:14, 10:15, 2] = 5
    save(tmp_path / "gt/a.png", colours)
    dataset = open_dataset("davis", tmp_path)
    assert areas(dataset) == [("a", "1", 16 + 20, 0)]
    assert dataset.published_objects == 345


def test_davis_reads_a_frame_list_in_the_official_tree(tmp_path: Path) -> None:
    for frame in ("00000", "00001", "00002"):
        photo(tmp_path / f"JPEGImages/480p/bear/{frame}.jpg")
        save(tmp_path / f"Annotations/480p/bear/{frame}.png", values((1, 0, 0, 5, 5), (2, 5, 0, 9, 5)), "P")
    (tmp_path / "frames.txt").write_text("bear/00002\nbear/00000.jpg\n", encoding="utf-8")
    assert areas(open_dataset("davis", tmp_path)) == [("bear/00002", "1", 45, 0), ("bear/00000", "1", 45, 0)]


def test_davis_sequences_lists_large_objects_of_ten_frames(tmp_path: Path) -> None:
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("dogs\n", encoding="utf-8")
    mask = values((1, 0, 0, 16, 20), (2, 16, 0, 30, 20), (255, 20, 0, 24, 1))
    for frame in range(25):
        photo(tmp_path / f"JPEGImages/480p/dogs/{frame:05d}.jpg")
        save(tmp_path / f"Annotations/480p/dogs/{frame:05d}.png", mask, "P")
    dataset = open_dataset("davis_sequences", tmp_path)
    # object 2 has 14 x 20 - 4 = 276 pixels, too few; frames 6, 8 ... 24 of 0 ... 24
    assert areas(dataset) == [(f"dogs/{frame:05d}", "1", 320, 4) for frame in range(6, 25, 2)]


def test_sbd_lists_every_instance(tmp_path: Path) -> None:
    photo(tmp_path / "dataset/img/2008_000001.jpg")
    (tmp_path / "dataset/inst").mkdir()
    segmentation = values((1, 0, 0, 4, 4), (3, 10, 10, 11, 11))
    savemat(tmp_path / "dataset/inst/2008_000001.mat", {"GTinst": {"Segmentation": segmentation, "Boundaries": 0}})
    (tmp_path / "dataset/val.txt").write_text("2008_000001\n", encoding="utf-8")
    dataset = open_dataset("sbd", tmp_path)
    assert areas(dataset) == [("2008_000001", "1", 16, 0), ("2008_000001", "3", 1, 0)]
    assert dataset.published_objects == 6671


def test_sbd_says_which_file_is_no_instance_map(tmp_path: Path) -> None:
    photo(tmp_path / "img/a.jpg")
    (tmp_path / "inst").mkdir()
    (tmp_path / "inst/a.mat").write_bytes(b"not a matlab file at all, but long enough to be looked at" * 9)
    (tmp_path / "val.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"a\.mat is not an SBD instance map"):
        open_dataset("sbd", tmp_path)


@pytest.mark.parametrize("place", ["", "VOCdevkit/VOC2012"])
def test_pascal_voc_ignores_void(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    photo(root / "JPEGImages/a.jpg")
    save(root / "SegmentationObject/a.png", values((255, 0, 0, 8, 8), (1, 1, 1, 7, 7), (2, 20, 0, 24, 4)), "P")
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/val.txt").write_text("a\n\n", encoding="utf-8")
    dataset = open_dataset("pascal_voc", tmp_path)
    assert areas(dataset) == [("a", "1", 36, 28), ("a", "2", 16, 28)]
    assert "3,417" in dataset.notes[0] and dataset.published_objects is None


@pytest.mark.parametrize(
    ("reading", "array", "expected"),
    [
        ("binary", values((7, 0, 0, 3, 3)), [("1", 9, 0)]),
        ("nonzero", values((7, 0, 0, 3, 3), (9, 5, 5, 6, 6)), [("1", 10, 0)]),
        ("threshold", values((128, 0, 0, 3, 3), (127, 5, 5, 6, 6)), [("1", 9, 0)]),
        ("trimap", TRIMAP, [("1", 48, 32)]),
        ("instances", values((255, 0, 0, 3, 3), (1, 5, 5, 6, 6)), [("1", 1, 0), ("255", 9, 0)]),
        ("instances-void", values((255, 0, 0, 3, 3), (1, 5, 5, 6, 6)), [("1", 1, 9)]),
        (
            "instances-void",
            values((65535, 0, 0, 3, 3), (255, 5, 5, 6, 6), (700, 8, 8, 10, 10), dtype=np.uint16),
            [("255", 1, 9), ("700", 4, 9)],
        ),
    ],
)
def test_folder_reads_mask_values_as_told(
    tmp_path: Path, reading: str, array: np.ndarray, expected: list[tuple[str, int, int]]
) -> None:
    photo(tmp_path / "images/a.png")
    save(tmp_path / "masks/a.png", array)
    found = areas(open_dataset("folder", tmp_path, ReadOptions(mask_values=reading)))
    assert found == [("a", *row) for row in expected]


def test_folder_reads_indices_of_indexed_files_and_grey_colour_files(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    photo(tmp_path / "images/b.png")
    photo(tmp_path / "images/c.png")
    save(tmp_path / "masks/a.png", values((3, 0, 0, 3, 3)), "P")
    save(tmp_path / "masks/b.png", np.repeat(values((255, 0, 0, 3, 3))[:, :, None], 3, axis=2))
    Image.fromarray(values((1, 0, 0, 3, 3)).astype(bool)).save(tmp_path / "masks/c.png")
    assert areas(open_dataset("folder", tmp_path)) == [(stem, "1", 9, 0) for stem in "abc"]


def test_folder_leaves_out_empty_masks_and_says_so(tmp_path: Path) -> None:
    for stem in "ab":
        photo(tmp_path / f"images/{stem}.png")
    save(tmp_path / "masks/a.png", values())
    save(tmp_path / "masks/b.png", values((1, 0, 0, 3, 3)))
    dataset = open_dataset("folder", tmp_path)
    assert [s.image_id for s in dataset.samples] == ["b"]
    assert dataset.notes == ("1 masks show no object and are left out.",)


def test_folder_refuses_several_values_and_says_how_to_read_them(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    save(tmp_path / "masks/a.png", TRIMAP)
    with pytest.raises(FormatError, match=r"128, 255 besides 0.*as 'trimap'"):
        open_dataset("folder", tmp_path)


def test_folder_refuses_masks_in_colour(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    photo(tmp_path / "masks/a.png")
    with pytest.raises(FormatError, match="picture in colour"):
        open_dataset("folder", tmp_path)


def test_mask_without_image_is_named(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    save(tmp_path / "masks/b.png", TRIMAP)
    with pytest.raises(InputError, match=r"1 of 1 masks.*b\.png"):
        open_dataset("grabcut", tmp_path)


def test_two_files_with_one_stem_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    photo(tmp_path / "images/a.jpg")
    save(tmp_path / "masks/a.png", TRIMAP)
    with pytest.raises(InputError, match=r"share the stem 'a'"):
        open_dataset("grabcut", tmp_path)


def test_mask_of_another_size_is_refused_on_loading(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png", (10, 10))
    save(tmp_path / "masks/a.png", TRIMAP)
    (sample,) = open_dataset("grabcut", tmp_path).samples
    with pytest.raises(InputError, match=r"30 x 20 pixels but its image .* is 10 x 10"):
        sample.load()


@pytest.mark.parametrize("name", DATASETS.names())
def test_wrong_folder_says_what_was_looked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "holiday.txt").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"Looked in .* for .*found holiday\.txt"):
        open_dataset(name, tmp_path)


def test_missing_folder_and_unknown_name() -> None:
    with pytest.raises(InputError, match="does not exist: nowhere"):
        open_dataset("grabcut", Path("nowhere"))
    with pytest.raises(UnknownNameError, match="grabcut"):
        open_dataset("grabcutt", Path("nowhere"))


def test_unknown_reading_is_refused() -> None:
    with pytest.raises(InputError, match="binary, nonzero"):
        ReadOptions(mask_values="palette")


def test_samples_travel_to_other_processes(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    save(tmp_path / "masks/a.png", TRIMAP)
    (sample,) = open_dataset("grabcut", tmp_path).samples
    assert np.array_equal(pickle.loads(pickle.dumps(sample)).truth().mask, TRIMAP == 255)


def test_other_packages_can_join_by_an_entry_point() -> None:
    # packaging accepts letters, digits, underscores and dots in the name of an entry point group
    assert DATASETS.kind.isidentifier()
