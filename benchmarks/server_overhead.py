"""What the annotator's server adds to a click: everything but the network.

    python benchmarks/server_overhead.py [--megapixels 2 12] [--clicks 200]

A real server in a process of its own is asked over a real WebSocket; its model answers at once with ragged objects
that cover a third of the image. Told are the times until the click is acknowledged (flushed to the disk) and until
its mask is here, and the processor time of the server per click, which does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from websockets.sync.client import connect

from clickmask.core.frames import LogitMap
from clickmask.core.protocols import Request, Result
from clickmask.predict.predictor import Pipeline
from clickmask.server.app import create_app
from clickmask.server.run import listen, serve
from clickmask.server.settings import Settings
from clickmask.store.project import open_project
from clickmask.zoo.spec import ModelSpec

ASPECT = 3 / 2
GRID = 384
CLICKS_PER_OBJECT = 5


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[2, 12])
    parser.add_argument("--clicks", type=int, default=200)
    arguments = parser.parse_args()
    print("| megapixels | acknowledged p50 | p95 | mask p50 | p95 | processor per click | mask record |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for megapixels in arguments.megapixels:
        print(line(megapixels, arguments.clicks))


def line(megapixels: float, clicks: int) -> str:
    """One row of the table, times in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        height = round((megapixels * 1e6 / ASPECT) ** 0.5)
        noise = np.random.default_rng(0).integers(0, 255, (height // 8, round(height * ASPECT) // 8, 3), dtype=np.uint8)
        cv2.imwrite(f"{folder}/photo.jpg", cv2.resize(noise, None, fx=8, fy=8))
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=run_server, args=(folder, theirs))
        process.start()
        try:
            acknowledged, shown, size, used = storm(*ours.recv(), clicks)
        finally:
            process.kill()
            process.join()
    figures = [q for times in (acknowledged, shown) for q in np.percentile(times, (50, 95)) * 1000]
    cells = [
        f"{megapixels:g}",
        *(f"{f:.1f} ms" for f in figures),
        f"{used / clicks * 1000:.1f} ms",
        f"{size / 1024:.1f} kB",
    ]
    return f"| {' | '.join(cells)} |"


def run_server(folder: str, pipe: Connection) -> None:
    """In the server's process: tell port and token, then processor seconds whenever asked."""
    listening = listen("127.0.0.1", 0, 0)
    settings = Settings(port=listening.getsockname()[1])
    app = create_app(settings, open_project(Path(folder)), instant_model, dict)

    @app.get("/api/v1/processor-seconds")
    def used() -> float:
        return time.process_time()

    serve(app, listening, lambda: pipe.send((settings.port, settings.token)))


def instant_model(name: str) -> Pipeline:
    """Answers with one of a few ragged discs."""
    rows, columns = np.ogrid[:GRID, :GRID]
    distance = np.hypot(rows - GRID / 2, columns - GRID / 2)
    ragged = [distance + np.random.default_rng(n).normal(0, 3, (GRID, GRID)) for n in range(4)]
    grids = [np.where(d < GRID * 0.45, np.float32(4), np.float32(-4)) for d in ragged]

    def step(request: Request) -> Result:
        height, width = request.frame.size_hw
        box = (width * 0.2, height * 0.1, width * 0.8, height * 0.9)
        return Result(LogitMap(grids[len(request.prompts) % len(grids)], box), request.memo)

    return Pipeline(ModelSpec(name, "none", "answers at once", "Apache-2.0"), None, step)  # type: ignore[arg-type]


def storm(port: int, token: str, clicks: int) -> tuple[list[float], list[float], int, float]:
    """Click, wait for the mask, and so on; a new object every few clicks."""
    headers = {"Authorization": f"Bearer {token}"}
    address = f"ws://127.0.0.1:{port}/api/v1/images/1/live"
    acknowledged: list[float] = []
    shown: list[float] = []
    size, seq = 0, 0
    with connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        socket.send(json.dumps({"type": "open", "client": "benchmark"}))
        used = processor_seconds(port, headers)
        for number in range(clicks):
            seq += 1
            start = time.perf_counter()
            ask(socket, {"type": "click", "seq": seq, "x": 300 + number % 7, "y": 300, "positive": True})
            acknowledged.append(time.perf_counter() - start)
            size = len(until_record(socket))
            shown.append(time.perf_counter() - start)
            if number % CLICKS_PER_OBJECT == CLICKS_PER_OBJECT - 1:
                seq += 1
                ask(socket, {"type": "discard", "seq": seq})
        used = processor_seconds(port, headers) - used
    return acknowledged, shown, size, used


def ask(socket: Any, command: dict[str, Any]) -> None:
    """Send a command and wait for its ack."""
    socket.send(json.dumps(command))
    while True:
        frame = socket.recv()
        message = json.loads(frame) if isinstance(frame, str) else {}
        if message.get("seq") == command["seq"] and message["type"] in ("ack", "error"):
            if message["type"] == "error":
                raise RuntimeError(message["message"])
            return


def until_record(socket: Any) -> bytes:
    """The next mask record."""
    while isinstance(frame := socket.recv(), str):
        pass
    return bytes(frame)


def processor_seconds(port: int, headers: dict[str, str]) -> float:
    """What the server has used so far."""
    import httpx

    return float(httpx.get(f"http://127.0.0.1:{port}/api/v1/processor-seconds", headers=headers).text)


if __name__ == "__main__":
    main()
