"""Any folder of clouds with instance labels, in any format that `clickmask.formats.cloud_file` reads."""

from __future__ import annotations

from pathlib import Path

from clickmask.data.cloud_sample import CloudDataset, Scan, only_split
from clickmask.formats.cloud_file import is_cloud, read_cloud
from clickmask.spatial.cloud import Cloud


def read(root: Path, split: str | None) -> CloudDataset:
    """All cloud files of a folder, by name."""
    only_split("clouds", split)
    files = sorted(file for file in root.iterdir() if is_cloud(file))
    return CloudDataset("clouds", root, tuple(Scan(file.stem, file, _cloud, None, None) for file in files))


def _cloud(path: Path) -> Cloud:
    return read_cloud(path)
