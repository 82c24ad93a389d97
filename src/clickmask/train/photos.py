"""Photographs with object ids: from tar shards, a folder of images and masks, or a COCO file.

Tar shards are in WebDataset form: ``SET__STEM.jpg`` followed by ``SET__STEM.png``, a single-channel picture of
instance ids with 0 for background and 255 (65535 in 16 bit) for pixels to ignore.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, RecipeError
from clickmask.core.frames import Image

Ids = NDArray[np.uint16]

IGNORE_ID = 65535
LONGEST_SIDE = 448
"""Photographs are kept at most this long in memory: crops at every scale up to the largest training input."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph.

    Attributes:
        name: unique within its set.
        group: the set it belongs to; recipes weigh sets.
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) uint16; 0 background, IGNORE_ID ignored, anything else one object or region.
    """

    name: str
    group: str
    image: Image
    ids: Ids


@dataclass(frozen=True, eq=False)
class Encoded:
    """A photograph that is decoded when used.

    Attributes:
        name: unique within its set.
        group: the set it belongs to.
        image: bytes of the image file.
        ids: bytes of the id picture, or the ids themselves.
    """

    name: str
    group: str
    image: bytes
    ids: bytes | Ids

    def decode(self) -> Photo:
        """Decode; FormatError if a file is damaged."""
        image = cv2.imdecode(np.frombuffer(self.image, np.uint8), cv2.IMREAD_COLOR)
        ids = self.ids if isinstance(self.ids, np.ndarray) else decode_ids(self.ids)
        if image is None or ids is None:
            raise FormatError(f"The training photograph '{self.name}' or its mask cannot be decoded.")
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if rgb.shape[:2] != ids.shape[:2]:
            raise FormatError(f"'{self.name}': the image is {rgb.shape[:2]} (H, W) but its mask is {ids.shape[:2]}.")
        return Photo(self.name, self.group, *_limited(np.asarray(rgb, dtype=np.uint8), ids))


def decode_ids(data: bytes) -> Ids | None:
    """Ids from a grey or indexed PNG; 255 in 8-bit files becomes IGNORE_ID; None if it cannot be decoded."""
    from PIL import Image as Pictures

    try:
        with Pictures.open(io.BytesIO(data)) as picture:
            array = np.asarray(picture)
    except (OSError, SyntaxError):
        return None
    if array.ndim != 2:
        return None
    ids = array.astype(np.uint16)
    if array.dtype == np.uint8:
        ids[array == 255] = IGNORE_ID
    return ids


def _limited(image: Image, ids: Ids) -> tuple[Image, Ids]:
    """Shrink to LONGEST_SIDE."""
    height, width = ids.shape
    factor = LONGEST_SIDE / max(height, width)
    if factor >= 1:
        return image, ids
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST))


def read_sources(paths: Sequence[Path]) -> list[Encoded]:
    """All photographs of tar shards, ``images/`` + ``masks/`` folders and COCO files.

    Raises:
        RecipeError: a path is none of these, or nothing was found.
    """
    photos: list[Encoded] = []
    for path in paths:
        if path.suffix == ".tar" and path.is_file():
            photos += read_shard(path)
        elif path.suffix == ".json" and path.is_file():
            photos += read_coco(path)
        elif (path / "images").is_dir() and (path / "masks").is_dir():
            photos += read_folder(path)
        elif path.is_dir() and sorted(path.glob("*.tar")):
            photos += [photo for shard in sorted(path.glob("*.tar")) for photo in read_shard(shard)]
        else:
            raise RecipeError(
                f"{path} is not training data. Give .tar shards, a folder with images/ and masks/ paired by name, "
                "or a COCO instances .json beside its images."
            )
    if not photos:
        raise RecipeError("No photograph with a mask was found in the training data.")
    return photos


def read_shard(path: Path) -> list[Encoded]:
    """Photographs of one tar shard, in its order."""
    images: dict[str, bytes] = {}
    photos = []
    with tarfile.open(path) as shard:
        for member in shard:
            handle = shard.extractfile(member)
            if handle is None:
                continue
            stem, _, suffix = member.name.rpartition(".")
            if suffix in ("jpg", "jpeg"):
                images[stem] = handle.read()
            elif suffix == "png" and stem in images:
                photos.append(Encoded(stem, stem.partition("__")[0], images.pop(stem), handle.read()))
    return photos


def read_folder(path: Path) -> list[Encoded]:
    """Pairs of ``images/STEM.*`` and ``masks/STEM.png``; a mask of 0 and 255 alone is one object."""
    masks = {p.stem: p for p in sorted((path / "masks").iterdir()) if p.suffix.lower() == ".png"}
    images = [p for p in sorted((path / "images").iterdir()) if p.stem in masks]
    return [Encoded(p.stem, path.name, p.read_bytes(), _folder_ids(masks[p.stem])) for p in images]


def _folder_ids(path: Path) -> Ids:
    ids = decode_ids(path.read_bytes())
    if ids is None:
        raise FormatError(f"The mask {path} is not a single-channel PNG of 0/255 or of object ids.")
    if set(np.unique(ids)) <= {0, IGNORE_ID}:
        ids[ids == IGNORE_ID] = 1
    return ids


def read_coco(path: Path) -> list[Encoded]:
    """Images and instances of a COCO file; crowds are ignored pixels; images lie beside it or in ``images/``."""
    from clickmask.train.coco_ids import coco_ids

    photos = []
    for file_name, ids in coco_ids(path):
        found = [p for p in (path.parent / file_name, path.parent / "images" / file_name) if p.is_file()]
        if not found:
            raise RecipeError(
                f"The image '{file_name}' named in {path} is neither beside it nor in its images/ folder."
            )
        photos.append(Encoded(Path(file_name).stem, path.stem, found[0].read_bytes(), ids))
    return photos
