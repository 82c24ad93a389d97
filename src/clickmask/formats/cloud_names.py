"""Which files of a folder hold point clouds, where a name alone does not say so."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clickmask.formats.cloud_file import suffixes
from clickmask.formats.image_file import is_image_name
from clickmask.spatial.columns import PLACES
from clickmask.spatial.text import GUESSES

UNMISTAKABLE = frozenset({".ply", ".pcd", ".las", ".laz", ".e57", ".xyz", ".pts"})
"""Endings of files that are clouds, damaged or not."""
HEAD_BYTES = 1 << 14
FEWEST_LINES = 16
"""Lines of numbers without a header from which on a text is taken for points; tables of boxes have fewer."""
FARTHEST = 1e5
"""Metres beyond which a number in a binary file is no coordinate of a laser scanner."""


def cloud_names(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of the files in a folder that hold point clouds; `.txt`, `.csv`, `.npz` and `.bin` are looked into."""
    pictured = {Path(name).stem for name in names if is_image_name(name)}
    known = set(suffixes())
    found = []
    for name in names:
        ending = Path(name).suffix.lower()
        if name.startswith(".") or ending not in known:
            continue
        if ending in UNMISTAKABLE or (Path(name).stem not in pictured and _looks_like_points(folder / name, ending)):
            found.append(name)
    return found


def _looks_like_points(file: Path, ending: str) -> bool:
    try:
        if ending == ".npz":
            with zipfile.ZipFile(file) as archive:
                return bool({"xyz.npy", "xyz_tenth_mm.npy"} & set(archive.namelist()))
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
        return _is_velodyne(head, file.stat().st_size) if ending == ".bin" else _is_table(head)
    except (OSError, zipfile.BadZipFile):
        return False


def _is_velodyne(head: bytes, size: int) -> bool:
    """Rows of four finite floats in a scanner's range, with places that differ."""
    if not size or size % 16:
        return False
    rows = np.frombuffer(head[: len(head) // 16 * 16], "<f4").reshape(-1, 4)
    sane = bool(np.isfinite(rows).all()) and float(np.abs(rows[:, :3]).max()) < FARTHEST
    return sane and (len(rows) == 1 or len(np.unique(rows[:, :3], axis=0)) > len(rows) // 2)


def _is_table(head: bytes) -> bool:
    """A header that names coordinates, or many lines of as many numbers as points have."""
    text = head.decode("utf-8-sig", errors="replace")
    lines = text.splitlines()[: -1 if len(head) == HEAD_BYTES else None]  # the last one may be cut
    words = [line.replace(",", " ").replace(";", " ").split() for line in lines if line.strip()]
    names = [[word.strip('"#/') for word in row if word.strip('"#/')] for row in words[:3]]
    if any(all(axis in row for axis in axes) for row in names for axes in PLACES):
        return any(_numbers(row) for row in words[1:])
    rows = [row for row in words if not row[0].startswith(("#", "//"))]
    counts = {len(row) for row in rows}
    return len(rows) >= FEWEST_LINES and len(counts) == 1 and counts <= set(GUESSES) and all(map(_numbers, rows))


def _numbers(words: Sequence[str]) -> bool:
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return bool(words)
