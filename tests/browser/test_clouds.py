"""Point clouds on the page: looking at them, clicking their points, and what becomes of it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright

import clickmask

from .annotator import Annotator, Server, write_shapes
from .conftest import WEBGL_OFF, opened, running
from .scene import Scene, write_scene
from .test_guide import picture

pytestmark = [pytest.mark.browser, pytest.mark.weights]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clouds")


@pytest.fixture(scope="module")
def scene(place: Path) -> Scene:
    folder = place / "scans"
    folder.mkdir()
    written = write_scene(folder / "00.ply")
    for number in range(1, 13):
        (folder / f"{number:02}.ply").write_bytes((folder / "00.ply").read_bytes())
    write_shapes(folder / "photo.png")
    return written


@pytest.fixture(scope="module")
def scans(playwright: Playwright, place: Path, scene: Scene) -> Iterator[Server]:
    """One server with an untouched cloud for each test."""
    yield from running(Server(place / "scans", place / "project"))


@pytest.fixture(scope="module")
def fresh(scans: Server) -> Iterator[int]:
    return iter(scans.image_ids())


@pytest.fixture
def page(browser: Browser, scans: Server, fresh: Iterator[int]) -> Iterator[CloudPage]:
    for annotator in opened(browser, scans, next(fresh)):
        yield CloudPage(annotator)


@pytest.fixture
def plain_page(plain_browser: Browser, scans: Server, fresh: Iterator[int]) -> Iterator[CloudPage]:
    for annotator in opened(plain_browser, scans, next(fresh)):
        yield CloudPage(annotator)


class CloudPage:
    """A page on a cloud; points are named by their rows in the file."""

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self.page = annotator.page

    def screen(self, row: int) -> tuple[float, float]:
        """Position of a point in the window."""
        at = self.page.evaluate("(row) => window.clickmaskProbe.cloudScreen(row)", row)
        return at["x"], at["y"]

    def pick(self, at: tuple[float, float]) -> int | None:
        """Row of the point that a click there would mean."""
        self.rest()
        row: int | None = self.page.evaluate("([x, y]) => window.clickmaskProbe.pick({ x, y })", list(at))
        return row

    def rest(self) -> None:
        """Wait until every point is drawn as the page now stands."""
        self.annotator.wait_for("s.picture")

    def click(self, row: int, button: str = "left") -> None:
        """Click on a point and wait for the answer."""
        self.rest()
        self.page.mouse.click(*self.screen(row), button=button)  # type: ignore[arg-type]
        self.annotator.settle()

    def drag(self, start: tuple[float, float], by: tuple[float, float], button: str = "left") -> None:
        """Drag from a place in the window."""
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        for share in (0.5, 1.0):
            self.page.mouse.move(start[0] + by[0] * share, start[1] + by[1] * share)
        self.page.mouse.up(button=button)  # type: ignore[arg-type]
        self.rest()

    def active(self, row: int) -> bool:
        """Whether a point belongs to the object at work."""
        return self.annotator.active_at((row, 0))

    def finished(self, row: int) -> bool:
        """Whether a point belongs to another object."""
        return self.annotator.finished_at((row, 0))

    @property
    def camera(self) -> dict[str, float]:
        """Where the cloud is looked at from."""
        camera: dict[str, float] = self.annotator.state["cloud"]["camera"]
        return camera


def test_clicks_undo_redo_finish_and_a_second_object(page: CloudPage, scene: Scene) -> None:
    annotator = page.annotator
    state = annotator.state
    assert state["kind"] == "cloud" and state["cloud"]["renderer"] == ("canvas2d" if WEBGL_OFF else "webgl2")
    assert state["cloud"]["points"] == state["cloud"]["drawn"] == len(scene.xyz)
    page.click(scene.box)
    (box,) = annotator.objects
    size = int((scene.thing == 1).sum())
    assert 0.8 * size < box["area"] < 1.2 * size
    assert page.active(scene.box) and not page.active(scene.table) and not page.active(scene.ball)

    page.click(scene.table)
    assert page.active(scene.table)
    page.click(scene.row(0, (0.4, 0.3, 0.0)), button="right")
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, True, False]
    annotator.press("Control+z")
    annotator.press("Control+z")
    assert not page.active(scene.table) and annotator.objects[0]["area"] == box["area"]
    annotator.press("Control+y")
    assert page.active(scene.table)
    annotator.press("Control+z")
    annotator.press("Enter")
    assert page.finished(scene.box) and not page.active(scene.box)

    page.click(scene.ball)
    assert page.active(scene.ball) and page.finished(scene.box) and not page.active(scene.box)
    assert len(annotator.objects) == 2
    annotator.press("Enter")
    assert [o["state"] for o in annotator.objects] == ["finished", "finished"]
    annotator.page.reload()
    annotator.wait_ready()
    annotator.settle()
    assert page.finished(scene.box) and page.finished(scene.ball) and not page.finished(scene.table)


def test_the_picture_of_the_documents(browser: Browser, scans: Server, fresh: Iterator[int], scene: Scene) -> None:
    for annotator in opened(browser, scans, next(fresh), color_scheme="dark"):
        page = CloudPage(annotator)
        page.click(scene.ball)
        annotator.press("Enter")
        page.click(scene.box)
        assert page.finished(scene.ball) and page.active(scene.box)
        page.page.mouse.move(5, 5)
        page.rest()
        picture(annotator, "points-viewer")


def test_a_click_on_a_marker_takes_it_back(page: CloudPage, scene: Scene) -> None:
    page.click(scene.box)
    page.click(scene.ball)
    assert len(page.annotator.objects[0]["prompts"]) == 2
    page.click(scene.ball)
    assert len(page.annotator.objects[0]["prompts"]) == 1 and not page.active(scene.ball)


def test_hints_speak_of_points(page: CloudPage, scene: Scene) -> None:
    hint = page.page.get_by_role("complementary", name="First steps")
    hint.get_by_text("Click a point of the thing you want").wait_for()
    page.click(scene.box)
    hint.get_by_text("Right-click a point that does not belong").wait_for()


def test_the_view_turns_moves_and_comes_closer_and_nothing_is_clicked(page: CloudPage, scene: Scene) -> None:
    annotator, before = page.annotator, page.camera
    held = page.pick(page.screen(scene.box))
    assert held is not None
    start = page.screen(held)
    page.drag(start, (120, 40))
    turned = page.camera
    assert turned["yaw"] < before["yaw"] and turned["pitch"] < before["pitch"]
    # What was taken hold of is where it was, up to a neighbour that may be held in its place.
    near = 16
    kept = page.screen(held)
    assert abs(kept[0] - start[0]) < near and abs(kept[1] - start[1]) < near

    page.drag(start, (60, 30), button="right")
    moved = page.screen(held)
    assert abs(moved[0] - kept[0] - 60) < near and abs(moved[1] - kept[1] - 30) < near

    def apart() -> float:
        first, second = page.screen(scene.box), page.screen(scene.ball)
        return abs(first[0] - second[0]) + abs(first[1] - second[1])

    far, height = apart(), page.camera["eye"][2]
    page.page.mouse.move(*moved)
    page.page.mouse.wheel(0, -400)
    annotator.wait_for(f"s.cloud.camera.eye[2] !== {height!r}")
    assert apart() > 1.2 * far
    assert annotator.objects == []

    annotator.press("Shift+1")
    assert page.camera["pitch"] < -1.5
    annotator.page.reload()
    annotator.wait_ready()
    assert page.camera["pitch"] < -1.5, "the view is remembered"


def test_what_is_cut_off_is_not_clicked(page: CloudPage, scene: Scene) -> None:
    annotator = page.annotator
    annotator.press("Shift+1")
    top = page.screen(scene.box)
    picked = page.pick(top)
    assert picked is not None and scene.thing[picked] == 1
    annotator.press("b")
    slider = page.page.get_by_label("Height, to")
    slider.fill(str(float(slider.get_attribute("min") or 0) + 0.5 * 0.2))
    page.rest()
    picked = page.pick(top)
    assert picked is None or scene.xyz[picked][2] < 0.15
    side = scene.row(1, (0.06, 0.04, 0.05))
    page.click(side)
    assert page.active(side)
    annotator.press("Shift+B")
    page.rest()
    assert page.pick(page.screen(scene.table)) is None
    page.page.get_by_role("button", name="Show everything").click()
    page.rest()
    assert page.pick(page.screen(scene.table)) is not None


def test_a_lasso_takes_the_points_in_sight(page: CloudPage, scene: Scene) -> None:
    annotator = page.annotator
    annotator.press("Shift+1")
    annotator.press("l")
    corners = [scene.row(0, (x, y, 0)) for x, y in ((-0.36, -0.26), (-0.04, -0.26), (-0.04, 0.06), (-0.36, 0.06))]
    at = [page.screen(row) for row in corners]
    page.page.mouse.move(*at[0])
    page.page.mouse.down()
    for place in at[1:]:
        page.page.mouse.move(*place, steps=4)
    page.page.mouse.up()
    annotator.settle()
    assert page.active(scene.ball) and not page.active(scene.box)
    # The underside of the ball cannot be seen from above.
    assert not page.active(scene.row(2, (-0.2, -0.1, 0.0)))


def test_without_a_mouse(page: CloudPage) -> None:
    annotator, keys = page.annotator, page.page.keyboard
    page.page.locator(".cloud canvas.surface").focus()
    before = page.camera
    annotator.press("ArrowLeft")
    annotator.press("+")
    assert page.camera["yaw"] != before["yaw"]
    annotator.press("x")
    for _ in range(3):
        keys.press("Shift+ArrowDown")
    assert page.page.locator(".status .place").inner_text().startswith("x ")
    annotator.press("Enter")
    assert len(annotator.objects) == 1 and annotator.objects[0]["prompts"][0]["positive"]
    assert "points" in page.page.get_by_test_id("live").inner_text()
    assert "metres" in page.page.get_by_test_id("cloud-summary").inner_text()
    annotator.press("Control+Enter")
    assert annotator.objects[0]["state"] == "finished"
    assert annotator.axe() == []
    annotator.press("b")
    assert annotator.axe() == []


def test_fingers_turn_come_closer_and_click(page: CloudPage, scene: Scene) -> None:
    annotator, surface = page.annotator, page.page.locator(".cloud canvas.surface")
    # A made-up pointer cannot be captured; everything else is as with a finger.
    page.page.evaluate("() => { Element.prototype.setPointerCapture = () => undefined }")

    def finger(kind: str, at: tuple[float, float], number: int = 7) -> None:
        touch = {"pointerId": number, "pointerType": "touch", "button": 0, "clientX": at[0], "clientY": at[1]}
        surface.dispatch_event(kind, touch | {"bubbles": True})

    x, y = page.screen(scene.box)
    before = page.camera
    finger("pointerdown", (x, y))
    finger("pointermove", (x + 80, y))
    finger("pointerup", (x + 80, y))
    page.rest()
    assert page.camera["yaw"] < before["yaw"] and page.camera["eye"] != before["eye"]

    def apart() -> float:
        first, second = page.screen(scene.box), page.screen(scene.ball)
        return abs(first[0] - second[0]) + abs(first[1] - second[1])

    far = apart()
    x, y = page.screen(scene.box)
    finger("pointerdown", (x - 40, y), 1)
    finger("pointerdown", (x + 40, y), 2)
    finger("pointermove", (x - 60, y), 1)
    finger("pointermove", (x + 60, y), 2)
    finger("pointerup", (x - 60, y), 1)
    finger("pointerup", (x + 60, y), 2)
    page.rest()
    assert apart() > 1.2 * far and annotator.objects == []

    # Both in one go: however slow the machine is, a touch is a short one.
    x, y = page.screen(scene.box)
    touch = {"pointerId": 7, "pointerType": "touch", "button": 0, "clientX": x, "clientY": y, "bubbles": True}
    surface.evaluate(
        "(e, touch) => ['pointerdown', 'pointerup'].forEach((k) => e.dispatchEvent(new PointerEvent(k, touch)))", touch
    )
    annotator.settle()
    beside = page.screen(scene.row(0, (0.12, -0.12, 0.0)))
    finger("pointerdown", beside)
    page.page.evaluate("() => new Promise((done) => setTimeout(done, 600))")
    finger("pointerup", beside)
    annotator.settle()
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]


def test_tools_and_keys_are_those_of_the_medium(page: CloudPage, scans: Server) -> None:
    annotator = page.annotator
    tools = page.page.get_by_role("toolbar", name="Tools")
    assert tools.get_by_role("button", name="Lasso (L)").is_visible()
    assert tools.get_by_role("button", name="Brush").count() == 0
    page.page.keyboard.press("?")
    help_text = page.page.get_by_role("dialog").inner_text()
    assert "From above" in help_text and "Magic wand" not in help_text
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="photo.png").click()
    annotator.wait_ready()
    assert annotator.state["kind"] == "photo"
    assert tools.get_by_role("button", name="Brush (P)").is_visible()
    assert page.page.locator(".cloud").is_hidden()
    annotator.click((90.5, 120.5))
    assert annotator.active_at((90.5, 120.5))
    annotator.press("a")
    annotator.wait_for("s.kind === 'cloud' && s.status === 'ready' && s.picture")


def test_without_webgl(plain_page: CloudPage, scene: Scene) -> None:
    annotator = plain_page.annotator
    assert annotator.state["cloud"]["renderer"] == "canvas2d"
    assert "without WebGL2" in plain_page.page.locator(".toast").inner_text()
    plain_page.click(scene.ball)
    assert plain_page.active(scene.ball) and not plain_page.active(scene.box)


def test_an_object_is_compared_with_its_earlier_self_and_counted(page: CloudPage, scene: Scene) -> None:
    annotator = page.annotator
    page.click(scene.box)
    page.click(scene.ball)
    annotator.press("Enter")
    page.page.keyboard.press("F8")
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("status").wait_for()
    assert "points" in dialog.inner_text() and "IoU" in dialog.inner_text()
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("F7")
    page.page.locator(".tiles").wait_for()
    page.page.keyboard.press("Escape")


def test_objects_are_exported_as_ply(page: CloudPage, scene: Scene, tmp_path: Path) -> None:
    annotator, dialog = page.annotator, page.page.get_by_role("dialog")
    for row in (scene.box, scene.ball):
        page.click(row)
        annotator.press("Enter")
    page.page.get_by_role("button", name="Export").click()
    dialog.get_by_text("Point clouds as PLY").click()
    dialog.get_by_label("This image only").check()
    dialog.get_by_role("button", name="Export").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".ply")]
        (tmp_path / "back.ply").write_bytes(archive.read(name))
    cloud = clickmask.read_cloud(tmp_path / "back.ply")
    assert cloud.instance is not None and np.allclose(cloud.world_xyz, scene.xyz, atol=1e-5)
    assert [int(cloud.instance[row]) for row in (scene.table, scene.box, scene.ball)] == [0, 1, 2]
    assert np.count_nonzero(cloud.instance == 1) == annotator.objects[0]["area"]
