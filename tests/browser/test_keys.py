"""Keys, languages and settings: what a person may have otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from .annotator import DISC_XY, SQUARE_XY, Annotator, Server
from .conftest import opened

pytestmark = pytest.mark.browser


@pytest.fixture
def chinese(browser: Browser, shared_server: Server, fresh_images: Iterator[int]) -> Iterator[Annotator]:
    """The page in a browser of somebody who reads Chinese."""
    yield from opened(browser, shared_server, next(fresh_images), locale="zh-CN")


def test_the_page_speaks_the_browsers_language_and_any_other(chinese: Annotator) -> None:
    page = chinese.page
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    chinese.click(DISC_XY)
    assert "正点击 1" in page.get_by_test_id("live").inner_text()
    page.get_by_role("button", name="导出").first.wait_for()
    page.get_by_role("combobox", name="语言").select_option("en")
    page.get_by_role("button", name="Export").first.wait_for()
    page.reload()
    chinese.wait_ready()
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_preset_brings_its_keys_and_the_sheet_tells_them(annotator: Annotator) -> None:
    page = annotator.page
    page.keyboard.press("Control+,")
    page.get_by_label("Keys as in").select_option("cvat")
    page.keyboard.press("Escape")
    annotator.click(DISC_XY)
    annotator.press("n")
    assert [o["state"] for o in annotator.objects] == ["finished"]
    page.keyboard.press("?")
    line = page.get_by_role("dialog").locator("dl > div", has_text="Finish the object")
    assert line.locator("kbd").first.inner_text() == "N"
    page.reload()
    annotator.wait_ready()
    annotator.click(SQUARE_XY)
    annotator.press("n")
    assert [o["state"] for o in annotator.objects] == ["finished", "finished"]


def test_a_command_can_be_given_another_key_and_the_old_holder_is_named(annotator: Annotator) -> None:
    page = annotator.page
    page.keyboard.press("Control+,")
    row = page.locator("[data-command=finish]")
    row.get_by_role("button", name="Add a key").click()
    page.keyboard.press("d")
    assert page.locator(".said").inner_text() == "D: Finish the object. Taken away from: Next image."
    row.get_by_role("button", name="Press a key").wait_for(state="detached")
    row.get_by_role("button", name="Add a key").click()
    page.keyboard.press("Control+w")
    assert "belongs to the browser" in page.locator(".said").inner_text()
    page.keyboard.press("Escape")
    row.get_by_role("button", name="Take Esc away").wait_for()
    page.get_by_role("button", name="Close").click()
    before = annotator.state["image"]
    annotator.click(DISC_XY)
    annotator.press("d")
    assert annotator.state["image"] == before
    assert [o["state"] for o in annotator.objects] == ["finished"]
    page.keyboard.press("Control+,")
    page.get_by_role("button", name="All back to the preset").click()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("d")
    annotator.wait_for(f"s.image !== '{before}'")


def test_single_key_shortcuts_can_be_switched_off(annotator: Annotator) -> None:
    page = annotator.page
    page.keyboard.press("Control+,")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    assert annotator.page.locator("canvas.cursor-click").count() == 1
    annotator.click(DISC_XY)
    annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"]


def test_the_palette_runs_any_command(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Type a few letters").wait_for()
    page.keyboard.type("finish")
    assert page.get_by_role("dialog").get_by_role("option").first.inner_text().startswith("Finish the object")
    page.keyboard.press("Enter")
    annotator.wait_for("s.objects.every((o) => o.state === 'finished')")
    page.keyboard.press("Control+k")
    page.keyboard.type("zzzz")
    page.get_by_text("No command is called like that.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_key_right_after_a_dialog_is_the_page_s_however_late_the_browser_tells_of_its_closing(
    annotator: Annotator,
) -> None:
    page = annotator.page
    page.evaluate("document.addEventListener('close', (event) => event.stopImmediatePropagation(), true)")
    for key, title in (("F7", "Statistics"), ("?", "Keys and mouse"), ("?", "Keys and mouse")):
        page.keyboard.press(key)
        page.get_by_role("dialog", name=title).wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")


def test_the_palette_finds_classes_and_images_by_a_few_letters(own_annotator: Annotator) -> None:
    page = own_annotator.page
    for name in ("maple leaf", "leaf stalk"):
        page.get_by_label("Name of the new class").fill(name)
        page.get_by_label("Name of the new class").press("Enter")
        page.get_by_role("button", name=f"Use class {name}").wait_for()
    page.locator("canvas.surface").focus()
    page.keyboard.press("Control+k")
    page.keyboard.type("mlf")
    page.keyboard.press("Enter")
    own_annotator.click(DISC_XY)
    page.get_by_role("button", name="maple leaf #").first.wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.type("c.png")
    page.keyboard.press("Enter")
    own_annotator.wait_for("s.image === 'c.png'")


def test_the_size_of_the_page_leaves_clicks_where_they_are(annotator: Annotator) -> None:
    page = annotator.page
    page.keyboard.press("Control+,")
    page.get_by_label("Size of the page").select_option("1.5")
    page.keyboard.press("Escape")
    assert page.locator(".topbar").bounding_box()["height"] == pytest.approx(72, abs=2)  # type: ignore[index]
    annotator.click(DISC_XY)
    click = annotator.objects[0]["prompts"][0]
    assert abs(click["x"] - DISC_XY[0]) < 1 and abs(click["y"] - DISC_XY[1]) < 1


def test_one_button_is_enough_for_both_signs(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    annotator.press("t")
    annotator.click(SQUARE_XY)
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]
    annotator.press("t")
    annotator.click((DISC_XY[0] + 20, DISC_XY[1]))
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False, True]
