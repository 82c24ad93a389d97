from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.conftest import AUTH, TOKEN, DiscModel, TestClient

from clickmask.core.frames import LogitMap, whole
from clickmask.core.prompts import Box
from clickmask.core.protocols import Request, Result
from clickmask.server.serving.app import create_serving_app
from clickmask.server.serving.settings import ServingSettings

HEIGHT, WIDTH = 48, 64


def picture(seed: int = 1, size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> bytes:
    """A PNG of noise."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def address_of(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def disc(*xy: tuple[float, float], size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """What the model of the tests answers to positive clicks."""
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    mask = np.zeros(size_hw, dtype=bool)
    for x, y in xy:
        mask |= (rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 <= 36
    return mask


class CrispModel(DiscModel):
    """Discs with an edge: a pixel is inside or outside, so that masks can be told in advance."""

    def step(self, request: Request) -> Result:
        if self.failure is not None:
            raise self.failure
        height, width = request.frame.size_hw
        if (height, width) != (64, 64):  # not the warm-up
            self.runs.append(len(request.prompts))
        mask = np.zeros((height, width), dtype=bool)
        for prompt in request.prompts:
            if isinstance(prompt, Box):
                mask[int(prompt.y0) : int(prompt.y1), int(prompt.x0) : int(prompt.x1)] = True
        for click in request.prompts.clicks:
            near = disc((click.x, click.y), size_hw=(height, width))
            mask = mask | near if click.positive else mask & ~near
        return Result(LogitMap(np.where(mask, np.float32(5), np.float32(-5)), whole((height, width))), request.memo)


@pytest.fixture
def model() -> DiscModel:
    return CrispModel()


@pytest.fixture
def serving(model: DiscModel) -> Callable[..., Any]:
    """Starts the server of other tools with further settings."""

    @contextmanager
    def start(headers: dict[str, str] | None = None, **settings: Any) -> Iterator[TestClient]:
        app = create_serving_app(ServingSettings(token=TOKEN, model="disc", **settings), model.build)
        with TestClient(app, base_url="http://127.0.0.1:8000", headers=AUTH if headers is None else headers) as client:
            yield client

    return start


@pytest.fixture
def tools(serving: Callable[..., Any]) -> Iterator[TestClient]:
    with serving() as client:
        yield client


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with an image, beside things that nobody may reach."""
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    (tmp_path / "photos" / "deep" / "a.png").write_bytes(picture())
    (tmp_path / "photos" / "notes.txt").write_text("secret")
    (tmp_path / "private.png").write_bytes(picture(2))
    (tmp_path / "photos" / "link.png").symlink_to(tmp_path / "private.png")
    return tmp_path / "photos"


class OtherHost:
    """A web server on this machine, as Label Studio would be one; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization")))
                status, body, headers = outer.answers.get(self.path, (404, b"", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def other_host() -> Iterator[OtherHost]:
    host = OtherHost()
    host.answers["/a.png"] = (200, picture(), {})
    yield host
    host.server.shutdown()
    host.server.server_close()
