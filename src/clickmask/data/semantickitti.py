"""SemanticKITTI (Behley et al., ICCV 2019; CC BY-NC-SA) as its download lays it out.

    [dataset/]sequences/08/velodyne/000000.bin
                           labels/000000.label

The validation sequence 08 is taken if it is there, else all. Objects are the instances of each class; without an
instance a point belongs to no object.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clickmask.core.errors import InputError
from clickmask.data.cloud_sample import CloudDataset, Scan
from clickmask.formats.cloud_file import read_cloud
from clickmask.spatial.cloud import Cloud


def read(root: Path, split: str | None) -> CloudDataset:
    """The labelled scans of the sequence that `split` names, else of 08, or of all sequences."""
    sequences = next(
        (path for path in (root / "dataset" / "sequences", root / "sequences", root) if path.is_dir()), root
    )
    chosen = sequences / (split or "08")
    if split is not None and not chosen.is_dir():
        raise InputError(f"The splits of 'semantickitti' are its sequences, e.g. 08; there is no {chosen}.")
    start = chosen if chosen.is_dir() else sequences
    files = sorted(
        f for f in start.rglob("velodyne/*.bin") if (f.parent.parent / "labels" / f"{f.stem}.label").is_file()
    )
    scans = tuple(Scan(f"{file.parent.parent.name}/{file.stem}", file, read_scan) for file in files)
    return CloudDataset("semantickitti", root, scans)


def read_scan(path: Path) -> Cloud:
    """The cloud of a scan; instances are numbered per class in the files, here over all classes, from 1."""
    cloud = read_cloud(path)
    number = np.zeros(len(cloud)) if cloud.instance is None else cloud.instance
    pairs = np.stack([number, cloud.fields["semantic"]], axis=1)
    _, index = np.unique(pairs, axis=0, return_inverse=True)
    labels = np.where(number > 0, index.reshape(-1) + 1, 0)
    _, compact = np.unique(np.append(labels, 0), return_inverse=True)
    return cloud.with_labels(compact.reshape(-1)[:-1])
