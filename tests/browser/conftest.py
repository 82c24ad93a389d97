"""Server and browser for the tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clickmask.server.settings import STATIC_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright, ViewportSize

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from .annotator import Annotator, Server, write_shapes  # noqa: E402

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu", "--disable-dev-shm-usage",
]  # fmt: skip
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
NO_WEBGL = ["--disable-3d-apis"]
WEBGL_OFF = os.environ.get("CLICKMASK_WEBGL") == "off"
SHARED_IMAGES = 80

needs_webgl = pytest.mark.skipif(WEBGL_OFF, reason="WebGL is switched off (CLICKMASK_WEBGL=off)")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, or a skip that says what is missing."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    if not (STATIC_FOLDER / "index.html").is_file():
        pytest.skip("the browser client is not built (make web, needs Node 20)")
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with WebGL in software; with `CLICKMASK_WEBGL=off` without it, for the whole suite on the 2D path."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=FLAGS + (NO_WEBGL if WEBGL_OFF else SOFTWARE_WEBGL)
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without WebGL."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + NO_WEBGL)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shared_server(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with an untouched image for each test that changes nothing else."""
    place = tmp_path_factory.mktemp("shared")
    (place / "images").mkdir()
    for number in range(SHARED_IMAGES):
        write_shapes(place / "images" / f"{number:02}.png")
    yield from running(Server(place / "images", place / "project"))


@pytest.fixture(scope="session")
def fresh_images(shared_server: Server) -> Iterator[int]:
    """Ids of images that no test has used."""
    return iter(shared_server.image_ids())


@pytest.fixture
def annotator(browser: Browser, shared_server: Server, fresh_images: Iterator[int]) -> Iterator[Annotator]:
    """The page on an untouched image; at its end the console must be clean and no request gone to another place."""
    yield from opened(browser, shared_server, next(fresh_images))


@pytest.fixture
def plain_annotator(plain_browser: Browser, shared_server: Server, fresh_images: Iterator[int]) -> Iterator[Annotator]:
    """The same without WebGL."""
    yield from opened(plain_browser, shared_server, next(fresh_images))


@pytest.fixture(params=["webgl2", "canvas2d"])
def drawn(request: pytest.FixtureRequest, shared_server: Server, fresh_images: Iterator[int]) -> Iterator[Annotator]:
    """The page on an untouched image, once with WebGL and once without."""
    if WEBGL_OFF and request.param == "webgl2":
        pytest.skip("WebGL is switched off (CLICKMASK_WEBGL=off)")
    browser = request.getfixturevalue("browser" if request.param == "webgl2" else "plain_browser")
    for annotator in opened(browser, shared_server, next(fresh_images)):
        assert annotator.state["renderer"] == request.param
        yield annotator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three made-up images."""
    images = tmp_path / "images"
    images.mkdir()
    write_shapes(images / "a.png")
    write_shapes(images / "b.png", ground=(60, 140, 90))
    write_shapes(images / "c.png", ground=(200, 190, 180))
    return images


@pytest.fixture
def server(playwright: Playwright, folder: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own on that folder."""
    yield from running(Server(folder, tmp_path / "project"))


@pytest.fixture
def own_annotator(browser: Browser, server: Server) -> Iterator[Annotator]:
    """The page of the test's own server, on the first image."""
    yield from opened(browser, server)


def running(server: Server) -> Iterator[Server]:
    """A started server, killed at the end."""
    server.start()
    yield server
    server.kill()


def opened(
    browser: Browser, server: Server, image: int | None = None, locale: str = "en-US", **options: Any
) -> Iterator[Annotator]:
    """A page that has opened an image, the first one if none is named; `options` are those of a browser context."""
    size: ViewportSize = {"width": 1100, "height": 760}
    context = browser.new_context(viewport=size, reduced_motion="reduce", locale=locale, **options)
    if image is not None:
        key = "clickmask-image"
        context.add_init_script(f"sessionStorage['{key}'] ??= '{image}'")
    annotator = Annotator(context.new_page(), server)
    annotator.open()
    yield annotator
    context.close()
    assert annotator.unforgiven == []
