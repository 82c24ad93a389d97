"""An image that is shown in tiles: seen whole and near, clicked on, finished, opened again; with WebGL and without."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import tifffile
from playwright.sync_api import Playwright

from clickmask.server.tiles import TILED_ABOVE_VARIABLE

from .annotator import Annotator, Server, near
from .conftest import WEBGL_OFF, opened, running

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 2200, 1400
DISC_XY, RADIUS = (1500.5, 600.5), 40
RED, GREEN, GREY = (200, 40, 40), (40, 160, 60), (120, 120, 120)


def picture() -> np.ndarray:
    """Even ground, a small red disc on the right, and a green frame one pixel wide round the whole."""
    pixels = np.full((HEIGHT, WIDTH, 3), GREY, dtype=np.uint8)
    cv2.circle(pixels, (1500, 600), RADIUS, RED, -1)
    cv2.rectangle(pixels, (0, 0), (WIDTH - 1, HEIGHT - 1), GREEN, 1)
    return pixels


@pytest.fixture(scope="module")
def tiled_server(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("tiles")
    (place / "images").mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(place / "images" / f"{name}.tif", picture(), photometric="rgb", tile=(256, 256))
    cv2.imwrite(str(place / "images" / "c.png"), picture()[:, :, ::-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TILED_ABOVE_VARIABLE, "1000000")
        yield from running(Server(place / "images", place / "project"))


@pytest.fixture(params=["webgl2", "canvas2d"])
def tiled(request: pytest.FixtureRequest, tiled_server: Server) -> Iterator[Annotator]:
    if WEBGL_OFF and request.param == "webgl2":
        pytest.skip("WebGL is switched off (CLICKMASK_WEBGL=off)")
    browser = request.getfixturevalue("browser" if request.param == "webgl2" else "plain_browser")
    image = tiled_server.image_ids()[0 if request.param == "webgl2" else 1]
    for annotator in opened(browser, tiled_server, image):
        assert annotator.state["renderer"] == request.param
        yield annotator


def settle_tiles(annotator: Annotator) -> None:
    """Wait until everything that is seen is there and drawn."""
    annotator.page.wait_for_load_state("networkidle")
    annotator.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")


def zoom(annotator: Annotator, at_xy: tuple[float, float], notches: int) -> None:
    for _ in range(abs(notches)):
        before = annotator.state["view"]["scale"]
        annotator.page.mouse.move(*annotator.screen(at_xy))
        annotator.page.mouse.wheel(0, -300 if notches > 0 else 300)
        annotator.wait_for(f"s.view.scale !== {before}")
    settle_tiles(annotator)


def test_the_loupe_and_the_masks_alone(tiled: Annotator) -> None:
    """The first of the file: the disc has no mask yet, whose colour the loupe would show too."""
    zoom(tiled, DISC_XY, 4)
    tiled.page.keyboard.down("q")
    assert tiled.colour_at((DISC_XY[0] - 100, DISC_XY[1])) == (0, 0, 0)
    tiled.page.keyboard.up("q")
    tiled.page.mouse.move(*tiled.screen(DISC_XY))
    tiled.page.keyboard.down("z")
    settle_tiles(tiled)
    x, y = tiled.screen(DISC_XY)
    shot = tiled.page.screenshot(clip={"x": int(x) - 40, "y": int(y) - 150, "width": 80, "height": 80})
    pixels = cv2.imdecode(np.frombuffer(shot, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None and near(tuple(int(v) for v in np.median(pixels, axis=(0, 1)))[::-1], RED, 8)
    tiled.page.keyboard.up("z")


def test_a_click_near_by_and_the_mask_from_afar(tiled: Annotator) -> None:
    settle_tiles(tiled)
    assert near(tiled.colour_at((300.5, 300.5)), GREY) and near(tiled.colour_at(DISC_XY), RED, 6)
    assert tiled.state["grid"]["step"] == 2
    zoom(tiled, DISC_XY, 4)
    assert tiled.state["grid"]["step"] == 1
    assert near(tiled.colour_at(DISC_XY), RED), "pixels of the file, exactly"
    tiled.click(DISC_XY)
    disc = np.count_nonzero((picture() == RED).all(axis=2))
    (found,) = tiled.objects
    assert 0.8 < found["area"] / disc < 1.2 and tiled.active_at(DISC_XY), (
        "the model looked at what is seen, not at it all"
    )
    edge = (found["box"][2] - 0.5, DISC_XY[1])
    assert tiled.active_at(edge) and not tiled.active_at((edge[0] + 1, edge[1])), "exact to the pixel"
    assert not near(tiled.colour_at(DISC_XY), RED), "the mask is drawn over it"
    tiled.press("Enter")
    assert tiled.finished_at(edge) and not tiled.finished_at((edge[0] + 1, edge[1]))
    zoom(tiled, DISC_XY, -6)
    assert tiled.state["grid"]["step"] == 4
    assert tiled.finished_at(DISC_XY) and not tiled.finished_at((DISC_XY[0] + RADIUS + 12, DISC_XY[1]))
    assert not near(tiled.colour_at(DISC_XY), RED) and near(tiled.colour_at((300.5, 300.5)), GREY)


def test_masks_follow_where_the_view_goes(tiled: Annotator) -> None:
    zoom(tiled, DISC_XY, 4)
    tiled.page.keyboard.press("p")
    tiled.drag((DISC_XY[0] - 100, DISC_XY[1] - 60), (DISC_XY[0] - 60, DISC_XY[1] - 60))
    painted = (DISC_XY[0] - 80, DISC_XY[1] - 60)
    assert tiled.active_at(painted)
    zoom(tiled, DISC_XY, -5)
    zoom(tiled, (340.5, 340.5), 7)
    assert near(tiled.colour_at((340.5, 340.5)), GREY)
    zoom(tiled, (340.5, 340.5), -7)
    zoom(tiled, DISC_XY, 4)
    assert tiled.active_at(painted) and not near(tiled.colour_at(painted), GREY)
    tiled.press("Control+z")


def test_a_picture_is_prepared_while_the_page_is_open(browser, tiled_server: Server) -> None:
    for annotator in opened(browser, tiled_server, tiled_server.image_ids()[2]):
        annotator.wait_for("s.preparing === null")
        settle_tiles(annotator)
        assert near(annotator.colour_at((300.5, 300.5)), GREY)
        annotator.page.get_by_text("being prepared").wait_for(state="hidden")
        annotator.click(DISC_XY)
        assert len(annotator.objects) == 1
        annotator.press("Escape")
