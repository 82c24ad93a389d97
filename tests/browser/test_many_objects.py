"""Ten thousand finished objects on a photograph: drawing them costs what drawing none costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright, WebSocketRoute

from clickmask.core.masks import RunLengthMask
from clickmask.server.records import mask_record
from clickmask.server.routes.live import joined
from clickmask.server.schemas import object_json
from clickmask.store.values import ObjectValue, StoredObject

from .annotator import Annotator, Server
from .conftest import opened, running

pytestmark = pytest.mark.browser

WIDTH, HEIGHT, COLUMNS, ROWS = 4000, 3000, 125, 80
SIDE = 20


DRAW_CALLS = {"webgl2": (1, 1), "canvas2d": (1, 2)}
"""By renderer: of a bare picture, and with objects, however many; without WebGL all masks are one picture more."""


@pytest.fixture(params=list(DRAW_CALLS))
def crowded(request: pytest.FixtureRequest, playwright: Playwright, tmp_path: Path) -> Iterator[Annotator]:
    """A page on an empty image, whose line the test can answer in the server's place; with WebGL and without."""
    browser: Browser = request.getfixturevalue("browser" if request.param == "webgl2" else "plain_browser")
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), np.full((HEIGHT, WIDTH, 3), 120, dtype=np.uint8))
    for server in running(Server(folder, tmp_path / "project")):
        yield from opened(browser, server)


def block(number: int) -> StoredObject:
    x, y = number % COLUMNS * 32 + 4, number // COLUMNS * 37 + 4
    mask = RunLengthMask((HEIGHT, WIDTH), (x, y, x + SIDE, y + SIDE), (0, SIDE * SIDE))
    return StoredObject(number + 1, 1, 1, "import", ObjectValue(1, mask, z=number, phase="finished"))


def answer_with(objects: list[StoredObject], image: dict[str, Any], line: WebSocketRoute) -> None:
    """Play the server: greet with these objects."""
    ready = {
        "type": "ready", "image": image, "rev": 1, "objects": [object_json(o) for o in objects], "active": None,
        "history": {"undo": None, "redo": None}, "last_seq": 0, "model": "flood",
    }  # fmt: skip
    frames = list(joined([mask_record(o.id, 1, o.value.mask, seq=0, settled=True)] for o in objects))

    def greet(_message: str | bytes) -> None:
        line.send(json.dumps(ready))
        for frame in frames:
            line.send(frame)

    line.on_message(greet)


def test_ten_thousand_objects(crowded: Annotator) -> None:
    page = crowded.page
    bare = crowded.state["drawCalls"]
    objects = [block(number) for number in range(COLUMNS * ROWS)]
    image = page.evaluate("async () => (await (await fetch('/api/v1/images')).json()).images[0]")
    page.route_web_socket("**/live", lambda line: answer_with(objects, image, line))
    page.reload()
    crowded.wait_ready()
    assert page.evaluate("window.clickmaskProbe.state().objects.length") == 10_000
    crowded.wait_for("window.clickmaskProbe.idAt(3982, 2937) > 0")
    crowded.colour_at((14, 14))  # waits for the newest frame
    told = page.evaluate("(() => { const s = window.clickmaskProbe.state(); return [s.renderer, s.drawCalls] })()")
    assert (bare, told[1]) == DRAW_CALLS[told[0]]
    places = [[14, 14], [3982, 2937], [2, 2]]
    slots = page.evaluate("(places) => places.map(([x, y]) => window.clickmaskProbe.idAt(x, y))", places)
    assert slots[0] > 0 and slots[1] > 0 and slots[0] != slots[1] and slots[2] == 0
    assert 0 < page.locator(".object-row").count() < 100, "the list holds the rows in sight only"
    page.keyboard.press("v")
    page.mouse.click(*crowded.screen((14.5, 14.5)))
    crowded.wait_for("s.selected === 1")
