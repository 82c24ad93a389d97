"""Label volumes become objects, one for each label and of its class, that clicks correct."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.formats.volumes import nibabel, write_series

from clickmask.formats.volume_file import read_volume, write_labels
from clickmask.server.volumes.labels import volume_of
from clickmask.spatial.segments import LabelVolume, Segment

from .conftest import Server, running
from .test_volumes import AFFINE, SHAPE, BrightModel, bar, click, cone, exported, two_objects, voxels, write_scan

SCAN = 1


def two_labels() -> np.ndarray:
    return np.where(cone(), 5, np.where(bar(), 2, 0)).astype(np.uint8)


@pytest.fixture
def scans(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "scans"
    folder.mkdir()
    write_scan(folder / "scan.nii.gz")
    with running(folder, BrightModel()) as started:
        yield started


def bring(server: Server, file: Path, kind: str, image: int | None = None) -> dict:
    fields = {"format": kind} | ({} if image is None else {"image": str(image)})
    answer = server.post("/import", data=fields, files={"file": (file.name, file.read_bytes())})
    return answer.json()


def classes_of(server: Server, image: int = SCAN) -> list[str]:
    names = {c["id"]: c["name"] for c in server.get("/classes").json()["classes"]}
    objects = sorted(server.get(f"/images/{image}/objects").json()["objects"], key=lambda o: o["id"])
    return [names[o["class"]] for o in objects]


@pytest.mark.parametrize(
    ("kind", "name"), [("volume_nrrd", "theirs.seg.nrrd"), ("volume_nifti", "scan_seg.nii.gz"), ("volume_nifti", "x")]
)
def test_each_label_becomes_an_object_of_its_class_that_clicks_correct(
    scans: Server, tmp_path: Path, kind: str, name: str
) -> None:
    volume = read_volume(scans.folder / "scan.nii.gz")
    made = LabelVolume.of(volume, two_labels(), [Segment(2, "bar"), Segment(5, "cone", colour_rgb=(255, 0, 128))])
    file = tmp_path / name
    if name == "x":  # names of NIfTI come in a zip
        write_labels(tmp_path / "scan-labels.nii.gz", made)
        file = tmp_path / "both.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for part in ("scan-labels.nii.gz", "scan-labels.json"):
                archive.write(tmp_path / part, f"folder/{part}")
    else:
        write_labels(file, made)
    assert bring(scans, file, kind) == {"images": 1, "objects": 2, "notes": []}
    named = ["label 2", "label 5"] if name.startswith("scan_seg") else ["bar", "cone"]
    assert classes_of(scans) == named
    if kind == "volume_nrrd":
        assert "#ff0080" in [c["colour"] for c in scans.get("/classes").json()["classes"]]
    with scans.socket(SCAN) as socket:
        socket.sync()
        np.testing.assert_array_equal(voxels(socket, 1), bar())
        np.testing.assert_array_equal(voxels(socket, 2), cone())
        socket.do("reopen", object=1)
        click(socket, 4, 4, 7, positive=False)
        assert not voxels(socket, 1)[4, 4, 7] and (np.delete(voxels(socket, 1), 4, 0) == np.delete(bar(), 4, 0)).all()


def test_what_was_exported_comes_back(scans: Server, tmp_path: Path) -> None:
    two_objects(scans, SCAN)
    _, folder = exported(scans, "volume_nrrd")
    with scans.socket(SCAN) as socket:
        socket.sync()
        was = {number: voxels(socket, number) for number in (1, 2)}
        socket.do("jump", action=0)
        assert bring(scans, folder / "scan-labels.seg.nrrd", "volume_nrrd")["objects"] == 2
        socket.until("changed")
        socket.sync()
        np.testing.assert_array_equal(voxels(socket, 3), was[1] & ~was[2])
        np.testing.assert_array_equal(voxels(socket, 4), was[2])
    assert classes_of(scans) == ["liver, left", "object"]


def test_names_come_from_a_dicom_segmentation(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "ct", np.where(cone() | bar(), 1200, 1060).astype(np.uint16))
    made = LabelVolume.of(read_volume(folder), two_labels(), [Segment(2, "bar"), Segment(5, "cone")])
    write_labels(tmp_path / "seg.dcm", made)
    with running(folder, BrightModel()) as server:
        assert bring(server, tmp_path / "seg.dcm", "volume_dicom_seg")["objects"] == 2
        assert classes_of(server) == ["bar", "cone"]
        with server.socket(1) as socket:
            socket.sync()
            np.testing.assert_array_equal(voxels(socket, 2), cone())


def test_many_labels_without_names_are_instances_of_one_class(scans: Server, tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint16)
    labels[0].flat[: 2 * 40 : 2] = np.arange(1, 41)
    nibabel.save(nibabel.Nifti1Image(labels.transpose(2, 1, 0), AFFINE), tmp_path / "scan-labels.nii.gz")
    assert bring(scans, tmp_path / "scan-labels.nii.gz", "volume_nifti")["objects"] == 40
    assert set(classes_of(scans)) == {"object"}


def test_labels_of_another_grid_or_no_labels_are_refused_with_the_reason(scans: Server, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), AFFINE), tmp_path / "scan-labels.nii.gz")
    told = bring(scans, tmp_path / "scan-labels.nii.gz", "volume_nifti")["error"]
    assert told["code"] == "bad_file" and "another grid" in told["message"] and "/tmp" not in told["message"]
    (tmp_path / "no.txt").write_text(json.dumps({}))
    assert ".nii.gz or .nii or .zip" in bring(scans, tmp_path / "no.txt", "volume_nifti")["error"]["message"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "x")
    (tmp_path / "no.zip").write_bytes(packed.getvalue())
    assert "holds no file of labels" in bring(scans, tmp_path / "no.zip", "volume_nifti")["error"]["message"]
    (tmp_path / "any.ply").write_bytes(b"ply")
    assert bring(scans, tmp_path / "any.ply", "cloud")["error"]["code"] == "bad_file"


@pytest.mark.parametrize(
    ("path", "shown", "wanted"),
    [
        ("a-labels.nii.gz", None, "a.nii.gz"),
        ("A_Seg.nii", "b/a.nrrd", "b/a.nrrd"),
        ("b/a.seg.nrrd", None, "b/a.nrrd"),
        ("a.nii.gz-labels.nii.gz", None, "a.nii.gz"),
        ("other.nii", "c.nii", "c.nii"),
        ("other.nii", None, None),
        ("c.nii", "a.nii.gz", "c.nii"),
    ],
)
def test_labels_find_their_volume(path: str, shown: str | None, wanted: str | None) -> None:
    assert volume_of(path, ["a.nii.gz", "b/a.nrrd", "c.nii"], shown) == wanted


def test_labels_of_the_only_volume_need_no_name() -> None:
    assert volume_of("anything.nrrd", ["a.nii"], None) == "a.nii"
