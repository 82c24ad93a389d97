"""The run's curves as one SVG file: loss, training IoU, validation IoU after each click."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from clickmask.train.loop import LOG

WIDTH, HEIGHT, MARGIN = 760, 220, 44
POINTS = 300
"""Long logs are averaged down to this many points a line."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")

Series = dict[str, list[tuple[float, float]]]


def write_curves(folder: Path) -> Path:
    """Read the run's log and write ``curves.svg`` beside it."""
    entries = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    steps = [e for e in entries if "loss" in e]
    checks = [e for e in entries if "validation" in e]
    charts: list[tuple[str, Series]] = [
        ("Loss", {"loss": _thinned([(e["step"], e["loss"]) for e in steps])}),
        ("IoU with the target during training", {"iou": _thinned([(e["step"], e["iou"]) for e in steps])}),
    ]
    if checks:
        names = [k for k in checks[0]["validation"] if k.startswith("iou@")]
        series = {name: [(e["step"], e["validation"][name]) for e in checks] for name in names}
        charts.append(("Validation: mean IoU after k clicks", series))
    body = "".join(_chart(title, series, row * HEIGHT) for row, (title, series) in enumerate(charts))
    total = HEIGHT * len(charts)
    style = "text{font:12px system-ui,sans-serif;fill:#555}"
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}">'
    path = folder / "curves.svg"
    path.write_text(
        f'{text}<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n', "utf-8"
    )
    return path


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of equal stretches."""
    size = max(len(points) // POINTS, 1)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]


def _chart(title: str, series: Series, top: int) -> str:
    values = [point for line in series.values() for point in line]
    if not values:
        return ""
    x_low, x_high = min(x for x, _ in values), max(x for x, _ in values)
    y_low, y_high = min(y for _, y in values), max(y for _, y in values)
    x_scale = (WIDTH - 2 * MARGIN) / max(x_high - x_low, 1e-9)
    y_scale = (HEIGHT - 2 * MARGIN) / max(y_high - y_low, 1e-9)
    bottom = top + HEIGHT - MARGIN

    def line(points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{MARGIN + (x - x_low) * x_scale:.1f},{bottom - (y - y_low) * y_scale:.1f}" for x, y in points)

    parts = [f'<text x="{MARGIN}" y="{top + 26}" font-weight="600">{title}</text>']
    for index, (name, points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{line(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(
            f'<text x="{WIDTH - MARGIN - 60 * (len(series) - index)}" y="{top + 26}" fill="{colour}">{name}</text>'
        )
    for value, y in ((y_high, top + MARGIN), (y_low, bottom)):
        parts.append(f'<text x="4" y="{y + 4}">{value:.3g}</text>')
    for value, x, anchor in ((x_low, MARGIN, "start"), (x_high, WIDTH - MARGIN, "end")):
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">{value:.0f}</text>')
    return "".join(parts)
