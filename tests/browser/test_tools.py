"""The tools at work: drawn, painted and corrected objects, ghosts, locks, history. Real server, real Chromium."""

from __future__ import annotations

import pytest

from .annotator import DISC_XY, GROUND_XY, ISLAND_XY, Annotator, near

pytestmark = pytest.mark.browser


def draw(annotator: Annotator, *points_xy: tuple[float, float], key: str | None = None) -> None:
    """Drag along points with the tool in hand."""
    page = annotator.page
    page.mouse.move(*annotator.screen(points_xy[0]))
    if key:
        page.keyboard.down(key)
    page.mouse.down()
    for point_xy in points_xy[1:]:
        page.mouse.move(*annotator.screen(point_xy), steps=4)
    page.mouse.up()
    if key:
        page.keyboard.up(key)
    annotator.settle()


def steps(annotator: Annotator) -> list[str]:
    """The history as it is shown, newest first."""
    annotator.page.wait_for_function(
        """() => document.querySelector('.history [aria-current]')?.textContent
            === (window.clickmaskProbe.state().history.undo ?? 'The beginning')"""
    )
    return annotator.page.locator(".history .step").all_inner_texts()


def test_the_brush_paints_at_once_and_the_eraser_takes_away(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("p")
    page.mouse.move(*annotator.screen((150, 200)))
    page.mouse.down()
    page.mouse.move(*annotator.screen((180, 200)), steps=3)
    assert annotator.active_at((165, 200))  # before anything is sent
    page.mouse.up()
    annotator.settle()
    painted = annotator.objects[0]
    assert painted["prompts"] == [{"kind": "mask", "painted": True}]
    assert abs(painted["area"] - (30 * 16 + 3.14 * 64)) < 30
    annotator.press("e")
    draw(annotator, (165, 185), (165, 215))
    assert not annotator.active_at((165, 200)) and annotator.active_at((150, 200))
    assert steps(annotator)[0].startswith("eraser stroke, -")
    annotator.press("Control+z")
    assert annotator.active_at((165, 200))
    annotator.press("p")
    draw(annotator, (150, 200), (160, 200), key="Shift")  # Shift turns the brush into the eraser
    assert not annotator.active_at((155, 200))


def test_the_brush_changes_its_size_by_key_and_wheel(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("p")
    shown = page.get_by_test_id("tool-options").locator(".value")
    before = float(shown.inner_text().split()[0])
    annotator.press("]")
    annotator.press("]")
    assert float(shown.inner_text().split()[0]) > before * 1.3
    page.mouse.move(*annotator.screen(GROUND_XY))
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Shift")
    annotator.press("[")
    assert float(shown.inner_text().split()[0]) < before * 1.3


def test_a_selected_finished_object_is_painted_on_in_place(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    annotator.press("Enter")
    annotator.press("v")
    annotator.click(DISC_XY)
    annotator.press("p")
    draw(annotator, ISLAND_XY)
    assert [o["id"] for o in annotator.objects] == [annotator.objects[0]["id"]]
    assert annotator.active_at(ISLAND_XY) and annotator.active_at(DISC_XY)


def test_strokes_survive_a_reload(annotator: Annotator) -> None:
    annotator.press("p")
    draw(annotator, (150, 200), (180, 200))
    annotator.page.reload()
    annotator.wait_ready()
    annotator.settle()
    assert annotator.active_at((165, 200))
    annotator.press("Control+z")
    assert annotator.objects == []


def test_scribble_and_lasso(annotator: Annotator) -> None:
    annotator.press("s")
    draw(annotator, (60, 120), (120, 120))
    annotator.settle()
    assert annotator.active_at(DISC_XY) and annotator.objects[0]["prompts"][0]["kind"] == "scribble"
    annotator.press("l")
    draw(annotator, (60, 20), (120, 20), (120, 62), (60, 62))
    assert annotator.active_at(ISLAND_XY)
    draw(annotator, (62, 22), (118, 22), (118, 58), (62, 58), key="Shift")
    assert not annotator.active_at(ISLAND_XY)
    assert [p["kind"] for p in annotator.objects[0]["prompts"]] == ["scribble", "lasso", "lasso"]


def test_what_the_model_would_change_as_well_is_shown_and_can_be_taken(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("p")
    draw(annotator, (240, 120))  # a dot of paint on the square
    annotator.press("c")
    annotator.click((270, 150))
    square = annotator.objects[0]
    assert square["waiting"] and square["ghosts"] > 5000
    assert annotator.active_at((270, 150)) and not annotator.active_at((210, 90))
    assert not near(annotator.colour_at((215, 130)), (40, 80, 200), 1)  # the ghost is drawn
    page.get_by_role("button", name="Confirm").click()
    annotator.settle()
    assert annotator.active_at((210, 90)) and annotator.objects[0]["ghosts"] == 0
    annotator.press("Control+z")
    assert annotator.objects[0]["ghosts"] == square["ghosts"]
    annotator.click((210, 90))  # a click on a ghost takes it
    assert annotator.active_at((210, 150)) and annotator.objects[0]["prompts"][-1]["kind"] == "mask"


def test_locks_and_the_policy(own_annotator: Annotator) -> None:
    annotator = own_annotator
    page = annotator.page
    annotator.click(DISC_XY)
    annotator.press("Enter")
    page.locator(".object-row").hover()
    page.get_by_role("button", name="Lock object #1").click()
    annotator.wait_for("s.objects[0].locked")
    assert page.get_by_role("button", name="Go on clicking on object #1").count() == 0
    page.get_by_label("Shared pixels").select_option("take")
    page.locator("canvas.surface").focus()
    annotator.click(DISC_XY)
    page.get_by_text("which is locked").wait_for()
    annotator.press("v")
    annotator.click(DISC_XY)
    annotator.press("k")
    assert annotator.objects[0]["locked"] is False
    annotator.press("Escape")
    annotator.press("p")
    draw(annotator, (60, 120), (200, 120))
    annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished"] * 2
    assert "taken from #1" in steps(annotator)[0]


def test_the_history_goes_to_any_step(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    annotator.click(ISLAND_XY)
    annotator.press("p")
    draw(annotator, (150, 200), (180, 200))
    shown = steps(annotator)
    assert [s.split(",")[0].split(" on ")[0] for s in shown] == [
        "brush stroke",
        "positive click 2",
        "positive click 1",
        "The beginning",
    ]
    page.locator(".history .step").nth(2).click()
    annotator.settle()
    assert len(annotator.objects[0]["prompts"]) == 1 and not annotator.active_at(ISLAND_XY)
    page.locator(".history .step").nth(0).click()
    annotator.settle()
    assert annotator.active_at((165, 200))
    page.locator(".history .step").nth(3).click()
    annotator.settle()
    assert annotator.objects == []


def test_the_threshold_can_be_dragged(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    area = annotator.objects[0]["area"]
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("ArrowRight")
    annotator.settle()
    slider.fill("95")
    annotator.settle()
    assert annotator.objects[0]["threshold"] == 0.95
    assert annotator.objects[0]["area"] <= area
    assert steps(annotator)[0].startswith("threshold 0.95")
