"""A click storm against a server that is killed again and again: what was acknowledged is there, and undo works."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from clickmask.formats.cloud_file import write_cloud
from clickmask.server.records import parse_records
from clickmask.spatial.cloud import Cloud

KILLS, CLOUD_KILLS = 50, 15
CLIENT = "storm-client"
WIDTH, HEIGHT = 160, 120
MOST_UNANSWERED = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to start fifty servers quickly"),
]


class Nursery:
    def __init__(self, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).parent / "server_nursery.py"), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.child = 0

    def start(self) -> list[str]:
        """PID, port and token of a new server."""
        words = self.ask("start")
        self.child = int(words[0])
        return words

    def kill(self) -> None:
        """Kill the server and wait until it is gone."""
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            self.ask("reap")
            self.child = 0

    def close(self) -> None:
        self.kill()
        self.process.communicate()

    def ask(self, word: str) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


@dataclass
class Oracle:
    """What the project must hold after the commands that were applied: prompts and states of objects, and undo."""

    states: list[dict[int, tuple[str, int]]] = field(default_factory=lambda: [{}])
    at: int = 0
    made: int = 0
    active: int | None = None

    @property
    def now(self) -> dict[int, tuple[str, int]]:
        return self.states[self.at]

    def apply(self, kind: str) -> None:
        before = self.now
        if kind in ("undo", "redo"):
            self.at += 1 if kind == "redo" else -1
            (touched,) = [i for i in {**before, **self.now} if before.get(i) != self.now.get(i)]
            if touched in self.now:
                self.active = touched if self.now[touched][0] == "in_progress" else None
            elif self.active not in self.now:
                self.active = None
            return
        number = self.active
        if number is None:
            assert kind == "click"
            self.made += 1
            number = self.made
        state, prompts = before.get(number, ("in_progress", 0))
        changed = (state, prompts + 1) if kind == "click" else ("finished", prompts)
        self.active = number if kind == "click" else None
        self.states = [*self.states[: self.at + 1], {**before, number: changed}]
        self.at += 1


@dataclass
class Storm:
    """One life of a server, as the browser sees it."""

    sent: list[tuple[int, str]] = field(default_factory=list)
    replies: dict[int, str] = field(default_factory=dict)
    settled: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    def take(self, frame: str | bytes) -> dict[str, Any]:
        if isinstance(frame, bytes):
            for record in parse_records(frame):
                if record.settled:
                    self.settled[record.object_id] = (record.rev, record.runs)
            return {"type": "record"}
        message: dict[str, Any] = json.loads(frame)
        if message["type"] in ("ack", "error") and message["seq"]:
            self.replies.setdefault(message["seq"], message["type"])
        return message

    def rage(self, socket: Any, rng: np.random.Generator, seq: int, size_wh: tuple[int, int]) -> None:
        """Send commands faster than they are answered, until the server dies."""
        try:
            while True:
                seq += 1
                kind = str(rng.choice(["click", "finish", "undo", "redo"], p=[0.65, 0.12, 0.15, 0.08]))
                command = {"type": kind, "seq": seq}
                if kind == "click":
                    place = {"x": rng.uniform(0, size_wh[0]), "y": rng.uniform(0, size_wh[1])}
                    command |= {**place, "positive": bool(rng.random() < 0.8)}
                self.sent.append((seq, kind))
                socket.send(json.dumps(command))
                while len(self.sent) - len(self.replies) > MOST_UNANSWERED:
                    self.take(socket.recv())
        except (ConnectionClosed, OSError):
            self.drain(socket)

    def drain(self, socket: Any) -> None:
        """What had arrived before the end counts as acknowledged."""
        try:
            while True:
                self.take(socket.recv(timeout=1))
        except (ConnectionClosed, OSError):
            pass


@contextmanager
def opened(words: list[str]) -> Iterator[Any]:
    _, port, token = words
    address = f"ws://127.0.0.1:{port}/api/v1/images/1/live"
    headers = {"Authorization": f"Bearer {token}"}
    with connect(address, additional_headers=headers, compression=None, max_size=None, proxy=None) as socket:
        socket.send(json.dumps({"type": "open", "client": CLIENT}))
        yield socket


def until(storm: Storm, socket: Any, *kinds: str) -> dict[str, Any]:
    while (message := storm.take(socket.recv(timeout=20)))["type"] not in kinds:
        pass
    return message


def stored_seqs(folder: Path) -> set[int]:
    connection = sqlite3.connect(folder / ".clickmask" / "project.db")
    try:
        rows = connection.execute("SELECT client_seq FROM event WHERE client = ?", (CLIENT,)).fetchall()
    finally:
        connection.close()
    return {row[0] for row in rows}


def held(message: dict[str, Any]) -> dict[int, tuple[str, int]]:
    return {o["id"]: (o["state"], len(o["prompts"])) for o in message["objects"]}


def check_undo(storm: Storm, socket: Any, oracle: Oracle, seq: int) -> int:
    """Undo, look, redo, look."""
    for kind in ("undo", "redo") if oracle.at else ():
        seq += 1
        socket.send(json.dumps({"type": kind, "seq": seq}))
        answer = until(storm, socket, "ack", "error")
        assert answer["type"] == "ack", answer
        oracle.apply(kind)
        for number, state in held(answer).items():
            assert oracle.now[number] == state
        for number in answer["removed"]:
            assert number not in oracle.now
    return seq


def test_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    tiles = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
    Image.fromarray(tiles).save(tmp_path / "tiles.png")
    survive(tmp_path, KILLS, (WIDTH, HEIGHT), rng)


def test_clicks_on_a_cloud_survive_kills_as_well(tmp_path: Path) -> None:
    i, j = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    places = np.stack([i, j, np.zeros_like(i)], axis=-1).reshape(-1, 3) * 0.05
    write_cloud(tmp_path / "sheet.ply", Cloud(places.astype(np.float32)))
    survive(tmp_path, CLOUD_KILLS, (len(places), 1), np.random.default_rng(12))


def survive(tmp_path: Path, kills: int, size_wh: tuple[int, int], rng: np.random.Generator) -> None:
    """Storm against image 1 of a folder and kill the server, again and again; compare with what must be there."""
    nursery, oracle = Nursery(tmp_path), Oracle()
    acknowledged = 0
    last: Storm | None = None
    try:
        for _ in range(kills + 1):
            words = nursery.start()
            storm = Storm()
            with opened(words) as socket:
                ready = until(storm, socket, "ready")
                assert held(ready) == oracle.now
                check_masks(last, storm, socket, ready)
                oracle.active = ready["active"]
                seq = check_undo(storm, socket, oracle, ready["last_seq"])
                timer = Timer(float(rng.uniform(0.005, 0.25)), os.kill, (int(words[0]), signal.SIGKILL))
                timer.start()
                storm.rage(socket, rng, seq, size_wh)
                timer.join()
            nursery.kill()
            stored = stored_seqs(tmp_path)
            acked = {number for number, reply in storm.replies.items() if reply == "ack"}
            assert acked <= stored
            acknowledged += len(acked)
            for number, kind in storm.sent:
                if number in stored:
                    oracle.apply(kind)
            last = storm
    finally:
        nursery.close()
    assert acknowledged > kills  # a slow machine does little before each kill


def check_masks(last: Storm | None, storm: Storm, socket: Any, ready: dict[str, Any]) -> None:
    """Masks that were shown as settled are the same again, and those still owed come."""
    waiting = {o["id"] for o in ready["objects"] if o["area"] or not o["settled"]}
    while not waiting <= set(storm.settled):
        storm.take(socket.recv(timeout=20))
    for number, (rev, runs) in last.settled.items() if last is not None else ():
        if number in waiting and storm.settled[number][0] == rev:
            assert storm.settled[number][1] == runs
