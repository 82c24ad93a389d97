"""S3DIS (Armeni et al., CVPR 2016) as its download lays it out; terms of Stanford's form apply.

    Area_5/office_1/Annotations/chair_1.txt     x y z r g b of one object's points, one line each

A room is the sum of its objects; instance = place of the file in the order of names, from 1. Published figures are on
Area 5, which is taken if it is there, else all areas.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clickmask.core.errors import FormatError, InputError
from clickmask.data.cloud_sample import CloudDataset, Scan
from clickmask.spatial.cloud import Cloud, centred
from clickmask.spatial.columns import to_bytes


def read(root: Path, split: str | None) -> CloudDataset:
    """The rooms of the area that `split` names, else of Area 5, or of all areas below `root`."""
    area = root / (split or "Area_5")
    if split is not None and not area.is_dir():
        raise InputError(f"The splits of 's3dis' are its folders, e.g. Area_5; there is no {area}.")
    start = area if area.is_dir() else root
    rooms = sorted(path.parent for path in start.rglob("Annotations") if path.is_dir())
    notes = () if area.is_dir() or not rooms else ("All areas below the folder; published figures are on Area 5.",)
    scans = tuple(Scan(str(room.relative_to(root)), room, read_room) for room in rooms)
    return CloudDataset("s3dis", root, scans, notes=notes)


def read_room(path: Path) -> Cloud:
    """The cloud of a room's folder; the field `semantic` is the place of the class in the order of names, from 1."""
    files = sorted((path / "Annotations").glob("*.txt"))
    tables = [_table(file) for file in files]
    if not tables:
        raise FormatError(f"{path} has no object in Annotations.")
    sizes = [len(table) for table in tables]
    names = [file.stem.rpartition("_")[0] for file in files]
    classes = sorted(set(names))
    rows = np.concatenate(tables)
    xyz, origin = centred(rows[:, :3])
    instance = np.repeat(np.arange(1, len(files) + 1, dtype=np.int32), sizes)
    semantic = np.repeat(np.array([classes.index(name) + 1 for name in names], dtype=np.int32), sizes)
    return Cloud(xyz, to_bytes(rows[:, 3:6]), instance, origin, {"semantic": semantic})


def _table(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(P, 6) numbers; one stray byte in Area_5/office_19 of the official download is passed over."""
    text = file.read_text(encoding="ascii", errors="ignore").replace("\x10", "").replace("\x00", "")
    try:
        return np.array(text.split(), dtype=np.float64).reshape(-1, 6)
    except ValueError as error:
        raise FormatError(f"{file} is not lines of x y z r g b: {error}.") from error
