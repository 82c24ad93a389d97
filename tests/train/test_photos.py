"""Readers of training data: shards, folders, COCO files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.core.errors import FormatError, ImageError, InputError, RecipeError
from clickmask.train.photos import IGNORE_ID, FromCoco
from clickmask.train.sources import read_coco, read_folder, read_shard, read_sources

from .made_up import SIZE_HW, coco_document, counts_of, jpeg, png, shapes, write_folder, write_shard, write_tar

SQUARE = [[10, 20, 30, 20, 30, 40, 10, 40]]


def write_coco(root: Path, annotations: list[dict[str, Any]], **image: Any) -> Path:
    """A COCO file about one photograph of 96 x 72 pixels."""
    root.mkdir(parents=True, exist_ok=True)
    picture, _ = shapes(0)
    Image.fromarray(picture).save(root / "photo.png")
    entry = {"id": 1, "file_name": "photo.png", "height": SIZE_HW[0], "width": SIZE_HW[1], **image}
    path = root / "labels.json"
    path.write_text(json.dumps(coco_document([entry], annotations)))
    return path


def only(photos: list[FromCoco]) -> np.ndarray:
    assert len(photos) == 1
    return photos[0].decode().ids


# Shards


def test_shard_gives_images_and_ids_of_each_pair(tmp_path: Path) -> None:
    photos = read_shard(write_shard(tmp_path / "a.tar", 3))
    assert [(p.group, p.name) for p in photos] == [("shapes", f"shapes__{i:03d}") for i in range(3)]
    image, ids = shapes(1)
    photo = photos[1].decode()
    assert np.abs(photo.image.astype(int) - image).mean() < 8
    assert np.array_equal(photo.ids, ids)


def test_shard_ignore_is_255_in_8_bit_and_65535_in_16_bit(tmp_path: Path) -> None:
    image, ids = shapes(2)
    small, deep = ids.copy(), ids.astype(np.uint16) + np.uint16(300) * (ids > 0)
    small[:5], deep[:5], deep[5:9] = 255, 65535, 255
    members = {"a__1.jpg": jpeg(image), "a__1.png": png(small), "b__1.jpg": jpeg(image), "b__1.png": png(deep)}
    eight, sixteen = (photo.decode().ids for photo in read_shard(write_tar(tmp_path / "s.tar", members)))
    assert (eight[:5] == IGNORE_ID).all() and (eight[5:] == ids[5:]).all()
    assert (sixteen[:5] == IGNORE_ID).all()
    assert (sixteen[5:9] == 255).all(), "255 is an object in a 16-bit file"


def test_shard_pairs_in_either_order_and_below_folders(tmp_path: Path) -> None:
    image, ids = shapes(0)
    members = {
        "./x/s__1.png": png(ids),
        "./x/s__1.jpg": jpeg(image),
        "./y/s__1.jpg": jpeg(image),
        "./y/s__1.png": png(ids),
    }
    photos = read_shard(write_tar(tmp_path / "s.tar", members))
    assert [(p.group, p.name) for p in photos] == [("s", "s__1")] * 2


def test_shard_without_its_mask_is_refused(tmp_path: Path) -> None:
    image, _ = shapes(0)
    with pytest.raises(FormatError, match=r"lonely.*pairs"):
        read_shard(write_tar(tmp_path / "s.tar", {"s__lonely.jpg": jpeg(image)}))


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_shard_that_is_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    path = write_shard(tmp_path / "a.tar", 3)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FormatError, match="cut short"):
        read_shard(path)


def test_damaged_photograph_and_mask_are_named(tmp_path: Path) -> None:
    image, ids = shapes(0)
    members = {
        "s__bad.jpg": jpeg(image)[:200],
        "s__bad.png": png(ids),
        "s__mask.jpg": jpeg(image),
        "s__mask.png": png(ids)[:60],
        "s__rgb.jpg": jpeg(image),
        "s__rgb.png": png(image),
        "s__size.jpg": jpeg(image),
        "s__size.png": png(ids[:10]),
    }
    bad, mask, colour, size = read_shard(write_tar(tmp_path / "s.tar", members))
    with pytest.raises(ImageError, match="s__bad"):
        bad.decode()
    for photo, text in ((mask, "s__mask"), (colour, "3 channels"), (size, "s__size.*96 x 72.*96 x 10")):
        with pytest.raises(FormatError, match=text):
            photo.decode()


def test_large_photographs_are_shrunk_with_their_ids(tmp_path: Path) -> None:
    photo = read_shard(write_shard(tmp_path / "a.tar", 1))[0]
    small, whole = photo.decode(48), photo.decode(1000)
    assert small.image.shape == (36, 48, 3) and small.ids.shape == (36, 48)
    assert whole.ids.shape == SIZE_HW
    assert np.mean(small.ids == whole.ids[1::2, 1::2]) > 0.97


def test_shared_shards_are_read_whole(shared_data: Path) -> None:
    photos = read_shard(shared_data / "train/val-000.tar")
    assert len(photos) == 270
    photo = photos[0].decode()
    assert photo.ids.shape == photo.image.shape[:2]


# Folders


def test_folder_with_binary_masks_has_one_object_per_photograph(tmp_path: Path) -> None:
    photos = read_folder(write_folder(tmp_path / "mine", 3), "binary")
    assert [(p.group, p.name) for p in photos] == [("mine", f"photo-{i}") for i in range(3)]
    assert set(np.unique(photos[0].decode().ids)) == {0, 1}


def test_folder_with_instances_needs_to_be_told(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 2, instances=True)
    with pytest.raises(FormatError, match="instances"):
        read_folder(folder, "binary")
    _, ids = shapes(0)
    assert np.array_equal(read_folder(folder, "instances")[0].decode().ids, ids)


def test_folder_readings_with_ignore(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 1)
    mask = np.zeros(SIZE_HW, np.uint8)
    mask[10:40], mask[40:50], mask[50:60] = 255, 128, 7
    Image.fromarray(mask).save(folder / "masks/photo-0.png")
    trimap = read_folder(folder, "trimap")[0].decode().ids
    assert np.array_equal(trimap == IGNORE_ID, mask == 128) and np.array_equal(trimap == 1, mask == 255)
    void = read_folder(folder, "instances-void")[0].decode().ids
    assert np.array_equal(void == IGNORE_ID, mask == 255)
    assert len(set(np.unique(void)) - {0, IGNORE_ID}) == 2


def test_folder_leaves_out_empty_masks_and_images_without_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 3)
    Image.fromarray(np.zeros(SIZE_HW, np.uint8)).save(folder / "masks/photo-1.png")
    (folder / "masks/photo-2.png").unlink()
    assert [p.name for p in read_folder(folder, "binary")] == ["photo-0"]


def test_folder_refuses_lonely_masks_and_other_sizes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 2)
    (folder / "images/photo-1.jpg").unlink()
    with pytest.raises(InputError, match=r"photo-1\.png"):
        read_folder(folder, "binary")
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(folder / "images/photo-1.jpg")
    with pytest.raises(FormatError, match=r"photo-1.*96 x 72.*6 x 5"):
        read_folder(folder, "binary")


def test_turned_photograph_is_read_upright(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 1)
    image, ids = shapes(0)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it clockwise
    Image.fromarray(np.rot90(image)).save(folder / "images/photo-0.jpg", exif=exif, quality=95)
    photo = read_folder(folder, "binary")[0].decode()
    assert np.abs(photo.image.astype(int) - image).mean() < 8
    assert np.array_equal(photo.ids == 1, ids == ids.max())


# COCO


def test_coco_polygons_and_run_lengths_give_the_same_pixels(tmp_path: Path) -> None:
    square = np.zeros(SIZE_HW, bool)
    square[20:40, 10:30] = True
    path = write_coco(tmp_path, [{"image_id": 1, "segmentation": SQUARE}])
    assert np.array_equal(only(read_coco(path)) == 1, square)
    rle = {"size": list(SIZE_HW), "counts": counts_of(square)}
    path = write_coco(tmp_path, [{"image_id": 1, "segmentation": rle}])
    assert np.array_equal(only(read_coco(path)) == 1, square)


def test_coco_small_objects_lie_over_large_ones_and_crowds_are_ignored(tmp_path: Path) -> None:
    crowd = np.zeros(SIZE_HW, bool)
    crowd[:, 60:] = True
    path = write_coco(
        tmp_path,
        [
            {"image_id": 1, "segmentation": [[15, 25, 25, 25, 25, 35, 15, 35]]},
            {"image_id": 1, "segmentation": {"size": list(SIZE_HW), "counts": counts_of(crowd)}, "iscrowd": 1},
            {"image_id": 1, "segmentation": [[10, 20, 70, 20, 70, 40, 10, 40]]},
        ],
    )
    ids = only(read_coco(path))
    assert (ids == 2).sum() == 100, "the small one is whole"
    assert (ids == 1).sum() == 60 * 20 - 100
    assert (ids[:, 70:] == IGNORE_ID).all() and (ids == IGNORE_ID).sum() == crowd.sum() - 10 * 20


def test_coco_images_may_lie_in_images_and_share_a_stem(tmp_path: Path) -> None:
    picture, _ = shapes(0)
    images = []
    for number, part in enumerate(("a", "b")):
        (tmp_path / "images" / part).mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / "images" / part / "x.png")
        images.append({"id": number, "file_name": f"{part}/x.png", "height": 72, "width": 96})
    annotations = [{"image_id": i, "segmentation": SQUARE} for i in range(2)]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(coco_document(images, annotations)))
    assert [p.name for p in read_coco(path)] == ["a/x", "b/x"]


def test_coco_boxes_alone_are_left_out_or_refused(tmp_path: Path) -> None:
    box = {"image_id": 1, "bbox": [1, 2, 3, 4]}
    assert len(read_coco(write_coco(tmp_path, [box, {"image_id": 1, "segmentation": SQUARE}]))) == 1
    with pytest.raises(FormatError, match="boxes"):
        read_coco(write_coco(tmp_path, [box]))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ({"image_id": 2, "segmentation": SQUARE}, "image 2"),
        ({"image_id": 1, "segmentation": [[1, 2, 3, 4]]}, "three points"),
        ({"image_id": 1, "segmentation": [[1, 2, 3, "x", 5, 6]]}, "numbers"),
        ({"image_id": 1, "segmentation": {"size": [72, 96]}}, "counts"),
        ({"segmentation": SQUARE}, "image_id"),
    ],
)
def test_coco_annotations_that_cannot_be_painted_are_refused_at_once(
    tmp_path: Path, annotation: dict[str, Any], text: str
) -> None:
    with pytest.raises(FormatError, match=text):
        read_coco(write_coco(tmp_path, [annotation]))


def test_coco_refuses_missing_images_and_other_sizes(tmp_path: Path) -> None:
    annotation = {"image_id": 1, "segmentation": SQUARE}
    with pytest.raises(RecipeError, match=r"nowhere\.jpg"):
        read_coco(write_coco(tmp_path, [annotation], file_name="nowhere.jpg"))
    with pytest.raises(FormatError, match=r"50 x 72.*96 x 72"):
        read_coco(write_coco(tmp_path, [annotation], width=50))


def test_coco_file_must_be_one(tmp_path: Path) -> None:
    for text in ("[]", "{}", "{"):
        (tmp_path / "labels.json").write_text(text)
        with pytest.raises(FormatError, match="labels"):
            read_coco(tmp_path / "labels.json")


# All of them


def test_sources_mix_and_count_once(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "shards/a.tar", 2)
    folder = write_folder(tmp_path / "mine", 3)
    coco = write_coco(tmp_path / "coco", [{"image_id": 1, "segmentation": SQUARE}])
    photos = read_sources([shard, folder, coco, shard.parent / "." / "a.tar"])
    assert [p.group for p in photos] == ["shapes"] * 2 + ["mine"] * 3 + ["labels"]
    assert len(read_sources([shard.parent])) == 2


def test_sources_that_are_none_say_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no training data .*nowhere"):
        read_sources([tmp_path / "nowhere"])
    with pytest.raises(RecipeError, match="COCO"):
        read_sources([tmp_path])
    with pytest.raises(InputError, match="instances-void"):
        read_sources([write_folder(tmp_path / "mine", 1)], masks="colours")
    with pytest.raises(RecipeError, match="No photograph"):
        read_sources([write_tar(tmp_path / "empty.tar", {})])
