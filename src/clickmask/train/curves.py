"""The run's curves as one SVG file: loss, training IoU, validation IoU after each click."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from clickmask.formats.files import write_atomically
from clickmask.train.run_folder import log_entries

CURVES = "curves.svg"
WIDTH, HEIGHT = 820, 250
LEFT, RIGHT, TOP, BOTTOM = 56, 108, 46, 34
POINTS = 240
"""Long logs are averaged down to this many points a line."""
REACH = 4
"""The bold line is the mean over this many points to either side."""
BLUES = ("#9ecae1", "#6baed6", "#3182bd", "#08519c", "#08306b")
LOSS_COLOUR, IOU_COLOUR = "#d55e00", "#0072b2"
STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#5b6470}"
    ".title{font-size:14px;font-weight:600;fill:#1d232b}.grid{stroke:#e7eaee}.axis{stroke:#b6bdc6}"
    ".phase{stroke:#b6bdc6;stroke-dasharray:3 4}.end{font-weight:600}"
    "polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}.raw{stroke-width:1;opacity:.3}.line{stroke-width:2}"
)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: shown at its end.
        colour: as in CSS.
        points: step and value, in order.
        smooth: draw the values faintly and their local mean boldly.
    """

    name: str
    colour: str
    points: Points
    smooth: bool = False


@dataclass(frozen=True)
class Axes:
    """Where values lie in a chart whose upper edge is at `top`."""

    top: float
    x_range: tuple[float, float]
    y_ticks: Sequence[float]

    def x(self, step: float) -> float:
        """Pixels from the left."""
        low, high = self.x_range
        return LEFT + (step - low) / max(high - low, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top; values beyond the axis are drawn at its end."""
        low, high = self.y_ticks[0], self.y_ticks[-1]
        share = min(max((value - low) / (high - low), 0), 1)
        return self.top + HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def write_curves(folder: Path) -> Path:
    """Read the run's log and write ``curves.svg`` beside it."""
    path = folder / CURVES
    write_atomically(path, curves_svg(log_entries(folder)).encode())
    return path


def curves_svg(entries: Sequence[dict[str, Any]]) -> str:
    """The picture of a log."""
    steps = [e for e in entries if "loss" in e]
    checks = [e for e in entries if "validation" in e]
    charts = [
        ("Loss", [Line("loss", LOSS_COLOUR, thinned([(e["step"], e["loss"]) for e in steps]), True)]),
        (
            "IoU with the target, training",
            [Line("IoU", IOU_COLOUR, thinned([(e["step"], e["iou"]) for e in steps]), True)],
        ),
        ("Mean IoU after 1, 2, 3 … clicks, validation", _validation_lines(checks)),
    ]
    drawn = [(title, lines) for title, lines in charts if any(line.points for line in lines)]
    x_range = (0.0, float(max((e["step"] for e in entries), default=1)))
    body = "".join(_chart(title, lines, row * HEIGHT, x_range, steps) for row, (title, lines) in enumerate(drawn))
    total = HEIGHT * max(len(drawn), 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )


def thinned(points: Points) -> list[tuple[float, float]]:
    """Means of equal stretches, at most POINTS of them."""
    size = max(math.ceil(len(points) / POINTS), 1)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]


def smoothed(points: Points) -> list[tuple[float, float]]:
    """Each value replaced by the mean of its surroundings, which shrink towards both ends and stay symmetric."""
    values = [y for _, y in points]
    out = []
    for index, (x, _) in enumerate(points):
        reach = min(REACH, index, len(values) - 1 - index)
        around = values[index - reach : index + reach + 1]
        out.append((x, sum(around) / len(around)))
    return out


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about `count` steps."""
    span = max(high - low, abs(high) * 1e-3, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power * count >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def _validation_lines(checks: Sequence[dict[str, Any]]) -> list[Line]:
    names = [name for name in (checks[0]["validation"] if checks else ()) if name.startswith("iou@")]
    shades = [BLUES[round(i * (len(BLUES) - 1) / max(len(names) - 1, 1))] for i in range(len(names))]
    return [
        Line(
            f"{name[4:]} click{'s' if name != 'iou@1' else ''}",
            shade,
            [(e["step"], e["validation"][name]) for e in checks],
        )
        for name, shade in zip(names, shades, strict=True)
    ]


def _chart(
    title: str, lines: Sequence[Line], top: float, x_range: tuple[float, float], steps: Sequence[dict[str, Any]]
) -> str:
    values = [y for line in lines for _, y in line.points]
    axes = Axes(top, x_range, nice_ticks(min(values), max(values)))
    parts = [f'<text class="title" x="{LEFT}" y="{top + 26}">{title}</text>', _grid(axes), _phases(axes, steps)]
    for line in lines:
        if line.smooth:
            parts.append(_polyline(axes, line.points, line.colour, "raw"))
        parts.append(_polyline(axes, smoothed(line.points) if line.smooth else line.points, line.colour, "line"))
        if not line.smooth:
            parts += [
                f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="2.5" fill="{line.colour}"/>'
                for x, y in line.points
            ]
    return "".join([*parts, _ends(axes, lines)])


def _polyline(axes: Axes, points: Points, colour: str, kind: str) -> str:
    path = " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in points)
    return f'<polyline class="{kind}" stroke="{colour}" points="{path}"/>'


def _grid(axes: Axes) -> str:
    bottom = axes.top + HEIGHT - BOTTOM
    parts = []
    for value in axes.y_ticks:
        y = axes.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for value in nice_ticks(*axes.x_range, count=6):
        if value <= axes.x_range[1]:
            label = f"{value:,.0f}".replace(",", " ")
            parts.append(f'<text x="{axes.x(value):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>')
    return "".join(parts)


def _phases(axes: Axes, steps: Sequence[dict[str, Any]]) -> str:
    """A dashed line where the input size changes."""
    top, bottom = axes.top + TOP, axes.top + HEIGHT - BOTTOM
    parts = []
    for before, after in pairwise(steps):
        if before["side"] != after["side"]:
            x = axes.x(before["step"])
            parts.append(f'<line class="phase" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}"/>')
            parts.append(f'<text x="{x + 5:.1f}" y="{top + 4}">{after["side"]} px</text>')
    return "".join(parts)


def _ends(axes: Axes, lines: Sequence[Line]) -> str:
    """Names and last values at the right, moved apart where they would overlap."""
    lasts = [(smoothed(line.points) if line.smooth else line.points)[-1][1] for line in lines]
    order = sorted(range(len(lines)), key=lambda i: axes.y(lasts[i]))
    places: list[float] = []
    for index in order:
        wanted = axes.y(lasts[index])
        places.append(max(wanted, places[-1] + 15) if places else wanted)
    overflow = max(places[-1] - (axes.top + HEIGHT - BOTTOM), 0) if places else 0
    return "".join(
        f'<text class="end" x="{WIDTH - RIGHT + 8}" y="{y - overflow + 4:.1f}" style="fill:{lines[i].colour}">'
        f"{lasts[i]:.3f} {lines[i].name if len(lines) > 1 else ''}</text>"
        for i, y in zip(order, places, strict=True)
    )
