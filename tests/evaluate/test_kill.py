from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from clickmask.data import open_dataset
from clickmask.evaluate.protocol import PROTOCOLS
from clickmask.evaluate.records import read_finished
from clickmask.evaluate.run import measure
from clickmask.evaluate.run_folder import tasks_of

from .made_up import write_folder

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    found = []
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(condition: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc to see the processes")
def test_kill_9_leaves_no_process_and_loses_no_object(tmp_path: Path) -> None:
    photos, output = write_folder(tmp_path / "photos", 40), tmp_path / "run"
    command = [sys.executable, "-m", "clickmask", "evaluate", f"folder={photos}", "--model", "flood", "-o", str(output)]
    run = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = output / "records.jsonl"
    wait_until(lambda: (records.is_file() and records.read_bytes().count(b'"mask"') >= 3) or run.poll() is not None)
    workers = children(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_until(lambda: not any(PROC.joinpath(str(pid)).exists() for pid in workers))
    kept = len(read_finished(records))
    assert kept >= 3

    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=os.environ)
    assert json.loads(done.stdout)["datasets"]["folder"]["objects"] == 40
    from clickmask.cli.evaluate import build_subject

    unbroken = measure(
        tasks_of([open_dataset("folder", photos)]), lambda: build_subject("flood", (), 1), PROTOCOLS["published"]
    )
    resumed = read_finished(records).values()
    strip = [[[replace(r, seconds=0.0) for r in o] for o in objects] for objects in (unbroken, resumed)]
    assert strip[0] == strip[1]
