"""ScanNet v2 (Dai et al., CVPR 2017) as its download lays it out; terms: research only, no redistribution.

    scans/scene0000_00/scene0000_00_vh_clean_2.ply                  vertices of the reduced mesh
                       scene0000_00_vh_clean_2.0.010000.segs.json   segIndices: one segment per vertex
                       scene0000_00.aggregation.json                segGroups: objectId, label, segments

Instance = objectId + 1; 0 is what nobody labelled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.data.cloud_sample import CloudDataset, Scan, only_split
from clickmask.formats.cloud_file import read_cloud
from clickmask.formats.files import read_json
from clickmask.spatial.cloud import Cloud

MESH, SEGMENTS, GROUPS = "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json", ".aggregation.json"


def read(root: Path, split: str | None) -> CloudDataset:
    """All scenes below `root` or `root/scans` that have a mesh and labels."""
    only_split("scannet", split)
    folder = root / "scans" if (root / "scans").is_dir() else root
    scenes = sorted(path for path in folder.iterdir() if (path / f"{path.name}{MESH}").is_file())
    labelled = [path for path in scenes if (path / f"{path.name}{GROUPS}").is_file()]
    notes = () if len(labelled) == len(scenes) else (f"{len(scenes) - len(labelled)} scenes have no labels.",)
    return CloudDataset("scannet", root, tuple(Scan(path.name, path, read_scene) for path in labelled), notes=notes)


def read_scene(path: Path) -> Cloud:
    """The cloud of a scene's folder, with instances."""
    cloud = read_cloud(path / f"{path.name}{MESH}")
    segments = np.array(read_json(path / f"{path.name}{SEGMENTS}")["segIndices"], dtype=np.int64)
    if len(segments) != len(cloud):
        raise FormatError(
            f"{path}: {len(cloud)} vertices have {len(segments)} segments; the files do not belong together."
        )
    owner = np.zeros(int(segments.max()) + 1, dtype=np.int32)
    for group in read_json(path / f"{path.name}{GROUPS}")["segGroups"]:
        owner[np.array(group["segments"], dtype=np.int64)] = int(group["objectId"]) + 1
    return cloud.with_labels(owner[segments])
