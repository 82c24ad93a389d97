"""The curves file."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.train.curves import nice_ticks, smoothed, thinned, write_curves
from clickmask.train.run_folder import LOG

SVG = "{http://www.w3.org/2000/svg}"


def write_log(folder: Path, steps: int, checks: bool = True) -> None:
    lines = []
    for step in range(1, steps + 1):
        side = 128 if step <= steps // 2 else 256
        lines.append(
            {"step": step, "loss": 2 / step, "iou": 1 - 1 / (step + 1), "rate": 1e-3, "side": side, "seconds": 1}
        )
        if checks and step % 10 == 0:
            lines.append({"step": step, "validation": {"iou@1": step / 100, "iou@2": step / 90, "noc@85": 4.0}})
    (folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_curves_hold_a_chart_for_each_figure(tmp_path: Path) -> None:
    write_log(tmp_path, 50)
    root = ET.parse(write_curves(tmp_path)).getroot()
    texts = [t.text or "" for t in root.iter(f"{SVG}text")]
    assert [t for t in texts if t.startswith(("Loss", "IoU with", "Mean IoU"))] == [
        "Loss",
        "IoU with the target, training",
        "Mean IoU after 1, 2, 3 … clicks, validation",
    ]
    assert "256 px" in texts, "the change of the input size is marked"
    assert any(t.startswith("0.500 1 click") for t in texts) and any(t.startswith("0.556 2 clicks") for t in texts)
    assert len(list(root.iter(f"{SVG}polyline"))) == 2 * 2 + 2
    assert not any(part in ET.tostring(root, "unicode") for part in ("nan", "inf"))


def test_points_go_up_with_their_values(tmp_path: Path) -> None:
    write_log(tmp_path, 50)
    root = ET.parse(write_curves(tmp_path)).getroot()
    loss, iou = [line for line in root.iter(f"{SVG}polyline") if line.get("class") == "line"][:2]
    ys = [[float(p.split(",")[1]) for p in line.get("points", "").split()] for line in (loss, iou)]
    assert ys[0] == sorted(ys[0]) and ys[1] == sorted(ys[1], reverse=True), "y grows downwards"


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_short_logs_are_drawn_too(tmp_path: Path, steps: int) -> None:
    write_log(tmp_path, steps)
    ET.parse(write_curves(tmp_path))


def test_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    write_log(tmp_path, 5)
    with (tmp_path / LOG).open("a") as log:
        log.write('{"step": 6, "lo')
    write_curves(tmp_path)


def test_long_logs_are_thinned_to_means() -> None:
    points = [(float(i), float(i % 2)) for i in range(10_000)]
    thin = thinned(points)
    assert len(thin) <= 240 and all(0.45 < y < 0.55 for _, y in thin)
    assert thinned(points[:10]) == points[:10]
    assert smoothed([(0.0, 2.0), (1.0, 2.0)]) == [(0.0, pytest.approx(2.0)), (1.0, pytest.approx(2.0))]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.31, 0.74), (3.0, 3.0), (0.0, 0.0), (0, 5000), (-0.2, 17.3)])
def test_ticks_are_round_and_cover_the_range(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low + 1e-9 and ticks[-1] >= high - 1e-9 and 2 <= len(ticks) <= 7
