"""Clicks made while an image is still opening are kept or refused in words, never lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, WebSocketRoute

from .annotator import DISC_XY, SQUARE_XY, Annotator

pytestmark = pytest.mark.browser


def hold_line(annotator: Annotator) -> Callable[[], None]:
    """From now on what the server says on new lines waits until the returned function is called."""
    waiting: list[tuple[WebSocketRoute, str | bytes]] = []
    open_ = [False]

    def connect(page_side: WebSocketRoute) -> None:
        server_side = page_side.connect_to_server()
        page_side.on_message(server_side.send)
        server_side.on_message(lambda m: page_side.send(m) if open_[0] else waiting.append((page_side, m)))

    def let_go() -> None:
        open_[0] = True
        for page_side, message in waiting:
            page_side.send(message)

    annotator.page.route_web_socket("**/live", connect)
    return let_go


def test_clicks_on_a_picture_whose_line_is_slow_are_kept(own_annotator: Annotator) -> None:
    annotator = own_annotator
    let_go = hold_line(annotator)
    page = annotator.page
    page.keyboard.press("d")
    annotator.wait_for("s.image === 'b.png' && s.picture && s.status === 'loading'")
    page.mouse.click(*annotator.screen(DISC_XY))
    page.keyboard.press("Enter")
    page.mouse.click(*annotator.screen(SQUARE_XY))
    assert annotator.state["unsaved"] == 3
    let_go()
    annotator.settle()
    assert [o["state"] for o in annotator.objects] == ["finished", "in_progress"]
    assert annotator.finished_at(DISC_XY) and annotator.active_at(SQUARE_XY)


def test_a_click_before_the_picture_is_refused_in_words(own_annotator: Annotator) -> None:
    annotator = own_annotator
    let_go = hold_line(annotator)
    page = annotator.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/display", hold)  # c.png has not been fetched ahead
    page.get_by_role("button", name="c.png").click()
    annotator.wait_for("s.image === 'c.png' && s.status === 'loading'")
    page.mouse.click(400, 300)
    page.get_by_text("c.png is still opening. Click again when you see it.").wait_for()
    for route in held:
        route.continue_()
    page.unroute("**/display")
    let_go()
    annotator.wait_ready()
    assert annotator.objects == []
    annotator.click(DISC_XY)
    assert len(annotator.objects) == 1
