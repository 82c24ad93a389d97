"""Labels of clouds: taken over from files, and written into copies of them without losing a field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickmask.formats.cloud_file import read_cloud, write_cloud
from clickmask.spatial import kitti
from clickmask.spatial.cloud import Cloud

from .clouds import SIDE, click, points_of, running_clouds, sheet, write_sheet
from .conftest import Server, write_image
from .test_clouds import packed, square


def exported(server: Server, kind: str = "cloud") -> tuple[dict[str, Any], Path]:
    answer = server.post("/export", {"format": kind}).json()
    return answer, Path(answer["folder"])


def two_objects(server: Server) -> None:
    with server.socket() as socket:
        server.post("/classes", {"name": "leaf"})
        socket.do("select", runs=packed(square(5, 5, 6)))
        socket.do("finish")
        socket.do("select", runs=packed(square(25, 25, 3)), **{"class": 2})
        socket.do("finish")
        click(socket, 15, 15)


@pytest.mark.parametrize("name", ["a.ply", "a.pcd", "a.npz", "a.csv", "a.xyz", "a.las", "a.laz"])
def test_an_export_has_every_field_and_the_labels(tmp_path: Path, name: str) -> None:
    if name.startswith("a.la"):
        pytest.importorskip("laspy", reason="LAS needs the extra 'las'")
    write_cloud(tmp_path / name, sheet())
    with running_clouds(tmp_path) as server:
        assert server.get("/images").json()["images"][0]["kind"] == "cloud"
        two_objects(server)
        answer, folder = exported(server)
    before, after = read_cloud(tmp_path / name), read_cloud(folder / name)
    np.testing.assert_array_equal(after.xyz, before.xyz)
    np.testing.assert_array_equal(after.rgb, before.rgb)
    for field, values in before.fields.items():
        np.testing.assert_array_equal(after.fields[field], values)
    first, second = square(5, 5, 6).ravel(), square(25, 25, 3).ravel()
    np.testing.assert_array_equal(after.instance, first * 1 + second * 2)
    classes = after.fields["semantic" if name.endswith("npz") else "class"]
    np.testing.assert_array_equal(classes, first * 1 + second * 2)
    assert (answer["objects"], answer["files"]) == (2, 2)
    assert answer["notes"] == [f"{name}: 1 objects in progress are left out; finish them first."]
    legend = json.loads((folder / "classes.json").read_text())
    assert legend["classes"] == {"1": "object", "2": "leaf"}
    assert [(o["instance"], o["name"], o["points"]) for o in legend["scans"][name]] == [
        (1, "object", 36),
        (2, "leaf", 9),
    ]


def test_kitti_scans_get_label_files_that_keep_the_other_classes(tmp_path: Path) -> None:
    cloud = sheet()
    fields = {"remission": np.linspace(0, 1, len(cloud)), "semantic": np.full(len(cloud), 40)}
    (tmp_path / "a.bin").write_bytes(kitti.serialize(Cloud(cloud.xyz, fields=fields)))
    (tmp_path / "a.label").write_bytes(kitti.serialize_labels(Cloud(cloud.xyz, fields=fields)))
    with running_clouds(tmp_path) as server:
        two_objects(server)
        _, folder = exported(server)
    labels = np.frombuffer((folder / "a.label").read_bytes(), "<u4")
    first, second = square(5, 5, 6).ravel(), square(25, 25, 3).ravel()
    np.testing.assert_array_equal(labels >> 16, first * 1 + second * 2)
    np.testing.assert_array_equal(labels & 0xFFFF, np.where(first, 1, np.where(second, 2, 40)))


def test_everything_can_be_written_as_ply(tmp_path: Path) -> None:
    write_cloud(tmp_path / "a.xyz", sheet())
    with running_clouds(tmp_path) as server:
        two_objects(server)
        assert read_cloud(exported(server, "cloud_ply")[1] / "a.ply").instance.max() == 2
        assert read_cloud(exported(server, "cloud_npz")[1] / "a.npz").instance.max() == 2


def test_each_format_takes_the_images_it_is_for_and_names_the_others(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply")
    write_image(tmp_path / "b.png")
    with running_clouds(tmp_path) as server:
        formats = {f["name"]: f for f in server.get("/project").json()["formats"]}
        assert formats["cloud"]["kinds"] == ["cloud"] and formats["coco"]["kinds"] == ["photo"]
        assert (formats["cloud"]["reads"], formats["coco"]["reads"]) == (False, True)
        two_objects(server)
        with server.socket(2) as socket:
            socket.click(20.5, 20.5)
            socket.do("finish")
        answer, _ = exported(server, "coco")
        assert answer["objects"] == 1 and "a.ply: left out" in answer["notes"][0]
        answer, _ = exported(server)
        assert answer["objects"] == 2 and any("b.png: left out" in note for note in answer["notes"])
        assert server.post("/export", {"format": "nonsense"}).status_code == 400


def test_labels_of_a_file_become_objects_that_clicks_correct(tmp_path: Path) -> None:
    labels = np.where(square(5, 5, 6), 7, np.where(square(25, 25, 3), 3, 0)).ravel()
    write_sheet(tmp_path / "a.ply", labels)
    with running_clouds(tmp_path) as server:
        assert server.get("/images/1/points").json()["labels"] == 2
        with server.socket() as socket:
            answer = server.post("/images/1/labels").json()
            assert [(o["area"], o["state"]) for o in answer["objects"]] == [(9, "finished"), (36, "finished")]
            socket.until("changed")
            socket.sync()
            np.testing.assert_array_equal(points_of(socket, 2), square(5, 5, 6))
            assert server.post("/images/1/labels").json()["error"]["code"] == "not_now"
            socket.do("reopen", object=2)
            click(socket, 9, 14)
            assert points_of(socket, 2)[9, 14] and (points_of(socket, 2) & square(5, 5, 6)).sum() == 36
            socket.do("finish")
            _, folder = exported(server)
            socket.do("undo")
            socket.do("jump", action=0)
            assert server.get("/images/1/objects").json()["objects"] == []
    after = read_cloud(folder / "a.ply")
    assert after.instance.reshape(SIDE, SIDE)[9, 14] == 2 and after.instance.max() == 2


def taken_over(server: Server) -> list[tuple[str, int]]:
    """Class and area of the objects that the labels of the first cloud became."""
    objects = server.post("/images/1/labels").json()["objects"]
    names = {c["id"]: c["name"] for c in server.get("/classes").json()["classes"]}
    return [(names[o["class"]], o["area"]) for o in objects]


FIRST, SECOND = square(5, 5, 6).ravel(), square(25, 25, 3).ravel()


def labelled(classes: np.ndarray, **columns: np.ndarray) -> Cloud:
    cloud = sheet()
    return Cloud(cloud.xyz, fields={"class": classes.astype(np.int32), **columns})


def test_each_label_has_the_class_of_its_file(tmp_path: Path) -> None:
    classes = np.where(FIRST, 2, np.where(SECOND, 9, 0))
    classes[np.flatnonzero(FIRST)[:10]] = 9  # an instance has the class of most of its points
    write_cloud(tmp_path / "a.ply", labelled(classes).with_labels(np.where(FIRST, 7, np.where(SECOND, 3, 0))))
    (tmp_path / "classes.json").write_text('{"classes": {"2": "chair"}}')
    with running_clouds(tmp_path) as server:
        assert taken_over(server) == [("class 9", 9), ("chair", 36)]


def test_what_was_exported_comes_back_with_its_classes(tmp_path: Path) -> None:
    write_cloud(tmp_path / "a.pcd", sheet())
    with running_clouds(tmp_path) as server:
        two_objects(server)
        _, folder = exported(server)
        folder = folder.rename(tmp_path.parent / f"{tmp_path.name}-back")
    with running_clouds(folder) as server:
        assert taken_over(server) == [("object", 36), ("leaf", 9)]


def test_classes_without_instances_are_objects_too(tmp_path: Path) -> None:
    write_cloud(tmp_path / "a.pcd", labelled(np.where(FIRST, 2, np.where(SECOND, 9, 0))))
    with running_clouds(tmp_path) as server:
        assert server.get("/images/1/points").json()["labels"] == 2
        assert taken_over(server) == [("class 2", 36), ("class 9", 9)]


def test_classes_of_las_have_their_standard_names(tmp_path: Path) -> None:
    laspy = pytest.importorskip("laspy", reason="LAS needs the extra 'las'")
    write_cloud(tmp_path / "a.las", sheet())
    las = laspy.read(tmp_path / "a.las")
    las.classification = np.where(FIRST, 6, np.where(SECOND, 2, 1))
    las.write(tmp_path / "a.las")
    with running_clouds(tmp_path) as server:
        assert taken_over(server) == [("ground", 9), ("building", 36)]


def test_instances_of_kitti_are_numbered_in_each_class(tmp_path: Path) -> None:
    semantic = np.where(FIRST, 10, np.where(SECOND, 30, 40))
    fields = {"remission": np.zeros(len(semantic)), "semantic": semantic}
    cloud = Cloud(sheet().xyz, fields=fields).with_labels((FIRST | SECOND).astype(int))
    (tmp_path / "a.bin").write_bytes(kitti.serialize(cloud))
    (tmp_path / "a.label").write_bytes(kitti.serialize_labels(cloud))
    with running_clouds(tmp_path) as server:
        assert taken_over(server) == [("car", 36), ("person", 9)]


def test_damaged_names_are_told(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply", FIRST.astype(int))
    (tmp_path / "classes.json").write_text('{"classes": []}')
    with running_clouds(tmp_path) as server:
        answer = server.post("/images/1/labels")
        assert answer.status_code == 422 and "classes.json names no classes" in answer.json()["error"]["message"]


def test_labels_that_were_not_taken_over_are_told(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply", np.full(SIDE * SIDE, 4))
    with running_clouds(tmp_path) as server:
        two_objects(server)
        answer, _ = exported(server)
        assert any("replaced by 0" in note for note in answer["notes"])


def test_scans_that_are_gone_or_damaged_are_named_and_the_others_written(tmp_path: Path) -> None:
    for name in ("a.ply", "b.ply", "c.ply"):
        write_sheet(tmp_path / name)
    with running_clouds(tmp_path) as server:
        for number in (1, 2, 3):
            with server.socket(number) as socket:
                socket.do("select", runs=packed(square(5, 5, 6)))
                socket.do("finish")
        (tmp_path / "a.ply").unlink()
        (tmp_path / "b.ply").write_bytes(b"ply\nnonsense")
        answer, folder = exported(server)
    assert not (folder / "b.ply").exists() and read_cloud(folder / "c.ply").instance.sum() == 36
    assert [note.split(":")[0] for note in answer["notes"]] == ["a.ply", "b.ply"]


def test_a_file_without_labels_has_none_to_take_over(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply")
    with running_clouds(tmp_path) as server:
        assert server.post("/images/1/labels").json()["error"]["code"] == "not_now"
