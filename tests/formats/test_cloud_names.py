"""Which files of a folder are taken for point clouds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clickmask.formats.cloud_file import write_cloud
from clickmask.formats.cloud_names import cloud_names
from clickmask.spatial import kitti
from clickmask.spatial.cloud import Cloud

XYZ = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
CLOUD = Cloud(XYZ, np.zeros((50, 3), dtype=np.uint8))


def names_in(folder: Path) -> list[str]:
    return cloud_names(folder, sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize("name", ["a.ply", "a.pcd", "a.npz", "a.xyz", "a.txt", "a.csv", "a.pts", "a.asc", "A.PLY"])
def test_every_format_is_found_by_its_content_or_name(tmp_path: Path, name: str) -> None:
    write_cloud(tmp_path / name, CLOUD)
    assert names_in(tmp_path) == [name]


def test_velodyne_scans_are_told_from_other_binary_files(tmp_path: Path) -> None:
    (tmp_path / "scan.bin").write_bytes(kitti.serialize(Cloud(XYZ)))
    (tmp_path / "zeros.bin").write_bytes(bytes(1600))
    (tmp_path / "odd.bin").write_bytes(kitti.serialize(Cloud(XYZ)) + b"x")
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(0).bytes(1600))
    (tmp_path / "empty.bin").write_bytes(b"")
    assert names_in(tmp_path) == ["scan.bin"]


def test_tables_of_other_things_are_left_alone(tmp_path: Path) -> None:
    lines = "\n".join(f"0 0.{n} 0.2 0.3 0.4 0.5 0.6" for n in range(40))
    (tmp_path / "notes.txt").write_text("meet at noon\n" * 40)
    (tmp_path / "photo.png").write_bytes(b"")
    (tmp_path / "photo.txt").write_text(lines)  # polygons of YOLO beside their picture
    (tmp_path / "boxes.txt").write_text("0 0.5 0.5 0.2 0.3\n" * 40)
    (tmp_path / "short.txt").write_text("1 2 3\n4 5 6\n")
    (tmp_path / "table.csv").write_text("name,count,share\n" + "a,1,2\n" * 40)
    (tmp_path / "weights.npz").write_bytes(b"")
    np.savez(tmp_path / "arrays.npz", a=XYZ)
    (tmp_path / ".hidden.ply").write_bytes(b"")
    assert names_in(tmp_path) == []


def test_a_header_with_coordinates_needs_no_many_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,X,Y,Z\n1,0.5,0.5,0.5\n")
    (tmp_path / "b.txt").write_text("// x y z\n1 2 3\n")
    assert names_in(tmp_path) == ["a.csv", "b.txt"]


def test_damaged_files_of_unmistakable_names_count(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"")
    (tmp_path / "b.las").write_bytes(b"junk")
    assert names_in(tmp_path) == ["a.ply", "b.las"]
