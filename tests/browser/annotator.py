"""The annotator as a test sees it: a real server process and a real page in headless Chromium."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import ConsoleMessage, Page, Request

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
START_SECONDS = 120
WAIT_MS = 30000
DISC_XY = (90.5, 120.5)
SQUARE_XY = (240.5, 120.5)
ISLAND_XY = (90.5, 40.5)
GROUND_XY = (165.5, 215.5)


def write_shapes(path: Path, ground: tuple[int, int, int] = (120, 120, 120)) -> None:
    """A 320 x 240 picture: a red disc, a blue square and a yellow island on even ground (colours are BGR)."""
    picture = np.full((240, 320, 3), ground, dtype=np.uint8)
    cv2.circle(picture, (90, 120), 50, (40, 40, 200), -1)
    cv2.rectangle(picture, (200, 80), (280, 160), (200, 80, 40), -1)
    cv2.circle(picture, (90, 40), 15, (40, 200, 220), -1)
    cv2.imwrite(str(path), picture)


def near(first: tuple[int, int, int], second: tuple[int, int, int], tolerance: int = 3) -> bool:
    """Whether two colours are the same but for rounding in the renderer."""
    return max(abs(a - b) for a, b in zip(first, second, strict=True)) <= tolerance


@dataclass
class Server:
    """`clickmask annotate` in a process of its own."""

    folder: Path
    project: Path
    model: str = "flood"
    address: str = ""
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    def start(self, port: int = 0) -> None:
        """Start and wait for the printed address."""
        command = [sys.executable, "-m", "clickmask", "annotate", str(self.folder), "--project", str(self.project)]
        command += ["--port", str(port), "--no-browser", "--model", self.model]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=None)
        found: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(self.process, found), daemon=True).start()
        try:
            self.address = found.get(timeout=START_SECONDS)
        except Empty:
            raise AssertionError("The server printed no address:\n" + "".join(self.lines)) from None
        if not self.address:
            raise AssertionError("The server stopped at once:\n" + "".join(self.lines))

    def _read(self, process: subprocess.Popen[str], found: Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line)
            match = re.search(r"http://\S+\?token=[\w-]+", line)
            if match:
                found.put(match[0])
        process.stdout.close()
        found.put("")

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def image_ids(self) -> list[int]:
        """Ids of all images, in the order of their names."""
        token = parse_qs(urlsplit(self.address).query)["token"][0]
        request = urllib.request.Request(f"{self.origin}/api/v1/images", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return [image["id"] for image in json.load(answer)["images"]]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.address).port or 0


class Annotator:
    """One open page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        self.forgive: Callable[[str], bool] = lambda _text: False
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # Taking a picture of the window makes the software renderer complain; a person sees none of that.
        if message.type in {"error", "warning"} and "GPU stall due to ReadPixels" not in message.text:
            self.complaints.append(f"console {message.type}: {message.text} {message.location['url']}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.server.origin, "data:", "blob:")):
            self.complaints.append(f"request outside: {request.url}")

    @property
    def unforgiven(self) -> list[str]:
        """Complaints that the test does not expect."""
        return [c for c in self.complaints if not self.forgive(c)]

    def open(self) -> None:
        """Go to the printed address and wait for the picture."""
        self.page.goto(self.server.address)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the image can be worked on."""
        self.wait_for("s.status === 'ready' && s.picture && s.connection === 'open'")

    def wait_for(self, condition: str) -> None:
        """Wait until a condition on the page's state `s` holds."""
        self.page.wait_for_function(
            f"() => {{ const s = window.clickmaskProbe?.state(); return s && ({condition}) }}", timeout=WAIT_MS
        )

    def settle(self) -> None:
        """Wait until everything is acknowledged and answered."""
        self.wait_for("s.status === 'ready' && s.unsaved === 0 && s.objects.every((o) => o.settled)")
        self.page.wait_for_timeout(30)

    @property
    def state(self) -> dict[str, Any]:
        """The page's state."""
        state: dict[str, Any] = self.page.evaluate("window.clickmaskProbe.state()")
        return state

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Objects of the image, bottom first."""
        found: list[dict[str, Any]] = self.state["objects"]
        return found

    def screen(self, point_xy: tuple[float, float]) -> tuple[float, float]:
        """Position of an image point in the window."""
        at = self.page.evaluate("(p) => window.clickmaskProbe.screen(p)", {"x": point_xy[0], "y": point_xy[1]})
        return at["x"], at["y"]

    def click(self, point_xy: tuple[float, float], button: str = "left", key: str | None = None) -> None:
        """Click on an image point and wait for the mask."""
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.click(*self.screen(point_xy), button=button)  # type: ignore[arg-type]
        if key:
            self.page.keyboard.up(key)
        self.settle()

    def drag(self, from_xy: tuple[float, float], to_xy: tuple[float, float], button: str = "left") -> None:
        """Drag between two image points."""
        self.page.mouse.move(*self.screen(from_xy))
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        self.page.mouse.move(*self.screen(((from_xy[0] + to_xy[0]) / 2, (from_xy[1] + to_xy[1]) / 2)), steps=3)
        self.page.mouse.move(*self.screen(to_xy), steps=3)
        self.page.mouse.up(button=button)  # type: ignore[arg-type]
        self.settle()

    def press(self, key: str) -> None:
        """Press a key and wait until everything is answered."""
        self.page.keyboard.press(key)
        self.page.wait_for_timeout(20)
        self.settle()

    def active_at(self, point_xy: tuple[float, float]) -> bool:
        """Whether the active mask covers a pixel, as it lies in the drawn layer."""
        value = self.page.evaluate("([x, y]) => window.clickmaskProbe.activeAt(x, y)", list(point_xy))
        return bool(value)

    def finished_at(self, point_xy: tuple[float, float]) -> bool:
        """Whether an object that is not active covers a pixel, as it lies in the drawn layer."""
        return bool(self.page.evaluate("([x, y]) => window.clickmaskProbe.idAt(x, y)", list(point_xy)))

    def axe(self) -> list[Any]:
        """What axe-core complains about on the screen as it is."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed (npm ci in web/)")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        violations: list[Any] = self.page.evaluate(found)
        return violations

    def colour_at(self, point_xy: tuple[float, float]) -> tuple[int, int, int]:
        """RGB on the screen at an image point."""
        self.page.mouse.move(2, 2)
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        x, y = self.screen(point_xy)
        shot = self.page.screenshot(clip={"x": int(x), "y": int(y), "width": 1, "height": 1})
        pixels = cv2.imdecode(np.frombuffer(shot, dtype=np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        blue, green, red = (int(v) for v in pixels[0, 0])
        return red, green, blue
