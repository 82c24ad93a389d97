from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.core.frames import LogitMap, whole
from clickmask.core.prompts import Box
from clickmask.core.protocols import Request, Result
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import Pipeline
from clickmask.server.app import create_app
from clickmask.server.records import MaskRecord, parse_records
from clickmask.server.settings import Settings
from clickmask.store.project import open_project
from clickmask.zoo.spec import ModelSpec

with warnings.catch_warnings():
    # Newer starlettes ask for httpx2; both work, and older ones know only httpx.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

HEIGHT, WIDTH = 48, 64
TOKEN = "token-of-the-tests"
SPECS = {name: ModelSpec(name, "test", "discs round the clicks", "Apache-2.0") for name in ("disc", "other")}


@dataclass
class DiscModel:
    """A model that draws a disc of 6 pixels round each click; it can be held up and made to fail."""

    runs: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def build(self, name: str) -> Pipeline:
        merged = progressive_merge(ProgressiveMerge())(self.step)
        return Pipeline(ModelSpec(name, "test", "t", "Apache-2.0"), None, merged)  # type: ignore[arg-type]

    def step(self, request: Request) -> Result:
        assert self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        height, width = request.frame.size_hw
        if (height, width) != (64, 64):  # not the warm-up
            self.runs.append(len(request.prompts))
        rows, columns = np.ogrid[:height, :width]
        logits = np.full((height, width), -5, dtype=np.float32)
        for prompt in request.prompts:
            if isinstance(prompt, Box):
                logits[int(prompt.y0) : int(prompt.y1), int(prompt.x0) : int(prompt.x1)] = 5
        for click in request.prompts.clicks:
            away = (rows + 0.5 - click.y) ** 2 + (columns + 0.5 - click.x) ** 2
            soft = np.clip((36 - away) / 6, -5, 5).astype(np.float32)
            disc = np.where(away <= 36, np.maximum(soft, np.float32(0.01)), np.minimum(soft, np.float32(-0.01)))
            logits = np.maximum(logits, disc) if click.positive else np.minimum(logits, -disc)
        return Result(LogitMap(logits, whole((height, width))), request.memo)


class Socket:
    """A browser on one image: keeps count of its commands and of what it has seen."""

    def __init__(self, session: Any, client: str) -> None:
        self.session = session
        self.client = client
        self.rev = 0
        self.seq = 0
        self.records: dict[int, MaskRecord] = {}
        self.ghosts: dict[int, MaskRecord] = {}
        self.messages: list[dict[str, Any]] = []
        session.send_json({"type": "open", "client": client})
        self.ready = self.until("ready")
        self.seq = self.ready["last_seq"]
        self.rev = self.ready["rev"]

    def next(self) -> dict[str, Any]:
        """The next text message; mask records on the way are kept."""
        while True:
            frame = self.session.receive()
            if frame["type"] == "websocket.close":
                return {"type": "closed", "code": frame["code"]}
            if frame.get("bytes") is not None:
                for found in parse_records(frame["bytes"]):
                    if found.ghosts:
                        self.ghosts[found.object_id] = found
                        continue
                    self.records[found.object_id] = found
                    self.ghosts.pop(found.object_id, None)
                continue
            message = json.loads(frame["text"])
            self.messages.append(message)
            self.rev = max(self.rev, message.get("rev") or 0)
            return message

    def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            message = self.next()
            if message["type"] in (*kinds, "closed"):
                return message

    def send(self, kind: str, **values: Any) -> int:
        self.seq += 1
        self.session.send_json({"type": kind, "seq": self.seq, "rev": self.rev, **values})
        return self.seq

    def do(self, kind: str, **values: Any) -> dict[str, Any]:
        """Send a command and wait for its ack or error."""
        seq = self.send(kind, **values)
        while True:
            message = self.until("ack", "error")
            if message["type"] == "closed" or message["seq"] == seq:
                if message["type"] == "ack" and kind not in ("click", "box", "scribble", "lasso", "remove_prompt"):
                    self.sync()  # the records follow the ack
                return message

    def draw(self, kind: str, points: list[tuple[float, float]], **values: Any) -> dict[str, Any]:
        """Draw a scribble or lasso and wait for the model."""
        ack = self.do(kind, points=points, **values)
        if ack["type"] == "ack":
            self.answered(ack["object"], ack["rev"])
        return ack

    def click(self, x: float, y: float, positive: bool = True, **values: Any) -> dict[str, Any]:
        """Click and wait for the model."""
        ack = self.do("click", x=x, y=y, positive=positive, **values)
        if ack["type"] == "ack":
            self.answered(ack["object"], ack["rev"])
        return ack

    def answered(self, number: int, rev: int) -> None:
        """Wait for the model's answer at a revision."""
        while number not in self.records or self.records[number].rev < rev or not self.records[number].settled:
            assert self.next()["type"] != "closed"
        self.sync()

    def sync(self) -> None:
        """Wait until everything sent before has arrived."""
        self.seq += 1
        self.session.send_json({"type": "ping", "seq": self.seq})
        while self.until("pong").get("seq") not in (self.seq, None):
            pass


class Server:
    """The application with a folder of made-up images."""

    def __init__(self, folder: Path, model: DiscModel, client: TestClient) -> None:
        self.folder = folder
        self.model = model
        self.http = client

    def get(self, path: str, **values: Any) -> Any:
        return self.http.get(f"/api/v1{path}", **values)

    def post(self, path: str, json: Any = None, **values: Any) -> Any:
        return self.http.post(f"/api/v1{path}", json=json, **values)

    def wait_for_model(self) -> None:
        """Wait until the model has been loaded and warmed up, which a busy machine does late."""
        while self.get("/models").json()["state"] == "loading":
            time.sleep(0.002)

    @contextmanager
    def socket(self, image: int = 1, client: str = "client-a") -> Iterator[Socket]:
        with self.http.websocket_connect(f"ws://127.0.0.1:8000/api/v1/images/{image}/live", headers=AUTH) as session:
            yield Socket(session, client)


AUTH = {"Authorization": f"Bearer {TOKEN}"}


def write_image(path: Path, seed: int = 0, size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@contextmanager
def running(folder: Path, model: DiscModel, project: Path | None = None, **settings: Any) -> Iterator[Server]:
    values = {"token": TOKEN, "session": "session-of-the-tests", "model": "disc", **settings}
    app = create_app(Settings(**values), open_project(folder, project), model.build, lambda: SPECS)
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=AUTH) as client:
        yield Server(folder, model, client)


@pytest.fixture
def model() -> DiscModel:
    return DiscModel()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image(tmp_path / "photos" / "a.png", 1)
    write_image(tmp_path / "photos" / "b.png", 2)
    return tmp_path / "photos"


@pytest.fixture
def server(folder: Path, model: DiscModel) -> Iterator[Server]:
    with running(folder, model) as started:
        started.wait_for_model()
        yield started


@pytest.fixture
def restart(folder: Path, model: DiscModel) -> Callable[[], Any]:
    return lambda **settings: running(folder, model, **settings)
