"""Crops of KITTI-360 (Liao et al. 2022; CC BY-NC-SA) as AGILE3D (Yue et al. 2024) prepared them.

    scans/NAME.ply            x y z R G B label, one file per crop; label = object, 0 for the rest
    val_list.json             optional: "NAME_obj_N": {"obj": {"1": label, ...}}, objects of the multi-object protocol

The same layout serves AGILE3D's versions of ScanNet and S3DIS.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.data.cloud_sample import CloudDataset, Scan, only_split
from clickmask.formats.cloud_file import read_cloud
from clickmask.formats.files import read_json
from clickmask.spatial.cloud import Cloud

LIST = "val_list.json"


def read(root: Path, split: str | None) -> CloudDataset:
    """The crops of the list, with its objects; without a list all crops with all their objects."""
    only_split("kitti360", split)
    folder = root / "scans" if (root / "scans").is_dir() else root
    listed = next((path for path in (root / LIST, root / "multi" / LIST) if path.is_file()), None)
    if listed is None:
        files = sorted(folder.glob("*.ply"))
        return CloudDataset("kitti360", root, tuple(Scan(file.stem, file, _cloud) for file in files))
    entries: dict[str, Any] = read_json(listed)
    scans = tuple(
        Scan(name, folder / f"{name.rpartition('_obj_')[0]}.ply", _cloud, _objects(listed, name, entry))
        for name, entry in entries.items()
    )
    return CloudDataset("kitti360", root, scans)


def _objects(listed: Path, name: str, entry: Any) -> tuple[int, ...]:
    try:
        return tuple(int(label) for label in entry["obj"].values())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"{listed}: the entry '{name}' has no objects as AGILE3D writes them ({error!r}).") from error


def _cloud(path: Path) -> Cloud:
    cloud = read_cloud(path)
    if cloud.instance is None and "label" in cloud.fields:  # some of the files keep labels as floats
        return cloud.with_labels(cloud.fields["label"].astype(np.int32))
    return cloud
