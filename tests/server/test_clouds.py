"""Point clouds in the annotator: points to the browser, clicks, and everything that images have."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickmask.core.masks import run_lengths
from clickmask.server.clouds import opened as opened_module
from clickmask.server.clouds.mind import CloudMind
from clickmask.spatial import ply
from clickmask.spatial.cloud import Cloud
from clickmask.store.runs import varints

from .clouds import SIDE, STEP, BallModel, click, parse_chunk, points_of, row, running_clouds, write_sheet
from .conftest import Server, write_image

DAMAGED, PHOTO = 2, 3
"""Numbers of the images beside the cloud, which is number 1."""


@pytest.fixture
def balls() -> BallModel:
    return BallModel()


@pytest.fixture
def scans(tmp_path: Path, balls: BallModel) -> Iterator[Server]:
    write_sheet(tmp_path / "a.ply")
    write_image(tmp_path / "b.png", 1)
    (tmp_path / "c.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n")
    with running_clouds(tmp_path, balls) as started:
        yield started


def test_clouds_stand_beside_photographs(scans: Server) -> None:
    images = scans.get("/images").json()["images"]
    assert [(i["name"], i["kind"]) for i in images] == [("a.ply", "cloud"), ("b.png", "photo"), ("c.ply", "cloud")]
    kinds = {kind["name"]: kind for kind in scans.get("/project").json()["kinds"]}
    assert list(kinds) == ["photo", "cloud"]
    assert "click" in kinds["cloud"]["commands"] and "polygon" not in kinds["cloud"]["commands"]


def test_a_damaged_cloud_is_refused_with_its_reason(scans: Server) -> None:
    answer = scans.get(f"/images/{DAMAGED}/points")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image_damaged")
    assert "cut short" in answer.json()["error"]["message"] and str(scans.folder) not in answer.text
    assert scans.get(f"/images/{DAMAGED}").json()["status"] == "damaged"


def test_all_points_come_once_in_a_random_order(scans: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_module, "CHUNK", 700)
    cloud = ply.parse((scans.folder / "a.ply").read_bytes())
    described = scans.get("/images/1/points").json()
    assert (described["points"], described["shown"], described["chunks"]) == (SIDE * SIDE, SIDE * SIDE, 3)
    assert described["fields"] == ["rgb", "intensity"] and described["labels"] == 0
    assert described["box"] == [[0, 0, 0], pytest.approx([(SIDE - 1) * STEP] * 2 + [0])]
    assert np.abs(described["up"]) == pytest.approx([0, 0, 1])
    chunks = [parse_chunk(scans.get(f"/images/1/points/{n}").content) for n in range(3)]
    assert [(c.number, c.first, len(c.rows)) for c in chunks] == [(0, 0, 700), (1, 700, 700), (2, 1400, 200)]
    rows = np.concatenate([c.rows for c in chunks])
    assert sorted(rows.tolist()) == list(range(SIDE * SIDE))
    np.testing.assert_array_equal(np.concatenate([c.xyz for c in chunks]), cloud.xyz[rows])
    np.testing.assert_array_equal(np.concatenate([c.rgb for c in chunks]), cloud.rgb[rows])
    shades = np.concatenate([c.intensity for c in chunks]) / 255
    reach = described["intensity"]
    np.testing.assert_allclose(reach[0] + shades * (reach[1] - reach[0]), cloud.fields["intensity"][rows], atol=0.005)
    places = np.sort(chunks[0].rows) / (SIDE * SIDE)
    assert np.abs(places - np.linspace(0, 1, 700)).max() < 0.06, "the first chunk is a fair sample"


def test_points_are_asked_for_once(scans: Server) -> None:
    for path in ("/images/1/points", "/images/1/points/0"):
        first = scans.get(path)
        again = scans.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert scans.get(path).content == first.content
    assert scans.get("/images/1/points/1").status_code == 404
    assert scans.get(f"/images/{PHOTO}/points").json()["error"]["code"] == "bad_request"
    assert scans.get("/images/1/display").status_code == 400
    assert scans.get("/images/1/thumb").headers["content-type"] == "image/jpeg"


def test_points_without_a_place_are_left_out(tmp_path: Path) -> None:
    xyz = np.array([[0, 0, 0], [np.nan, 0, 0], [0.05, 0, 0], [0.1, 0, 0]])
    lines = "\n".join(" ".join(map(str, line)) for line in xyz)
    head = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    (tmp_path / "a.ply").write_text(f"{head}{lines}\n")
    with running_clouds(tmp_path) as server:
        described = server.get("/images/1/points").json()
        assert (described["points"], described["shown"]) == (4, 3)
        assert described["box"] == [[0, 0, 0], pytest.approx([0.1, 0, 0])]
        assert sorted(parse_chunk(server.get("/images/1/points/0").content).rows.tolist()) == [0, 2, 3]
        with server.socket() as socket:
            socket.click(0.5, 0.5)
            assert socket.records[1].runs == (0, 1, 1, 2)


def test_clicks_undo_redo_finish_and_the_next_object(scans: Server) -> None:
    with scans.socket() as socket:
        assert (socket.ready["image"]["width"], socket.ready["image"]["height"]) == (SIDE * SIDE, 1)
        assert socket.ready["model"] == "balls"
        click(socket, 20, 20)
        first = points_of(socket, 1)
        assert first[20, 20] and 60 < first.sum() < 150
        click(socket, 20, 25, positive=False)
        second = points_of(socket, 1)
        assert not second[20, 25] and second.sum() < first.sum()
        socket.do("undo")
        np.testing.assert_array_equal(points_of(socket, 1), first)
        socket.do("redo")
        np.testing.assert_array_equal(points_of(socket, 1), second)
        socket.do("finish")
        click(socket, 20, 27)
        other = points_of(socket, 2)
        assert other[20, 27] and not (other & second).any(), "finished points stay"
        assert click(socket, 20, 18)["code"] == "protected"
    history = scans.get("/images/1/history").json()["entries"]
    assert [e["kind"] for e in history] == ["click", "click", "finish", "click"]


def test_a_positive_click_on_one_object_is_a_negative_one_for_the_others(scans: Server) -> None:
    with scans.socket() as socket:
        click(socket, 20, 20)
        socket.do("activate", object=None)
        click(socket, 20, 24)
        other = points_of(socket, 2)
        assert other[20, 24] and not other[20, 20], "the first object's click holds the second off"


def test_a_correction_changes_only_what_hangs_together_with_its_click(scans: Server) -> None:
    with scans.socket() as socket:
        click(socket, 10, 10)
        socket.do("finish")
        before = points_of(socket, 1)
        socket.do("reopen", object=1)
        click(socket, 10, 30)
        after = points_of(socket, 1)
        assert after[10, 30] and (after & before == before).all()
        assert not (after & ~before)[:, :18].any()
        socket.do("discard")
        np.testing.assert_array_equal(points_of(socket, 1), before)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply")
    with running_clouds(tmp_path) as server, server.socket() as socket:
        click(socket, 20, 20)
        click(socket, 20, 25, positive=False)
        was = points_of(socket, 1)
    with running_clouds(tmp_path) as server, server.socket() as socket:
        socket.sync()
        np.testing.assert_array_equal(points_of(socket, 1), was)
        assert socket.ready["active"] == 1 and socket.ready["last_seq"] > 0
        click(socket, 25, 20)
        assert points_of(socket, 1)[25, 20]
        socket.do("undo")
        np.testing.assert_array_equal(points_of(socket, 1), was)


def test_two_windows_see_the_same_and_stale_changes_are_refused(scans: Server) -> None:
    with scans.socket() as first, scans.socket(client="client-b") as second:
        click(first, 20, 20)
        second.until("settled")
        second.sync()
        np.testing.assert_array_equal(points_of(second, 1), points_of(first, 1))
        seen = second.rev
        click(first, 22, 22)
        second.sync()
        second.rev = seen
        assert second.do("delete", object=1)["code"] == "stale"


def test_hover_shows_what_the_click_gives(scans: Server) -> None:
    from .test_previews import hover

    with scans.socket() as socket:
        seen = hover(socket, row(20, 20) + 0.5, 0.5)
        click(socket, 20, 20)
        assert socket.records[1].runs == seen.runs


def test_thresholds_and_ghosts_work_on_points(scans: Server) -> None:
    with scans.socket() as socket:
        click(socket, 20, 20)
        usual = points_of(socket, 1)
        socket.do("threshold", value=0.9)
        strict = points_of(socket, 1)
        assert strict.sum() < usual.sum() and (usual | strict == usual).all()
        socket.do("undo")
        np.testing.assert_array_equal(points_of(socket, 1), usual)
        assert socket.do("next_mask")["history"]["undo"] == "threshold 0.30 on object #1"
        assert points_of(socket, 1).sum() > usual.sum()


def test_what_the_model_would_change_as_well_is_proposed_and_can_be_taken(scans: Server) -> None:
    with scans.socket() as socket:
        socket.do("select", runs=packed(square(2, 2, 20) & ~square(8, 8, 3)))
        socket.do("finish")
        socket.do("reopen", object=1)
        click(socket, 30, 30)
        before = points_of(socket, 1)
        ghosts = socket.ghosts[1].mask((1, SIDE * SIDE)).decode().reshape(SIDE, SIDE)
        assert before[30, 30] and ghosts[2:6, 2:6].all() and not ghosts[25:].any()
        assert socket.do("accept", x=row(30, 30) + 0.5, y=0.5)["code"] == "not_now"
        ack = socket.do("accept", x=row(3, 3) + 0.5, y=0.5)
        assert ack["type"] == "ack" and "points" in ack["history"]["undo"]
        np.testing.assert_array_equal(points_of(socket, 1), before ^ ghosts)


def packed(chosen: np.ndarray) -> str:
    """A selection on the sheet as the command takes it."""
    return base64.b64encode(varints(tuple(run_lengths(chosen.ravel()).tolist()))).decode()


def square(i: int, j: int, side: int) -> np.ndarray:
    chosen = np.zeros((SIDE, SIDE), dtype=bool)
    chosen[i : i + side, j : j + side] = True
    return chosen


def test_selected_points_are_added_and_taken_away(scans: Server) -> None:
    with scans.socket() as socket:
        socket.do("select", runs=packed(square(5, 5, 10)), positive=True)
        np.testing.assert_array_equal(points_of(socket, 1), square(5, 5, 10))
        socket.do("select", runs=packed(square(5, 5, 4)), positive=False)
        np.testing.assert_array_equal(points_of(socket, 1), square(5, 5, 10) & ~square(5, 5, 4))
        assert socket.ready and scans.get("/images/1/history").json()["entries"][-1]["label"].startswith(
            "selection, -16 points on"
        )
        socket.do("finish")
        socket.do("select", runs=packed(square(5, 5, 12)))
        assert not (points_of(socket, 2) & points_of(socket, 1)).any(), "finished points stay theirs"
        for wrong in ("!", "gA==", packed(np.ones((SIDE + 1, SIDE), dtype=bool))):
            assert socket.do("select", runs=wrong)["code"] == "bad_prompt"


def test_the_policy_and_locks_decide_about_contested_points(scans: Server) -> None:
    first, second = square(5, 5, 6), square(8, 8, 6)
    with scans.socket() as socket:
        socket.do("select", runs=packed(first))
        socket.do("finish")
        scans.http.patch("/api/v1/project", json={"policy": "take"})
        socket.do("select", runs=packed(second))
        socket.do("finish")
        np.testing.assert_array_equal(points_of(socket, 2), second)
        np.testing.assert_array_equal(points_of(socket, 1), first & ~second)
        assert f"{(first & second).sum()} points taken from #1" in socket.messages[-2]["history"]["undo"]
        socket.do("undo")
        socket.do("patch", object=1, locked=True)
        np.testing.assert_array_equal(points_of(socket, 1), first)
        socket.do("finish", object=2)
        np.testing.assert_array_equal(points_of(socket, 2), second & ~first)
        assert socket.do("reopen", object=1)["code"] == "locked"
        scans.http.patch("/api/v1/project", json={"policy": "overlap"})
        socket.do("select", runs=packed(first))
        np.testing.assert_array_equal(points_of(socket, 3), first)


def test_a_click_waits_for_the_index_and_says_so(scans: Server, balls: BallModel) -> None:
    started = threading.Event()
    usual = CloudMind.prepare

    def slow(mind: CloudMind, model: Any, opened: Any) -> None:
        assert started.wait(20)
        usual(mind, model, opened)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CloudMind, "prepare", slow)
        with scans.socket() as socket:
            assert socket.do("click", x=row(20, 20) + 0.5, y=0.5)["type"] == "ack"
            assert socket.until("busy")["stage"] == "preparing"
            started.set()
            socket.until("settled")
            socket.sync()
            assert points_of(socket, 1)[20, 20]


def test_shapes_of_points_grow_shrink_and_fall_apart(scans: Server) -> None:
    two = square(5, 5, 6) | square(25, 25, 3)
    with scans.socket() as socket:
        socket.do("select", runs=packed(two))
        socket.do("shape", operation="grow", amount=1)
        grown = points_of(socket, 1)
        assert (grown & two == two).all() and grown[4, 7] and not grown[2, 7]
        socket.do("undo")
        socket.do("shape", operation="shrink", amount=1)
        assert points_of(socket, 1).sum() < two.sum() and points_of(socket, 1)[7, 7]
        socket.do("undo")
        socket.do("shape", operation="remove_specks", amount=9)
        np.testing.assert_array_equal(points_of(socket, 1), square(5, 5, 6))
        socket.do("undo")
        socket.do("split")
        np.testing.assert_array_equal(points_of(socket, 1), square(5, 5, 6))
        np.testing.assert_array_equal(points_of(socket, 2), square(25, 25, 3))
        socket.do("combine", operation="merge", object=1, others=[2])
        np.testing.assert_array_equal(points_of(socket, 1), two)
        socket.do("shape", operation="keep_largest")
        np.testing.assert_array_equal(points_of(socket, 1), square(5, 5, 6))
        assert socket.do("shape", operation="smooth")["code"] == "bad_request"
        assert socket.do("split", line=[[0, 0], [1, 1]])["code"] == "bad_request"


def test_what_there_is_of_pixels_alone_is_refused(scans: Server) -> None:
    with scans.socket() as socket:
        click(socket, 20, 20)
    for path in ("mask", "polygon", "uncertainty"):
        assert scans.get(f"/objects/1/{path}").json()["error"]["code"] == "bad_request"
    assert scans.get("/objects/1/mask", params={"format": "rle"}).json()["size"] == [1, SIDE * SIDE]


def test_commands_for_pixels_are_refused(scans: Server) -> None:
    with scans.socket() as socket:
        answer = socket.do("wand", x=0.5, y=0.5)
        assert answer["code"] == "bad_request" and "point clouds" in answer["message"]
        assert socket.do("click", x=SIDE * SIDE + 0.5, y=0.5)["code"] == "bad_prompt"


def test_a_click_while_the_model_is_at_work_is_kept(scans: Server, balls: BallModel) -> None:
    with scans.socket() as socket:
        balls.gate.clear()
        acks = [socket.do("click", x=row(20, j) + 0.5, y=0.5) for j in (20, 24, 28)]
        assert [a["type"] for a in acks] == ["ack"] * 3
        balls.gate.set()
        socket.answered(1, acks[-1]["rev"])
        mask = points_of(socket, 1)
        assert mask[20, [20, 24, 28]].all()


def test_points_are_found_by_place_and_by_ray(scans: Server) -> None:
    place = scans.post("/images/1/pick", {"xyz": [0.51, 0.26, 0.02]}).json()
    assert place["point"] == row(10, 5) and place["xyz"] == pytest.approx([0.5, 0.25, 0])
    ray = {"origin": [0.5, 0.25, 3.0], "direction": [0, 0, -2.0]}
    assert scans.post("/images/1/pick", ray).json()["point"] == row(10, 5)
    assert scans.post("/images/1/pick", {**ray, "origin": [0.525, 0.25, 3.0]}).status_code == 404
    assert scans.post("/images/1/pick", {**ray, "direction": [0, 0, 0]}).json()["error"]["code"] == "bad_prompt"
    assert scans.post("/images/1/pick", {}).json()["error"]["code"] == "bad_request"
    for far in (1e25, 1e300):  # beyond what 32 bits square, and beyond what they hold
        assert scans.post("/images/1/pick", {"xyz": [far, 0, 0]}).status_code == 404
        assert scans.post("/images/1/pick", {**ray, "origin": [far, -far, far]}).status_code == 404


def test_models_of_clouds_have_a_menu_of_their_own(scans: Server) -> None:
    kinds = scans.get("/models").json()["kinds"]
    assert kinds["cloud"]["current"] == "balls" and kinds["photo"]["current"] == "disc"
    with scans.socket(PHOTO) as photo, scans.socket(1) as cloud:
        changed = scans.http.put("/api/v1/models/current", json={"name": "others"}).json()
        assert changed["kinds"]["cloud"]["current"] == "others" and changed["kinds"]["photo"]["current"] == "disc"
        assert cloud.until("model")["kind"] == "cloud"
        click(cloud, 20, 20)
        photo.sync()
        assert all(m["type"] != "model" for m in photo.messages)


def test_a_project_without_clouds_has_no_model_for_them(tmp_path: Path) -> None:
    write_image(tmp_path / "b.png", 1)
    with running_clouds(tmp_path) as server:
        assert list(server.get("/models").json()["kinds"]) == ["photo"]
        write_sheet(tmp_path / "a.ply")
        server.post("/project/scan")
        assert list(server.get("/models").json()["kinds"]) == ["photo", "cloud"]
        with server.socket(2) as socket:
            assert click(socket, 20, 20)["type"] == "ack"


def test_another_file_in_place_of_a_cloud_is_noticed(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.ply")
    with running_clouds(tmp_path) as server:
        with server.socket() as socket:
            click(socket, 20, 20)
        (tmp_path / "a.ply").write_bytes(ply.serialize(Cloud(np.eye(3, dtype=np.float32))))
        answer = server.get("/images/1/points").json()["error"]
        assert (
            answer["code"] == "image_damaged"
            and "is 3 points now, but its objects were made on 1600 points" in answer["message"]
        )
