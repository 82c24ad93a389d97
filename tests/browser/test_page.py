"""The rest of the page: looks, menus, refusals, bad files, and whether everybody can use it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .annotator import DISC_XY, ISLAND_XY, SQUARE_XY, Annotator, near
from .conftest import needs_webgl

pytestmark = pytest.mark.browser


def test_space_moves_the_image_when_held_and_finishes_when_tapped(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    before = annotator.state["view"]["left"]
    page.keyboard.down(" ")
    annotator.drag(DISC_XY, SQUARE_XY)
    page.wait_for_timeout(250)
    page.keyboard.up(" ")
    annotator.settle()
    assert annotator.state["view"]["left"] > before + 50
    (disc,) = annotator.objects
    assert (disc["state"], len(disc["prompts"])) == ("in_progress", 1)
    annotator.press(" ")
    assert annotator.objects[0]["state"] == "finished"


def test_masks_can_be_hidden_while_a_key_is_held(annotator: Annotator) -> None:
    beside = (DISC_XY[0] + 25, DISC_XY[1] + 10)
    bare = annotator.colour_at(beside)
    annotator.click(DISC_XY)
    tinted = annotator.colour_at(beside)
    annotator.page.keyboard.down("h")
    assert annotator.colour_at(beside) == bare
    annotator.page.keyboard.up("h")
    assert annotator.colour_at(beside) == tinted


def test_touch_and_pen_can_do_without_a_second_button(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    x, y = annotator.screen(SQUARE_XY)
    touch = {
        "pointerId": 7,
        "pointerType": "touch",
        "isPrimary": True,
        "button": 0,
        "clientX": x,
        "clientY": y,
        "bubbles": True,
    }
    surface = annotator.page.locator("canvas.surface")
    # A made-up pointer cannot be captured; everything else is as with a finger.
    annotator.page.evaluate("() => { Element.prototype.setPointerCapture = () => undefined }")
    surface.dispatch_event("pointerdown", touch)
    annotator.page.evaluate("() => new Promise((done) => setTimeout(done, 600))")
    surface.dispatch_event("pointerup", touch)
    annotator.settle()
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]


def test_a_refusal_is_shown_in_the_servers_words(annotator: Annotator) -> None:
    page = annotator.page
    annotator.forgive = lambda text: "409" in text or "400" in text
    with page.expect_response(lambda r: r.request.method == "DELETE") as refused:
        page.locator(".class-row").first.hover()
        page.get_by_role("button", name="Delete class object").click()
    message = refused.value.json()["error"]["message"]
    page.locator(".toast.error", has_text=message).wait_for()
    page.get_by_role("button", name="Dismiss").click()
    page.locator(".toast").wait_for(state="detached")


def test_a_damaged_image_is_told_and_the_next_one_works(own_annotator: Annotator, folder: Path) -> None:
    annotator = own_annotator
    annotator.forgive = lambda text: "422" in text or "404" in text
    page = annotator.page
    (folder / "bb.png").write_bytes((folder / "b.png").read_bytes()[:200])
    page.get_by_role("button", name="Look for new images in the folder").click()
    page.get_by_text("Looked again: 1 new").wait_for()
    page.get_by_role("button", name="bb.png").click()
    page.get_by_role("heading", name="This image cannot be opened").wait_for()
    assert "bb.png" in page.locator(".notice.card p").inner_text()
    page.locator("canvas.surface").focus()
    page.keyboard.press("d")
    annotator.wait_ready()
    assert annotator.state["image"] == "c.png"


def test_import_brings_finished_objects(own_annotator: Annotator) -> None:
    annotator = own_annotator
    labels = np.zeros((240, 320), dtype=np.uint8)
    labels[70:170, 190:290] = 1
    file = io.BytesIO()
    picture = Image.fromarray(labels, mode="L")
    picture.save(file, "PNG")
    page = annotator.page
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=radio][value=png]").check()
    dialog.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    dialog.get_by_role("button", name="Import").click()
    page.get_by_text("1 objects on 1 images").wait_for()
    page.keyboard.press("Escape")
    annotator.settle()
    assert annotator.finished_at(SQUARE_XY)
    assert annotator.objects[0]["area"] == 100 * 100


def test_settings_stay(annotator: Annotator) -> None:
    page = annotator.page
    page.get_by_role("button", name="Theme: as the system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.get_by_label("Mask opacity").fill("80")
    page.reload()
    annotator.wait_ready()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_label("Mask opacity").input_value() == "80"


def test_the_model_menu(annotator: Annotator) -> None:
    page = annotator.page
    page.get_by_role("button", name="Model: flood").click()
    page.get_by_role("menuitemradio", name="flood").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("menu").wait_for(state="detached")
    assert page.get_by_role("button", name="Model: flood").evaluate("(b) => b === document.activeElement")


@needs_webgl
def test_a_lost_graphics_context_is_drawn_again(annotator: Annotator) -> None:
    beside = (DISC_XY[0] + 25, DISC_XY[1] + 10)
    annotator.click(DISC_XY)
    tinted = annotator.colour_at(beside)
    annotator.forgive = lambda text: "CONTEXT_LOST" in text
    annotator.page.evaluate(
        """async () => {
            const tool = document.querySelector('canvas').getContext('webgl2').getExtension('WEBGL_lose_context')
            tool.loseContext()
            await new Promise((done) => setTimeout(done, 100))
            tool.restoreContext()
        }"""
    )
    annotator.page.wait_for_timeout(100)
    annotator.wait_ready()
    assert near(annotator.colour_at(beside), tinted)


def test_two_pages_see_each_others_work(annotator: Annotator) -> None:
    other = Annotator(annotator.page.context.new_page(), annotator.server)
    other.open()
    assert other.state["image"] == annotator.state["image"]
    annotator.click(DISC_XY)
    other.wait_for("s.objects.length === 1 && s.objects[0].settled")
    assert other.state["active"] is None  # somebody else works on it
    other.wait_for("window.clickmaskProbe.idAt(90, 120) > 0")
    other.click(SQUARE_XY)
    annotator.wait_for("s.objects.length === 2")
    annotator.settle()
    assert [o["state"] for o in annotator.objects] == ["in_progress"] * 2
    assert annotator.active_at(DISC_XY) and annotator.finished_at(SQUARE_XY)
    assert other.unforgiven == []


def test_the_cost_of_a_frame_does_not_grow_with_the_objects(annotator: Annotator) -> None:
    bare = annotator.state["drawCalls"]
    for point_xy in (DISC_XY, SQUARE_XY, ISLAND_XY):
        annotator.click(point_xy)
        annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"] * 3
    annotator.colour_at(DISC_XY)  # waits for the newest frame
    webgl, plain = ("webgl2", 1, 1), ("canvas2d", 2, 1)  # the plain one lays the masks over the picture
    assert (annotator.state["renderer"], annotator.state["drawCalls"], bare) in (webgl, plain)
