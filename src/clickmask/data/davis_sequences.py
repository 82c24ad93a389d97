"""DAVIS-2017 and data sets laid out like it: video frames with one mask value per object.

Licence of DAVIS: CC BY-NC 4.0 for the masks, photographs under their own. Layout:
`JPEGImages/RESOLUTION/SEQUENCE/FRAME.jpg`, `Annotations/RESOLUTION/SEQUENCE/FRAME.png` (indexed: 0 background, 255
void and ignored, each other value one object) and `ImageSets/2017/SPLIT.txt` with one sequence per line;
RESOLUTION is 480p, else Full-Resolution. As in DAVIS-585 (FocalClick 2022), ten frames per sequence are used,
evenly spaced and counted back from the last one, and objects of 300 pixels or fewer are left out; on the 30
validation sequences that selection has 585 objects by the authors' count.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clickmask.core.errors import InputError
from clickmask.data.files import find_folders, need_file, read_list, read_values
from clickmask.data.mask_values import ValuesTruth, instance_values
from clickmask.data.sample import Dataset, ReadOptions, Sample

FRAMES_PER_SEQUENCE = 10
SMALLEST_AREA = 300
PUBLISHED_OBJECTS = 585


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects of one split (``"val"`` unless told) below `root`."""
    resolutions = ("480p", "Full-Resolution")
    layouts = [(f"JPEGImages/{r}", f"Annotations/{r}", "ImageSets/2017") for r in resolutions]
    images, masks, lists = find_folders(root, layouts)
    split = options.split or "val"
    samples: list[Sample] = []
    for sequence in read_list(lists / f"{split}.txt"):
        for mask in _chosen_frames(masks / sequence):
            name = f"{sequence}/{mask.stem}"
            image = need_file(images / f"{name}.jpg", "frame")
            samples += [Sample(name, str(value), image, _object(mask, value)) for value in _large_objects(mask)]
    return Dataset("davis_sequences", root, tuple(samples), PUBLISHED_OBJECTS if split == "val" else None)


def _object(mask: Path, value: int) -> ValuesTruth:
    return ValuesTruth(mask, "instances-void", value)


def _chosen_frames(folder: Path) -> list[Path]:
    """Ten masks of a sequence, evenly spaced back from the last; all of a shorter one."""
    frames = sorted(folder.glob("*.png"))
    if not frames:
        raise InputError(f"Looked for the masks of a sequence in {folder}, found none.")
    step = max(len(frames) // FRAMES_PER_SEQUENCE, 1)
    return frames[::-1][::step][:FRAMES_PER_SEQUENCE][::-1]


def _large_objects(mask: Path) -> list[int]:
    values = read_values(mask)
    objects = instance_values(values, "instances-void")
    return [value for value in objects if np.count_nonzero(values == value) > SMALLEST_AREA]
