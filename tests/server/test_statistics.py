from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

from clickmask.core.masks import RunLengthMask
from clickmask.server.statistics import PAUSE_SECONDS, efforts, mask_iou
from clickmask.store.values import LoggedEvent

from .conftest import HEIGHT, WIDTH, Server


def event(at: float, kind: str, object_id: int | None = 1, client: str = "person-a") -> LoggedEvent:
    return LoggedEvent(0, 1, object_id, at, client, None, kind, {})


def test_time_belongs_to_the_object_of_the_step_that_ends_it() -> None:
    found = efforts([event(0, "click"), event(2, "click"), event(3, "finish"), event(7, "click", 2)])
    assert (found[1].clicks, found[1].steps, found[1].seconds) == (2, 3, 3)
    assert (found[2].clicks, found[2].seconds) == (1, 4)


def test_pauses_are_cut_and_nobody_else_counts() -> None:
    found = efforts(
        [
            event(0, "click"),
            event(1, "model_run", client="model"),
            event(1000, "click"),
            event(1001, "click", client="person-b"),
        ]
    )
    assert found[1].seconds == PAUSE_SECONDS
    assert found[1].clicks == 3


def test_undo_is_time_of_what_comes_next() -> None:
    assert efforts([event(0, "click"), event(2, "undo", None), event(5, "click")])[1].seconds == 5


def test_iou_of_masks() -> None:
    left = np.zeros((4, 4), dtype=bool)
    left[:, :2] = True
    half, whole = RunLengthMask.encode(left), RunLengthMask.encode(np.ones((4, 4), dtype=bool))
    assert mask_iou(half, half) == mask_iou(RunLengthMask.empty((4, 4)), RunLengthMask.empty((4, 4))) == 1
    assert mask_iou(half, whole) == 0.5
    assert mask_iou(half, RunLengthMask.empty((5, 4))) == 0


def import_mask(server: Server) -> None:
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    labels[10:20, 10:30] = 1
    file = io.BytesIO()
    Image.fromarray(labels).save(file, "PNG")
    answer = server.http.post("/api/v1/import", files={"file": ("a.png", file.getvalue())}, data={"format": "png"})
    assert answer.json()["objects"] == 1


def test_the_project_in_numbers(server: Server) -> None:
    import_mask(server)
    with server.socket() as socket:
        socket.click(50, 40)
        socket.click(55, 40)
        socket.do("finish")
    numbers = server.get("/statistics").json()
    assert numbers["images"] == {"all": 2, "annotated": 1, "finished": 1}
    total = numbers["total"]
    assert (total["objects"], total["finished"], total["clicks"], total["imported"], total["imported_iou"]) == (
        2,
        2,
        2,
        1,
        1.0,
    )
    assert [row["name"] for row in numbers["by_image"]] == ["a.png"]
    assert sum(row["objects"] for row in numbers["classes"]) == 2

    table = list(csv.DictReader(io.StringIO(server.get("/statistics?format=csv").text)))
    assert [row["clicks"] for row in table] == ["0", "2"]
    assert [row["imported_iou"] for row in table] == ["1.0000", ""]


def test_what_is_left_of_an_imported_mask_is_told_and_can_be_seen(server: Server) -> None:
    import_mask(server)
    with server.socket() as socket:
        socket.do("reopen", object=1)
        socket.click(33.5, 15)
        socket.do("finish")
    kept = server.get("/statistics").json()["total"]["imported_iou"]
    assert 0 < kept < 1
    versions = server.get("/objects/1/versions").json()["versions"]
    assert versions[0]["kind"] == "import" and versions[0]["area"] == 200
    assert versions[0]["iou"] == pytest.approx(kept, abs=1e-3)
    assert versions[-1]["iou"] == 1
    record = server.get(f"/objects/1/versions/{versions[0]['action']}")
    assert record.content[:2] == b"M1"
    assert server.get("/objects/1/versions/99").status_code == 404
    assert server.get("/objects/99/versions").status_code == 404
