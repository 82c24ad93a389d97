"""Whether everybody can use the page: without seeing it, without a mouse, with fingers, without colours or motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .annotator import DISC_XY, ISLAND_XY, SQUARE_XY, Annotator, near, write_shapes

pytestmark = pytest.mark.browser

SCREENS = {
    "the page itself": None,
    "keys": "?",
    "settings": "Control+,",
    "palette": "Control+k",
    "export": "Shift+E",
    "import": "Shift+I",
}
LEAST_TARGET = 24
"""CSS pixels, WCAG 2.2, 2.5.8."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_screen(annotator: Annotator, theme: str) -> None:
    page = annotator.page
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    keys = {"preset": "default", "changes": {"export": ["Shift+E"], "import": ["Shift+I"]}}
    page.evaluate("(keys) => localStorage.setItem('clickmask-keys', JSON.stringify(keys))", keys)
    page.reload()
    annotator.wait_ready()
    annotator.click(DISC_XY)
    annotator.press("Enter")
    annotator.click(SQUARE_XY)
    for screen, key in SCREENS.items():
        if key:
            page.keyboard.press(key)
            page.get_by_role("dialog").wait_for()
        assert annotator.axe() == [], screen
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Model: flood").click()
    page.get_by_role("menu").wait_for()
    assert annotator.axe() == []


def test_axe_finds_nothing_where_something_is_wrong(own_annotator: Annotator, folder: Path) -> None:
    annotator = own_annotator
    annotator.forgive = lambda text: "422" in text or "404" in text or "WebSocket" in text or "ERR_" in text
    page = annotator.page
    (folder / "bb.png").write_bytes((folder / "b.png").read_bytes()[:200])
    page.get_by_role("button", name="Look for new images in the folder").click()
    page.get_by_text("Looked again: 1 new").wait_for()
    assert annotator.axe() == []
    page.get_by_role("button", name="bb.png").click()
    page.get_by_role("heading", name="This image cannot be opened").wait_for()
    assert annotator.axe() == []
    page.get_by_role("button", name="a.png").click()
    annotator.wait_ready()
    annotator.server.kill()
    page.get_by_text("Connection lost.").wait_for()
    assert annotator.axe() == []


def test_axe_finds_nothing_in_a_folder_without_images(annotator: Annotator) -> None:
    page = annotator.page
    page.route("**/api/v1/images", lambda route: route.fulfill(json={"images": []}))
    page.reload()
    page.get_by_role("heading", name="No images here yet").wait_for()
    assert annotator.axe() == []


def test_what_a_click_did_is_said(annotator: Annotator, folder: Path) -> None:
    said = annotator.page.get_by_test_id("live")
    annotator.click(DISC_XY)
    name, area = f"object #{annotator.objects[0]['id']}", annotator.objects[0]["area"]
    assert said.inner_text().replace("\u202f", "") == f"Positive click 1; {name}, {area} pixels; saved."
    annotator.click(ISLAND_XY)
    area = annotator.objects[0]["area"]
    assert said.inner_text().replace("\u202f", "") == f"Positive click 2; {name}, {area} pixels, 2 parts; saved."
    annotator.press("t")
    assert said.inner_text() == "Clicks are negative now."


def test_markers_can_have_colours_that_nobody_confuses(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    scale = annotator.state["view"]["scale"]
    beside_plus = (DISC_XY[0] + 5 / scale, DISC_XY[1] + 3 / scale)
    assert near(annotator.colour_at(beside_plus), (0x1A, 0x96, 0x41), 12)
    annotator.page.keyboard.press("Control+,")
    annotator.page.get_by_label("Markers").select_option("blue-orange")
    annotator.page.keyboard.press("Escape")
    assert near(annotator.colour_at(beside_plus), (0x00, 0x72, 0xB2), 12)


def test_everything_can_be_hit(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    for key in (None, "Control+,", "?"):
        if key:
            page.keyboard.press(key)
        small = page.evaluate(
            """(least) => [...document.querySelectorAll('button, select, input, a[href]')]
                .map((e) => [e.outerHTML.slice(0, 120), e.closest('label') ?? e])
                .map(([text, e]) => [text, e.getBoundingClientRect()])
                .filter(([, box]) => box.width > 0 && (box.width < least || box.height < least))
                .map(([text, box]) => `${text} ${box.width} x ${box.height}`)""",
            LEAST_TARGET,
        )
        assert small == []
        page.keyboard.press("Escape")


def test_nothing_moves_for_those_who_want_it_so(annotator: Annotator) -> None:
    page = annotator.page
    page.emulate_media(reduced_motion="no-preference")
    lasts = "() => getComputedStyle(document.querySelector('.button')).transitionDuration"
    assert page.evaluate(lasts) != "0s"
    page.keyboard.press("Control+,")
    page.get_by_label("Motion").select_option("less")
    assert page.evaluate(lasts) == "0s"
    page.get_by_label("Motion").select_option("system")
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(lasts) == "0s"


def touch(annotator: Annotator, kind: str, finger: int, at: tuple[float, float], pointer: str = "touch") -> None:
    values: dict[str, Any] = {
        "pointerId": finger, "pointerType": pointer, "isPrimary": finger == 1, "button": 0, "buttons": 1,
        "clientX": at[0], "clientY": at[1], "bubbles": True,
    }  # fmt: skip
    annotator.page.locator("canvas.surface").dispatch_event(kind, values)


def test_one_finger_clicks_two_move_and_zoom(annotator: Annotator) -> None:
    # A made-up pointer cannot be captured; everything else is as with fingers.
    annotator.page.evaluate("() => { Element.prototype.setPointerCapture = () => undefined }")
    at = annotator.screen(DISC_XY)
    touch(annotator, "pointerdown", 1, at)
    touch(annotator, "pointerup", 1, at)
    annotator.settle()
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True]

    before = annotator.state["view"]
    left, right = np.array(annotator.screen(DISC_XY)), np.array(annotator.screen(SQUARE_XY))
    touch(annotator, "pointerdown", 1, tuple(left))
    touch(annotator, "pointerdown", 2, tuple(right))
    for kind in ("pointermove", "pointerup"):
        touch(annotator, kind, 1, (left[0] - 60, left[1]))
        touch(annotator, kind, 2, (right[0] + 60, right[1]))
    annotator.settle()
    after = annotator.state["view"]
    grown = (right[0] - left[0] + 120) / (right[0] - left[0])
    assert after["scale"] / before["scale"] == pytest.approx(grown, rel=0.05)
    assert len(annotator.objects[0]["prompts"]) == 1, "two fingers click nothing"


def test_a_pen_draws_clicks_and_boxes_like_a_mouse(annotator: Annotator) -> None:
    annotator.page.evaluate("() => { Element.prototype.setPointerCapture = () => undefined }")
    touch(annotator, "pointerdown", 5, annotator.screen((195, 75)), "pen")
    touch(annotator, "pointermove", 5, annotator.screen((240, 120)), "pen")
    touch(annotator, "pointermove", 5, annotator.screen((286, 166)), "pen")
    touch(annotator, "pointerup", 5, annotator.screen((286, 166)), "pen")
    annotator.settle()
    assert [p["kind"] for p in annotator.objects[0]["prompts"]] == ["box"]


def test_a_whole_image_without_a_mouse(own_annotator: Annotator, folder: Path) -> None:
    write_shapes(folder / "z.png")
    page = own_annotator.page
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('canvas.surface')"):
            break
    page.keyboard.press("ArrowLeft")
    for _ in range(14):
        page.keyboard.press("Shift+ArrowLeft")
    own_annotator.press("Enter")
    own_annotator.press("Control+Enter")
    assert [o["state"] for o in own_annotator.objects] == ["finished"]
    page.keyboard.press("Control+k")
    page.keyboard.type("next image")
    page.keyboard.press("Enter")
    own_annotator.wait_for("s.image === 'b.png'")
    own_annotator.wait_ready()
