"""Cut-outs: pictures whose transparency is the mask, as stickers and product photographs come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from clickmask.core.errors import FormatError
from clickmask.train.photos import LONGEST_SIDE, Photo, shrunk_photo

ENDINGS = (".png", ".webp")
GROUND = 128
"""Grey that stands behind a cut-out by itself; copy-paste puts it on photographs."""
LEAST_SIDE = 64
"""Smaller pictures are left out."""
LEAST_COLOURS = 150
"""Pictures with fewer colours of 5 bits a channel are drawings or letters, and are left out."""
SHARES = (0.03, 0.95)
"""Accepted share of opaque pixels."""


@dataclass(frozen=True)
class Cutout:
    """A picture with transparency.

    Attributes:
        name, group: see `clickmask.train.photos.PhotoSource`.
        path: of the file.
    """

    name: str
    group: str
    path: Path

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """The object on grey, its opaque pixels with id 1."""
        colours = read_rgba(self.path)
        alpha = colours[..., 3:].astype(np.float32) / 255
        image = (colours[..., :3] * alpha + GROUND * (1 - alpha)).round().astype(np.uint8)
        return shrunk_photo(self, image, (colours[..., 3] >= 128).astype(np.uint16), longest_side)


def read_cutouts(folder: Path) -> list[Cutout]:
    """Usable cut-outs below a folder, in the order of their paths.

    Left out: pictures without transparency, small ones, and drawings with few colours.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return [
        Cutout(str(path.relative_to(folder).with_suffix("")), folder.resolve().name, path)
        for path in paths
        if _usable(path)
    ]


def read_rgba(path: Path) -> NDArray[np.uint8]:
    """(H, W, 4) uint8.

    Raises:
        FormatError: it cannot be decoded.
    """
    try:
        with Pictures.open(path) as picture:
            return np.asarray(picture.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, Pictures.DecompressionBombError) as error:
        raise FormatError(f"The cut-out {path} cannot be decoded: {error}.") from error


def _usable(path: Path) -> bool:
    rgba = read_rgba(path)
    opaque = rgba[..., 3] >= 128
    if max(opaque.shape) < LEAST_SIDE or not SHARES[0] < opaque.mean() < SHARES[1]:
        return False
    coarse = (rgba[opaque][:, :3] >> 3).astype(np.int32)
    return len(np.unique(coarse[:, 0] * 1024 + coarse[:, 1] * 32 + coarse[:, 2])) >= LEAST_COLOURS
