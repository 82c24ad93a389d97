"""The page's half of the notebook widget, in a real browser with a stand-in for the notebook's model."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import clickmask.notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 300, 200
FOLDER = Path(clickmask.notebook.__path__[0])

START = """async ([code, style, picture, size]) => {
  const sheet = document.createElement('style'); sheet.textContent = style; document.head.append(sheet)
  const data = new Uint8Array(picture)
  const values = { _picture: data, _overlay: data, _size: size, prompts: [], status: 'hello' }
  const listeners = {}
  window.sent = []
  window.model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; (listeners['change:' + name] ?? []).forEach((f) => f()) },
    on: (name, f) => { (listeners[name] ??= []).push(f) },
    off: (name, f) => { listeners[name] = (listeners[name] ?? []).filter((g) => g !== f) },
    send: (content) => window.sent.push(content),
    listening: () => Object.values(listeners).flat().length,
  }
  const module = await import(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })))
  window.leave = module.default.render({ model: window.model, el: document.body })
  await document.querySelector('.stage img').decode()
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The widget on an empty page."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)).save(buffer, "PNG")
    page = browser.new_page(viewport={"width": 600, "height": 400})
    page.set_content("<!doctype html><title>notebook</title><body></body>")
    code, style = ((FOLDER / name).read_text(encoding="utf-8") for name in ("widget.js", "widget.css"))
    page.evaluate(START, [code, style, list(buffer.getvalue()), [WIDTH, HEIGHT]])
    yield page
    page.close()


def sent(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("() => window.sent.splice(0)")
    return found


def corner(page: Page) -> tuple[float, float]:
    box = page.locator(".stage").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (WIDTH, HEIGHT)
    return box["x"], box["y"]


def test_clicks_and_drags_are_sent_in_pixels_of_the_image(page: Page) -> None:
    x, y = corner(page)
    page.mouse.click(x + 30, y + 40)
    page.mouse.click(x + 30, y + 40, button="right")
    page.keyboard.down("Shift")
    page.mouse.click(x + 50, y + 60)
    page.keyboard.up("Shift")
    page.mouse.move(x + 20, y + 20)
    page.mouse.down()
    page.mouse.move(x + 80, y + 70)
    page.mouse.up()
    assert sent(page) == [
        {"type": "click", "x": 30, "y": 40, "positive": True}, {"type": "click", "x": 30, "y": 40, "positive": False},
        {"type": "click", "x": 50, "y": 60, "positive": False}, {"type": "box", "x0": 20, "y0": 20, "x1": 80, "y1": 70},
    ]  # fmt: skip


def test_keys_and_buttons_say_what_they_mean(page: Page) -> None:
    page.locator(".stage").focus()
    for key in ("Control+z", "Control+Shift+Z", "Control+y", "Enter", "Escape", "a", "Alt+Enter"):
        page.keyboard.press(key)
    assert [m["type"] for m in sent(page)] == ["undo", "redo", "redo", "finish", "reset"]
    for name in ("Undo", "Redo", "Start over", "Finish"):
        page.get_by_role("button", name=name).click()
    assert [m["type"] for m in sent(page)] == ["undo", "redo", "reset", "finish"]


def test_prompts_and_status_are_shown_and_signs_differ_in_shape(page: Page) -> None:
    page.evaluate("""() => { model.set('status', '12 pixels'); model.set('prompts', [
      { type: 'click', x: 10, y: 10, positive: true }, { type: 'click', x: 20, y: 20, positive: false },
      { type: 'box', x0: 1, y0: 1, x1: 9, y1: 9 }]) }""")
    assert page.get_by_role("status").inner_text() == "12 pixels"
    assert (page.locator("svg circle").count(), page.locator("svg path").count()) == (1, 2)
    assert page.locator("svg").get_attribute("viewBox") == f"0 0 {WIDTH} {HEIGHT}"


def test_leaving_takes_all_listeners_along(page: Page) -> None:
    assert page.evaluate("() => model.listening()") == 4
    page.evaluate("() => window.leave()")
    assert page.evaluate("() => model.listening()") == 0
