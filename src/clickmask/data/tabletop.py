"""Table-top scans as NumPy archives: `xyz_tenth_mm` int16 in the camera's axes, `rgb`, `instance` with 0 the table.

The layout of 45 scans of the Object Segmentation Database (Richtsfeld et al., IROS 2012; TU Wien) that were thinned to
one point per 3 mm. Files are taken in the order of the numbers in their names.
"""

from __future__ import annotations

import re
from pathlib import Path

from clickmask.core.errors import InputError
from clickmask.data.cloud_sample import CloudDataset, Scan
from clickmask.formats.cloud_file import read_cloud
from clickmask.spatial.cloud import Cloud

CAMERA_UP = (0.0, -1.0, 0.0)
SPACING = 0.01
FIRST_HELD_OUT = 35


def read(root: Path, split: str | None) -> CloudDataset:
    """All `.npz` files of a folder; split ``train``: those numbered below 35, ``validation``: from 35 on."""
    if split not in (None, "train", "validation"):
        raise InputError(f"The data set 'tabletop' has the splits train and validation, got --split {split}.")
    files = sorted(root.glob("*.npz"), key=_number)
    if split is not None:
        files = [file for file in files if (_number(file) >= FIRST_HELD_OUT) == (split == "validation")]
    return CloudDataset("tabletop", root, tuple(Scan(f.stem, f, _cloud, None, CAMERA_UP) for f in files), SPACING)


def _number(file: Path) -> int:
    return int((re.findall(r"\d+", file.stem) or ["-1"])[-1])


def _cloud(path: Path) -> Cloud:
    return read_cloud(path)
