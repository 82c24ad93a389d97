"""A person at the page: clicks, keys, images, export. Real server, real Chromium, a model without weights."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from .annotator import DISC_XY, GROUND_XY, ISLAND_XY, SQUARE_XY, Annotator, Server, near

pytestmark = pytest.mark.browser

DISC_AREA = np.pi * 50**2


def test_a_click_makes_a_mask(drawn: Annotator) -> None:
    annotator = drawn
    bare = annotator.colour_at(DISC_XY)
    annotator.click(DISC_XY)
    (disc,) = annotator.objects
    assert abs(disc["area"] - DISC_AREA) < 0.05 * DISC_AREA
    assert annotator.active_at(DISC_XY)
    assert not annotator.active_at(SQUARE_XY)
    # Beside the marker the picture is tinted; elsewhere it is as it was.
    assert not near(annotator.colour_at((DISC_XY[0] + 25, DISC_XY[1] + 10)), bare)
    assert near(annotator.colour_at(GROUND_XY), (120, 120, 120))


def test_the_outline_lies_on_the_pixel_edge(drawn: Annotator) -> None:
    annotator = drawn
    annotator.click(SQUARE_XY)
    # cv2.rectangle draws columns 200 to 280: inside of the edge the line is white, a step outside lies the dark halo.
    scale = annotator.state["view"]["scale"]
    assert near(annotator.colour_at((200 + 0.6 / scale, 130)), (255, 255, 255))
    assert not near(annotator.colour_at((200 + 4 / scale, 130)), (255, 255, 255))
    assert near(annotator.colour_at((200 - 4 / scale, 130)), (120, 120, 120))


def test_the_marker_appears_with_the_click_and_before_the_answer(annotator: Annotator) -> None:
    x, y = annotator.screen(DISC_XY)
    annotator.page.mouse.move(x, y)
    annotator.page.mouse.down()
    annotator.page.mouse.up()
    assert annotator.state["unsaved"] + len(annotator.objects) >= 1
    annotator.settle()
    assert near(annotator.colour_at((DISC_XY[0], DISC_XY[1])), (255, 255, 255))  # the plus


def test_negative_clicks_undo_and_redo(drawn: Annotator) -> None:
    annotator = drawn
    annotator.click(DISC_XY)
    annotator.click(ISLAND_XY)
    both = annotator.objects[0]["area"]
    annotator.click(ISLAND_XY, button="right")
    assert not annotator.active_at((ISLAND_XY[0] + 8, ISLAND_XY[1]))
    annotator.press("Control+z")
    assert annotator.objects[0]["area"] == both
    annotator.press("Control+z")
    annotator.press("Control+z")
    assert annotator.objects == []
    for key in ("Control+Shift+Z", "Control+y", "Control+y"):
        annotator.press(key)
    assert annotator.objects[0]["area"] < both
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, True, False]


def test_shift_click_is_negative_and_a_marker_can_be_taken_back(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    annotator.click(ISLAND_XY, key="Shift")
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]
    annotator.click(ISLAND_XY, button="right")
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True]


def test_dragging_gives_a_box(drawn: Annotator) -> None:
    annotator = drawn
    annotator.drag((195, 75), (286, 166))
    (square,) = annotator.objects
    (box,) = square["prompts"]
    assert box["kind"] == "box"
    assert abs(box["x0"] - 195) < 2 and abs(box["y1"] - 166) < 2
    assert annotator.active_at(SQUARE_XY)


def test_right_drag_and_wheel_move_the_view_and_click_nothing(drawn: Annotator) -> None:
    annotator = drawn
    before = annotator.state["view"]
    annotator.drag(DISC_XY, SQUARE_XY, button="right")
    moved = annotator.state["view"]
    assert moved["scale"] == before["scale"] and moved["left"] > before["left"] + 50
    x, y = annotator.screen(DISC_XY)
    annotator.page.mouse.move(x, y)
    annotator.page.mouse.wheel(0, -400)
    annotator.wait_for(f"s.view.scale > {before['scale']}")
    after = annotator.screen(DISC_XY)
    # The mouse sits on whole pixels, the point beside it by less than one; that distance is zoomed too.
    assert abs(after[0] - x) < 1.5 and abs(after[1] - y) < 1.5
    assert annotator.objects == []
    annotator.press("0")
    assert annotator.state["view"] == before


def test_finishing_classes_and_the_object_list(own_annotator: Annotator) -> None:
    annotator = own_annotator
    page = annotator.page
    page.get_by_label("Name of the new class").fill("leaf")
    page.get_by_label("Name of the new class").press("Enter")
    page.get_by_role("button", name="Use class leaf (2)").wait_for()
    page.locator("canvas.surface").focus()
    annotator.click(DISC_XY)
    annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"]
    assert annotator.finished_at(DISC_XY) and not annotator.active_at(DISC_XY)
    leaf = annotator.objects[0]["class"]

    annotator.press("1")
    annotator.click(SQUARE_XY)
    annotator.press(" ")
    assert [o["state"] for o in annotator.objects] == ["finished", "finished"]
    assert annotator.objects[1]["class"] != leaf

    page.get_by_role("button", name="leaf #").first.click()
    annotator.press("1")
    assert annotator.objects[0]["class"] == annotator.objects[1]["class"]

    page.locator(".object-row").first.hover()
    page.get_by_role("button", name="Hide object #").first.click()
    annotator.settle()
    assert not annotator.finished_at(SQUARE_XY) and annotator.finished_at(DISC_XY)

    page.locator("canvas.surface").focus()
    annotator.press("Delete")
    assert len(annotator.objects) == 1
    annotator.press("Control+z")
    assert len(annotator.objects) == 2 and annotator.finished_at(DISC_XY)


def test_a_finished_object_can_be_corrected(drawn: Annotator) -> None:
    annotator = drawn
    annotator.click(DISC_XY)
    annotator.press("Enter")
    area = annotator.objects[0]["area"]
    annotator.press("v")
    annotator.page.mouse.dblclick(*annotator.screen(DISC_XY))
    annotator.wait_for("s.active !== null")
    annotator.settle()
    annotator.click(ISLAND_XY)
    assert annotator.objects[0]["area"] > area
    annotator.press("Enter")
    assert annotator.finished_at(ISLAND_XY) and annotator.finished_at(DISC_XY)


def test_escape_starts_over_and_can_be_undone(drawn: Annotator) -> None:
    annotator = drawn
    annotator.click(DISC_XY)
    annotator.press("Escape")
    assert annotator.objects == [] and not annotator.active_at(DISC_XY)
    annotator.press("Control+z")
    assert annotator.active_at(DISC_XY)


def test_everything_is_there_after_a_reload_and_on_the_way_back(own_annotator: Annotator) -> None:
    annotator = own_annotator
    annotator.click(DISC_XY)
    annotator.press("Enter")
    annotator.click(SQUARE_XY)
    before = annotator.objects
    annotator.press("d")
    annotator.wait_ready()
    assert annotator.state["image"] == "b.png" and annotator.objects == []
    annotator.press("PageUp")
    annotator.wait_ready()
    annotator.page.reload()
    annotator.wait_ready()
    annotator.settle()
    assert annotator.objects == before
    assert annotator.finished_at(DISC_XY) and annotator.active_at(SQUARE_XY)
    annotator.press("Control+z")
    assert [o["state"] for o in annotator.objects] == ["finished"]


def test_clicks_made_while_the_server_is_away_arrive_later(own_annotator: Annotator, server: Server) -> None:
    annotator = own_annotator
    annotator.forgive = lambda text: "WebSocket connection" in text or "ERR_" in text
    annotator.click(DISC_XY)
    port = server.port
    server.kill()
    annotator.wait_for("s.connection === 'lost'")
    annotator.page.mouse.click(*annotator.screen(ISLAND_XY))
    annotator.wait_for("s.unsaved === 1")
    assert annotator.page.get_by_text("1 waiting").is_visible()
    server.start(port)
    # The new server has new secrets, so the page is signed in again as a person would: by the printed address.
    annotator.open()
    annotator.settle()
    assert annotator.active_at(DISC_XY) and annotator.active_at(ISLAND_XY)


def test_export(own_annotator: Annotator) -> None:
    annotator = own_annotator
    annotator.click(DISC_XY)
    annotator.press("Enter")
    page = annotator.page
    page.get_by_role("button", name="Export").click()
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("a.png")]
        mask = np.asarray(Image.open(io.BytesIO(archive.read(name))))
    assert mask.shape == (240, 320)
    assert mask[120, 90] > 0 and mask[120, 240] == 0
    assert abs(np.count_nonzero(mask) - DISC_AREA) < 0.05 * DISC_AREA

    page.get_by_role("button", name="Export something else").click()
    page.get_by_text("COCO, run lengths").click()
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".json")]
        coco = json.loads(archive.read(name))
    assert [a["area"] for a in coco["annotations"]] == [np.count_nonzero(mask)]


def test_keyboard_alone(annotator: Annotator) -> None:
    page = annotator.page
    page.locator("canvas.surface").focus()
    page.keyboard.press("ArrowUp")  # the crosshair appears in the middle of the picture
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    state = page.locator(".position").inner_text()
    assert state.startswith("x ")
    annotator.press("Enter")
    assert len(annotator.objects) == 1
    click = annotator.objects[0]["prompts"][0]
    assert click["positive"] and (click["x"] % 1, click["y"] % 1) == (0.5, 0.5)
    assert "Positive click 1" in page.get_by_test_id("live").inner_text()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    annotator.press("Shift+Enter")
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]
    annotator.press("Control+z")
    annotator.press("Control+Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"]
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys and mouse").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_without_webgl(plain_annotator: Annotator) -> None:
    annotator = plain_annotator
    assert annotator.state["renderer"] == "canvas2d"
    bare = annotator.colour_at((DISC_XY[0] + 25, DISC_XY[1] + 10))
    annotator.click(DISC_XY)
    assert not near(annotator.colour_at((DISC_XY[0] + 25, DISC_XY[1] + 10)), bare)
    annotator.press("Enter")
    annotator.click(SQUARE_XY)
    scale = annotator.state["view"]["scale"]
    assert near(annotator.colour_at((200 + 0.6 / scale, 130)), (255, 255, 255))
    assert near(annotator.colour_at(GROUND_XY), (120, 120, 120))
