"""The tools at work: drawn, painted and corrected objects, ghosts, locks, history. Real server, real Chromium."""

from __future__ import annotations

import pytest

from .annotator import DISC_XY, GROUND_XY, ISLAND_XY, SQUARE_XY, Annotator, near

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


def test_a_polygon_is_drawn_and_its_corners_are_moved(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("g")
    for corner in ((20, 20), (80, 20), (80, 60)):
        page.mouse.click(*annotator.screen(corner))
    annotator.press("Backspace")
    for corner in ((80, 70), (20, 70)):
        page.mouse.click(*annotator.screen(corner))
    page.mouse.click(*annotator.screen((20, 20)))  # the first corner closes it
    annotator.wait_for("s.objects.length === 1")
    annotator.settle()
    # Corners lie where the mouse did, on whole pixels of the screen.
    assert abs(annotator.objects[0]["area"] - 60 * 50) < 150
    assert annotator.active_at((50, 40)) and not annotator.active_at((100, 68))
    page.wait_for_function("() => window.clickmaskProbe.corners() > 3")
    draw(annotator, (80, 70), (110, 70))
    assert annotator.active_at((100, 68)) and annotator.active_at((50, 40))
    assert steps(annotator)[0].startswith("outline moved, +")
    annotator.press("Control+z")
    assert not annotator.active_at((100, 68))
    for corner in ((30, 30), (50, 30), (50, 50)):
        page.mouse.click(*annotator.screen(corner))
    page.keyboard.down("Shift")
    page.mouse.dblclick(*annotator.screen((30, 50)))
    page.keyboard.up("Shift")
    annotator.settle()
    assert not annotator.active_at((40, 40)) and annotator.active_at((70, 40))


def test_the_outline_of_any_object_can_be_edited(annotator: Annotator) -> None:
    annotator.click(SQUARE_XY)
    annotator.press("Enter")
    annotator.press("v")
    annotator.click(SQUARE_XY)
    annotator.press("r")
    annotator.press("g")
    annotator.page.wait_for_function("() => window.clickmaskProbe.corners() > 3")
    area = annotator.objects[0]["area"]
    draw(annotator, (281, 161), (295, 175))
    assert annotator.objects[0]["area"] > area and annotator.active_at((288, 168))
    assert annotator.active_at((201, 81))
    annotator.page.mouse.click(*annotator.screen((295, 175)), button="right")
    annotator.settle()
    assert not annotator.active_at((275, 155))


def test_the_wand(annotator: Annotator) -> None:
    annotator.press("w")
    annotator.click(DISC_XY)
    assert abs(annotator.objects[0]["area"] - 3.14 * 50**2) < 400
    annotator.click(SQUARE_XY)
    assert annotator.active_at(SQUARE_XY) and annotator.active_at(DISC_XY)
    annotator.click(DISC_XY, button="right")
    assert not annotator.active_at(DISC_XY)


def test_shapes_from_the_menu_and_by_key(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("p")
    draw(annotator, (150, 200), (180, 200), (180, 230), (150, 230), (150, 200))
    area = annotator.objects[0]["area"]
    assert not annotator.active_at((165, 215))
    annotator.press("f")
    assert annotator.active_at((165, 215))
    page.get_by_role("button", name="Shape").click()
    page.get_by_role("menuitem", name="Shrink").click()
    annotator.settle()
    assert steps(annotator)[0].startswith("shrunk, -")
    annotator.press("Control+z")
    annotator.press("Control+z")
    assert annotator.objects[0]["area"] == area


def test_cutting_and_combining(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(SQUARE_XY)
    annotator.press("Enter")
    annotator.press("v")
    annotator.click(SQUARE_XY)
    area = annotator.objects[0]["area"]
    annotator.press("x")
    draw(annotator, (190, 120), (292, 120))
    assert len(annotator.objects) == 2
    assert sum(o["area"] for o in annotator.objects) == area
    annotator.press("v")
    annotator.click((240, 90))
    annotator.press("m")
    page.get_by_test_id("tool-options").get_by_text("Click the object to merge with").wait_for()
    annotator.click((240, 150))
    assert [o["area"] for o in annotator.objects] == [area]
    annotator.press("Control+z")
    assert len(annotator.objects) == 2


def test_peeking_at_the_mask_alone_and_through_the_loupe(annotator: Annotator) -> None:
    page = annotator.page
    annotator.click(DISC_XY)
    beside = (DISC_XY[0] + 25, DISC_XY[1] + 10)
    tinted = annotator.colour_at(beside)
    page.keyboard.down("q")
    assert annotator.colour_at(beside) == (255, 255, 255)
    assert annotator.colour_at(GROUND_XY) == (0, 0, 0)
    page.keyboard.up("q")
    assert annotator.colour_at(beside) == tinted
    page.mouse.move(*annotator.screen(GROUND_XY))
    page.keyboard.down("z")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    x, y = annotator.screen(GROUND_XY)
    clip = {"x": int(x) - 90, "y": int(y) - 200, "width": 180, "height": 180}
    seen = page.screenshot(clip=clip)  # type: ignore[arg-type]
    page.keyboard.up("z")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    assert page.screenshot(clip=clip) != seen  # type: ignore[arg-type]


def test_the_keyboard_paints_too(annotator: Annotator) -> None:
    page = annotator.page
    annotator.press("p")
    page.locator("canvas.surface").focus()
    page.keyboard.press("ArrowUp")
    annotator.press("Enter")
    assert annotator.objects[0]["prompts"] == [{"kind": "mask", "painted": True}]
    annotator.press("Shift+Enter")
    assert annotator.objects[0]["area"] == 0


def test_the_next_mask_that_a_click_may_mean(annotator: Annotator) -> None:
    annotator.click(DISC_XY)
    annotator.press("n")
    assert annotator.objects[0]["threshold"] == 0.3
    assert steps(annotator)[0].startswith("threshold 0.30")
