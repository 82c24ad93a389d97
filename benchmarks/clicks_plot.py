"""The plot of NoC@90 against milliseconds per click: one panel per data set, as an SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

PANEL, HEIGHT = 400.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 20.0, 40.0, 46.0
TITLES = {"grabcut": "GrabCut", "berkeley": "Berkeley"}
OURS, PEER, INK, GRID = "#2f6bdb", "#8a8f98", "#22262c", "#e3e6ea"
LABEL_HEIGHT = 13.0
TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 20, 30)
"""Marks of the clicks' axis, which is logarithmic as well."""


@dataclass(frozen=True)
class Point:
    """One subject.

    Attributes:
        name: beside the dot.
        milliseconds: of a click.
        clicks: NoC@90.
        ours: whether it is a model of clickmask.
    """

    name: str
    milliseconds: float
    clicks: float
    ours: bool


def plot(panels: Mapping[str, Sequence[Point]]) -> str:
    """The whole drawing."""
    everything = [point for points in panels.values() for point in points]
    low = math.floor(math.log10(max(min(p.milliseconds for p in everything), 0.1)) * 2) / 2
    high = math.ceil(math.log10(max(p.milliseconds for p in everything) * 1.6) * 2) / 2
    width = PANEL * len(panels)
    drawn = "".join(
        f'<g transform="translate({PANEL * i:g} 0)">{_panel(TITLES.get(name, name), points, low, high)}</g>'
        for i, (name, points) in enumerate(panels.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
        f'height="{HEIGHT:g}" role="img" font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif" '
        f'font-size="12"><title>Clicks to an IoU of 90 % against milliseconds per click</title>'
        f'<rect width="{width:g}" height="{HEIGHT:g}" rx="10" fill="#ffffff"/>{drawn}</svg>\n'
    )


def _panel(title: str, points: Sequence[Point], low: float, high: float) -> str:
    least, most = min(p.clicks for p in points), max(p.clicks for p in points)
    floor, top = max(v for v in TICKS if v <= least), min((v for v in TICKS if v >= most), default=TICKS[-1])
    top = top if top > floor else TICKS[TICKS.index(floor) + 1]

    def x(milliseconds: float) -> float:
        return LEFT + (math.log10(milliseconds) - low) / (high - low) * (PANEL - LEFT - RIGHT)

    def y(clicks: float) -> float:
        return HEIGHT - BOTTOM - math.log(clicks / floor) / math.log(top / floor) * (HEIGHT - TOP - BOTTOM)

    rows = "".join(_row(y(value), f"{value:g}") for value in TICKS if floor <= value <= top)
    marks = "".join(_mark(x(value), f"{value:g}") for value in _round_values(low, high))
    front = sorted((p for p in points if p.ours), key=lambda p: p.milliseconds)
    line = " ".join(f"{x(p.milliseconds):.1f},{y(p.clicks):.1f}" for p in front)
    dots = "".join(
        f'<circle cx="{x(p.milliseconds):.1f}" cy="{y(p.clicks):.1f}" r="5" fill="{OURS if p.ours else PEER}"/>'
        for p in points
    )
    names = _names([(p, x(p.milliseconds), y(p.clicks)) for p in points])
    return (
        f'<text x="{LEFT:g}" y="22" font-size="14" font-weight="600" fill="{INK}">{escape(title)}: '
        f"clicks to an IoU of 90 %</text>{rows}{marks}"
        f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="1.5" stroke-opacity="0.5"/>{dots}{names}'
        f'<text x="{PANEL - RIGHT:g}" y="{HEIGHT - 10:g}" text-anchor="end" fill="{INK}">milliseconds per click</text>'
    )


def _row(y: float, label: str) -> str:
    return (
        f'<line x1="{LEFT:g}" x2="{PANEL - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        f'<text x="{LEFT - 8:g}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{label}</text>'
    )


def _mark(x: float, label: str) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17:g}" text-anchor="middle" fill="{INK}">{label}</text>'


def _round_values(low: float, high: float) -> list[float]:
    """1, 3, 10, 30 ... inside the axis."""
    values = [base * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for base in (1, 3)]
    return [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]


def _names(placed: Sequence[tuple[Point, float, float]]) -> str:
    """Labels: of peers beside their dots, of ours above or below them, further off where they would overlap."""
    texts, taken = [], list[tuple[float, float, float]]()
    for point, x, y in sorted(placed, key=lambda each: (each[0].ours, each[1])):
        wide = 6.6 * len(point.name)
        beside = x + 10 if x + 10 + wide < PANEL - 4 else x - 10 - wide
        left = max(x - wide / 2, LEFT) if point.ours else beside
        levels = [y - 11, y + 20] if point.ours else [y + 4]
        levels += [levels[0] - LABEL_HEIGHT * further for further in range(1, len(placed) + 1)]
        level = next(level for level in levels if not _covered(taken, left, left + wide, level))
        taken.append((left, left + wide, level))
        weight, colour = ("600", OURS) if point.ours else ("400", INK)
        texts.append(
            f'<text x="{left:.1f}" y="{level:.1f}" font-weight="{weight}" fill="{colour}">{escape(point.name)}</text>'
        )
    return "".join(texts)


def _covered(taken: Sequence[tuple[float, float, float]], left: float, right: float, level: float) -> bool:
    return any(left < b and a < right and abs(level - c) < LABEL_HEIGHT for a, b, c in taken)
