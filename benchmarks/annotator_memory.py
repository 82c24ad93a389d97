"""How much memory the annotator takes at most, on a photograph of 12 megapixels.

    python benchmarks/annotator_memory.py [default fast]

The real command serves a made-up photograph from a temporary folder; over a real WebSocket objects are clicked and
thrown away. Told is the peak of the server's resident memory (Linux: VmHWM), libraries and network included.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from click_speed import photograph
from server_overhead import ask, until_record
from websockets.sync.client import connect

MEGAPIXELS = 12.0
OBJECTS, CLICKS = 3, 6


def main() -> None:
    """Print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["default"])
    for model in parser.parse_args().models:
        print(f"{model}: {peak_megabytes(model):.0f} MB")


def peak_megabytes(model: str) -> float:
    """Largest resident memory of `clickmask annotate` in MB (10^6 bytes) while objects are clicked."""
    with tempfile.TemporaryDirectory() as folder:
        image, (x, y) = photograph(MEGAPIXELS)
        cv2.imwrite(f"{folder}/photo.jpg", image[..., ::-1])
        command = [
            sys.executable,
            "-m",
            "clickmask",
            "annotate",
            folder,
            "--model",
            model,
            "--no-browser",
            "--port",
            "0",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                clicked(str(process.stdout.readline() if process.stdout else ""), x, y)
                return resident_peak(process.pid)
            finally:
                process.terminate()


def clicked(announced: str, x: float, y: float) -> None:
    """Click a few objects on the server that announced its address."""
    found = re.search(r"http://([^/]+)/\?token=(\S+)", announced)
    if found is None:
        raise SystemExit(f"The annotator did not say where it is: {announced!r}")
    address, token = found.groups()
    headers = {"Authorization": f"Bearer {token}"}
    live = f"ws://{address}/api/v1/images/1/live"
    with connect(live, additional_headers=headers, compression=None, proxy=None, max_size=None) as socket:
        socket.send(json.dumps({"type": "open", "client": "benchmark"}))
        seq = 0
        for _ in range(OBJECTS):
            for number in range(CLICKS):
                seq += 1
                step = 40.0 * number
                click = {"type": "click", "seq": seq, "x": x + step, "y": y - step, "positive": number % 3 != 2}
                ask(socket, click)
                until_record(socket)
            seq += 1
            ask(socket, {"type": "discard", "seq": seq})


def resident_peak(pid: int) -> float:
    """MB of the process and its children."""
    total = 0.0
    for each in [pid, *children(pid)]:
        status = Path(f"/proc/{each}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        total += int(found.group(1)) * 1024 / 1e6 if found else 0.0
    return total


def children(pid: int) -> list[int]:
    """Processes that a process has started, now."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(text) for task in tasks for text in task.read_text(encoding="ascii").split()]


if __name__ == "__main__":
    main()
