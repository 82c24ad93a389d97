"""What a storm of commands needs: servers to kill, one life of a server as a browser sees it, commands of all tools."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from clickmask.server.records import MaskRecord, parse_records

CLIENT = "storm-client"
WIDTH, HEIGHT = 160, 120
MOST_UNANSWERED = 8
GONE = (ConnectionClosed, OSError, http.client.HTTPException)

Command = dict[str, Any]
Maker = Callable[[np.random.Generator, dict[int, dict[str, Any]]], Command]
"""Makes a command, given the objects in view."""


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    pid: int
    port: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, body: object = None, media_type: str = "application/json") -> bytes:
        """The body of a 2xx answer; OSError or HTTPException when the server dies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, f"/api/v1{path}", data, {**self.headers, "Content-Type": media_type})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, (method, path, body, content)
        return content

    def get(self, path: str) -> Any:
        return json.loads(self.ask("GET", path))

    def take_in(self) -> None:
        """Import a COCO file with two objects."""
        edge = "edge-of-the-form"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="format"\r\n\r\ncoco\r\n--{edge}\r\n'
        head += 'Content-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n'
        body = head.encode() + coco_file() + f"\r\n--{edge}--\r\n".encode()
        self.ask("POST", "/import", body, f"multipart/form-data; boundary={edge}")

    def export(self) -> str:
        """Export everything; returns the name."""
        return str(json.loads(self.ask("POST", "/export", {"format": "coco"}))["name"])


class Nursery:
    """Starts servers quickly, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).parent / "server_nursery.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.child = 0

    def start(self, folder: Path) -> Address:
        pid, port, token = self._ask(f"start {folder}")
        self.child = int(pid)
        return Address(self.child, int(port), token)

    def kill(self) -> None:
        """Kill the server and wait until it is gone."""
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            self._ask("reap")
            self.child = 0

    def close(self) -> None:
        self.kill()
        self.process.communicate()

    def _ask(self, line: str) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


@contextmanager
def opened(address: Address) -> Iterator[Any]:
    """A WebSocket on the first image."""
    place = f"ws://127.0.0.1:{address.port}/api/v1/images/1/live"
    with connect(
        place, additional_headers=address.headers, compression=None, max_size=None, proxy=None, open_timeout=60
    ) as socket:
        socket.send(json.dumps({"type": "open", "client": CLIENT}))
        yield socket


@dataclass
class Life:
    """One life of a server, as the browser sees it."""

    address: Address
    socket: Any
    sent: dict[int, Command] = field(default_factory=dict)
    replies: dict[int, str] = field(default_factory=dict)
    objects: dict[int, dict[str, Any]] = field(default_factory=dict)
    settled: dict[int, MaskRecord] = field(default_factory=dict)
    imports: int = 0
    exports: list[str] = field(default_factory=list)

    def take(self, frame: str | bytes) -> dict[str, Any]:
        """Note what a frame says."""
        if isinstance(frame, bytes):
            for record in parse_records(frame):
                if record.settled and not record.ghosts:
                    self.settled[record.object_id] = record
            return {"type": "record"}
        message: dict[str, Any] = json.loads(frame)
        for one in message.get("objects", []):
            self.objects[one["id"]] = one
        for number in message.get("removed", []):
            self.objects.pop(number, None)
        if message["type"] in ("ack", "error") and message["seq"]:
            self.replies.setdefault(message["seq"], message["type"])
        return message

    def until(self, *kinds: str) -> dict[str, Any]:
        while (message := self.take(self.socket.recv(timeout=60)))["type"] not in kinds:
            pass
        return message

    def check_masks(self, before: Life | None) -> None:
        """Masks that were shown as settled are the same again, and those still owed come."""
        waiting = {i for i, o in self.objects.items() if o["area"] or not o["settled"]}
        while not waiting <= set(self.settled):
            self.take(self.socket.recv(timeout=60))
        for number, was in before.settled.items() if before is not None else ():
            if number in waiting and self.settled[number].rev == was.rev:
                assert (self.settled[number].box_xyxy, self.settled[number].runs) == (was.box_xyxy, was.runs)

    def rage(self, rng: np.random.Generator, seq: int, make: Maker, kill: Callable[[], None]) -> None:
        """Command faster than is answered; the server is killed somewhere on the way."""
        last = len(self.replies) + int(rng.integers(3, 14))
        timer: Timer | None = None
        try:
            while True:
                seq += 1
                self._do(rng, seq, make)
                while len(self.sent) - len(self.replies) > MOST_UNANSWERED:
                    self.take(self.socket.recv())
                if timer is None and len(self.replies) >= last:
                    timer = Timer(float(rng.uniform(0, 0.03)), kill)
                    timer.start()
        except GONE:
            self._drain()
        assert timer is not None, "the server died by itself"
        timer.join()

    def _do(self, rng: np.random.Generator, seq: int, make: Maker) -> None:
        luck = rng.random() if make is any_command else 1.0
        if luck < 0.04:
            self.address.take_in()
            self.imports += 1
        elif luck < 0.08 and self._in_view("finished"):
            self._catch_up()
            if self._in_view("finished"):
                self.exports.append(self.address.export())
        command = {**make(rng, self.objects), "seq": seq}
        if command["type"] in ("threshold", "next_mask"):
            self._catch_up()
            fresh = [i for i in self._in_view("in_progress") if self.objects[i]["threshold"] is None]
            if not fresh:  # what a second threshold gives depends on whether the model still remembers the first
                return
            command["object"] = fresh[-1]
        self.sent[seq] = command
        self.socket.send(json.dumps(command))

    def _in_view(self, state: str) -> list[int]:
        return [number for number, one in self.objects.items() if one["state"] == state]

    def _catch_up(self) -> None:
        while len(self.sent) > len(self.replies):
            self.take(self.socket.recv())

    def _drain(self) -> None:
        """What had arrived before the end counts as acknowledged."""
        try:
            while True:
                self.take(self.socket.recv(timeout=5))
        except GONE:
            pass


def any_command(rng: np.random.Generator, objects: dict[int, dict[str, Any]]) -> Command:
    """A command of any tool, for the active object or one that is named."""
    kinds = [*TOOLS, "redo", *(k for k in ABOUT if objects)]  # redo is seldom possible, so it is tried more often
    kind = str(rng.choice(kinds))
    if kind in TOOLS:
        return {"type": kind, **TOOLS[kind](rng)}
    number = int(rng.choice(list(objects)))
    return {"type": kind, "object": number, **ABOUT[kind](rng, objects)}


def cloud_command(rng: np.random.Generator, _objects: dict[int, dict[str, Any]]) -> Command:
    """A command for a cloud of 1600 points; a click's x is the number of a point."""
    kind = str(rng.choice(["click", "finish", "undo", "redo"], p=[0.65, 0.12, 0.15, 0.08]))
    if kind != "click":
        return {"type": kind}
    return {"type": kind, "x": rng.uniform(0, 1600), "y": rng.uniform(0, 1), "positive": _sign(rng)}


def _point(rng: np.random.Generator) -> list[float]:
    return [float(rng.uniform(0, WIDTH)), float(rng.uniform(0, HEIGHT))]


def _points(rng: np.random.Generator, number: int) -> list[list[float]]:
    return [_point(rng) for _ in range(number)]


def _sign(rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.8)


def _click(rng: np.random.Generator) -> Command:
    x, y = _point(rng)
    return {"x": x, "y": y, "positive": _sign(rng)}


def _box(rng: np.random.Generator) -> Command:
    x0, y0 = rng.uniform(0, WIDTH - 40), rng.uniform(0, HEIGHT - 40)
    return {"x0": x0, "y0": y0, "x1": x0 + 30, "y1": y0 + 30}


def _others(rng: np.random.Generator, objects: dict[int, dict[str, Any]]) -> Command:
    operation = str(rng.choice(["merge", "subtract", "intersect", "exclude"]))
    return {"operation": operation, "others": [int(rng.choice(list(objects)))]}


TOOLS: dict[str, Callable[[np.random.Generator], Command]] = {
    "click": _click,
    "box": _box,
    "scribble": lambda rng: {"points": _points(rng, 3), "positive": _sign(rng)},
    "lasso": lambda rng: {"points": _points(rng, 5), "positive": _sign(rng)},
    "paint": lambda rng: {"points": _points(rng, 4), "radius": rng.uniform(1, 9), "positive": _sign(rng)},
    "polygon": lambda rng: {"loops": [_points(rng, 5)], "positive": _sign(rng)},
    "wand": lambda rng: {**_click(rng), "tolerance": 20},
    "finish": lambda rng: {},
    "undo": lambda rng: {},
    "redo": lambda rng: {},
}
"""Commands that need no object, or go to the active one."""

ABOUT: dict[str, Callable[[np.random.Generator, dict[int, dict[str, Any]]], Command]] = {
    "shape": lambda rng, _: {"operation": str(rng.choice(["fill_holes", "smooth", "grow", "shrink"])), "amount": 2},
    "split": lambda rng, _: {"line": _points(rng, 2)},
    "combine": _others,
    "accept": lambda rng, _: {},
    "threshold": lambda rng, _: {"value": 0.3},
    "next_mask": lambda rng, _: {},
    "remove_prompt": lambda rng, _: {"index": 0},
    "discard": lambda rng, _: {},
    "reopen": lambda rng, _: {},
    "patch": lambda rng, _: {"colour": "#123456", "z": int(rng.integers(-5, 5))},
    "delete": lambda rng, _: {},
}
"""Commands about an object that is named."""


def coco_file() -> bytes:
    """Two objects for the image, as a COCO file."""
    rings = [[20, 30, 29, 30, 29, 39, 20, 39], [90, 60, 99, 60, 99, 69, 90, 69]]
    common = {"image_id": 1, "category_id": 1, "iscrowd": 0}
    objects = [{"id": number, "segmentation": [ring], **common} for number, ring in enumerate(rings, 1)]
    images = [{"id": 1, "file_name": "tiles.png", "width": WIDTH, "height": HEIGHT}]
    content = {"images": images, "categories": [{"id": 1, "name": "object"}], "annotations": objects}
    return json.dumps(content).encode()


def is_whole(archive: bytes) -> bool:
    """Whether a zip can be read to its end and holds a COCO file."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened_archive:
        names = opened_archive.namelist()
        return opened_archive.testzip() is None and bool(json.loads(opened_archive.read(names[0]))["annotations"])
