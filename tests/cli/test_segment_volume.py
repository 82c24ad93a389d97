"""`clickmask segment-volume` from file to file."""

import json

import numpy as np
import pytest
from tests.formats.volumes import nibabel, write_series

from clickmask.formats.volume_file import read_labels, read_volume

AFFINE = np.array([[-0.5, 0, 0, 10], [0, -0.75, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1.0]])


def tube():
    """(Z, Y, X): a bright tube through slices 2 to 7 of 10."""
    inside = np.zeros((10, 40, 48), bool)
    inside[2:8, 12:28, 14:34] = True
    return inside


def overlap(first, second):
    """IoU."""
    return (first & second).sum() / (first | second).sum()


@pytest.fixture
def scan(tmp_path):
    values = np.where(tube(), 200, 20).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def flood(command, *arguments):
    return command("segment-volume", *arguments, "--model", "flood")


def test_a_click_labels_the_tube_on_the_volumes_own_grid(scan, tmp_path, clickmask_command):
    target = tmp_path / "out" / "labels.nii.gz"
    ran = flood(clickmask_command, scan, "--positive", "20,20,4", "-o", target, "--name", "tube", "--propagate", "both")
    assert ran.status == 0, ran.err
    labels = read_labels(target, read_volume(scan))
    assert overlap(labels.labels > 0, tube()) > 0.95
    assert "axial slices" in ran.out
    assert "ended at slice" in ran.out
    assert json.loads((target.parent / "labels.json").read_text()) == {"labels": {"1": "tube"}}
    np.testing.assert_array_equal(nibabel.load(target).affine, nibabel.load(scan).affine)


def test_json_one_plane_one_slice(scan, clickmask_command):
    ran = flood(
        clickmask_command, scan, "--positive", "20,20,4", "--plane", "coronal", "--propagate", "none", "--window",
        "0,255", "--json",
    )  # fmt: skip
    told = json.loads(ran.out)
    assert (told["plane"], told["slices"], told["voxels"]) == ("coronal", [20], 6 * 20)
    assert told["millilitres"] == pytest.approx(120 * 0.5 * 0.75 * 2 / 1000)
    assert (told["size_ijk"], told["spacing_mm"], told["labels"]) == ([48, 40, 10], [0.5, 0.75, 2], None)


def test_clicks_on_two_slices_fill_what_is_between(scan, clickmask_command):
    ran = flood(clickmask_command, scan, "--positive", "20,20,3", "20,20,6", "--propagate", "backward", "--json")
    assert json.loads(ran.out)["slices"] == [2, 3, 4, 5, 6]


def test_a_dicom_series_becomes_a_dicom_segmentation(tmp_path, clickmask_command):
    series = write_series(tmp_path / "ct", np.where(tube(), 1200, 900).astype(np.uint16))
    ran = flood(clickmask_command, series, "--positive", "20,20,4", "-o", tmp_path / "seg.dcm", "--window", "0,500")
    assert ran.status == 0, ran.err
    labels = read_labels(tmp_path / "seg.dcm", read_volume(series))
    assert overlap(labels.labels > 0, tube()) > 0.95


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-o", "x.nii.gz"], "at least one click"),
        (["--positive", "1,2,3"], "nowhere to go"),
        (["--positive", "1,2", "--json"], "is no I,J,K"),
        (["--positive", "1,2,3.5", "--json"], "is no I,J,K"),
        (["--positive", "48,0,0", "--json"], "0,0,0 to 47,39,9"),
        (["--positive", "1,2,3", "--negative", "1,2,4", "--json"], "Slice 4 has a negative click"),
        (["--positive", "1,2,3", "-o", "mask.png"], "ending must be one of"),
        (["--positive", "1,2,3", "-o", "mask.dcm"], "refers to the images of a DICOM series"),
        (["--positive", "1,2,3", "--json", "--window", "bright"], "is no window"),
        (["--positive", "1,2,3", "--json", "--series", "1.2"], "no DICOM series"),
        (["--positive", "1,2,3", "--json", "--volume", "1"], "there is no volume 1"),
    ],
)
def test_mistakes_are_told(scan, clickmask_command, tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    ran = flood(clickmask_command, scan, *arguments)
    assert ran.status == 2
    assert text in ran.err.replace("\n", " ")


def test_the_volume_is_never_overwritten_and_segment_points_here(scan, clickmask_command):
    before = scan.read_bytes()
    assert "is the volume itself" in flood(clickmask_command, scan, "--positive", "1,2,3", "-o", scan).err
    assert scan.read_bytes() == before
    ran = clickmask_command("segment", scan, "--positive", "1,2", "-o", "m.png")
    assert (ran.status, "segment-volume" in ran.err) == (2, True)
