"""The comparison as one HTML file and as Markdown: table, curves, costs against clicks, first clicks side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from costs import Costs
from first_clicks import View

from clickmask.evaluate import metrics
from clickmask.evaluate.records import read_finished
from clickmask.evaluate.run_folder import RECORDS_FILE

CLICKS = (1, 3, 5)
TARGETS = ("85", "90")
COLOURS = ("#3257d6", "#c2741a", "#1c8a57", "#a43fb5", "#c73a3a", "#1394a8", "#7a6a1f", "#5b6070")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560.0, 320.0, 46.0, 32.0, 14.0, 40.0
PUBLISHED = {
    "ritm_hrnet18s": (1.68, 2.60),
    "ritm_hrnet18": (1.54, 2.26),
    "ritm_hrnet32": (1.56, 2.10),
    "ritm_hrnet18_baseline": (1.70, 2.48),
    "fbrs_resnet34 + fbrs_b": (2.48, 4.17),
    "fbrs_resnet50 + fbrs_b": (2.64, 4.22),
    "fbrs_resnet101 + fbrs_b": (2.68, 4.22),
    "fbrs_hrnet18 + fbrs_b": (2.18, 3.96),
    "fbrs_hrnet32 + fbrs_b": (2.16, 3.69),
    "dios + graph_cut": (6.08, 8.65),
    "fca + connected_to_clicks": (2.14, 4.19),
    "fca_res2net101 + connected_to_clicks": (2.08, 3.92),
    "cdnet_resnet34 + pixel_diffusion": (1.52, 2.06),
    "edgeflow": (1.72, 2.40),
    "focalclick_hrnet18s_s1": (1.88, 2.89),
    "focalclick_hrnet18s_s2": (1.62, 2.23),
    "focalclick_hrnet32_s2": (1.80, 2.36),
    "focalclick_segformer_b0_s1": (1.86, 3.29),
    "focalclick_segformer_b0_s2": (1.66, 2.27),
    "focalclick_segformer_b3_s2": (1.50, 1.92),
    "simpleclick_b": (1.48, 1.97),
    "simpleclick_l": (1.40, 1.89),
    "simpleclick_h": (1.50, 1.75),
}
"""NoC@90 on GrabCut and Berkeley as the papers and repositories give it: networks at full size, their own training."""
STANDS_FOR = {
    "dios_small": "dios",
    "fca_small": "fca",
    "fbrs_small": "fbrs_resnet34",
    "cdnet_small": "cdnet_resnet34",
    "ritm_small": "ritm_hrnet18s",
    "edgeflow_small": "edgeflow",
    "simpleclick_xtiny": "simpleclick_b",
}
"""Small networks and the published ones whose place in the ranking they are compared with."""
DATA_OF_PUBLISHED = ("grabcut", "berkeley")


@dataclass(frozen=True, eq=False)
class Row:
    """One measured contender.

    Attributes:
        label: model, or model + stage.
        refined: whether it is a model with a stage.
        summary: of its run.
        costs: of its network.
        views: pictures of its first clicks.
        folder: of its run.
    """

    label: str
    refined: bool
    summary: dict[str, Any]
    costs: Costs
    views: Sequence[View]
    folder: Path
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """What was not measured, and why."""

    label: str
    reason: str


def markdown_page(rows: Sequence[Row], skipped: Sequence[Skipped], notes: Sequence[str] = ()) -> str:
    """Table, disagreements and what is missing; `notes` are paragraphs by people."""
    parts = ["# Methods compared", _conditions(rows), *notes, *(_markdown_table(rows, n) for n in _datasets(rows))]
    parts += ["## Against the published ranking", *(f"- {text}" for text in disagreements(rows))]
    parts += ["## Not measured", *(f"- `{entry.label}`: {entry.reason}" for entry in skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"


def html_page(rows: Sequence[Row], skipped: Sequence[Skipped], notes: Sequence[str] = ()) -> str:
    """One file that needs nothing else; `notes` are paragraphs by people."""
    style = files("clickmask.evaluate").joinpath("report.css").read_text(encoding="utf-8") + STYLE
    body = ["<h1>Methods compared</h1>", f'<p class="lead">{escape(_conditions(rows))}</p>']
    body += [f"<p>{escape(note)}</p>" for note in notes]
    plain = [row for row in rows if not row.refined]
    if any("curve" in row.training for row in plain):
        body.append(
            f'<h2>Learning</h2><figure class="panel"><h3>IoU in training over samples seen</h3>{learning_chart(plain)}'
            "<figcaption>Mean over the steps around; each network's own clicks, so read the slope, not the height."
            f"</figcaption></figure>{_legend(plain)}"
        )
    for name in _datasets(rows):
        body.append(f"<h2>{escape(name)}</h2>{_html_table(rows, name)}")
        body.append(
            f'<div class="charts"><figure class="panel"><h3>IoU over clicks</h3>{curves_chart(rows, name)}</figure>'
            f'<figure class="panel"><h3>Clicks against time</h3>{cost_chart(rows, name)}<figcaption>NoC@90 against '
            "milliseconds per click on this machine, on a logarithmic axis; down and left is better. Rings are "
            "models with a stage.</figcaption></figure></div>" + _legend(rows)
        )
    body.append(_first_clicks(plain))
    body.append("<h2>Against the published ranking</h2>" + _list(disagreements(rows)))
    missing = [f"{entry.label}: {entry.reason}" for entry in skipped]
    body.append("<h2>Not measured</h2>" + _list(missing))
    head = f'<meta charset="utf-8"><title>Methods compared · clickmask</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(body)}</main></body></html>\n'


STYLE = """
.first { border-collapse: separate; border-spacing: 4px; } .first td, .first th { padding: 2px; text-align: center; }
.first tbody tr { border: 0; } .first td.name { text-align: left; }
.first img { max-width: 190px; max-height: 150px; border-radius: 6px; display: block; margin: 0 auto; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 10px; font-size: 12.5px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 6px; margin-right: 5px; }
.line { fill: none; stroke-width: 2; }
"""


def disagreements(rows: Sequence[Row]) -> list[str]:
    """Pairs that the papers rank the other way round, and what is different here."""
    found = []
    for dataset, column in zip(DATA_OF_PUBLISHED, range(2), strict=True):
        known = [r for r in rows if published(r) is not None and dataset in r.summary["datasets"]]
        for one, other in combinations(known, 2):
            theirs = published(one)[column] - published(other)[column]
            ours = _noc(one, dataset) - _noc(other, dataset)
            if theirs * ours < 0 and abs(theirs) >= 0.1:
                first, second = (one, other) if ours < 0 else (other, one)
                found.append(
                    f"{dataset}: {first.label} needs fewer clicks here ({_noc(first, dataset):.2f} against "
                    f"{_noc(second, dataset):.2f}), as published more ({published(first)[column]:.2f} against "
                    f"{published(second)[column]:.2f})."
                )
    if not any(published(row) is not None for row in rows):
        return ["No model here has a published counterpart."]
    return found or ["None: where two are ranked by their papers, the order here is the same."]


def published(row: Row) -> Any:
    """Published NoC@90 on GrabCut and Berkeley of a row's counterpart, None without one."""
    model, plus, stage = row.label.partition(" + ")
    return PUBLISHED.get(STANDS_FOR.get(model, model) + plus + stage)


def _datasets(rows: Sequence[Row]) -> list[str]:
    return list(rows[0].summary["datasets"])


def _noc(row: Row, dataset: str) -> float:
    return float(row.summary["datasets"][dataset]["NoC@90"])


def _conditions(rows: Sequence[Row]) -> str:
    protocol, machine = rows[0].summary["protocol"], rows[0].summary["machine"]
    objects = ", ".join(f"{name} {f['objects']}" for name, f in rows[0].summary["datasets"].items())
    return (
        f"Protocol {protocol['name']} ({protocol['hash']}), {protocol['max_clicks']} clicks; objects: {objects}. "
        f"{machine['cpu_count']} processors, {machine['jobs']} job(s). NoC: mean clicks to an IoU, fewer is better."
    )


HEADS = (
    *(f"NoC@{t}" for t in TARGETS),
    *(f"IoU@{k}" for k in CLICKS),
    "parameters",
    "multiply-adds",
    "ms/click",
    "samples",
    "begun from",
)
STARTS = {"scratch": "scratch", "imagenet": "ImageNet"}


def _cells(row: Row, dataset: str) -> list[str]:
    figures = row.summary["datasets"][dataset]
    millions = "–" if row.costs.parameters is None else f"{row.costs.parameters / 1e6:.2f} M"
    giga = "–" if row.costs.multiply_adds is None else f"{row.costs.multiply_adds / 1e9:.2f} G"
    clicks = [f"{figures[f'NoC@{t}']:.2f}" for t in TARGETS]
    ious = [f"{figures[f'IoU@{k}']:.3f}" for k in CLICKS]
    samples = f"{row.training['samples']:,}" if "samples" in row.training else "–"
    start = STARTS.get(row.training.get("start", "–"), "another model" if row.training.get("start") else "–")
    return [*clicks, *ious, millions, giga, f"{figures['SPC'] * 1000:.0f}", samples, start]


def _markdown_table(rows: Sequence[Row], dataset: str) -> str:
    lines = [f"| {dataset} | {' | '.join(HEADS)} |", f"|---|{'---:|' * len(HEADS)}"]
    return "\n".join([*lines, *(f"| {row.label} | {' | '.join(_cells(row, dataset))} |" for row in rows)])


def _html_table(rows: Sequence[Row], dataset: str) -> str:
    head = "".join(f"<th>{text}</th>" for text in ("model", *HEADS))
    body = "".join(
        f'<tr><td class="name">{escape(row.label)}</td>{"".join(f"<td>{c}</td>" for c in _cells(row, dataset))}</tr>'
        for row in rows
    )
    return f'<div class="panel scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def curves_chart(rows: Sequence[Row], dataset: str) -> str:
    """Mean IoU after each click, a line per contender."""
    means = [_mean_curve(row, dataset) for row in rows]
    floor = min(math.floor(min(float(m.min()) for m in means) * 10) / 10, 0.8)
    count = len(means[0])
    x = np.linspace(LEFT, WIDTH - RIGHT, count)
    y = _scale(floor, 1.0)
    lines = [
        f'<polyline class="line" style="stroke:{_colour(i)}"{_dash(row)} '
        f'points="{_points(zip(x, y(mean), strict=True))}"><title>{escape(row.label)} {mean[-1]:.3f}</title></polyline>'
        for i, (row, mean) in enumerate(zip(rows, means, strict=True))
    ]
    steps = np.arange(floor, 1.0001, 0.05 if floor >= 0.7 else 0.1)
    marks = [(float(v), f"{v:.2f}") for v in steps]
    ticks = "".join(_x_label(float(x[k - 1]), str(k)) for k in range(1, count + 1) if k == 1 or k % 5 == 0)
    return _svg(_grid(marks, y) + "".join(lines) + ticks)


def learning_chart(rows: Sequence[Row]) -> str:
    """Training IoU over samples, a line per network that tells its curve."""
    told = [(i, row.label, row.training["curve"]) for i, row in enumerate(rows) if "curve" in row.training]
    most = max(curve[-1][0] for _, _, curve in told)
    top = math.ceil(max(iou for _, _, curve in told for _, iou in curve) * 10) / 10
    y = _scale(0.0, top)

    def place(samples: float) -> float:
        return LEFT + samples / most * (WIDTH - LEFT - RIGHT)

    lines = [
        f'<polyline class="line" style="stroke:{_colour(i)}" '
        f'points="{_points((place(s), float(y(iou))) for s, iou in curve)}"><title>{escape(label)}</title></polyline>'
        for i, label, curve in told
    ]
    ticks = "".join(_x_label(place(most * k / 4), f"{most * k / 4:,.0f}") for k in range(5))
    marks = [(float(v), f"{v:.1f}") for v in np.arange(0, top + 0.01, 0.1)]
    return _svg(_grid(marks, y) + "".join(lines) + ticks)


def cost_chart(rows: Sequence[Row], dataset: str) -> str:
    """NoC@90 over milliseconds per click."""
    times = [max(row.summary["datasets"][dataset]["SPC"] * 1000, 0.1) for row in rows]
    clicks = [_noc(row, dataset) for row in rows]
    low, high = math.floor(math.log10(min(times)) - 0.05), math.ceil(math.log10(max(times)) + 0.05)
    y = _scale(math.floor(min(clicks)), math.ceil(max(clicks) + 0.2))

    def place(time: float) -> float:
        return LEFT + (math.log10(time) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    dots = "".join(
        f'<circle cx="{place(t):.1f}" cy="{float(y(n)):.1f}" r="5" style="stroke:{_colour(i)};stroke-width:2;'
        f'fill:{"none" if row.refined else _colour(i)}">'
        f"<title>{escape(row.label)}: NoC@90 {n:.2f}, {t:.0f} ms</title></circle>"
        for i, (row, t, n) in enumerate(zip(rows, times, clicks, strict=True))
    )
    ticks = "".join(_x_label(place(10.0**k), f"{10**k:g} ms") for k in range(low, high + 1))
    whole = range(math.floor(min(clicks)), math.ceil(max(clicks) + 0.2) + 1, max(int(max(clicks)) // 6, 1))
    return _svg(_grid([(float(v), str(v)) for v in whole], y) + dots + ticks)


def _mean_curve(row: Row, dataset: str) -> np.ndarray:
    finished = read_finished(row.folder / RECORDS_FILE)
    objects = [records for key, records in finished.items() if key.dataset == dataset]
    return np.asarray(metrics.iou_curves(objects, row.summary["protocol"]["max_clicks"]).mean(axis=0))


def _first_clicks(rows: Sequence[Row]) -> str:
    most = max((len(row.views) for row in rows), default=0)
    head = "".join(f"<th>click {k}</th>" for k in range(1, most + 1))
    body = "".join(
        f'<tr><td class="name">{escape(row.label)}</td>'
        + "".join(
            f'<td><img alt="" src="data:image/jpeg;base64,{view.picture}"><small>IoU {view.iou:.3f}</small></td>'
            for view in row.views
        )
        + "</tr>"
        for row in rows
    )
    return (
        "<h2>The first clicks on one photograph</h2>"
        f'<div class="panel scroll"><table class="first"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _legend(rows: Sequence[Row]) -> str:
    keys = "".join(f'<span><i style="background:{_colour(i)}"></i>{escape(r.label)}</span>' for i, r in enumerate(rows))
    return f'<div class="legend">{keys}</div>'


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dash(row: Row) -> str:
    return ' stroke-dasharray="5 4"' if row.refined else ""


class _scale:  # noqa: N801 - called like a function
    def __init__(self, low: float, high: float) -> None:
        self.low, self.factor = low, (HEIGHT - TOP - BOTTOM) / (high - low)

    def __call__(self, values: Any) -> Any:
        return HEIGHT - BOTTOM - (np.asarray(values) - self.low) * self.factor


def _grid(marks: Sequence[tuple[float, str]], y: _scale) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{float(y(v)):.1f}" y2="{float(y(v)):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{float(y(v)) + 3.5:.1f}" text-anchor="end">{label}</text>'
        for v, label in marks
    )


def _x_label(x: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{text}</text>'


def _svg(content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img">{content}</svg>'


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
