"""Clicks made while an image is still opening are kept or refused in words, never lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

from .annotator import DISC_XY, SQUARE_XY, Annotator
from .line import Line

pytestmark = pytest.mark.browser


def test_clicks_on_a_picture_whose_line_is_slow_are_kept(own_annotator: Annotator) -> None:
    annotator = own_annotator
    line = Line(annotator.page, held=True)
    page = annotator.page
    page.keyboard.press("d")
    annotator.wait_for("s.image === 'b.png' && s.picture && s.status === 'loading'")
    page.mouse.click(*annotator.screen(DISC_XY))
    page.keyboard.press("Enter")
    page.mouse.click(*annotator.screen(SQUARE_XY))
    assert annotator.state["unsaved"] == 3
    line.let_go()
    annotator.settle()
    assert [o["state"] for o in annotator.objects] == ["finished", "in_progress"]
    assert annotator.finished_at(DISC_XY) and annotator.active_at(SQUARE_XY)


def test_a_click_before_the_picture_is_refused_in_words(own_annotator: Annotator) -> None:
    annotator = own_annotator
    line = Line(annotator.page, held=True)
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
    line.let_go()
    annotator.wait_ready()
    assert annotator.objects == []
    annotator.click(DISC_XY)
    assert len(annotator.objects) == 1


def test_hints_go_when_they_are_followed_and_never_lie_over_the_picture(own_annotator: Annotator) -> None:
    annotator, page = own_annotator, own_annotator.page
    hint = page.get_by_role("complementary", name="First steps")
    hint.get_by_text("Click the thing you want").wait_for()

    def clear_of_the_picture() -> bool:
        foot = annotator.screen((0, 240))[1]
        return foot <= page.locator("canvas.surface").bounding_box()["height"] + 48 and foot <= hint.bounding_box()["y"]  # type: ignore[index]

    assert clear_of_the_picture()
    annotator.click(DISC_XY)
    hint.get_by_text("Right-click what does not belong").wait_for()
    bar = page.get_by_test_id("active-bar").bounding_box()
    assert bar is not None and annotator.screen((0, 240))[1] <= bar["y"], "nor does the bar"
    hint.get_by_role("button", name="Next").click()
    hint.get_by_text("finishes the object").wait_for()
    annotator.press("Enter")
    hint.get_by_text("goes to the next picture").wait_for()
    assert annotator.axe() == []
    whole = annotator.state["view"]["scale"]
    hint.get_by_role("button", name="Got it").click()
    hint.wait_for(state="detached")
    assert annotator.state["view"]["scale"] >= whole, "the picture takes the room"
    page.reload()
    annotator.wait_ready()
    assert hint.count() == 0
