"""`make bench` on made-up photographs: every table, the plot, and going on where it was stopped."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .made_up import write_folder

FOLDER = Path(__file__).parents[2] / "benchmarks"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / "bench.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_one_command_prints_everything_and_measures_nothing_twice(tmp_path: Path) -> None:
    photos, output, picture = write_folder(tmp_path / "photos", 2), tmp_path / "run", tmp_path / "docs/plot.svg"
    options = ["-o", output, "--subjects", "flood", "opencv_grabcut", "--plot", picture]
    done = run(f"folder={photos}", *options, "--limit", 1)
    assert done.returncode == 0, done.stderr
    assert (output / "bench.md").read_text(encoding="utf-8") == done.stdout
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| folder")]
    assert [row[1] for row in rows] == ["flood", "opencv_grabcut"]
    heads = done.stdout.splitlines()[0]
    for head in ("NoC@80", "NoC@95", "IoU@1", "IoU@5", "ms/click", "first click ms", "weights MB", "annotator MB"):
        assert head in heads
    assert 30 < float(rows[0][-1].strip(" |")) < 3000 and rows[1][-1].strip(" |") == "–"
    drawing = ET.fromstring(picture.read_text(encoding="utf-8"))
    texts = ["".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"flood", "opencv_grabcut", "folder: clicks to an IoU of 90 %"} <= set(texts)

    kept = {path: path.read_bytes() for path in output.rglob("*.json*") if path.name != "summary.json"}
    again = run(f"folder={photos}", *options, "--limit", 1)
    assert again.returncode == 0 and again.stdout == done.stdout
    assert {path: path.read_bytes() for path in kept} == kept
