"""Somebody who meets the page for the first time annotates a folder: clicks, seconds, IoU, and what was in the way.

The person knows from the masks what is meant, as a robot user does, but acts through the screen alone: looks at the
mask that is drawn (Q shows it white on black), clicks, presses the buttons that are shown, goes on to the next picture
with the button for it, and notes every message and every click that a bar was in the way of. Objects are clicked until
the IoU is 0.9, at most 8 times.

    python benchmarks/new_user.py berkeley=DIR --photographs 20 --objects 20 -o runs/new_user
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser.annotator import Annotator, Server
from browser.conftest import CHROMIUM, FLAGS, SOFTWARE_WEBGL
from clickmask.core.masks import BoolMask, iou
from clickmask.core.prompts import Click
from clickmask.data import Sample, open_dataset
from clickmask.simulate import ROBOTS
from clickmask.store.sql_images import natural_key

WANTED = 0.9
MOST_CLICKS = 8
ROBOT = ROBOTS.get("ritm_center")
WINDOW = {"width": 1280, "height": 800}


@dataclass
class Diary:
    """What happened, and what was in the way."""

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    frictions: list[str] = field(default_factory=list)
    shots: int = 0

    def picture(self, page: Page, name: str) -> None:
        """Keep the screen."""
        self.shots += 1
        page.screenshot(path=str(self.folder / f"{self.shots:03}-{name}.png"))


class Person:
    """Somebody before the page."""

    def __init__(self, annotator: Annotator, diary: Diary) -> None:
        self._annotator = annotator
        self._page = annotator.page
        self._diary = diary

    def see_mask(self, size_hw: tuple[int, int]) -> BoolMask:
        """The mask as it is drawn while Q is held, on the grid of the image."""
        self._page.keyboard.down("q")
        self._page.wait_for_timeout(60)
        (x0, y0), (x1, y1) = self._annotator.screen((0, 0)), self._annotator.screen((size_hw[1], size_hw[0]))
        shot = self._page.screenshot(clip={"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0})
        self._page.keyboard.up("q")
        seen = Image.open(io.BytesIO(shot)).convert("L").resize((size_hw[1], size_hw[0]), Image.Resampling.BOX)
        return np.asarray(seen) > 127

    def annotate(self, sample: Sample, number: int) -> None:
        """One object, from the first click to Enter."""
        page, diary = self._page, self._diary
        truth = sample.truth()
        clicks: list[Click] = []
        seen = np.zeros_like(truth.mask)
        start, waited = time.monotonic(), 0.0
        reached = 0.0
        while reached < WANTED and len(clicks) < MOST_CLICKS:
            click = ROBOT(truth.mask, seen, truth.ignore, clicks)
            if click is None:
                break
            clicks.append(click)
            at = self._annotator.screen((click.x, click.y))
            self._check_reachable(at, sample)
            before = time.monotonic()
            page.mouse.click(*at, button="left" if click.positive else "right")
            self._annotator.settle()
            waited += time.monotonic() - before
            self._read_notes(sample)
            seen = self.see_mask(truth.mask.shape)
            reached = iou(seen, truth.mask, truth.ignore)
            if number < 2:
                diary.picture(page, f"object-{number}-click-{len(clicks)}")
        name = f"{sample.image_id}/{sample.object_id}"
        page.get_by_test_id("active-bar").get_by_role("button", name="Finish").click()
        self._annotator.settle()
        row = {
            "object": name, "clicks": len(clicks), "iou": round(reached, 3),
            "seconds": round(time.monotonic() - start, 1), "waiting": round(waited, 1),
        }  # fmt: skip
        diary.rows.append(row)
        print(json.dumps(row), flush=True)
        if reached < WANTED:
            diary.frictions.append(f"{name}: IoU {reached:.3f} after {len(clicks)} clicks")
            diary.picture(page, f"hard-{number}")

    def _check_reachable(self, at: tuple[float, float], sample: Sample) -> None:
        """Whether the picture is what lies under the pointer, not a bar."""
        hit = self._page.evaluate("([x, y]) => document.elementFromPoint(x, y)?.className ?? ''", list(at))
        if "surface" not in str(hit):
            self._diary.frictions.append(f"{sample.image_id}: at {at} lies '{hit}' over the picture")
            self._diary.picture(self._page, "covered")

    def _read_notes(self, sample: Sample) -> None:
        for text in self._page.locator(".toast p").all_inner_texts():
            self._diary.frictions.append(f"{sample.image_id}: was told '{text}'")
            self._page.get_by_role("button", name="Dismiss").first.click()


def main() -> None:
    """Annotate, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", metavar="DATASET=DIR")
    parser.add_argument("--photographs", type=int, default=5)
    parser.add_argument("--objects", type=int, default=20)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    name, folder = arguments.dataset.split("=", 1)
    chosen = most_objects(open_dataset(name, Path(folder)).samples, arguments.photographs, arguments.objects)
    shutil.rmtree(arguments.output, ignore_errors=True)
    photographs = arguments.output / "photographs"
    photographs.mkdir(parents=True)
    for samples in chosen:
        shutil.copy(samples[0].image_path, photographs)
    server = Server(photographs, arguments.output / "project", model=arguments.model)
    server.start()
    diary = Diary(arguments.output)
    try:
        work(server, diary, chosen)
    finally:
        server.kill()
    report(diary)


def most_objects(samples: tuple[Sample, ...], photographs: int, objects: int) -> list[list[Sample]]:
    """The photographs with the most objects, in the order of the page, and the objects to make on each."""
    by_image: dict[str, list[Sample]] = {}
    for sample in samples:
        by_image.setdefault(str(sample.image_path), []).append(sample)
    most = sorted(by_image.values(), key=lambda some: -len(some))[:photographs]
    chosen = sorted(most, key=lambda some: natural_key(some[0].image_path.name))
    kept: list[list[Sample]] = [[] for _ in chosen]
    for place in range(max(map(len, chosen))):
        for i, some in enumerate(chosen):
            if place < len(some) and sum(map(len, kept)) < objects:
                kept[i].append(some[place])
    return kept


def work(server: Server, diary: Diary, chosen: list[list[Sample]]) -> None:
    """The session."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + SOFTWARE_WEBGL)
        page = browser.new_context(viewport=WINDOW, locale="en-US").new_page()  # type: ignore[arg-type]
        annotator = Annotator(page, server)
        start = time.monotonic()
        annotator.open()
        diary.picture(page, "first-sight")
        print(f"picture on the screen after {time.monotonic() - start:.1f} s", flush=True)
        person = Person(annotator, diary)
        number = 0
        for i, samples in enumerate(chosen):
            if i:
                page.get_by_role("button", name="Next image").click()
                annotator.wait_for(f"s.image === '{samples[0].image_path.name}'")
                annotator.wait_ready()
            for sample in samples:
                person.annotate(sample, number)
                number += 1
            diary.picture(page, f"photograph-{i}")
        page.get_by_role("button", name="Statistics (F7)").click()
        page.locator(".tiles").wait_for()
        diary.picture(page, "statistics")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Export").click()
        page.get_by_role("dialog").get_by_role("button", name="Export").click()
        page.get_by_role("link", name="Download zip").wait_for()
        diary.picture(page, "exported")
        diary.frictions += [f"console: {text}" for text in annotator.complaints]
        browser.close()


def report(diary: Diary) -> None:
    """Numbers and what was in the way."""
    rows = diary.rows
    clicks, seconds, waiting = (sum(r[name] for r in rows) for name in ("clicks", "seconds", "waiting"))
    ious = [r["iou"] for r in rows]
    each = clicks / len(rows)
    print(
        f"\n{len(rows)} objects, {clicks} clicks ({each:.2f} each), {seconds:.0f} s ({waiting:.0f} s waiting for masks)"
    )
    print(f"IoU mean {np.mean(ious):.3f}, least {min(ious):.3f}")
    print("\nIn the way:" if diary.frictions else "\nNothing was in the way.")
    for one in diary.frictions:
        print(f"- {one}")
    (diary.folder / "diary.json").write_text(json.dumps({"objects": rows, "frictions": diary.frictions}, indent=1))


if __name__ == "__main__":
    main()
