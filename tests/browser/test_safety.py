"""Nothing leaves the machine, and two windows lose nothing of each other's work."""

from __future__ import annotations

import pytest

from .annotator import DISC_XY, ISLAND_XY, SQUARE_XY, Annotator
from .line import Line

pytestmark = pytest.mark.browser


def test_no_request_leaves_the_origin(own_annotator: Annotator) -> None:
    annotator = own_annotator
    page = annotator.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.reload()
    annotator.wait_ready()
    annotator.click(DISC_XY)
    annotator.press("Enter")
    page.keyboard.press("d")
    annotator.wait_ready()
    for key in ("?", "Control+,", "Control+k"):
        page.keyboard.press(key)
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    page.get_by_role("link", name="Download zip").wait_for()
    own = (annotator.server.origin, annotator.server.origin.replace("http", "ws", 1), "blob:")
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(own)] == []


def test_the_policy_stops_what_would_leave(annotator: Annotator) -> None:
    annotator.forgive = lambda text: (
        "Content Security Policy" in text or "Refused to" in text or "request outside" in text
    )
    refused = annotator.page.evaluate(
        """async () => {
            const broken = []
            document.addEventListener('securitypolicyviolation', (e) => broken.push(e.effectiveDirective))
            await fetch('http://127.0.0.1:9/').catch(() => undefined)
            const image = new Image()
            image.src = 'http://127.0.0.1:9/pixel.png'
            const script = document.createElement('script')
            script.textContent = 'window.injected = true'
            document.head.append(script)
            await new Promise((done) => setTimeout(done, 200))
            return [broken.sort(), window.injected ?? false]
        }"""
    )
    assert refused == [["connect-src", "img-src", "script-src-elem"], False]


def test_two_windows_never_lose_an_update(annotator: Annotator) -> None:
    other = Annotator(annotator.page.context.new_page(), annotator.server)
    line = Line(other.page)
    other.open()
    annotator.click(DISC_XY)
    annotator.press("Enter")
    other.wait_for("s.objects.length === 1 && s.objects[0].state === 'finished'")
    disc = annotator.objects[0]["id"]

    # The other window does not hear of what happens next, and so works on an object as it was.
    line.held = True
    annotator.press("v")
    annotator.page.mouse.dblclick(*annotator.screen(DISC_XY))
    annotator.wait_for("s.active !== null")
    annotator.click(ISLAND_XY)
    mine = annotator.objects
    other.page.locator(".object-row").first.hover()
    other.page.get_by_role("button", name="Delete object #").click()
    other.page.wait_for_timeout(300)
    line.let_go()
    other.page.locator(".toast", has_text="Look and try again").wait_for()
    other.settle()
    assert [o["id"] for o in other.objects] == [disc]
    assert other.objects == mine == annotator.objects
    assert other.state["unsaved"] == 0

    # Having seen it, the same wish is carried out, and can be taken back.
    other.page.locator(".object-row").first.hover()
    other.page.get_by_role("button", name="Delete object #").click()
    annotator.wait_for("s.objects.length === 0")
    other.press("Control+z")
    annotator.wait_for("s.objects.length === 1")
    annotator.settle()
    assert len(annotator.objects[0]["prompts"]) == len(mine[0]["prompts"])


def test_two_windows_click_at_the_same_time(annotator: Annotator) -> None:
    other = Annotator(annotator.page.context.new_page(), annotator.server)
    other.open()
    annotator.page.mouse.click(*annotator.screen(DISC_XY))
    other.page.mouse.click(*other.screen(SQUARE_XY))
    annotator.settle()
    other.settle()
    for page in (annotator, other):
        page.wait_for("s.objects.length === 2")
        page.settle()
        assert [len(o["prompts"]) for o in page.objects] == [1, 1]
    assert {o["area"] for o in annotator.objects} == {o["area"] for o in other.objects}
