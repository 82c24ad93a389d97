from __future__ import annotations

import threading
import time

import numpy as np
import pytest

SIZE = (48, 64)


def shown(socket, number: int) -> np.ndarray:
    return socket.records[number].mask(SIZE).decode()


def test_a_click_gives_a_mask(server) -> None:
    with server.socket() as socket:
        assert socket.ready["rev"] == 0
        ack = socket.click(20.5, 20.5)
        assert ack["object"] == ack["active"] == 1
        assert ack["objects"][0]["settled"] is False
        assert (ack["history"]["undo"], ack["history"]["redo"]) == ("positive click 1 on object #1", None)
        record = socket.records[1]
        assert (record.rev, record.seq, record.settled) == (1, 1, True)
        mask = shown(socket, 1)
        assert mask[20, 20]
        assert mask.sum() > 80


def test_refinement_box_and_removed_prompts(server) -> None:
    with server.socket() as socket:
        socket.do("box", x0=5, y0=5, x1=30, y1=30)
        socket.click(28, 28, positive=False)
        assert shown(socket, 1)[10, 10]
        assert not shown(socket, 1)[28, 28]
        assert socket.do("remove_prompt", index=1)["objects"][0]["prompts"] == [
            {"kind": "box", "x0": 5.0, "y0": 5.0, "x1": 30.0, "y1": 30.0}
        ]
        socket.do("finish")
        assert shown(socket, 1)[28, 28]


def test_removing_the_only_prompt_removes_the_object(server) -> None:
    with server.socket() as socket:
        socket.click(20, 20)
        ack = socket.do("remove_prompt", index=0)
        assert (ack["removed"], ack["active"]) == ([1], None)
        assert socket.do("remove_prompt", index=0)["code"] == "not_now"


def test_finish_and_the_next_click_begins_another_object(server) -> None:
    with server.socket() as socket:
        socket.click(12, 12)
        ack = socket.do("finish")
        assert (ack["active"], ack["objects"][0]["state"]) == (None, "finished")
        assert socket.click(50, 30)["object"] == 2
        assert server.get("/images/1").json()["finished"] == 1
        assert server.get("/images/1").json()["in_progress"] == 1


def test_new_objects_yield_to_finished_ones(server) -> None:
    with server.socket() as socket:
        socket.click(20, 20)
        socket.do("finish")
        before = shown(socket, 1)
        socket.click(28, 20)
        socket.do("finish")
        assert (shown(socket, 1) == before).all()
        assert not (shown(socket, 2) & before).any()
        assert shown(socket, 2)[20, 28]
        error = socket.do("click", x=20, y=20, positive=True)
        assert error["code"] == "protected"
        assert "#1" in error["message"]


def test_reopening_corrects_with_the_mask_as_base(server) -> None:
    with server.socket() as socket:
        socket.click(15, 15)
        socket.do("finish")
        base = shown(socket, 1)
        ack = socket.do("reopen", object=1)
        assert (ack["active"], ack["objects"][0]["prompts"][-1]) == (1, {"kind": "mask", "painted": False})
        socket.click(21, 15)
        grown = shown(socket, 1)
        assert grown[15, 21]
        assert (grown & base).sum() == base.sum()
        socket.click(50, 40, object=None)
        socket.do("discard")
        assert (shown(socket, 1) == base).all()
        assert server.get("/objects/1").json()["state"] == "finished"
        assert len(server.get("/objects/1").json()["prompts"]) == 1


def test_a_reopened_object_goes_on_owning_its_pixels(server) -> None:
    with server.socket() as socket:
        socket.click(15, 15)
        socket.do("finish")
        socket.do("reopen", object=1)
        socket.do("activate")
        assert socket.do("click", x=15, y=15, positive=True)["code"] == "protected"


def test_undo_and_redo_bring_stored_masks_back_without_the_model(server) -> None:
    with server.socket() as socket:
        masks = []
        for x in (12, 24, 36):
            socket.click(x, 20)
            masks.append(shown(socket, 1))
        runs = len(server.model.runs)
        for wanted in (1, 0):
            ack = socket.do("undo")
            socket.sync()
            assert len(ack["objects"][0]["prompts"]) == wanted + 1
            assert (shown(socket, 1) == masks[wanted]).all()
        assert socket.do("undo")["removed"] == [1]
        assert socket.do("undo")["code"] == "not_now"
        for wanted in range(3):
            socket.do("redo")
            socket.sync()
            assert (shown(socket, 1) == masks[wanted]).all()
        assert socket.do("redo")["code"] == "not_now"
        assert len(server.model.runs) == runs


def test_undo_reaches_across_objects_and_everything_else(server) -> None:
    with server.socket() as socket:
        socket.click(12, 12)
        socket.do("patch", object=1, hidden=True)
        socket.do("patch", object=1, colour="#ff0000", z=9)
        socket.do("finish")
        socket.do("delete", object=1)
        entries = server.get("/images/1/history").json()["entries"]
        assert [e["kind"] for e in entries] == ["click", "patch_hidden", "patch_colour_z", "finish", "delete"]
        ack = socket.do("undo")
        assert (ack["objects"][0]["state"], ack["objects"][0]["colour"]) == ("finished", "#ff0000")
        assert socket.do("undo")["active"] == 1
        ack = socket.do("jump", action=entries[0]["action"])
        assert ack["objects"][0]["hidden"] is False
        assert socket.do("jump", action=0)["removed"] == [1]
        assert socket.do("jump", action=77)["code"] == "not_found"


def test_history_is_there_after_a_restart(restart) -> None:
    with restart() as server, server.socket() as socket:
        socket.click(12, 12)
        last = socket.click(30, 12)["seq"]
        before = shown(socket, 1)
    with restart() as again, again.socket() as socket:
        assert (socket.ready["active"], socket.ready["last_seq"]) == (1, last)
        socket.sync()
        assert (shown(socket, 1) == before).all()
        assert len(socket.do("undo")["objects"][0]["prompts"]) == 1
        socket.do("redo")
        socket.click(40, 40)
        assert (shown(socket, 1) & before).sum() == before.sum()


def test_fast_clicks_are_all_recorded_and_answered_together(server) -> None:
    with server.socket() as socket:
        server.model.gate.clear()
        for x in (10, 20, 30, 40):
            ack = socket.do("click", x=x, y=20, positive=True)
            assert ack["type"] == "ack"
        assert len(ack["objects"][0]["prompts"]) == 4
        server.model.gate.set()
        assert socket.do("finish")["objects"][0]["settled"]
        assert server.model.runs == [1, 4]
        assert all(shown(socket, 1)[20, x] for x in (10, 20, 30, 40))
        assert [e["kind"] for e in server.get("/images/1/history").json()["entries"]].count("click") == 4


def test_undo_to_a_click_that_was_never_answered_alone_asks_the_model(server) -> None:
    with server.socket() as socket:
        server.model.gate.clear()
        for x in (10, 25, 40):
            socket.do("click", x=x, y=20, positive=True)
        server.model.gate.set()
        socket.answered(1, 3)
        socket.answered(1, socket.do("undo")["rev"])
        assert [bool(shown(socket, 1)[20, x]) for x in (10, 25, 40)] == [True, True, False]


def test_corrections_are_never_answered_together(server) -> None:
    with server.socket() as socket:
        socket.click(10, 20)
        socket.do("finish")
        socket.do("reopen", object=1)
        server.model.gate.clear()
        for x in (20, 30):
            socket.do("click", x=x, y=20, positive=True)
        server.model.gate.set()
        socket.do("finish")
        assert all(shown(socket, 1)[20, x] for x in (10, 20, 30))


def test_an_answer_that_comes_after_undo_is_not_shown(server) -> None:
    with server.socket() as socket:
        socket.click(10, 20)
        first = shown(socket, 1)
        server.model.gate.clear()
        socket.do("click", x=40, y=20, positive=True)
        socket.do("undo")
        server.model.gate.set()
        time.sleep(0.1)
        socket.sync()
        assert (shown(socket, 1) == first).all()
        socket.answered(1, socket.do("redo")["rev"])
        assert shown(socket, 1)[20, 40]


def test_first_click_waits_for_the_model_to_load(restart, model) -> None:
    loaded = threading.Event()
    build = model.build

    def slow(name: str):
        assert loaded.wait(20)
        return build(name)

    model.build = slow
    with restart() as server, server.socket() as socket:
        ack = socket.do("click", x=20, y=20, positive=True)
        assert ack["type"] == "ack"
        assert socket.until("busy")["stage"] == "loading_model"
        loaded.set()
        socket.answered(1, 1)


def test_a_failing_model_keeps_the_clicks(server) -> None:
    server.model.failure = RuntimeError("out of memory")
    with server.socket() as socket:
        socket.do("click", x=20, y=20, positive=True)
        error = socket.until("error")
        assert error["code"] == "model"
        assert "out of memory" in error["message"]
        assert socket.do("finish")["code"] == "model"
        server.model.failure = None
        last = socket.do("finish")
        assert last["type"] == "ack", (last, socket.messages)
        assert last["objects"][0]["area"] > 80


def test_a_model_that_cannot_be_loaded_is_told(restart, model) -> None:
    from clickmask.core.errors import WeightsError

    def broken(name: str):
        raise WeightsError("The weights are damaged.")

    model.build = broken
    with restart() as server, server.socket() as socket:
        socket.do("click", x=20, y=20, positive=True)
        assert "weights are damaged" in socket.until("error")["message"]
        assert server.get("/models").json()["state"] == "failed"


def test_a_model_that_fails_at_its_warm_up_is_told_and_can_be_chosen_again(restart, model) -> None:
    model.failure = IndexError("no such operator")
    with restart() as server, server.socket() as socket:
        socket.do("click", x=20, y=20, positive=True)
        told = socket.until("error")["message"]
        assert "no such operator" in told
        assert "again" in told
        assert server.get("/models").json()["state"] == "failed"
        model.failure = None
        server.http.put("/api/v1/models/current", json={"name": "disc"})
        assert socket.do("finish")["objects"][0]["area"] > 80


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"type": "click", "x": 99, "y": 1, "positive": True}, "bad_prompt"),
        ({"type": "click", "x": -0.1, "y": 1, "positive": True}, "bad_prompt"),
        ({"type": "click", "x": 5, "y": 5, "positive": False}, "bad_prompt"),
        ({"type": "click", "x": float("nan"), "y": 5}, "bad_request"),
        ({"type": "click", "x": 5}, "bad_request"),
        ({"type": "click", "x": 5, "y": 5, "extra": 1}, "bad_request"),
        ({"type": "click", "x": 5, "y": 5, "class": 77}, "not_found"),
        ({"type": "box", "x0": 5, "y0": 5, "x1": 5, "y1": 9}, "bad_prompt"),
        ({"type": "box", "x0": 70, "y0": 5, "x1": 90, "y1": 9}, "bad_prompt"),
        ({"type": "dance"}, "bad_request"),
        ({"type": "finish"}, "not_now"),
        ({"type": "finish", "object": 5}, "not_found"),
        ({"type": "delete"}, "not_now"),
        ({"type": "undo"}, "not_now"),
        ({"type": "jump", "action": -1}, "bad_request"),
    ],
)
def test_commands_that_do_not_fit_are_refused_and_change_nothing(server, command: dict, code: str) -> None:
    with server.socket() as socket:
        answer = socket.do(**{"kind" if k == "type" else k: v for k, v in command.items()})
        assert (answer["type"], answer["code"]) == ("error", code)
        assert server.get("/images/1").json()["rev"] == 0
        assert socket.click(20, 20)["type"] == "ack"


def test_a_resent_command_is_applied_once(server) -> None:
    with server.socket() as socket:
        socket.click(20, 20)
    with server.socket() as socket:
        assert socket.ready["last_seq"] == 1
        socket.session.send_json({"type": "click", "seq": 1, "rev": 0, "x": 20, "y": 20, "positive": True})
        assert socket.until("ack")["seq"] == 1
        assert len(server.get("/objects/1").json()["prompts"]) == 1


def test_two_clients_see_each_other_and_stale_commands_are_refused(server) -> None:
    with server.socket(client="client-a") as ann, server.socket(client="client-b") as bob:
        ann.click(20, 20)
        changed = bob.until("changed")
        assert (changed["by"], changed["objects"][0]["id"]) == ("client-a", 1)
        bob.until("settled")
        bob.sync()
        assert bob.records[1].seq == 0
        assert (shown(bob, 1) == shown(ann, 1)).all()
        ann.do("finish")
        bob.rev = 1
        error = bob.do("patch", object=1, hidden=True)
        assert error["code"] == "stale"
        assert bob.do("undo")["type"] == "ack"


def test_undo_of_somebody_elses_step_needs_to_have_seen_it(server) -> None:
    with server.socket(client="client-a") as ann, server.socket(client="client-b") as bob:
        ann.click(20, 20)
        bob.seq += 1
        bob.session.send_json({"type": "undo", "seq": bob.seq, "rev": 0})
        assert bob.until("error")["code"] == "stale"
        assert bob.do("undo")["removed"] == [1]


def test_each_client_has_its_own_active_object(server) -> None:
    with server.socket(client="client-a") as ann, server.socket(client="client-b") as bob:
        ann.click(15, 15)
        bob.until("changed")
        assert bob.click(45, 30)["object"] == 2
        ann.until("changed")
        assert ann.click(18, 15)["object"] == 1


def test_a_duplicated_tab_takes_over(server) -> None:
    with server.socket() as first, server.socket() as second:
        assert first.until("never") == {"type": "closed", "code": 4409}
        assert second.click(20, 20)["type"] == "ack"


@pytest.mark.parametrize("frame", ["no json", "[1]", '{"type": "click"}', '{"type": "open", "client": "x"}'])
def test_the_first_frame_must_be_open(server, frame: str) -> None:
    with server.http.websocket_connect("ws://127.0.0.1:8000/api/v1/images/1/live") as session:
        session.send_text(frame)
        assert session.receive_json()["code"] == "bad_request"
        assert session.receive()["code"] == 4400


def test_an_unknown_image_is_told_and_closed(server) -> None:
    with server.http.websocket_connect("ws://127.0.0.1:8000/api/v1/images/99/live") as session:
        session.send_json({"type": "open", "client": "client-a"})
        assert session.receive_json()["code"] == "not_found"
        assert session.receive()["code"] == 4404


def test_full_disk_is_told_and_nothing_is_lost(server, monkeypatch) -> None:
    from sqlalchemy import text

    with server.socket() as socket:
        socket.click(20, 20)
        store = server.http.app.state.services.store
        with store._engine.connect() as connection:
            connection.execute(text("PRAGMA query_only=ON"))
        error = socket.do("finish")
        assert (error["code"], server.get("/objects/1").json()["state"]) == ("storage", "in_progress")
        with store._engine.connect() as connection:
            connection.execute(text("PRAGMA query_only=OFF"))
        socket.seq -= 1
        assert socket.do("finish")["type"] == "ack"
