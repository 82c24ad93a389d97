"""The report's drawings: IoU over clicks, clicks to a target, a small curve. Plain SVG, coloured by the style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from clickmask.evaluate.metrics import Curves, clicks_to

WIDTH, HEIGHT = 520.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 46.0, 14.0, 34.0
LOWEST_TOP = 0.9
"""The y axis starts at a tenth below everything drawn, and never above this."""


def iou_chart(curves: Curves, boundary: Curves | None = None) -> str:
    """Mean IoU over clicks with the middle half of the objects, and mean boundary IoU if given; tables (N, K)."""
    mean = curves.mean(axis=0)
    edge = None if boundary is None else boundary.mean(axis=0)
    low, high = np.quantile(curves, [0.25, 0.75], axis=0)
    floor = min(np.floor(min(low.min(), mean.min() if edge is None else edge.min()) * 10) / 10, LOWEST_TOP)
    x = _clicks_x(len(mean))
    y = _Scale(float(floor), 1.0)
    band = [*zip(x, y(high), strict=True), *zip(x[::-1], y(low)[::-1], strict=True)]
    told = [""] * len(mean) if edge is None else [f", boundary IoU {e:.3f}" for e in edge]
    titles = [
        f"click {k}: IoU {m:.3f}, middle half {a:.3f} to {b:.3f}{rest}"
        for k, (m, a, b, rest) in enumerate(zip(mean, low, high, told, strict=True), start=1)
    ]
    dashed = "" if edge is None else f'<polyline class="boundary" points="{_points(zip(x, y(edge), strict=True))}"/>'
    return _svg(
        "Mean IoU over clicks",
        _iou_axes(float(floor), y),
        _click_axis(x),
        f'<polygon class="middle" points="{_points(band)}"/>',
        dashed,
        f'<polyline class="mean" points="{_points(zip(x, y(mean), strict=True))}"/>',
        *_dots(x, y(mean), titles),
        *_end_labels(float(x[-1]), y, float(mean[-1]), None if edge is None else float(edge[-1])),
    )


def clicks_chart(curves: Curves, target: float) -> str:
    """How many objects reach the target IoU at which click, and how many never do; (N, K) table."""
    limit = curves.shape[1]
    reached = (curves >= target).any(axis=1)
    counts = np.bincount(clicks_to(curves, target)[reached], minlength=limit + 1)[1:]
    never = int((~reached).sum())
    x = _clicks_x(limit + 2)[np.r_[:limit, limit + 1]]  # a gap before those that never do
    top = max(int(counts.max()), never, 1)
    y = _Scale(0, top * 1.08)
    width = min((WIDTH - LEFT - RIGHT) / (limit + 2) * 0.72, 60.0)
    bars = [
        _bar(float(place), width, int(count), y, "bar", f"reached at click {k}: {count}")
        for k, (place, count) in enumerate(zip(x, counts, strict=False), start=1)
    ]
    last = _bar(float(x[-1]), width, never, y, "never", f"never reached: {never}")
    right, bottom = float(x[-1]) + width / 2 + 6, HEIGHT - BOTTOM
    base = f'<line class="axis" x1="{LEFT}" x2="{right:.1f}" y1="{bottom}" y2="{bottom}"/>'
    label = f'<text x="{x[-1]:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">never</text>'
    return _svg(f"Clicks to IoU {target:g}", base, *bars, last, _click_axis(x[:-1]), label)


def spark(ious: Sequence[float], target: float) -> str:
    """A small IoU curve of one object with the target as a line."""
    x = 2 + np.arange(len(ious)) * (80 / max(len(ious) - 1, 1))
    y = 32 - np.asarray(ious) * 30
    line = f'<line class="marker" x1="0" x2="84" y1="{32 - target * 30:.1f}" y2="{32 - target * 30:.1f}"/>'
    curve = f'<polyline class="mean" points="{_points(zip(x, y, strict=True))}"/>'
    return f'<svg class="spark" viewBox="0 0 84 34" role="img" aria-label="IoU over clicks">{line}{curve}</svg>'


def _svg(title: str, *parts: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{title}">{"".join(parts)}</svg>'


def _clicks_x(count: int) -> NDArray[np.float64]:
    """Horizontal places of clicks 1 to `count`."""
    if count == 1:
        return np.array([(LEFT + WIDTH - RIGHT) / 2])
    return np.linspace(LEFT + 12, WIDTH - RIGHT, count, dtype=np.float64)


class _Scale:
    """Values to vertical places; called like a function."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.factor = low, (HEIGHT - TOP - BOTTOM) / (high - low)

    def __call__(self, values: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(HEIGHT - BOTTOM - (np.asarray(values, dtype=np.float64) - self.low) * self.factor)


def _iou_axes(floor: float, y: _Scale) -> str:
    step = 0.1 if floor >= 0.4 else 0.2
    values = np.arange(1.0, floor - 1e-9, -step)
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{float(y(v)):.1f}" y2="{float(y(v)):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{float(y(v)) + 3.5:.1f}" text-anchor="end">{v:.1f}</text>'
        for v in values
    )


def _click_axis(x: NDArray[np.float64]) -> str:
    """Numbers of the clicks, every fifth of many."""
    shown = [k for k in range(1, len(x) + 1) if len(x) <= 10 or k == 1 or k % 5 == 0]
    y = HEIGHT - BOTTOM + 16
    ticks = "".join(f'<text x="{x[k - 1]:.1f}" y="{y}" text-anchor="middle">{k}</text>' for k in shown)
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'{ticks}<text x="{middle}" y="{HEIGHT - 3}" text-anchor="middle">clicks</text>'


def _dots(x: NDArray[np.float64], y: NDArray[np.float64], titles: list[str]) -> list[str]:
    return [
        f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="3"><title>{title}</title></circle>'
        for a, b, title in zip(x, y, titles, strict=True)
    ]


def _end_labels(x: float, y: _Scale, mean: float, edge: float | None) -> list[str]:
    """The last values beside their curves, kept apart."""
    mean_y = float(y(mean))
    label = f'<text class="strong" x="{x + 9:.1f}" y="{mean_y + 4:.1f}">{mean:.3f}</text>'
    if edge is None:
        return [label]
    edge_y = max(float(y(edge)), mean_y + 13)
    return [label, f'<text class="strong-second" x="{x + 9:.1f}" y="{edge_y + 4:.1f}">{edge:.3f}</text>']


def _bar(x: float, width: float, count: int, y: _Scale, kind: str, title: str) -> str:
    if count == 0:
        return ""
    top, base = float(y(count)), HEIGHT - BOTTOM
    box = f'x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{base - top:.1f}"'
    label = f'<text class="count" x="{x:.1f}" y="{top - 4:.1f}" text-anchor="middle">{count}</text>'
    return f'<rect class="{kind}" rx="2" {box}><title>{title}</title></rect>{label}'


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
