"""What the model is not sure of, shown on demand, and the proposed next click."""

from __future__ import annotations

import pytest

from .annotator import DISC_XY, Annotator
from .test_tools import draw

pytestmark = pytest.mark.browser


def test_unsure_places_are_proposed_and_reached_by_key(drawn: Annotator) -> None:
    annotator, page = drawn, drawn.page
    annotator.press("p")
    draw(annotator, (240, 120))  # a dot of paint on the square
    annotator.press("c")
    annotator.click((270, 150))  # the model would take the whole square, which waits
    bare = annotator.colour_at((215, 100))
    annotator.press("u")
    bar = page.get_by_test_id("doubts")
    bar.get_by_text("Unsure:").wait_for()
    said = page.get_by_test_id("live").inner_text()
    assert said.startswith("Unsure at the ") and said.endswith("press Enter to go there.")
    hatched = [annotator.colour_at((x, 100)) for x in (212, 213, 214, 215, 216, 217)]
    assert any(colour != bare for colour in hatched), "unsure pixels are hatched"
    assert annotator.axe() == []
    before = annotator.objects
    assert page.get_by_test_id("active-bar").get_by_role("button", name="Finish").inner_text().endswith("Ctrl+Enter")
    page.keyboard.press("Enter")
    bar.get_by_text("belongs to it").wait_for()
    assert annotator.objects == before, "going there is no click"
    assert page.locator(".position").inner_text().startswith("x ")
    annotator.press("Shift+Enter")
    prompts = annotator.objects[0]["prompts"]
    assert prompts[-1]["kind"] == "click" and not prompts[-1]["positive"]
    page.keyboard.press("Escape")
    bar.wait_for(state="detached")
    assert len(annotator.objects) == 1, "Escape closes what is shown before it throws anything away"


def test_a_sure_model_has_nothing_to_propose(annotator: Annotator) -> None:
    page = annotator.page
    button = page.get_by_role("button", name="What is unsure")
    assert button.is_disabled()
    annotator.click(DISC_XY)
    button.click()
    page.get_by_text("The model is sure of this object.").wait_for()
    annotator.press("u")
    assert "The model is sure of object #" in page.get_by_test_id("live").inner_text()
    annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"], "without a proposal Enter finishes as ever"
