"""Large images level by level: which levels a file has itself, and a process of its own that makes the others.

    python -m clickmask.formats.pyramid IMAGE FOLDER

writes the levels that the file lacks into a folder (see `levels`) and prints how many rows are done. It is a process so
that an image that can only be decoded as a whole takes its memory there, for the seconds that it needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from clickmask.core.errors import ClickmaskError, ImageError
from clickmask.core.frames import Frame, Image, PixelSource
from clickmask.formats import levels as stored
from clickmask.formats import png_rows, tiff_levels
from clickmask.formats.image_file import (
    MAX_DECODED_PIXELS,
    MAX_PIXELS_VARIABLE,
    MAX_READ_PIXELS,
    image_size,
    opened_image,
    orientation,
    read_image,
    upright,
)

BAND_ROWS = 256
QUICK_LEVEL = 3
"""Level at which a JPEG is decoded for the first look, an eighth of its size."""
_JPEG_END = b"\xff\xd9"


@dataclass(frozen=True)
class LargeImage:
    """An image as its file offers it.

    Attributes:
        file: the file.
        size_hw: of the image, upright.
        own: levels that the file itself has, or that follow from them quickly, by number from 0 on without a gap.
    """

    file: Path
    size_hw: tuple[int, int]
    own: Mapping[int, PixelSource]

    @property
    def first(self) -> int:
        """Number of the first level that has to be stored."""
        return len(self.own)

    @property
    def complete(self) -> bool:
        """Whether nothing has to be stored."""
        return self.first == len(stored.level_sizes(self.size_hw))

    def frame(self, folder: Path) -> Frame | None:
        """All levels, those that the file lacks from a folder; None while they are not there."""
        if self.complete:
            return Frame(tuple(self.own.values()))
        made = stored.open_levels(folder, self.size_hw, self.first)
        return None if made is None else Frame((*self.own.values(), *made))


def large_size(file: Path) -> tuple[int, int]:
    """(height, width) of an image that may be too large to be decoded as a whole, from its head alone.

    Raises:
        ImageError: it is damaged, or larger than can be worked on in parts.
    """
    # A limit that a person has set holds here too.
    set_by_hand = bool(os.environ.get(MAX_PIXELS_VARIABLE))
    size_hw = image_size(file, max_pixels=None if set_by_hand else max(MAX_READ_PIXELS, MAX_DECODED_PIXELS))
    if size_hw[0] * size_hw[1] > MAX_DECODED_PIXELS and not in_parts(file):
        raise ImageError(
            f"{file} is {size_hw[1]} x {size_hw[0]} = {size_hw[0] * size_hw[1] / 1e6:.0f} megapixels, and its format "
            f"can only be decoded as a whole, for which at most {MAX_DECODED_PIXELS / 1e6:.0f} are accepted. Save it "
            f"as TIFF with tiles, or as PNG without interlacing: those may have {MAX_READ_PIXELS / 1e6:.0f} megapixels."
        )
    return size_hw


def in_parts(file: Path) -> bool:
    """Whether rows or tiles of a file can be read without decoding all of it."""
    if tiff_levels.is_tiff(file):
        return tiff_levels.open_tiff(file) is not None
    with opened_image(file, str(file), MAX_READ_PIXELS) as image:
        return image.format == "PNG" and orientation(image) == 1 and not png_rows.read_head(file).interlaced


def open_large(file: Path) -> LargeImage:
    """What the file offers by itself.

    Raises:
        ImageError: it is damaged.
    """
    found = tiff_levels.open_tiff(file) if tiff_levels.is_tiff(file) else None
    if found is None:
        return LargeImage(file, large_size(file), {})
    count = next(n for n in range(len(found.levels) + 1) if n not in found.levels)
    return LargeImage(file, found.size_hw, {n: found.levels[n] for n in range(count)})


def quick_look(image: LargeImage) -> dict[int, Image]:
    """Small levels for the first seconds, where the format allows them without reading everything; else none."""
    first = None
    if 0 in image.own and isinstance(image.own[0], tiff_levels.PlainTiffLevel):
        first = image.own[0].sampled(1 << QUICK_LEVEL)
    elif image.file.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif"):
        with suppress(ImageError):
            first = _scaled_jpeg(image.file)
    sizes = stored.level_sizes(image.size_hw)
    if first is None or len(sizes) <= QUICK_LEVEL or first.shape[:2] != sizes[QUICK_LEVEL]:
        return {}
    found = {QUICK_LEVEL: first}
    for n, (height, width) in enumerate(sizes[QUICK_LEVEL + 1 :], start=QUICK_LEVEL + 1):
        found[n] = np.asarray(cv2.resize(found[n - 1], (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return found


def make(file: Path, folder: Path, on_rows: Callable[[int], None]) -> None:
    """Write the levels that a file lacks.

    Args:
        file: the image.
        folder: for the levels alone.
        on_rows: as of `levels.write_levels`.

    Raises:
        ImageError: the file is damaged.
        StorageError: the disk is full or cannot be written.
    """
    image = open_large(file)
    stored.write_levels(folder, image.size_hw, _bands(image), on_rows, image.first)


def _bands(image: LargeImage) -> Iterator[Image]:
    if image.own:
        return _slices(image.own[image.first - 1])
    with opened_image(image.file, str(image.file), MAX_READ_PIXELS) as opened:
        kind, turned = opened.format, orientation(opened)
        plain = opened.mode in ("L", "RGB")
    if kind == "PNG" and turned == 1 and not png_rows.read_head(image.file).interlaced:
        return png_rows.read_bands(image.file, BAND_ROWS)
    if kind == "JPEG" and plain and _ends(image.file):
        return _slices(_decoded_jpeg(image.file, image.size_hw, turned))
    return _slices(read_image(image.file, max_pixels=MAX_DECODED_PIXELS))


def _slices(pixels: PixelSource) -> Iterator[Image]:
    for top in range(0, pixels.shape[0], BAND_ROWS):
        yield pixels[top : top + BAND_ROWS, :]


def _scaled_jpeg(file: Path) -> Image | None:
    with opened_image(file, str(file), MAX_DECODED_PIXELS) as opened:
        if opened.format != "JPEG" or opened.mode not in ("L", "RGB"):
            return None
        turned = orientation(opened)
    pixels = cv2.imread(str(file), cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if pixels is None else np.ascontiguousarray(upright(pixels[:, :, ::-1], turned))


def _decoded_jpeg(file: Path, size_hw: tuple[int, int], turned: int) -> Image:
    """The upright pixels; given an array to fill, OpenCV takes no second one of that size."""
    pixels = np.empty((*(size_hw if turned < 5 else size_hw[::-1]), 3), dtype=np.uint8)
    if cv2.imread(str(file), pixels, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) is None:
        raise ImageError(f"{file} is damaged or truncated and cannot be decoded. Copy or export the file again.")
    return np.asarray(upright(pixels[:, :, ::-1], turned))


def _ends(file: Path) -> bool:
    """Whether a JPEG has its end: OpenCV would fill what is missing with grey."""
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - (1 << 16), 0))
        return _JPEG_END in opened.read()


def main() -> int:
    """Make the pyramid named on the command line; 2 with a message if that fails."""
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    if hasattr(os, "nice"):
        os.nice(5)
    PillowImage.MAX_IMAGE_PIXELS = None
    cv2.setNumThreads(1)
    try:
        make(file, folder, lambda rows: print(rows, flush=True))  # noqa: T201 - the process that waits reads it
    except ClickmaskError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
