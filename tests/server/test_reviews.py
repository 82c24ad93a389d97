"""Accepting and rejecting objects and images; names of people; words in other languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clickmask.core.words import Words, words

from .conftest import Server


def finished(socket: Any, x: float = 20.5) -> int:
    number: int = socket.click(x, 20.5)["object"]
    socket.do("finish")
    return number


def test_an_object_is_accepted_by_somebody_and_that_is_one_step(server: Server) -> None:
    with server.socket() as socket:
        socket.session.send_json({"type": "name", "name": "Anna"})
        number = finished(socket)
        ack = socket.do("patch", object=number, review="accepted", note="clean edge")
        (found,) = ack["objects"]
        assert (found["review"], found["reviewer"], found["note"]) == ("accepted", "Anna", "clean edge")
        assert ack["history"]["undo"] == "object #1 accepted; note on object #1"
        image = server.get("/images/1").json()
        assert (image["accepted"], image["rejected"]) == (1, 0)
        entries = server.get("/images/1/history").json()["entries"]
        assert (entries[-1]["kind"], entries[-1]["by"]) == ("patch_review_note", "Anna")
        (back,) = socket.do("undo")["objects"]
        assert (back["review"], back["reviewer"]) == (None, "")


def test_a_change_of_the_mask_asks_for_a_new_judgement(server: Server) -> None:
    with server.socket() as socket:
        number = finished(socket)
        socket.do("patch", object=number, review="rejected", note="too wide")
        (kept,) = socket.do("patch", object=number, colour="#123456")["objects"]
        assert kept["review"] == "rejected"
        (shrunk,) = socket.do("shape", object=number, operation="shrink", amount=1)["objects"]
        assert (shrunk["review"], shrunk["note"]) == (None, "too wide")
        socket.do("patch", object=number, review="accepted")
        (again,) = socket.do("reopen", object=number)["objects"]
        assert again["review"] is None
        refused = socket.do("patch", object=number, review="accepted")
        assert (refused["code"], refused["words"]["key"]) == ("not_now", "refused.inProgress")


def test_an_image_is_judged_until_one_of_its_objects_changes(server: Server) -> None:
    with server.socket() as socket:
        number = finished(socket)
        judged = server.http.patch("/api/v1/images/1", json={"review": "accepted", "by": "Ben"}).json()
        assert (judged["review"], judged["reviewer"]) == ("accepted", "Ben")
        assert socket.until("image")["image"] == judged
        socket.do("patch", object=number, hidden=True)
        assert server.get("/images/1").json()["review"] == "accepted"
        finished(socket, 50.5)
        assert server.get("/images/1").json()["review"] is None
        events = server.http.app.state.services.store.events(1)
        assert [e.payload["by"] for e in events if e.kind == "review_image"] == ["Ben"]


def test_who_is_here_and_what_they_work_on_is_told_and_names_outlive_a_restart(restart: Callable[[], Any]) -> None:
    with restart() as server, server.socket(client="client-a") as anna:
        anna.session.send_json({"type": "name", "name": "Anna"})
        number = anna.click(20.5, 20.5)["object"]
        with server.socket(client="client-b") as ben:
            assert ben.ready["people"][0] == {"client": "client-a", "name": "Anna", "active": number}
            told = anna.until("presence")["people"]
            assert [(p["client"], p["active"]) for p in told] == [("client-a", number), ("client-b", None)]
            ben.click(50.5, 20.5)
            ben.session.send_json({"type": "name", "name": "  Ben "})
            while told[-1]["name"] != "Ben":
                told = anna.until("presence")["people"]
            assert told[-1]["active"] == 2
        assert len(anna.until("presence")["people"]) == 1
    with restart() as server, server.socket(client="client-a") as anna:
        assert server.http.app.state.services.people["client-b"] == "Ben"


def test_steps_and_refusals_carry_what_another_language_needs(server: Server) -> None:
    with server.socket() as socket:
        ack = socket.click(20.5, 20.5)
        said = ack["history"]["words"]["undo"]
        assert said["key"] == "step.prompt"
        assert said["values"] == {
            "class": "object",
            "object": 1,
            "prompt": {"key": "prompt.positive", "values": {"n": 1}},
        }
        socket.do("finish")
        refused = socket.do("click", x=20.5, y=20.5, positive=True)
        assert refused["words"] == {"key": "refused.pixelKept", "values": {"x": "20.5", "y": "20.5", "object": 1}}
        (entry, *_) = server.get("/images/1/history").json()["entries"]
        assert entry["words"] == said
    answer = server.http.patch("/api/v1/objects/9", json={"hidden": True}).json()["error"]
    assert answer["code"] == "not_found"


def test_words_are_plain_text_that_remembers() -> None:
    step = words("step.x", "{tool} on #{object}", tool=words("tool.y", "brush"), object="{object}")
    named = step.filled("{object}", 7)
    assert (named, named.json()) == (
        "brush on #7", {"key": "step.x", "values": {"tool": {"key": "tool.y", "values": {}}, "object": 7}},
    )  # fmt: skip
    assert Words.restored("as kept", named.json()).json() == named.json()  # type: ignore[attr-defined]
    assert Words.restored("old", None) == "old"
