"""Volumes in the annotator: slices to the browser, clicks slice by slice, masks carried along, labels out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.formats.volumes import nibabel, write_series
from tests.predict.test_propagate import bright_part

from clickmask.core.masks import RunLengthMask
from clickmask.core.protocols import Request, Result
from clickmask.formats.volume_file import read_labels, read_volume

from .conftest import DiscModel, Server, Socket, running, write_image

SHAPE = (9, 40, 48)
AFFINE = np.array([[-0.5, 0, 0, 10], [0, -0.75, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1.0]])
PHOTO, SCAN = 1, 2


def cone() -> np.ndarray:
    """(Z, Y, X): bright, on slices 2 to 6, larger upwards; and a bar through all slices."""
    inside = np.zeros(SHAPE, bool)
    rows, columns = np.mgrid[:40, :48]
    for z in range(2, 7):
        inside[z] = np.hypot(rows - 20, columns - 24) < 6 + z
    return inside


def bar() -> np.ndarray:
    inside = np.zeros(SHAPE, bool)
    inside[:, 2:6, 2:10] = True
    return inside


class BrightModel(DiscModel):
    """A model that finds the bright part that was clicked on."""

    def step(self, request: Request) -> Result:
        assert self.gate.wait(20)
        return bright_part(request)


@pytest.fixture
def bright() -> BrightModel:
    return BrightModel()


@pytest.fixture
def scans(tmp_path: Path, bright: BrightModel) -> Iterator[Server]:
    write_image(tmp_path / "a.png", 1)
    write_scan(tmp_path / "b.nii.gz")
    with running(tmp_path, bright) as started:
        yield started


def write_scan(path: Path) -> None:
    values = np.where(cone() | bar(), 200, 60).astype(np.int16)
    values[0, 0, :2] = 0, 255
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE)
    image.header["cal_min"], image.header["cal_max"] = 0, 255
    nibabel.save(image, path)


def voxels(socket: Socket, number: int = 1) -> np.ndarray:
    """(Z, Y, X) mask of an object as the browser has it; the slices here are the array's own."""
    found = socket.records[number]
    mask = RunLengthMask((SHAPE[0] * SHAPE[1], SHAPE[2]), found.box_xyxy, found.runs)
    return mask.decode().reshape(SHAPE)


def click(socket: Socket, z: int, y: int, x: int, **values):
    return socket.click(x + 0.5, z * SHAPE[1] + y + 0.5, **values)


def carry(socket: Socket, **values) -> dict:
    """Carry the mask along and wait for what came of it."""
    seq = socket.send("propagate", **values)
    told = socket.until("propagated", "error")
    assert told["type"] != "error" or told["seq"] == seq
    socket.sync()
    return told


def test_a_volume_is_a_tall_picture_of_its_slices(scans: Server) -> None:
    images = scans.get("/images").json()["images"]
    assert [(i["name"], i["kind"]) for i in images] == [("a.png", "photo"), ("b.nii.gz", "volume")]
    told = scans.get(f"/images/{SCAN}/volume").json()
    assert (told["slices"], told["rows"], told["columns"], told["plane"]) == (*SHAPE, "axial")
    assert told["spacing"] == [0.75, 0.5, 2] and told["aspect"] == 1.5
    assert told["sides"] == ["R", "L", "A", "P"]
    assert told["levels"] == [127.5, 255]
    assert told["writes"] == ["nifti", "nrrd"]
    with scans.socket(SCAN) as socket:
        assert socket.ready["volume"] == told
    image = scans.get(f"/images/{SCAN}").json()
    assert (image["height"], image["width"]) == (SHAPE[0] * SHAPE[1], SHAPE[2])
    kinds = {kind["name"]: kind for kind in scans.get("/project").json()["kinds"]}
    assert "propagate" in kinds["volume"]["commands"] and "propagate" not in kinds["photo"]["commands"]


def test_slices_come_through_a_window(scans: Server) -> None:
    def grey(**window: float) -> np.ndarray:
        answer = scans.get(f"/images/{SCAN}/slices/4", params=window)
        assert answer.headers["content-type"] == "image/png"
        return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)

    assert set(np.unique(grey())) == {60, 200}
    assert set(np.unique(grey(center=130, width=100))) == {0, 255}
    first = scans.get(f"/images/{SCAN}/slices/4")
    again = scans.get(f"/images/{SCAN}/slices/4", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert scans.get(f"/images/{SCAN}/slices/9").status_code == 404
    assert scans.get(f"/images/{SCAN}/slices/4?center=3").status_code == 400
    assert scans.get(f"/images/{SCAN}/slices/4?center=3&width=0").status_code == 400
    assert scans.get(f"/images/{PHOTO}/slices/0").status_code == 400
    assert scans.get(f"/images/{SCAN}/thumb").headers["content-type"] == "image/jpeg"
    assert scans.get(f"/images/{SCAN}/display").status_code == 400


def test_a_click_changes_its_own_slice_alone(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        wanted = np.zeros(SHAPE, bool)
        wanted[4] = cone()[4]
        np.testing.assert_array_equal(voxels(socket), wanted)
        click(socket, 3, 20, 24)
        wanted[3] = cone()[3]
        np.testing.assert_array_equal(voxels(socket), wanted)
        socket.do("undo")
        wanted[3] = False
        np.testing.assert_array_equal(voxels(socket), wanted)


def test_a_mask_is_carried_both_ways_in_one_step_that_can_be_undone(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        before = voxels(socket)
        told = carry(socket, slice=4)
        assert (told["slices"], told["count"], told["object"]) == ([2, 6], 4, 1)
        assert [(e["slice"], e["reason"]) for e in told["ended"]] == [(7, "vanished"), (1, "vanished")]
        np.testing.assert_array_equal(voxels(socket), cone())
        stages = [m for m in socket.messages if m["type"] == "busy" and m["stage"] == "propagating"]
        assert [m["slice"] for m in stages] == [5, 6, 3, 2]
        socket.do("undo")
        np.testing.assert_array_equal(voxels(socket), before)
        socket.do("redo")
        np.testing.assert_array_equal(voxels(socket), cone())
    clicked, carried = scans.get(f"/images/{SCAN}/history").json()["entries"]
    assert (clicked["kind"], carried["kind"]) == ("click", "propagate")
    assert carried["label"].startswith("carried to 4 slices, +")
    assert carried["label"].endswith(" voxels on object #1")
    assert carried["words"]["key"] == "step.carry"
    assert carried["words"]["values"]["unit"] == {"key": "unit.voxels", "values": {}}


def test_carried_slices_are_corrected_by_clicks(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        carry(socket, slice=4, direction="forward", to=5)
        np.testing.assert_array_equal(voxels(socket)[4:6], cone()[4:6])
        assert not voxels(socket)[6:].any() and not voxels(socket)[:4].any()
        before = voxels(socket)
        click(socket, 5, 3, 4)  # the bar, on a slice that was carried to
        after = voxels(socket)
        np.testing.assert_array_equal(after[5], cone()[5] | bar()[5])
        np.testing.assert_array_equal(np.delete(after, 5, 0), np.delete(before, 5, 0))


def test_finished_objects_keep_their_voxels(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 5, 20, 24)
        socket.do("paint", points=[[24.5, 3 * SHAPE[1] + 20.5]], radius=3)
        socket.do("finish")
        finished = voxels(socket)
        click(socket, 4, 20, 24)
        carry(socket, slice=4)
        other = voxels(socket, 2)
        assert not (other & finished).any()
        np.testing.assert_array_equal(other[4], cone()[4])
        np.testing.assert_array_equal(other[3], cone()[3] & ~finished[3])
        np.testing.assert_array_equal(voxels(socket), finished)


def test_it_is_stopped_and_what_was_carried_stays(scans: Server, bright: BrightModel) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 3, 4)
        bright.gate.clear()
        socket.do("propagate", slice=4, direction="forward")
        assert socket.do("propagate", slice=4)["code"] == "not_now"
        socket.do("stop")
        bright.gate.set()
        told = socket.until("propagated")
        assert told["slices"] == [5, 5]
        socket.sync()
        np.testing.assert_array_equal(voxels(socket).any(axis=(1, 2)).nonzero()[0], [4, 5])


def test_a_change_in_the_meantime_wins(scans: Server, bright: BrightModel) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 3, 4)
        bright.gate.clear()
        socket.do("propagate", slice=4, direction="forward", to=6)
        socket.do("undo")
        bright.gate.set()
        told = socket.until("propagated", "error")
        assert told["code"] == "not_now" and "in the meantime" in told["message"]


def test_what_cannot_be_carried(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        assert socket.do("propagate", slice=4)["code"] == "not_now"
        click(socket, 4, 20, 24)
        assert socket.do("propagate", slice=3)["code"] == "bad_prompt"
        assert socket.do("propagate", slice=40)["code"] == "bad_prompt"
        assert socket.do("propagate", slice=4, direction="forward", to=2)["code"] == "bad_request"
        assert socket.do("wand", x=3, y=3)["code"] == "bad_request"
        over = [[20.5, 3 * SHAPE[1] + 30.5], [20.5, 4 * SHAPE[1] + 10.5]]
        assert socket.do("scribble", points=over)["type"] == "ack"
        assert "several slices" in socket.until("error")["message"]
    with scans.socket(PHOTO) as socket:
        assert socket.do("propagate", slice=0)["code"] == "bad_request"


def test_nothing_is_lost_over_a_restart(tmp_path: Path) -> None:
    write_scan(tmp_path / "b.nii.gz")
    with running(tmp_path, BrightModel()) as server, server.socket() as socket:
        click(socket, 4, 20, 24)
        carry(socket, slice=4)
        was = voxels(socket)
    with running(tmp_path, BrightModel()) as server, server.socket() as socket:
        socket.sync()
        np.testing.assert_array_equal(voxels(socket), was)
        click(socket, 6, 3, 4)
        np.testing.assert_array_equal(voxels(socket)[6], cone()[6] | bar()[6])
        np.testing.assert_array_equal(np.delete(voxels(socket), 6, 0), np.delete(was, 6, 0))


def test_labels_come_out_on_the_volumes_grid(scans: Server, tmp_path: Path) -> None:
    assert scans.get(f"/images/{SCAN}/labels").status_code == 400
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        carry(socket, slice=4)
        socket.do("finish")
        click(socket, 4, 3, 4)
        socket.do("finish")
    volume = read_volume(tmp_path / "b.nii.gz")
    for kind, suffix in (("nifti", ".nii.gz"), ("nrrd", ".seg.nrrd")):
        answer = scans.get(f"/images/{SCAN}/labels?format={kind}")
        assert f'filename="b-labels{suffix}"' in answer.headers["content-disposition"]
        target = tmp_path / "out" / f"labels{suffix}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(answer.content)
        labels = read_labels(target, volume).labels
        np.testing.assert_array_equal(labels == 1, cone())
        np.testing.assert_array_equal(labels[4] == 2, bar()[4])
    assert scans.get(f"/images/{SCAN}/labels?format=dicom_seg").json()["error"]["code"] == "bad_file"
    assert scans.get(f"/images/{PHOTO}/labels").status_code == 400


def exported(server: Server, kind: str) -> tuple[dict, Path]:
    answer = server.post("/export", {"format": kind}).json()
    return answer, Path(answer["folder"])


def two_objects(server: Server, image: int = SCAN) -> None:
    """A carried cone of the second class, and a bar on one slice that shares voxels of the cone's."""
    server.post("/classes", {"name": "liver, left"})
    server.http.patch("/api/v1/project", json={"policy": "overlap"})
    with server.socket(image) as socket:
        click(socket, 4, 20, 24, **{"class": 2})
        carry(socket, slice=4)
        socket.do("finish")
        click(socket, 4, 3, 4, **{"class": 1})
        socket.do("paint", points=[[24.5, 4 * SHAPE[1] + 20.5]], radius=1.2)
        socket.do("finish")


@pytest.mark.parametrize(("kind", "ending"), [("volume_nifti", ".nii.gz"), ("volume_nrrd", ".seg.nrrd")])
def test_an_export_lies_on_the_volumes_grid_with_names(scans: Server, tmp_path: Path, kind: str, ending: str) -> None:
    two_objects(scans)
    answer, folder = exported(scans, kind)
    volume = read_volume(tmp_path / "b.nii.gz")
    found = read_labels(folder / f"b-labels{ending}", volume)
    np.testing.assert_allclose(read_volume(folder / f"b-labels{ending}").affine_ras, AFFINE, atol=1e-5)
    over = found.labels == 2
    np.testing.assert_array_equal(found.labels == 1, cone() & ~over)
    np.testing.assert_array_equal(over[4] & bar()[4], bar()[4])
    assert [segment.name for segment in found.segments] == ["liver, left", "object"]
    assert (answer["objects"], answer["files"]) == (2, 2 if kind == "volume_nifti" else 1)
    shared = int((over & cone()).sum())
    assert shared and answer["notes"] == [
        f"b.nii.gz: {shared} voxels belong to several objects; each went to the uppermost."
    ]


def test_a_volume_that_is_no_series_is_left_out_of_dicom_seg_with_the_reason(scans: Server, tmp_path: Path) -> None:
    two_objects(scans)
    answer = scans.post("/export", {"format": "volume_dicom_seg"})
    assert answer.status_code == 400 and "b.nii.gz: left out" in answer.json()["error"]["message"]
    assert "DICOM series" in answer.json()["error"]["message"] and str(tmp_path) not in answer.text


def test_volumes_of_one_name_and_of_a_series_go_into_one_export(tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz")
    write_scan(tmp_path / "a.nii")
    write_series(tmp_path / "ct", np.where(cone() | bar(), 1200, 1060).astype(np.uint16))
    with running(tmp_path, BrightModel()) as server:
        names = [image["name"] for image in server.get("/images").json()["images"]]
        for number in (1, 2, 3):
            two_objects(server, number)
        answer, folder = exported(server, "volume_nifti")
        assert names == ["a.nii", "a.nii.gz", "ct/001.dcm"] and answer["files"] == 6
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.nii.gz"))
        assert files == ["a-labels.nii.gz", "a.nii.gz-labels.nii.gz", "ct/001-labels.nii.gz"]
        answer, folder = exported(server, "volume_dicom_seg")
        assert [note.split(":")[0] for note in answer["notes"]] == ["a.nii", "a.nii.gz", "ct/001.dcm"]
    found = read_labels(folder / "ct" / "001-labels.dcm", read_volume(tmp_path / "ct"))
    np.testing.assert_array_equal(found.labels > 0, cone() | (found.labels == 2))
    assert [segment.name for segment in found.segments] == ["liver, left", "object"]


def test_a_dicom_series_is_one_volume_and_gets_a_segmentation(tmp_path: Path) -> None:
    stored = np.where(cone() | bar(), 1200, 1060).astype(np.uint16)
    write_series(tmp_path / "ct", stored)
    write_series(tmp_path / "ct", stored[:3], series="1.2.3.9", names=["x", "y", "z"])
    with running(tmp_path, BrightModel()) as server:
        images = server.get("/images").json()["images"]
        assert [(i["name"], i["kind"]) for i in images] == [("ct/001.dcm", "volume"), ("ct/x", "volume")]
        told = server.get("/images/1/volume").json()
        assert (told["slices"], told["modality"], told["writes"]) == (9, "CT", ["nifti", "nrrd", "dicom_seg"])
        assert told["presets"]["lung"] == [-600, 1500]
        with server.socket(1) as socket:
            click(socket, 4, 20, 24)
            carry(socket, slice=4)
            socket.do("finish")
        answer = server.get("/images/1/labels?format=dicom_seg")
    target = tmp_path / "seg.dcm"
    target.write_bytes(answer.content)
    volume = read_volume(tmp_path / "ct", series="1.2.3.4")
    np.testing.assert_array_equal(read_labels(target, volume).labels > 0, cone())


def plane(server: Server, name: str):
    return server.http.put(f"/api/v1/images/{SCAN}/plane", json={"plane": name})


def test_a_plane_is_chosen_before_the_first_object_and_kept(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", 1)
    write_scan(tmp_path / "b.nii.gz")
    wanted = np.zeros(SHAPE, bool)
    wanted[:, 20] = cone()[:, 20]
    with running(tmp_path, BrightModel()) as server:
        told = plane(server, "coronal").json()
        assert (told["plane"], told["slices"], told["rows"], told["columns"]) == ("coronal", 40, 9, 48)
        assert told["aspect"] == 4 and told["spacing"] == [2, 0.5, 0.75]
        with server.socket(SCAN) as socket:
            assert socket.ready["volume"] == told
            socket.click(24.5, 20 * 9 + (8 - 4) + 0.5)  # voxel (24, 20, 4): the head is at the top
            socket.do("finish")
        assert server.get(f"/images/{SCAN}").json()["height"] == 40 * 9
    with running(tmp_path, BrightModel()) as server:
        assert server.get(f"/images/{SCAN}/volume").json()["plane"] == "coronal"
        _, folder = exported(server, "volume_nifti")
        assert plane(server, "coronal").status_code == 200, "nothing to change"
    found = read_labels(folder / "b-labels.nii.gz", read_volume(tmp_path / "b.nii.gz"))
    np.testing.assert_array_equal(found.labels > 0, wanted)


def test_masks_are_carried_along_the_chosen_plane(scans: Server) -> None:
    assert plane(scans, "sagittal").json()["slices"] == SHAPE[2]
    with scans.socket(SCAN) as socket:
        socket.click(20.5, 24 * 9 + (8 - 4) + 0.5)
        told = carry(socket, slice=24, direction="forward", to=27)
        assert told["slices"] == [25, 27]
        socket.do("finish")
    _, folder = exported(scans, "volume_nrrd")
    found = read_labels(folder / "b-labels.seg.nrrd", read_volume(scans.folder / "b.nii.gz")).labels > 0
    np.testing.assert_array_equal(found[:, :, 24], cone()[:, :, 24])
    assert found[:, :, 25:28].any(axis=(0, 1)).all() and not (found & ~cone()).any()
    assert not np.delete(found, range(24, 28), 2).any()


def test_a_plane_is_not_changed_under_objects(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        refused = plane(scans, "coronal")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_now")
        socket.do("undo")
        assert plane(scans, "coronal").status_code == 200
        socket.until("plane")
        told = socket.do("redo")
        assert told["code"] == "not_now" and "Open it again" in told["message"]
    assert scans.get(f"/images/{SCAN}/history").json()["entries"] == []
    assert plane(scans, "oblique").status_code in (400, 422)
    assert scans.http.put(f"/api/v1/images/{PHOTO}/plane", json={"plane": "axial"}).status_code == 400
    answer = scans.get(f"/images/{SCAN}/slices/4", params={"plane": "sagittal"})
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert shown.shape == (9, 40)


def test_a_damaged_volume_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "b.nii.gz").write_bytes(b"no")
    with running(tmp_path, BrightModel()) as server:
        answer = server.get("/images/1/volume")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image_damaged")
        assert "no NIfTI file" in answer.json()["error"]["message"] and str(tmp_path) not in answer.text


def test_shapes_are_worked_on_slice_by_slice(scans: Server) -> None:
    with scans.socket(SCAN) as socket:
        click(socket, 4, 20, 24)
        carry(socket, slice=4)
        assert socket.do("shape", operation="shrink", amount=2)["type"] == "ack"
        shrunk = voxels(socket)
        for z in range(2, 7):
            assert 0 < shrunk[z].sum() < cone()[z].sum() and not (shrunk[z] & ~cone()[z]).any()
        assert not shrunk[[0, 1, 7, 8]].any(), "no slice reaches into its neighbour"
        assert socket.do("shape", operation="keep_largest")["code"] == "bad_request"
        assert socket.do("split")["code"] == "bad_request"
