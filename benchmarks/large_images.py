"""Images of 400 megapixels in the annotator: seconds until they can be looked at and for a click, and the memory.

    python benchmarks/large_images.py [--side 20000] [--kinds tiff jpeg plain png] [--model default]

Made-up images are opened over real HTTP and a real WebSocket on a server in a process of its own, a photograph of 12
megapixels before each of them: how much slower the large one is than that photograph in the same run does not depend on
what else the machine does. Told are the seconds until the first whole view is there (`opens`), until everything is
(`prepared`, the first time only), from a click to its mask near by, and the most memory that the server has had.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np
import tifffile
from numpy.typing import NDArray
from websockets.sync.client import connect

from clickmask.api import build_pipeline
from clickmask.server.app import create_app
from clickmask.server.run import listen, serve
from clickmask.server.settings import Settings
from clickmask.store.project import open_project

REACH = 512
TILE = 512
BLOCK = 5 * TILE  # what a made-up image repeats
REFERENCE = "reference.jpg"


def main() -> None:
    """Print one line per kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--kinds", nargs="+", default=["tiff", "jpeg", "plain", "png"], choices=list(WRITERS))
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    print("| file | opens | x 12 MP | again | prepared | click | x 12 MP | server's memory |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    told("make the image up")
    image = made_up(arguments.side)
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as folder:
            cv2.imwrite(f"{folder}/{REFERENCE}", made_up(3464))
            told(f"{kind}: write the file")
            WRITERS[kind](Path(folder), image)
            told(f"{kind}: open it for the first time, and again")
            first = session(folder, arguments.model)
            second = session(folder, arguments.model)
        print(line(kind, first, second), flush=True)


def told(step: str) -> None:
    """What goes on, beside the table: on a busy machine a step takes minutes."""
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)


def line(kind: str, first: dict[str, float], second: dict[str, float]) -> str:
    """One row of the table."""
    cells = [
        kind, f"{first['opens']:.2f} s", f"{first['opens'] / first['reference opens']:.1f}", f"{second['opens']:.2f} s",
        f"{first['prepared']:.1f} s", f"{second['click'] * 1000:.0f} ms",
        f"{second['click'] / second['reference click']:.2f}",
        f"{max(first['memory'], second['memory']) / 1e6:.0f} MB",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def made_up(side: int) -> NDArray[np.uint8]:
    """Soft ground with fine grain, one block of it again and again, and a disc of 60 pixels in the middle."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(80, 130, (24, 24, 3), dtype=np.uint8)
    block = cv2.resize(coarse, (BLOCK, BLOCK), interpolation=cv2.INTER_CUBIC)
    cv2.add(block, rng.integers(0, 6, block.shape, dtype=np.uint8), dst=block)
    image = np.empty((side, side, 3), dtype=np.uint8)
    for y in range(0, side, BLOCK):
        for x in range(0, side, BLOCK):
            image[y : y + BLOCK, x : x + BLOCK] = block[: side - y, : side - x]
    cv2.circle(image, (side // 2, side // 2), 60, (40, 50, 220), -1)
    return image


def write_tiff(folder: Path, image: NDArray[np.uint8]) -> None:
    """With tiles and all levels, as slides and maps have them."""
    packed: dict[bytes, bytes] = {}
    with tifffile.TiffWriter(folder / "large.tif", bigtiff=True) as writer:
        options: dict[str, Any] = {"photometric": "rgb", "metadata": None, "compression": "zlib"}
        level = image
        while True:
            kind = {} if level is image else {"subfiletype": 1}
            tiles = packed_tiles(level, packed)
            writer.write(tiles, shape=level.shape, dtype=level.dtype, tile=(TILE, TILE), **options, **kind)
            if max(level.shape) <= 1024:
                return
            level = cv2.resize(level, (level.shape[1] // 2, level.shape[0] // 2), interpolation=cv2.INTER_AREA)


def packed_tiles(level: NDArray[np.uint8], packed: dict[bytes, bytes]) -> Iterator[bytes]:
    """The compressed tiles of a level, row by row. One seen before is not compressed again: that takes minutes."""
    for y in range(0, level.shape[0], TILE):
        for x in range(0, level.shape[1], TILE):
            tile = np.zeros((TILE, TILE, 3), dtype=np.uint8)
            part = level[y : y + TILE, x : x + TILE, ::-1]
            tile[: part.shape[0], : part.shape[1]] = part
            key = hashlib.blake2b(tile).digest()
            if key not in packed:
                packed[key] = zlib.compress(tile, 1)
            yield packed[key]


WRITERS = {
    "tiff": write_tiff,
    "jpeg": lambda folder, image: cv2.imwrite(f"{folder}/large.jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90]),
    "plain": lambda folder, image: tifffile.imwrite(folder / "large.tif", image[:, :, ::-1], photometric="rgb"),
    "png": lambda folder, image: cv2.imwrite(f"{folder}/large.png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1]),
}


def session(folder: str, model: str) -> dict[str, float]:
    """Times of one run of a server."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run_server, args=(folder, model, theirs))
    process.start()
    try:
        port, token = ours.recv()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=600) as client:
            while client.get("/models").json()["state"] == "loading":
                time.sleep(0.1)
            numbers = {i["name"]: i["id"] for i in client.get("/images").json()["images"]}
            found = {f"reference {k}": v for k, v in measured(client, port, headers, numbers.pop(REFERENCE)).items()}
            (large,) = numbers.values()
            return {**found, **measured(client, port, headers, large), "memory": client.get("/most-memory").json()}
    finally:
        process.kill()
        process.join()


def run_server(folder: str, model: str, pipe: Connection) -> None:
    """In the server's process."""
    listening = listen("127.0.0.1", 0, 0)
    settings = Settings(port=listening.getsockname()[1], model=model)
    app = create_app(settings, open_project(Path(folder)), build_pipeline, dict)

    @app.get("/api/v1/most-memory")
    def most_memory() -> int:
        """Of this program: `ru_maxrss` would begin with the memory of the one that started it."""
        (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    serve(app, listening, lambda: pipe.send((settings.port, settings.token)))


def measured(client: httpx.Client, port: int, headers: dict[str, str], image: int) -> dict[str, float]:
    """Seconds until an image can be looked at, until it is prepared, and for a click in its middle."""
    start = time.perf_counter()
    address = f"ws://127.0.0.1:{port}/api/v1/images/{image}/live"
    with connect(address, additional_headers=headers, compression=None, proxy=None, max_size=None) as socket:
        socket.send(
            json.dumps({"type": "open", "client": uuid4().hex})
        )  # a known client's clicks would count as sent again
        ready = json.loads(socket.recv())
        if ready["type"] != "ready":
            raise RuntimeError(ready)
        tiles = ready["image"]["tiles"]
        whole = f"/images/{image}/tiles/{tiles['levels'] - 1}/0/0" if tiles else f"/images/{image}/display"
        wait_for(client, whole)
        opens = time.perf_counter() - start
        if tiles:
            wait_for(client, f"/images/{image}/region?x0=0&y0=0&x1=99&y1=99")
        prepared = time.perf_counter() - start
        x, y = ready["image"]["width"] // 2 + 0.5, ready["image"]["height"] // 2 + 0.5
        times = [click(socket, seq, x, y, tiles is not None) for seq in (1, 3, 5, 7)]
    return {"opens": opens, "prepared": prepared, "click": min(times)}


def wait_for(client: httpx.Client, path: str) -> None:
    """Ask until it is there."""
    while (answer := client.get(path)).status_code in (204, 409):
        time.sleep(0.02)
    answer.raise_for_status()


def click(socket: Any, seq: int, x: float, y: float, tiled: bool) -> float:
    """Seconds from a click on a new object to its mask; the object is thrown away."""
    reach = {"reach": REACH} if tiled else {}
    start = time.perf_counter()
    socket.send(json.dumps({"type": "click", "seq": seq, "x": x + seq, "y": y, "positive": True, **reach}))
    while isinstance(frame := socket.recv(), str):
        if json.loads(frame)["type"] == "error":
            raise RuntimeError(frame)
    took = time.perf_counter() - start
    socket.send(json.dumps({"type": "discard", "seq": seq + 1}))
    while not isinstance(frame := socket.recv(), str) or json.loads(frame).get("seq") != seq + 1:
        pass
    return took


if __name__ == "__main__":
    main()
