"""What the model is not sure of about an object, over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from clickmask.server.records import parse_records

from .conftest import HEIGHT, WIDTH, DiscModel, Server


def test_the_soft_rim_of_a_disc_is_unsure_and_reading_it_changes_nothing(server: Server, model: DiscModel) -> None:
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        runs, rev = len(model.runs), socket.rev
        found = server.get("/objects/1/uncertainty").json()
        assert (found["object"], found["rev"], len(model.runs)) == (1, rev, runs), "the kept answer is read"
        (record,) = parse_records(base64.b64decode(found["unsure"]))
        unsure = record.mask((HEIGHT, WIDTH)).decode()
        assert unsure[20, 26] and not unsure[20, 20] and not unsure[20, 40]
        assert 0 < found["expected_iou"] <= 1
        assert server.get("/images/1").json()["rev"] == rev


def test_where_the_answer_and_the_mask_differ_a_click_is_proposed(server: Server) -> None:
    with server.socket() as socket:
        socket.click(20.5, 20.5)
        socket.do("finish")
        socket.do("reopen", object=1)
        socket.click(50.5, 30.5)  # the answer knows nothing of the first disc's colour: both discs are in it
        socket.do("paint", points=[[35.5, 10.5], [40.5, 10.5]], radius=4)
        socket.click(50.5, 34.5)
        (place, *_) = server.get("/objects/1/uncertainty").json()["places"]
        assert place["inside"] and abs(place["x"] - 38) < 4 and abs(place["y"] - 10.5) < 2
        assert place["pixels"] > 10


def test_after_a_restart_the_model_is_asked_again(restart: Callable[[], Any]) -> None:
    with restart() as first, first.socket() as socket:
        socket.click(20.5, 20.5)
        before = first.get("/objects/1/uncertainty").json()
    with restart() as second:
        assert second.get("/objects/1/uncertainty").json() == before


def test_a_painted_mask_is_nothing_that_the_model_doubts(server: Server) -> None:
    with server.socket() as socket:
        socket.do("paint", points=[[20.5, 20.5]], radius=5)
        answer = server.get("/objects/1/uncertainty")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")
        assert "Click on the object first" in answer.json()["error"]["message"]
    assert server.get("/objects/77/uncertainty").status_code == 404
