"""Labelled scans to measure on, and lists of them. Points are read when asked for, never before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clickmask.core.errors import InputError
from clickmask.core.registry import Registry
from clickmask.spatial.cloud import Cloud


@dataclass(frozen=True, slots=True)
class Scan:
    """One labelled cloud.

    Attributes:
        scan_id: unique in the data set.
        path: the file or folder that it is read from.
        read: path -> cloud with `instance`; picklable.
        objects: instances to ask for; None for all but 0.
        up_xyz: roughly up in the file's axes; None to guess.
    """

    scan_id: str
    path: Path
    read: Callable[[Path], Cloud]
    objects: tuple[int, ...] | None = None
    up_xyz: tuple[float, float, float] | None = (0.0, 0.0, 1.0)

    def load(self) -> Cloud:
        """The cloud; InputError if it has no labels."""
        cloud = self.read(self.path)
        if cloud.instance is None:
            raise InputError(f"{self.path} holds no instance labels, so there is nothing to compare with.")
        return cloud


@dataclass(frozen=True, slots=True)
class CloudDataset:
    """The scans of one data set, in a fixed order.

    Attributes:
        name: as registered.
        root: folder that it was read from.
        scans: one per cloud.
        spacing: metres between the points that the robot user may click; one per voxel in published protocols.
        notes: remarks for the report.
    """

    name: str
    root: Path
    scans: tuple[Scan, ...]
    spacing: float = 0.05
    notes: tuple[str, ...] = ()


CloudReader = Callable[[Path, "str | None"], CloudDataset]
"""(folder, split or None for the one that results are published on) -> the data set."""

CLOUD_DATASETS: Registry[CloudReader] = Registry(
    "cloud data set",
    {
        "tabletop": "clickmask.data.tabletop:read",
        "scannet": "clickmask.data.scannet:read",
        "s3dis": "clickmask.data.s3dis:read",
        "semantickitti": "clickmask.data.semantickitti:read",
        "kitti360": "clickmask.data.kitti360:read",
        "clouds": "clickmask.data.cloud_folder:read",
    },
)
"""Readers of data sets of clouds by name."""


def open_cloud_dataset(name: str, root: Path, split: str | None = None) -> CloudDataset:
    """List the scans of a registered data set.

    Raises:
        InputError: unknown name or split, missing folder, or a folder without a scan.
    """
    read = CLOUD_DATASETS.get(name)
    if not root.is_dir():
        raise InputError(f"The folder of data set '{name}' does not exist: {root}")
    dataset = read(root, split)
    if not dataset.scans:
        raise InputError(f"The data set '{name}' in {root} holds no scan. {' '.join(dataset.notes)}".strip())
    return dataset


def only_split(name: str, split: str | None) -> None:
    """Refuse a split for a data set that has none."""
    if split is not None:
        raise InputError(f"The data set '{name}' has no splits, got --split {split}. Leave it out.")
