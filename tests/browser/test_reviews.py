"""Judging objects and images by key, and several people on one image."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from .annotator import DISC_XY, SQUARE_XY, Annotator, Server
from .conftest import opened

pytestmark = pytest.mark.browser


def test_objects_and_the_image_are_judged_by_key(own_annotator: Annotator) -> None:
    annotator, page = own_annotator, own_annotator.page
    for place in (DISC_XY, SQUARE_XY):
        annotator.click(place)
        annotator.press("Enter")
    annotator.press("i")
    assert annotator.state["selected"] == 2
    annotator.press("Shift+A")
    assert annotator.state["selected"] == 1, "on to the next that waits"
    annotator.press("Shift+R")
    assert [o["review"] for o in annotator.objects] == ["rejected", "accepted"]
    page.get_by_label("Why?").fill("leaves the rim out")
    page.get_by_label("Why?").press("Enter")
    annotator.settle()
    annotator.wait_for("s.objects[0].note === 'leaves the rim out'")
    page.get_by_label("Which objects are listed").select_option("rejected")
    assert page.locator(".object-row").count() == 1
    assert annotator.axe() == []
    page.get_by_label("Which objects are listed").select_option("all")
    page.locator("canvas.surface").focus()
    annotator.press("Escape")
    annotator.press("Shift+R")
    page.get_by_role("button", name="a.png, 2 objects, rejected").wait_for()
    page.get_by_label("Which images are shown").select_option("todo")
    assert page.locator(".thumb").count() == 3, "the open one, and those that wait"
    page.get_by_label("Which images are shown").select_option("accepted")
    assert page.locator(".thumb").count() == 1
    page.get_by_label("Which images are shown").select_option("all")
    annotator.press("v")
    page.mouse.click(*annotator.screen(DISC_XY))
    annotator.press("r")
    annotator.press("Escape")
    assert annotator.objects[0]["review"] is None, "what was opened again is judged again"
    page.get_by_role("button", name="a.png, 2 objects", exact=True).wait_for()


def test_people_see_each_other_and_what_they_work_on(
    own_annotator: Annotator, browser: Browser, server: Server
) -> None:
    anna = own_annotator
    anna.page.keyboard.press("Control+,")
    anna.page.get_by_label("Your name").fill("Anna")
    anna.page.get_by_label("Your name").press("Enter")
    anna.page.keyboard.press("Escape")
    anna.page.get_by_role("dialog").wait_for(state="detached")
    anna.click(DISC_XY)
    for ben in opened(browser, server):
        ben.page.get_by_role("img", name="Also here: Anna").wait_for()
        assert ben.page.locator(".object-row").get_by_title("Anna works on this object").is_visible()
        ben.page.locator(".object-row .row-main").dblclick()
        ben.page.get_by_text("Anna works on object #1 too.").wait_for()
        anna.page.get_by_role("img", name="Also here: somebody").wait_for()
        assert ben.axe() == []
        ben.click(SQUARE_XY)
        assert anna.active_at(DISC_XY) and len(ben.objects) == 1
        anna.settle()
        anna.wait_for("s.objects[0].prompts.length === 2")
    anna.page.get_by_role("img", name="Also here").wait_for(state="detached")


def test_history_and_refusals_speak_chinese(browser: Browser, server: Server) -> None:
    for annotator in opened(browser, server, locale="zh-CN"):
        page = annotator.page
        annotator.click(DISC_XY)
        page.get_by_role("button", name="object #1：正点击 1", exact=True).wait_for()
        annotator.press("Enter")
        page.get_by_role("button", name="已完成 object #1", exact=True).wait_for()
        page.mouse.click(*annotator.screen(DISC_XY))
        page.get_by_text("已完成的对象保留自己的部分").wait_for()
