"""A model learns from the finished objects, from the page, in earnest but for a few steps."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from playwright.sync_api import Browser, expect

from .annotator import DISC_XY, SQUARE_XY, WAIT_MS, Annotator, Server
from .conftest import opened

pytestmark = [pytest.mark.browser, pytest.mark.training]

TRAINING_MS = 600_000
"""A few steps take seconds, but a training gives way to everything else that a machine does."""


@pytest.mark.skipif(find_spec("torch") is None, reason="training needs the train extra")
def test_a_model_is_taught_and_used(own_annotator: Annotator) -> None:
    annotator, page = own_annotator, own_annotator.page
    for place in (DISC_XY, SQUARE_XY):
        annotator.click(place)
        annotator.press("Enter")
    page.get_by_role("button", name="Model: flood").click()
    page.get_by_role("menuitem", name="Teach the model with these masks").click()
    sheet = page.get_by_role("dialog", name="Teach the model")
    sheet.get_by_text("objects: 2, photographs: 1").wait_for()
    assert annotator.axe() == []

    sheet.get_by_label("Steps").fill("100000")
    sheet.get_by_role("button", name="Begin").click()
    bar = sheet.get_by_role("progressbar")
    expect(bar).to_have_accessible_name("Teaching mine: 0 %", timeout=WAIT_MS)
    assert annotator.axe() == []
    page.reload()
    annotator.wait_ready()
    page.get_by_role("button", name="Teaching mine").click()
    sheet.get_by_role("button", name="Stop").click()
    sheet.get_by_text("was stopped").wait_for()
    assert page.get_by_role("button", name="Teaching mine").count() == 0

    sheet.get_by_role("button", name="Teach another").click()
    sheet.get_by_label("Steps").fill("2")
    sheet.get_by_role("button", name="Begin").click()
    use = sheet.get_by_role("button", name="Use mine")
    use.wait_for(timeout=TRAINING_MS)
    assert sheet.get_by_text("The model mine is ready").is_visible()
    assert annotator.axe() == []
    use.click()
    page.get_by_role("button", name="Model: mine").wait_for()
    annotator.click((165.5, 215.5))
    assert annotator.objects[-1]["area"] > 0


def test_without_anything_finished_the_page_says_what_to_do(browser: Browser, server: Server) -> None:
    for annotator in opened(browser, server, locale="zh-CN"):
        page = annotator.page
        page.keyboard.press("Control+k")
        page.get_by_role("dialog").get_by_role("combobox").fill("训练模型")
        page.get_by_role("dialog").get_by_role("option").first.wait_for()
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="训练模型").get_by_text("照片上还没有已完成的对象").wait_for()
