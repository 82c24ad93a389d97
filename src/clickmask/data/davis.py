"""DAVIS for interactive segmentation (Jang & Kim 2019, BRS): 345 frames, all objects of a frame merged into one.

Licence of DAVIS: CC BY-NC 4.0 for the masks, photographs under their own. Layout: the authors' selection as
`img/NAME.jpg` + `gt/NAME.png`; or the official `JPEGImages/480p/SEQUENCE/FRAME.jpg` +
`Annotations/480p/SEQUENCE/FRAME.png` together with `frames.txt`, a list of `SEQUENCE/FRAME` lines that names the
selection. Mask values: everything but 0 is the object. Other redistributions of DAVIS give clearly different
figures, so compare only runs on the 345 frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from clickmask.core.errors import FormatError
from clickmask.data.files import find_folders, need_file, pair_by_stem, read_list
from clickmask.data.sample import Dataset, ReadOptions, Sample, Truth

PUBLISHED_OBJECTS = 345


@dataclass(frozen=True, slots=True)
class MergedTruth:
    """Truth from a grey, indexed or colour file: every pixel that is not 0 (black)."""

    path: Path

    def load(self) -> Truth:
        """Read the file."""
        try:
            with Image.open(self.path) as file:
                values = np.asarray(file.convert("RGB") if file.mode in ("RGBA", "LA") else file)
        except (OSError, SyntaxError, ValueError) as error:
            raise FormatError(f"The mask {self.path} cannot be read as an image: {error}") from error
        planes = values.reshape(*values.shape[:2], -1)  # (H, W, 1 or 3)
        return Truth(np.asarray((planes != 0).any(axis=2)))


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the frames below `root`; there is one split, so `options` changes nothing."""
    images, masks, *listed = find_folders(root, [("img", "gt"), ("JPEGImages/480p", "Annotations/480p", "frames.txt")])
    frames = _listed_frames(images, masks, listed[0]) if listed else pair_by_stem(images, masks)
    samples = tuple(Sample(name, "1", image, MergedTruth(mask)) for name, image, mask in frames)
    return Dataset("davis", root, samples, PUBLISHED_OBJECTS)


def _listed_frames(images: Path, masks: Path, listed: Path) -> list[tuple[str, Path, Path]]:
    """(name, image, mask) of each `SEQUENCE/FRAME` line."""
    names = [str(Path(name).with_suffix("")) for name in read_list(listed)]
    return [
        (name, need_file(images / f"{name}.jpg", "frame"), need_file(masks / f"{name}.png", "mask")) for name in names
    ]
