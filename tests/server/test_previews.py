"""Looking ahead: a mask before the click, of which nothing stays."""

from __future__ import annotations

from typing import Any

from clickmask.server.records import parse_records

from .conftest import DiscModel, Server, Socket

PREVIEW_KIND = 2


def hover(socket: Socket, x: float, y: float, positive: bool = True, seq: int = 1) -> Any:
    """Ask and wait for the preview record; its kind and area."""
    socket.session.send_json({"type": "hover", "seq": seq, "x": x, "y": y, "positive": positive})
    while True:
        frame = socket.session.receive()
        data = frame.get("bytes")
        if data is not None and data[2] == PREVIEW_KIND:
            (found,) = parse_records(data)
            assert found.seq == seq
            return found


def test_a_preview_is_what_the_click_gives_and_leaves_no_trace(server: Server) -> None:
    with server.socket() as socket:
        before = server.http.app.state.services.store.events(1)
        seen = hover(socket, 20.5, 20.5)
        assert server.get("/images/1/objects").json()["objects"] == []
        assert server.http.app.state.services.store.events(1) == before
        socket.click(20.5, 20.5)
        assert socket.records[1].runs == seen.runs
        assert socket.records[1].box_xyxy == seen.box_xyxy


def test_the_click_finds_the_answer_of_its_preview(server: Server, model: DiscModel) -> None:
    with server.socket() as socket:
        hover(socket, 20.5, 20.5)
        runs = len(model.runs)
        socket.click(20.5, 20.5)
        assert len(model.runs) == runs, "the first click of a new object"
        hover(socket, 30.5, 20.5)
        runs = len(model.runs)
        socket.click(30.5, 20.5)
        assert len(model.runs) == runs, "a further click on the object"
        socket.click(31.5, 20.5)
        assert len(model.runs) == runs + 1


def test_a_negative_preview_needs_an_object(server: Server) -> None:
    with server.socket() as socket:
        assert hover(socket, 20.5, 20.5, positive=False).runs == ()
        socket.click(20.5, 20.5)
        smaller = hover(socket, 23.5, 20.5, positive=False, seq=2)
        assert smaller.object_id == 1
        assert 0 < sum(smaller.runs[1::2]) < sum(socket.records[1].runs[1::2])


def test_the_newest_wish_wins_and_a_cancelled_one_is_not_answered(server: Server, model: DiscModel) -> None:
    with server.socket() as socket:
        model.gate.clear()
        for seq, x in enumerate((10.5, 20.5, 30.5), start=1):
            socket.session.send_json({"type": "hover", "seq": seq, "x": x, "y": 20.5})
        socket.session.send_json({"type": "ping", "seq": 99})
        while socket.session.receive_json()["type"] != "pong":
            pass
        model.gate.set()
        frame = socket.session.receive()
        (found,) = parse_records(frame["bytes"])
        assert found.seq == 3
        assert len(model.runs) <= 2, "the one in between was never asked"

        model.gate.clear()
        socket.session.send_json({"type": "hover", "seq": 4, "x": 40.5, "y": 20.5})
        socket.session.send_json({"type": "cancel", "seq": 4})
        model.gate.set()
        ack = socket.click(50.5, 20.5)
        assert ack["type"] == "ack"


def test_others_do_not_see_it(server: Server) -> None:
    with server.socket() as socket, server.socket(client="client-b") as other:
        hover(socket, 20.5, 20.5)
        other.sync()
        assert other.records == {}


def test_a_preview_outside_the_image_is_refused_in_words(server: Server) -> None:
    with server.socket() as socket:
        socket.session.send_json({"type": "hover", "seq": 1, "x": -3, "y": 20})
        assert socket.until("error")["code"] == "bad_prompt"
        socket.session.send_json({"type": "hover", "seq": 1})
        assert socket.until("error")["code"] == "bad_request"


def test_a_model_that_fails_ahead_is_told_with_the_click(server: Server, model: DiscModel) -> None:
    with server.socket() as socket:
        model.failure = RuntimeError("out of memory")
        socket.session.send_json({"type": "hover", "seq": 1, "x": 20.5, "y": 20.5})
        socket.sync()
        socket.do("click", x=20.5, y=20.5)
        assert socket.until("error")["code"] == "model"
