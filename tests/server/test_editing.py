"""The edit guarantee through the wire: ghosts, confirmation, locks, policies, thresholds, scribbles and lassos."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from clickmask.core.answers import Candidate
from clickmask.core.frames import LogitMap

SIZE = (48, 64)


def shown(socket, number: int) -> np.ndarray:
    return socket.records[number].mask(SIZE).decode()


def ghosts(socket, number: int) -> np.ndarray:
    return socket.ghosts[number].mask(SIZE).decode()


def png(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, "PNG")
    return file.getvalue()


def square(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def put_mask(server, socket, mask: np.ndarray) -> int:
    """An object in progress whose mask was made elsewhere."""
    row, column = np.argwhere(mask).mean(axis=0)
    number = socket.click(column, row)["object"]
    assert server.http.put(f"/api/v1/objects/{number}/mask", content=png(mask)).status_code == 200
    socket.sync()
    return number


def test_a_click_corrects_a_mask_and_the_rest_is_proposed(server) -> None:
    base = square(4, 4, 24, 24)
    with server.socket() as socket:
        number = put_mask(server, socket, base)
        ack = socket.click(50.5, 30.5)
        mask = shown(socket, number)
        assert (mask & base == base).all()
        assert mask[30, 50]
        # The model sees only discs round the clicks: it would give up most of the square.
        proposed = ghosts(socket, number)
        assert (proposed & ~base).sum() == 0
        assert proposed.sum() == server.get(f"/objects/{number}").json()["ghosts"] > 200
        assert socket.do("accept", x=50.5, y=30.5)["code"] == "not_now"
        ack = socket.do("accept", x=22.5, y=22.5)
        assert ack["history"]["undo"].startswith(f"proposal accepted, -{proposed.sum()} px")
        assert (shown(socket, number) == mask & ~proposed).all()
        assert number not in socket.ghosts
        socket.do("undo")
        assert (shown(socket, number) == mask).all()
        assert (ghosts(socket, number) == proposed).all()


def test_ghosts_are_there_after_a_restart_and_all_are_taken_at_once(restart) -> None:
    with restart() as server, server.socket() as socket:
        number = put_mask(server, socket, square(4, 4, 24, 24))
        socket.click(50.5, 30.5)
        proposed = ghosts(socket, number)
    with restart() as again, again.socket() as socket:
        socket.sync()
        assert (ghosts(socket, number) == proposed).all()
        socket.do("accept")
        assert not shown(socket, number)[20, 20]
        assert socket.do("accept")["code"] == "not_now"


def test_a_large_change_waits_for_its_confirmation(server) -> None:
    with server.socket() as socket:
        number = put_mask(server, socket, square(10, 10, 16, 16))  # 36 pixels; a disc has over 100
        socket.click(40.5, 30.5)
        mask = shown(socket, number)
        assert server.get(f"/objects/{number}").json()["waiting"]
        assert mask[30, 40]
        assert mask.sum() < 36 + 40
        socket.do("accept", x=44.5, y=30.5)
        assert shown(socket, number).sum() > 36 + 90
        assert not server.get(f"/objects/{number}").json()["waiting"]


def test_the_model_is_not_needed_for_a_click_to_be_obeyed(server) -> None:
    with server.socket() as socket:
        number = put_mask(server, socket, square(4, 4, 24, 24))
        socket.click(12.5, 12.5, positive=False)
        socket.click(12.5, 12.5, positive=True)  # the model lets the negative click stand
        assert shown(socket, number)[12, 12]


def test_a_locked_object_is_left_alone(server) -> None:
    with server.socket() as socket:
        socket.click(12.5, 12.5)
        assert socket.do("patch", object=1, locked=True)["code"] == "not_now"  # in progress
        socket.do("finish")
        before = shown(socket, 1)
        assert socket.do("patch", object=1, locked=True)["objects"][0]["locked"] is True
        for kind in ("reopen", "delete"):
            assert socket.do(kind, object=1)["code"] == "locked"
        server.http.post("/api/v1/classes", json={"name": "leaf"})
        assert socket.do("patch", object=1, **{"class": 2})["code"] == "locked"
        assert socket.do("patch", object=1, hidden=True)["type"] == "ack"
        server.http.patch("/api/v1/project", json={"policy": "take"})
        error = socket.do("click", x=12.5, y=12.5, positive=True)
        assert (error["code"], "locked" in error["message"]) == ("protected", True)
        socket.click(22.5, 12.5)
        socket.do("finish")
        assert (shown(socket, 1) == before).all()
        assert not (shown(socket, 2) & before).any()
        assert socket.do("patch", object=1, locked=False)["history"]["undo"] == "object #1 unlocked"
        assert socket.do("reopen", object=1)["type"] == "ack"


def test_under_take_the_new_object_wins_and_the_loss_is_part_of_the_same_step(server) -> None:
    assert server.http.patch("/api/v1/project", json={"policy": "take"}).json() == {"policy": "take"}
    assert server.get("/project").json()["policy"] == "take"
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        socket.do("finish")
        before = shown(socket, 1)
        socket.click(26.5, 20.5)
        assert (shown(socket, 1) == before).all()  # nothing is lost before it is decided
        ack = socket.do("finish")
        taken = shown(socket, 2) & before
        assert taken.any()
        assert ack["history"]["undo"] == f"object #2 finished, {taken.sum()} px taken from #1"
        assert (shown(socket, 1) == before & ~taken).all()
        socket.do("undo")
        assert (shown(socket, 1) == before).all()
        # An object that loses everything is gone, and comes back with undo.
        socket.do("redo")
        socket.do("box", x0=5, y0=5, x1=60, y1=45)
        assert socket.do("finish")["removed"] == [1, 2]
        assert {o["id"] for o in socket.do("undo")["objects"]} == {1, 2, 3}


def test_under_overlap_both_keep_the_pixel(server) -> None:
    server.http.patch("/api/v1/project", json={"policy": "overlap"})
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        socket.do("finish")
        before = shown(socket, 1)
        assert socket.click(20.5, 20.5)["object"] == 2
        socket.do("finish")
        assert (shown(socket, 1) == before).all()
        assert (shown(socket, 2) == before).all()


def test_an_unknown_policy_is_refused(server) -> None:
    assert server.http.patch("/api/v1/project", json={"policy": "steal"}).status_code == 400


def test_correcting_an_overlapping_import_takes_nothing_away(server) -> None:
    server.http.patch("/api/v1/project", json={"policy": "overlap"})
    with server.socket() as socket:
        for _ in range(2):
            socket.click(20.5, 20.5)
            socket.do("finish")
        server.http.patch("/api/v1/project", json={"policy": "yield"})
        before = shown(socket, 2)
        socket.do("reopen", object=2)
        socket.click(50.5, 30.5)
        socket.do("finish")
        assert (shown(socket, 2) & before == before).all()


def test_the_threshold_is_looked_at_and_then_kept(server) -> None:
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        half, runs = shown(socket, 1), len(server.model.runs)
        ack = socket.do("try_threshold", value=0.05)
        assert ack["objects"] == []
        wide = shown(socket, 1)
        assert (wide & half == half).all()
        assert wide.sum() > half.sum()
        assert server.get("/objects/1").json()["area"] == half.sum()
        ack = socket.do("threshold", value=0.95)
        assert ack["history"]["undo"].startswith("threshold 0.95, -")
        assert ack["objects"][0]["threshold"] == 0.95
        narrow = shown(socket, 1)
        assert narrow.sum() < half.sum()
        assert len(server.model.runs) == runs
        socket.click(40.5, 20.5)
        assert shown(socket, 1).sum() == 2 * narrow.sum()
        socket.do("undo")
        socket.do("undo")
        assert (shown(socket, 1) == half).all()
        assert socket.do("threshold", value=1.5)["code"] == "bad_request"


def test_a_correction_after_an_undone_threshold_begins_with_what_is_shown(server) -> None:
    with server.socket() as socket:
        number = put_mask(server, socket, square(4, 4, 30, 30))
        socket.click(50.5, 30.5)
        stood = shown(socket, number)
        socket.do("threshold", value=0.05)
        assert (shown(socket, number) != stood).any()
        socket.do("undo")
        socket.click(40.5, 10.5)
        assert (shown(socket, number) & stood == stood).all()
        assert not (shown(socket, number) & ~stood)[20:].any()


def test_the_threshold_is_found_again_after_a_restart(restart) -> None:
    with restart() as server, server.socket() as socket:
        socket.click(20.5, 20.5)
        socket.do("threshold", value=0.9)
        narrow = shown(socket, 1)
    with restart() as again, again.socket() as socket:
        socket.do("threshold", value=0.1)
        socket.do("threshold", value=0.9)
        assert (shown(socket, 1) == narrow).all()


def test_a_threshold_of_a_correction_is_the_same_before_and_after_a_restart(restart) -> None:
    with restart() as server, server.socket() as socket:
        number = put_mask(server, socket, square(4, 4, 30, 30))
        socket.click(36.5, 20.5)
        socket.click(54.5, 40.5)  # only what is connected to the newest click follows the threshold
        socket.do("threshold", value=0.05)
        wide = shown(socket, number)
        socket.do("undo")
    with restart() as again, again.socket() as socket:
        socket.do("threshold", value=0.05)
        assert (shown(socket, number) == wide).all()


def test_scribbles_are_sampled_and_lassos_stay_inside(server) -> None:
    with server.socket() as socket:
        ack = socket.draw("scribble", [(10.5, 10.5), (50.5, 10.5)])
        assert ack["objects"][0]["prompts"] == [
            {"kind": "scribble", "positive": True, "points": [[10.5, 10.5], [50.5, 10.5]]}
        ]
        mask = shown(socket, 1)
        assert mask[10, 10:51].all()
        socket.draw("scribble", [(30.5, 4.5), (30.5, 16.5)], positive=False)
        assert not shown(socket, 1)[4:17, 30].any()
        assert shown(socket, 1)[10, 12]
        socket.do("finish")
        assert socket.draw("lasso", [(10, 25), (40, 25), (40, 45), (10, 45)])["object"] == 2
        loop = shown(socket, 2)
        assert loop[35, 25]
        assert not (loop & ~square(10, 25, 40, 45)).any()
        socket.do("finish")
        socket.do("reopen", object=2)
        socket.draw("lasso", [(12, 27), (24, 27), (24, 40), (12, 40)], positive=False)
        assert not (loop & ~shown(socket, 2) & ~square(12, 27, 24, 40)).any()
        assert (loop & ~shown(socket, 2)).any()
        assert socket.do("lasso", points=[(5, 5), (9, 9)])["code"] == "bad_prompt"
        assert socket.do("scribble", points=[(-50, -50)])["code"] == "bad_prompt"
        assert [e["kind"] for e in server.get("/images/1/history").json()["entries"]].count("lasso") == 2


def test_markers_from_before_a_mask_cannot_be_taken_back(server) -> None:
    with server.socket() as socket:
        put_mask(server, socket, square(4, 4, 24, 24))
        error = socket.do("remove_prompt", index=0)
        assert (error["code"], "Undo" in error["message"]) == ("not_now", True)


def test_discarding_a_correction_with_a_set_mask_gives_the_finished_one_back(server) -> None:
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        socket.do("finish")
        before = shown(socket, 1)
        socket.do("reopen", object=1)
        server.http.put("/api/v1/objects/1/mask", content=png(square(2, 2, 9, 9)))
        socket.sync()
        socket.do("discard")
        assert (shown(socket, 1) == before).all()


def test_the_next_mask_is_another_threshold_where_a_model_has_one_alone(server) -> None:
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        half = shown(socket, 1)
        areas = []
        for label in ("threshold 0.30 on object #1", "threshold 0.70 on object #1", "threshold 0.50 on object #1"):
            assert socket.do("next_mask")["history"]["undo"] == label
            areas.append(shown(socket, 1).sum())
        assert areas[0] > half.sum() > areas[1]
        assert (shown(socket, 1) == half).all()
        socket.do("paint", points=[[40, 40]], radius=3)
        assert socket.do("next_mask")["code"] == "not_now"


def test_the_next_mask_is_the_next_of_several_and_clicks_go_on_from_it(server) -> None:
    def several(frame, state):
        inner = LogitMap(state.logits.values - 3, state.logits.box_xyxy)
        outer = LogitMap(state.logits.values + 3, state.logits.box_xyxy)
        return tuple(Candidate(logits, 0.9) for logits in (state.logits, inner, outer))

    with pytest.MonkeyPatch.context() as patch, server.socket() as socket:
        patch.setattr("clickmask.server.image_mind.candidates", lambda _pipeline, frame, state: several(frame, state))
        socket.click(20.5, 20.5)
        masks = [shown(socket, 1)]
        for label in ("mask 2 of 3 on object #1", "mask 3 of 3 on object #1"):
            assert socket.do("next_mask")["history"]["undo"] == label
            masks.append(shown(socket, 1))
        assert masks[2].sum() > masks[0].sum() > masks[1].sum()
        socket.do("next_mask")
        assert (shown(socket, 1) == masks[0]).all()
        socket.do("undo")
        assert (shown(socket, 1) == masks[2]).all()
        socket.click(45.5, 20.5)
        assert shown(socket, 1)[20, 45]
