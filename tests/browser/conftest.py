"""Server and browser for the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clickmask.server.settings import STATIC_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from .annotator import Annotator, Server, write_shapes  # noqa: E402

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu", "--disable-dev-shm-usage",
]  # fmt: skip
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
NO_WEBGL = ["--disable-3d-apis"]


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
    """Chromium with WebGL in software."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + SOFTWARE_WEBGL)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without WebGL."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + NO_WEBGL)
    yield browser
    browser.close()


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
def server(folder: Path, tmp_path: Path) -> Iterator[Server]:
    """A running server with the model `flood`."""
    running = Server(folder, tmp_path / "project")
    running.start()
    yield running
    running.kill()


@pytest.fixture
def annotator(browser: Browser, server: Server) -> Iterator[Annotator]:
    """The opened page; at its end there must be no complaint in the console and no request to another place."""
    yield from opened(browser, server)


@pytest.fixture
def plain_annotator(plain_browser: Browser, server: Server) -> Iterator[Annotator]:
    """The same without WebGL."""
    yield from opened(plain_browser, server)


def opened(browser: Browser, server: Server) -> Iterator[Annotator]:
    """A page that has opened the first image."""
    context = browser.new_context(viewport={"width": 1100, "height": 760}, reduced_motion="reduce")
    annotator = Annotator(context.new_page(), server)
    annotator.open()
    yield annotator
    context.close()
    assert annotator.unforgiven == []
