"""Numbers and pictures about the work."""

from __future__ import annotations

import pytest

from .annotator import DISC_XY, ISLAND_XY, SQUARE_XY, Annotator

pytestmark = pytest.mark.browser


def test_the_work_in_numbers(own_annotator: Annotator) -> None:
    annotator, page = own_annotator, own_annotator.page
    annotator.click(DISC_XY)
    annotator.press("Enter")
    annotator.click(SQUARE_XY)
    annotator.click(ISLAND_XY)
    annotator.press("Enter")
    page.get_by_role("button", name="Statistics (F7)").click()
    sheet = page.get_by_role("dialog", name="Statistics")
    sheet.locator(".tiles").wait_for()
    names = sheet.locator(".tiles dt").all_inner_texts()
    values = sheet.locator(".tiles dd").all_inner_texts()
    told = dict(zip(names, values, strict=True))
    assert (told["Images with objects"], told["Objects"], told["Clicks"]) == ("1 of 3", "2", "3")
    assert told["Clicks per object"] == "1.5"
    assert annotator.axe() == []
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Download as a table").click()
    assert download.value.path().read_text().count("\n") == 3
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    annotator.wait_ready()
    page.keyboard.press("F7")
    sheet.get_by_role("button", name="a.png").click()
    annotator.wait_for("s.image === 'a.png'")


def test_before_and_after_side_by_side(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    annotator.click(ISLAND_XY)
    page.keyboard.press("F8")
    sheet = page.get_by_role("dialog", name="Before and after")
    sheet.get_by_text("IoU of the two: 0.9").wait_for()
    before, after = (sheet.locator("canvas").nth(i) for i in (0, 1))
    differ = "([a, b]) => a.toDataURL() !== b.toDataURL()"
    handles = [before.element_handle(), after.element_handle()]
    page.wait_for_function(differ, arg=handles)
    sheet.get_by_label("Compare with").select_option(index=1)
    sheet.get_by_text("IoU of the two: 1.000").wait_for()
    page.wait_for_function("([a, b]) => a.toDataURL() === b.toDataURL()", arg=handles)
    assert annotator.axe() == []
