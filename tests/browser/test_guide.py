"""docs/guide.md, done by a person who follows it. With CLICKMASK_SCREENSHOTS=docs its pictures are taken anew."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Playwright

import clickmask

from .annotator import Annotator, Server
from .conftest import opened, running

pytestmark = [pytest.mark.browser, pytest.mark.weights]

SAMPLE = Path(clickmask.__file__).parent / "server" / "sample" / "coffee.jpg"
CUP_XY, COFFEE_XY = (258.5, 228.5), (250.5, 120.5)
SAUCER_XY, EDGE_XY = (140.5, 285.5), (270.5, 352.5)
LARGEST_PICTURE = 150_000


@pytest.fixture
def tutorial(browser: Browser, playwright: Playwright, tmp_path: Path) -> Iterator[Annotator]:
    """The page with the default model on the sample photograph."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(SAMPLE, folder / "coffee.jpg")
    for server in running(Server(folder, tmp_path / "project", model="default")):
        yield from opened(browser, server)


def picture(annotator: Annotator, name: str) -> None:
    """Keep what the page shows, if asked for."""
    target = os.environ.get("CLICKMASK_SCREENSHOTS")
    if target:
        annotator.page.wait_for_timeout(300)
        shot = Image.open(io.BytesIO(annotator.page.screenshot()))
        shot.convert("RGB").save(Path(target, f"{name}.webp"), quality=72, method=6)


def test_from_a_folder_to_a_coco_file(tutorial: Annotator, repository: Path) -> None:
    annotator, page = tutorial, tutorial.page
    annotator.wait_for("true")
    annotator.click(CUP_XY)
    (cup,) = annotator.objects
    assert cup["area"] > 10_000, "one click takes the cup"
    picture(annotator, "guide-click")

    annotator.click(SAUCER_XY, button="right")
    assert [p["positive"] for p in annotator.objects[0]["prompts"]] == [True, False]
    assert not annotator.active_at(SAUCER_XY)
    annotator.click(COFFEE_XY)
    annotator.click(EDGE_XY, button="right")
    assert annotator.active_at(COFFEE_XY) and annotator.active_at(CUP_XY) and not annotator.active_at(EDGE_XY)
    picture(annotator, "guide-correct")
    annotator.press("Enter")

    page.get_by_label("Name of the new class").fill("cup")
    page.get_by_label("Name of the new class").press("Enter")
    page.get_by_role("button", name="Use class cup").wait_for()
    page.locator(".object-row .row-main").click()
    page.locator("canvas.surface").focus()
    annotator.press("2")

    page.keyboard.press("F7")
    page.locator(".tiles").wait_for()
    assert page.get_by_role("row", name="cup").get_by_role("cell").first.inner_text() == "1"
    picture(annotator, "guide-statistics")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("COCO, run lengths").click()
    dialog.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".json")]
        coco = json.loads(archive.read(name))
    assert [c["name"] for c in coco["categories"] if c["id"] == coco["annotations"][0]["category_id"]] == ["cup"]
    assert coco["annotations"][0]["area"] == annotator.objects[0]["area"]


def test_the_pictures_of_the_guide_are_there_and_small(repository: Path) -> None:
    page = (repository / "docs" / "guide.md").read_text(encoding="utf-8")
    for name in ("guide-click", "guide-correct", "guide-statistics"):
        assert f"({name}.webp)" in page
        assert 2_000 < (repository / "docs" / f"{name}.webp").stat().st_size < LARGEST_PICTURE
