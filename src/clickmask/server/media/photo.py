"""Photographs, and every other picture that is one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from clickmask.core.frames import Frame
from clickmask.formats.image_file import is_image_name, read_image
from clickmask.formats.pyramid import large_size
from clickmask.server.benches import PIXELS, PixelBench
from clickmask.server.image_mind import ImageMind
from clickmask.server.media.medium import DISPLAY, DOUBTS, FOR_VOLUMES, OUTLINE, PNG, Head, Picture
from clickmask.server.menus import IMAGES
from clickmask.server.schemas import command_types

_ORIENTATION_TAG = 0x0112
_SAFE_PIXELS = 80_000_000  # browsers refuse or shrink larger ones; below Pillow's own warning
_BROWSER_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_BROWSER_MODES = {"JPEG": ("L", "RGB"), "PNG": ("1", "L", "P", "RGB"), "WEBP": ("RGB",)}
_BAD_HEAD = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


class Photographs:
    """See `medium.Medium`; a cell is a pixel after EXIF orientation."""

    kind = "photo"
    title = "photographs"
    commands = command_types() - FOR_VOLUMES - {"select"}
    looking = frozenset({"wand"})
    model_kind = IMAGES
    offers = frozenset({DISPLAY, OUTLINE, PNG, DOUBTS})

    def measure(self, size_hw: tuple[int, int]) -> str:
        """Width and height."""
        return f"{size_hw[1]} x {size_hw[0]} pixels"

    def mind(self) -> ImageMind:
        """Asks models of images."""
        return ImageMind()

    def bench(self, opened: object) -> PixelBench:
        """Pixels."""
        return PIXELS

    def found(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        """Files with the name of an image."""
        return [name for name in names if is_image_name(name)]

    def head(self, file: Path) -> Head:
        """Size and orientation."""
        return Head(large_size(file), exif_orientation(file))

    def open(self, file: Path) -> Frame:
        """The pixels, ready to be cropped at any scale."""
        return Frame.of(read_image(file))

    def thumb(self, file: Path, side: int) -> Picture:
        """A JPEG decoded at a fraction of its size where that is enough; anything else whole."""
        rgb = _quick_small(file, 2 * side)
        return read_image(file) if rgb is None else rgb

    def browser_type(self, file: Path) -> str | None:
        """JPEG, PNG or WebP that is upright, still, opaque and not too large."""
        try:
            with Image.open(file, formats=tuple(_BROWSER_TYPES)) as image:
                kind = str(image.format)
                plain = image.mode in _BROWSER_MODES[kind] and "transparency" not in image.info
                still = not getattr(image, "is_animated", False)
                small = image.width * image.height <= _SAFE_PIXELS
                return _BROWSER_TYPES[kind] if plain and still and small and exif_orientation(file) == 1 else None
        except _BAD_HEAD:
            return None

    def picture(self, file: Path) -> Picture:
        """The pixels."""
        return read_image(file)


def exif_orientation(file: Path) -> int:
    """EXIF orientation 1-8 of a file's head; 1 if there is none. TIFF is turned by its decoder, so it counts as 1."""
    try:
        with Image.open(file, formats=("JPEG", "PNG", "WEBP")) as image:
            value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _BAD_HEAD:
        return 1
    return value if value in range(1, 9) else 1


def _quick_small(file: Path, side: int) -> Picture | None:
    """A JPEG decoded at a fraction of its size, None for anything else."""
    try:
        with Image.open(file, formats=("JPEG",)) as image:
            if image.mode not in ("L", "RGB"):
                return None
            image.draft("RGB", (side, side))
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except _BAD_HEAD:
        return None


PHOTO = Photographs()
