"""The tools that change pixels themselves, through the wire: each through the same log and the same undo."""

from __future__ import annotations

import numpy as np
import pytest

SIZE = (48, 64)


def shown(socket, number: int) -> np.ndarray:
    return socket.records[number].mask(SIZE).decode()


def square(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def corners(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def make(socket, *box: float, finish: bool = True) -> int:
    """An object that is a rectangle."""
    number = socket.do("polygon", loops=[corners(*box)])["object"]
    if finish:
        socket.do("finish")
    return number


def test_brush_and_eraser(server) -> None:
    with server.socket() as socket:
        assert socket.do("paint", points=[[5, 5]], radius=2, positive=False)["code"] == "not_now"
        ack = socket.do("paint", points=[[10, 10], [30, 10]], radius=3)
        mask = shown(socket, 1)
        assert ack["active"] == 1
        assert mask[10, 10:30].all() and not mask[14].any()
        assert ack["history"]["undo"] == f"brush stroke, +{mask.sum()} px on object #1"
        assert ack["objects"][0]["prompts"] == [{"kind": "mask", "painted": True}]
        socket.do("paint", points=[[20, 0], [20, 20]], radius=1.5, positive=False)
        gone = mask & ~shown(socket, 1)
        assert gone.any() and not gone[:, :18].any()
        assert socket.do("paint", points=[[60, 40]], radius=1, positive=False)["code"] == "no_change"
        assert len(server.get("/images/1/history").json()["entries"]) == 2
        socket.do("undo")
        assert (shown(socket, 1) == mask).all()


def test_a_stroke_on_a_clicked_object_is_corrected_by_later_clicks_in_place(server) -> None:
    with server.socket() as socket:
        socket.click(12.5, 12.5)
        socket.do("paint", points=[[20, 30], [50, 30]], radius=4)
        painted = shown(socket, 1)
        socket.click(40.5, 8.5)
        assert (shown(socket, 1) & painted == painted).all()
        assert shown(socket, 1)[8, 40]
        kinds = [p["kind"] for p in server.get("/objects/1").json()["prompts"]]
        assert kinds == ["click", "mask", "click"]


def test_a_stroke_waits_for_the_answer_to_the_click_before_it(server) -> None:
    with server.socket() as socket:
        server.model.gate.clear()
        socket.do("click", x=12.5, y=12.5, positive=True)
        socket.send("paint", points=[[40, 30]], radius=2)
        server.model.gate.set()
        assert socket.until("ack")["type"] == "ack"
        socket.sync()
        assert shown(socket, 1)[12, 12] and shown(socket, 1)[30, 40]


def test_strokes_stop_at_finished_objects_and_wholly_covered_ones_say_so(server) -> None:
    with server.socket() as socket:
        make(socket, 10, 10, 30, 30)
        assert socket.do("paint", points=[[20, 20]], radius=3)["code"] == "no_change"
        socket.do("paint", points=[[30, 20]], radius=5)
        assert not shown(socket, 2)[:, :30].any()
        assert (shown(socket, 1) == square(10, 10, 30, 30)).all()


def test_polygons_add_take_away_and_move_only_what_lies_between(server) -> None:
    with server.socket() as socket:
        socket.do("polygon", loops=[corners(5, 5, 25, 25), corners(10, 10, 15, 15)])
        assert (shown(socket, 1) == square(5, 5, 25, 25) & ~square(10, 10, 15, 15)).all()
        socket.do("polygon", loops=[corners(20, 20, 40, 40)], positive=False)
        assert not shown(socket, 1)[22, 22]
        socket.do("paint", points=[[50, 40]], radius=2)
        before = shown(socket, 1)
        moved = [[5, 5], [30, 5], [25, 25], [5, 25]]
        ack = socket.do("polygon", loops=[moved], before=[corners(5, 5, 25, 25)])
        assert ack["history"]["undo"].startswith("outline moved, +")
        after = shown(socket, 1)
        assert (before & ~after).sum() == 0
        assert (after & ~before)[:, 25:30].any()
        assert not (after & ~before)[:, :25].any()
        assert not after[12, 12]


def test_the_outline_of_a_mask_comes_as_loops_and_goes_back_unchanged(server) -> None:
    with server.socket() as socket:
        socket.click(30.5, 20.5)
        socket.click(31.5, 20.5, positive=False)
        exact = server.get("/objects/1/polygon", params={"tolerance": 0}).json()
        assert exact["convention"] == "edge"
        coarse = server.get("/objects/1/polygon", params={"tolerance": 2}).json()
        assert sum(map(len, coarse["loops"])) < sum(map(len, exact["loops"]))
        mask = shown(socket, 1)
        socket.do("finish")
        socket.do("polygon", loops=exact["loops"], object=1)
        server.http.delete("/api/v1/objects/1")
        socket.sync()
        number = socket.do("polygon", loops=exact["loops"])["object"]
        assert (shown(socket, number) == mask).all()


def test_the_wand_takes_what_has_the_colour(restart, folder) -> None:
    from PIL import Image

    picture = np.full((*SIZE, 3), 90, dtype=np.uint8)
    picture[10:30, 10:40] = (200, 40, 40)
    Image.fromarray(picture).save(folder / "a.png")
    with restart() as server, server.socket() as socket:
        socket.do("wand", x=20.5, y=20.5, tolerance=30)
        red = shown(socket, 1)
        assert red[15:25, 15:35].all() and not red[40].any()
        socket.do("wand", x=50.5, y=40.5, tolerance=10)
        assert shown(socket, 1)[40, 50]
        socket.do("wand", x=20.5, y=20.5, tolerance=30, positive=False)
        assert not shown(socket, 1)[15:25, 15:35].any()
        assert socket.do("wand", x=90, y=1)["code"] == "bad_prompt"


@pytest.mark.parametrize(
    ("operation", "amount", "area"),
    [
        ("fill_holes", 0, 20 * 20 + 4),
        ("keep_largest", 0, 20 * 20 - 25),
        ("remove_specks", 30, 20 * 20),
        ("grow", 1, 22 * 22 - 4 - 9 + 12),
        ("shrink", 1, 18 * 18 - 25 - 20),
    ],
)
@pytest.mark.parametrize("finish", [True, False])
def test_shapes(server, operation: str, amount: float, area: int, finish: bool) -> None:
    with server.socket() as socket:
        loops = [corners(5, 5, 25, 25), corners(10, 10, 15, 15), corners(40, 40, 42, 42)]
        socket.do("polygon", loops=loops)
        if finish:
            socket.do("finish")
        ack = socket.do("shape", object=1, operation=operation, amount=amount)
        assert shown(socket, 1).sum() == area
        assert ack["objects"][0]["state"] == ("finished" if finish else "in_progress")
        socket.do("undo")
        assert shown(socket, 1).sum() == 20 * 20 - 25 + 4


def test_smoothing_and_growing_leave_others_alone(server) -> None:
    with server.socket() as socket:
        make(socket, 5, 5, 25, 25)
        make(socket, 27, 5, 45, 25)
        socket.do("shape", object=1, operation="grow", amount=6)
        assert (shown(socket, 2) == square(27, 5, 45, 25)).all()
        assert not (shown(socket, 1) & shown(socket, 2)).any()
        assert shown(socket, 1)[10, 26]
        assert socket.do("shape", object=2, operation="fill_holes")["code"] == "no_change"
        assert socket.do("shape", object=2, operation="shrink", amount=50)["code"] == "not_now"
        socket.do("patch", object=2, locked=True)
        assert socket.do("shape", object=2, operation="grow")["code"] == "locked"


def test_splitting_by_parts_and_along_a_line(server) -> None:
    with server.socket() as socket:
        socket.do("polygon", loops=[corners(5, 5, 25, 25), corners(40, 5, 50, 15)])
        socket.do("finish")
        ack = socket.do("split", object=1)
        assert [o["area"] for o in ack["objects"]] == [400, 100]
        assert ack["history"]["undo"] == "object #1 split into 2"
        assert (shown(socket, 2) == square(40, 5, 50, 15)).all()
        assert socket.do("split", object=2)["code"] == "not_now"
        ack = socket.do("split", object=1, line=[[15, 0], [15, 30]])
        assert [o["area"] for o in ack["objects"]] == [200, 200]
        assert {o["state"] for o in ack["objects"]} == {"finished"}
        assert socket.do("undo")["removed"] == [3]
        assert socket.do("undo")["removed"] == [2]
        assert shown(socket, 1).sum() == 500


def test_combining(server) -> None:
    server.http.patch("/api/v1/project", json={"policy": "overlap"})
    with server.socket() as socket:
        make(socket, 5, 5, 25, 25)
        make(socket, 15, 15, 35, 35)
        first, second = square(5, 5, 25, 25), square(15, 15, 35, 35)
        for operation, wanted in (
            ("subtract", first & ~second),
            ("intersect", first & second),
            ("exclude", first ^ second),
            ("merge", first | second),
        ):
            ack = socket.do("combine", object=1, others=[2], operation=operation)
            assert (shown(socket, 1) == wanted).all()
            assert ack["removed"] == ([2] if operation == "merge" else [])
            socket.do("undo")
            assert (shown(socket, 1) == first).all() and (shown(socket, 2) == second).all()
        assert socket.do("combine", object=1, others=[1], operation="merge")["code"] == "not_now"
        assert socket.do("combine", object=1, others=[9], operation="merge")["code"] == "not_found"
        socket.do("patch", object=2, locked=True)
        assert socket.do("combine", object=1, others=[2], operation="merge")["code"] == "locked"
        assert socket.do("combine", object=1, others=[2], operation="subtract")["type"] == "ack"


def test_everything_is_on_one_history_and_replays_to_the_same_bytes(server) -> None:
    with server.socket() as socket:
        socket.click(12.5, 12.5)
        socket.do("paint", points=[[20, 30], [50, 30]], radius=4)
        socket.click(40.5, 8.5)
        socket.do("threshold", value=0.3)
        socket.do("finish")
        make(socket, 50, 5, 60, 15)
        socket.do("shape", object=2, operation="grow", amount=2)
        socket.do("split", object=1)
        entries = server.get("/images/1/history").json()["entries"]
        states = {}
        for entry in (*entries, *reversed(entries)):
            socket.do("jump", action=entry["action"])
            now = server.get("/images/1/masks").content
            objects = [{**o, "rev": 0} for o in server.get("/images/1/objects").json()["objects"]]
            seen = (strip_revs(now), objects)
            assert states.setdefault(entry["action"], seen) == seen
        assert len(states) == 9
        assert socket.do("jump", action=0)["objects"] == []


def strip_revs(data: bytes) -> list:
    from clickmask.server.records import parse_records

    return [(r.object_id, r.box_xyxy, r.runs, r.settled) for r in parse_records(data)]
