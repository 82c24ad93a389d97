"""`clickmask convert` for labelled clouds and label volumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickmask.formats.cloud_classes import cloud_objects
from clickmask.formats.cloud_file import read_cloud, write_cloud
from clickmask.formats.volume_file import read_labels, read_volume, write_labels
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Volume


def scan() -> Cloud:
    rng = np.random.default_rng(0)
    xyz = rng.integers(0, 1000, (50, 3)).astype(np.float32) / 128
    instance = np.repeat([0, 3, 9], [20, 20, 10]).astype(np.int32)
    fields = {"class": np.repeat([0, 2, 5], [20, 20, 10]).astype(np.int32), "echo": np.arange(50, dtype=np.int32)}
    return Cloud(xyz, rng.integers(0, 255, (50, 3)).astype(np.uint8), instance, fields=fields)


@pytest.mark.parametrize("ending", ["ply", "npz", "csv", "bin"])
def test_a_cloud_keeps_its_labels_and_what_is_lost_is_said(clickmask_command: Any, tmp_path: Path, ending: str) -> None:
    write_cloud(tmp_path / "in.pcd", scan())
    ran = clickmask_command("convert", tmp_path / "in.pcd", tmp_path / f"out.{ending}", "--json")
    assert ran.status == 0, ran.err
    told, back = json.loads(ran.out), read_cloud(tmp_path / f"out.{ending}")
    found = cloud_objects(back)
    assert told["objects"] == 2 and found is not None and sorted(found.classes.values()) == [2, 5]
    np.testing.assert_array_equal(found.labels > 0, scan().instance > 0)
    np.testing.assert_allclose(back.world_xyz, scan().world_xyz, atol=1e-6)
    lost = " ".join(told["losses"])
    assert ("the colours" in lost) == ("echo" in lost) == (ending == "bin")
    assert len(told["files"]) == (2 if ending == "bin" else 1)


def test_a_label_volume_keeps_grid_and_names(clickmask_command: Any, tmp_path: Path) -> None:
    affine = np.diag([0.5, 0.75, 2.0, 1.0])
    labels = np.arange(24).reshape(2, 3, 4) % 3
    volume = Volume(labels.astype(np.int16), affine)
    write_labels(tmp_path / "in.seg.nrrd", LabelVolume.of(volume, labels, [Segment(1, "a"), Segment(2, "b")]))
    ran = clickmask_command("convert", tmp_path / "in.seg.nrrd", tmp_path / "out.nrrd")
    assert ran.status == 0 and "2 objects" in ran.out, ran.err
    back = read_volume(tmp_path / "out.nrrd")
    np.testing.assert_allclose(back.affine_ras, affine)
    found = read_labels(tmp_path / "out.nrrd", back)
    np.testing.assert_array_equal(found.labels, labels)
    assert [s.name for s in found.segments] == ["a", "b"]


def test_what_cannot_be_converted_says_why(clickmask_command: Any, tmp_path: Path) -> None:
    write_cloud(tmp_path / "in.ply", scan())
    (tmp_path / "seg.dcm").write_bytes(b"x")
    (tmp_path / "x.json").write_text("{}")
    for source, target, text in [
        ("in.ply", "out.png", "ending of one"),
        ("seg.dcm", "out.nii.gz", "--images DIR"),
        ("x.json", "out.json", "--from FORMAT --to FORMAT"),
    ]:
        ran = clickmask_command("convert", tmp_path / source, tmp_path / target)
        assert ran.status == 2 and text in ran.err
