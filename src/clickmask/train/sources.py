"""Training data of people: tar shards, a folder of images and masks, a COCO file, or a folder of cut-outs.

Tar shards are in WebDataset form: ``SET__STEM.jpg`` beside ``SET__STEM.png``, a single-channel picture of
instance ids with 0 for background and 255 (65535 in 16 bit) for pixels to ignore.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from clickmask.core.errors import FormatError, RecipeError
from clickmask.data.files import pair_by_stem
from clickmask.data.mask_values import sources_in
from clickmask.data.sample import ReadOptions
from clickmask.formats import fields
from clickmask.formats.files import read_json
from clickmask.formats.image_file import image_size
from clickmask.train.cutouts import read_cutouts
from clickmask.train.photos import Encoded, FromCoco, FromFiles, PhotoSource

IMAGE_ENDINGS = (".jpg", ".jpeg")
MASK_ENDING = ".png"
FEWEST_NUMBERS = 6
"""A polygon has at least three points."""


def read_sources(paths: Sequence[Path], masks: str = "binary") -> list[PhotoSource]:
    """All photographs of tar shards, ``images/`` + ``masks/`` folders, COCO files and folders of cut-outs.

    Args:
        paths: what a person gave.
        masks: what the values of mask files in folders mean, see `clickmask.data.mask_values`.

    Raises:
        RecipeError: a path is none of these, or nothing was found.
        FormatError: a file is damaged or means something else.
    """
    ReadOptions(mask_values=masks)  # refuses an unknown reading
    photos: list[PhotoSource] = []
    for path in {path.resolve(): path for path in paths}.values():  # a path given twice counts once
        photos += _read(path, masks)
    if not photos:
        raise RecipeError("No photograph with a mask was found in the training data.")
    return photos


def _read(path: Path, masks: str) -> Sequence[PhotoSource]:
    if not path.exists():
        raise RecipeError(f"There is no training data {path}. Check the spelling and the current folder.")
    if path.suffix == ".tar" and path.is_file():
        return read_shard(path)
    if path.suffix == ".json" and path.is_file():
        return read_coco(path)
    if (path / "images").is_dir() and (path / "masks").is_dir():
        return read_folder(path, masks)
    shards = sorted(path.glob("*.tar")) if path.is_dir() else []
    if shards:
        return [photo for shard in shards for photo in read_shard(shard)]
    cutouts = read_cutouts(path) if path.is_dir() else []
    if not cutouts:
        raise RecipeError(
            f"{path} is not training data. Give .tar shards, a folder with images/ and masks/ paired by name, "
            "a COCO instances .json beside its images, or a folder of PNG cut-outs with transparency."
        )
    return cutouts


def read_shard(path: Path) -> list[Encoded]:
    """Photographs of one tar shard, in the order in which their pairs are complete.

    Raises:
        FormatError: no tar file, or a truncated one; a photograph without its mask, or a mask without its photograph.
    """
    halves: dict[str, dict[str, bytes]] = {}
    photos = []
    try:
        with tarfile.open(path) as shard:
            for member in shard:
                name = PurePosixPath(member.name)
                handle = shard.extractfile(member)
                if handle is None or name.suffix not in (*IMAGE_ENDINGS, MASK_ENDING):
                    continue
                key = str(name.with_suffix(""))
                pair = halves.setdefault(key, {})
                pair["ids" if name.suffix == MASK_ENDING else "image"] = handle.read()
                if len(pair) == 2:
                    photos.append(Encoded(name.stem, name.stem.partition("__")[0], **halves.pop(key)))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FormatError(f"The shard {path} is no tar file or is cut short: {error}. Copy it again.") from error
    if halves:
        raise FormatError(
            f"The shard {path} holds {len(halves)} names with a photograph but no mask, or the reverse, "
            f"e.g. '{next(iter(halves))}'. It needs pairs SET__STEM.jpg and SET__STEM.png."
        )
    return photos


def read_folder(path: Path, reading: str) -> list[FromFiles]:
    """Pairs of ``images/STEM.*`` and ``masks/STEM.*``; masks without an object are left out.

    Raises:
        InputError: masks without an image, values that `reading` does not know, sizes that differ.
    """
    photos = []
    for stem, image, mask in pair_by_stem(path / "images", path / "masks"):
        (height, width), (mask_height, mask_width) = image_size(image), image_size(mask)
        if (height, width) != (mask_height, mask_width):
            raise FormatError(
                f"The mask {mask} is {mask_width} x {mask_height} pixels but its image {image.name} is "
                f"{width} x {height}. Each mask must have the size of its image."
            )
        if sources_in(mask, reading):
            photos.append(FromFiles(stem, path.resolve().name, image, mask, reading))
    return photos


@dataclass(frozen=True)
class _Objects:
    """Segmentations of one image."""

    objects: list[Any]
    crowds: list[Any]


def read_coco(path: Path) -> list[FromCoco]:
    """Images of a COCO file that have an object; crowds are ignored pixels, annotations with a box alone are left out.

    Images lie beside the file, in ``images/`` beside it, or in ``images/`` beside its folder.

    Raises:
        FormatError: the file is no COCO instances file, or one of its segmentations is none.
        RecipeError: an image that it names is missing.
    """
    document = read_json(path)
    if not isinstance(document, Mapping) or not {"images", "annotations"} <= document.keys():
        raise FormatError(f"{path} is not a COCO instances file: it needs an object with 'images' and 'annotations'.")
    images = fields.items(document["images"], f"{path}: 'images'")
    found = {fields.whole(fields.mapping(v, "images"), "id", "images"): _Objects([], []) for v in images}
    for number, annotation in enumerate(fields.items(document["annotations"], f"{path}: 'annotations'")):
        where = f"{path}: annotations[{number}]"
        entry = fields.mapping(annotation, where)
        owner = found.get(fields.whole(entry, "image_id", where))
        if owner is None:
            raise FormatError(f"{where} belongs to image {entry['image_id']}, which the file does not list.")
        if entry.get("segmentation"):
            target = owner.crowds if entry.get("iscrowd") else owner.objects
            target.append(_checked(entry["segmentation"], where))
    if images and not any(v.objects for v in found.values()):
        raise FormatError(f"{path} holds no outline of an object: boxes and keypoints alone cannot teach masks.")
    return [_coco_photo(path, v, found[v["id"]]) for v in images if found[v["id"]].objects]


def _checked(segmentation: Any, where: str) -> Any:
    """The segmentation, if it can be painted later on."""
    if isinstance(segmentation, Mapping):
        if "counts" not in segmentation:
            raise FormatError(f"{where}: a segmentation with run lengths needs 'counts'.")
        return segmentation
    for polygon in fields.items(segmentation, f"{where}.segmentation"):
        if len(fields.ring(polygon, f"{where}.segmentation")) * 2 < FEWEST_NUMBERS:
            raise FormatError(f"{where}.segmentation: a polygon needs at least three points, got {polygon}.")
    return segmentation


def _coco_photo(path: Path, entry: Mapping[str, Any], found: _Objects) -> FromCoco:
    name = fields.text(entry, "file_name", "images").replace("\\", "/")
    folders = (path.parent, path.parent / "images", path.parent.parent / "images")
    files = [folder / name for folder in folders if (folder / name).is_file()]
    if not files:
        raise RecipeError(
            f"The image '{name}' named in {path} is neither beside it nor in images/ beside it or above it."
        )
    size_hw = fields.size_hw(entry, ("height", "width"), f"{path}: image '{name}'")
    real = image_size(files[0])
    if real != size_hw:
        raise FormatError(
            f"{path} says that '{name}' is {size_hw[1]} x {size_hw[0]} pixels, but {files[0]} is {real[1]} x {real[0]}."
        )
    return FromCoco(str(PurePosixPath(name).with_suffix("")), path.stem, files[0], size_hw, found.objects, found.crowds)
