"""A run as one HTML file that needs nothing else: figures, curves, and the worst cases as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from clickmask.data import Dataset
from clickmask.evaluate import metrics
from clickmask.evaluate.cases import case_figure, worst
from clickmask.evaluate.charts import clicks_chart, iou_chart
from clickmask.evaluate.records import ObjectRecords
from clickmask.evaluate.summary import percent

SHOWN_TARGET = 0.90
TABLE_CLICKS = (1, 3, 5, 10)
KEY = (
    '<div class="key-line"><span><i style="background:#ff3d9a"></i>last mask</span>'
    '<span><i style="border:1.5px dashed currentColor"></i>truth</span>'
    '<span><i style="background:#17a35b;width:10px;border-radius:5px"></i>positive click</span>'
    '<span><i style="background:#dc3030;width:10px;border-radius:5px"></i>negative click</span>'
    "<span>Point at a picture to see it bare.</span></div>"
)


def render(summary: Mapping[str, Any], measured: Sequence[tuple[Dataset, Sequence[ObjectRecords]]]) -> str:
    """The report.

    Args:
        summary: from `clickmask.evaluate.summary.summarize`.
        measured: each data set with the records of its objects.
    """
    title = f"{summary['model']['name']} on {', '.join(summary['datasets'])}"
    body = "".join(
        (
            head(summary, title),
            figures_table(summary),
            *(_dataset(summary, dataset, objects) for dataset, objects in measured),
            conditions(summary),
        )
    )
    return page(title, body)


def page(title: str, body: str) -> str:
    """A whole HTML page with the report's style."""
    style = files("clickmask.evaluate").joinpath("report.css").read_text(encoding="utf-8")
    meta = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · clickmask</title><style>{style}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{meta}</head><body><main>{body}</main></body></html>\n'


def head(summary: Mapping[str, Any], title: str) -> str:
    """Title, what was done, and the facts that identify the run."""
    protocol, model = summary["protocol"], summary["model"]
    facts = {
        "Protocol": f"{protocol['name']} ({protocol['hash']})",
        "Limit": f"{protocol['max_clicks']} clicks",
        "Weights": (model.get("weights_sha256") or "none")[:12],
        "Stages": ", ".join(model.get("stages") or ["none added"]),
        "Measured": f"{summary['created'][:10]}, {summary['machine']['jobs']} process(es)",
    }
    items = "".join(f"<li><b>{escape(name)}</b>{escape(value)}</li>" for name, value in facts.items())
    lead = "A robot user clicks where the mask is most wrong; fewer clicks to a good mask are better."
    return f'<h1>{escape(title)}</h1><p class="lead">{lead}</p><ul class="facts">{items}</ul>'


def figures_table(summary: Mapping[str, Any]) -> str:
    """One row of figures per data set."""
    targets = [percent(target) for target in summary["protocol"]["iou_targets"]]
    clicks = [k for k in TABLE_CLICKS if k <= summary["protocol"]["max_clicks"]]
    heads = ["Data set", "Objects", *(f"NoC@{t}" for t in targets), f"NoF@{percent(shown_target(summary))}"]
    heads += [*(f"IoU@{k}" for k in clicks), "AuC", "SPC"]
    rows = "".join(_row(name, figures, targets, clicks, summary) for name, figures in summary["datasets"].items())
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="panel scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(
    name: str, figures: Mapping[str, Any], targets: list[str], clicks: list[int], summary: Mapping[str, Any]
) -> str:
    shown = percent(shown_target(summary))
    cells = [f'<td class="name">{escape(name)}</td>', f"<td>{figures['objects']}</td>"]
    for target in targets:
        low, high = figures[f"NoC@{target}_interval"]
        kind = ' class="key"' if target == shown else ""
        cells.append(f"<td{kind}>{figures[f'NoC@{target}']:.2f}<small>{low:.2f} to {high:.2f}</small></td>")
    cells.append(f"<td>{figures[f'NoF@{shown}']}</td>")
    cells += [f"<td>{figures[f'IoU@{k}']:.3f}</td>" for k in clicks]
    cells += [f"<td>{figures['AuC']:.3f}</td>", f"<td>{figures['SPC'] * 1000:.0f} ms</td>"]
    return f"<tr>{''.join(cells)}</tr>"


def _dataset(summary: Mapping[str, Any], dataset: Dataset, objects: Sequence[ObjectRecords]) -> str:
    limit, target = summary["protocol"]["max_clicks"], shown_target(summary)
    curves, boundary = metrics.iou_curves(objects, limit), metrics.boundary_curves(objects, limit)
    figures = summary["datasets"][dataset.name]
    notes = "".join(f'<p class="note warning">{escape(note)}</p>' for note in figures["notes"])
    counts = f"{figures['objects']} objects in {figures['images']} images, {figures['clicks']} clicks."
    counts += escape(_corrections(figures))
    return (
        f'<h2>{escape(dataset.name)}</h2><p class="note">{counts}</p>{notes}<div class="charts">'
        f'<figure class="panel"><h3>IoU over clicks</h3>{iou_chart(curves, boundary)}'
        "<figcaption>Mean, with the middle half of the objects; dashed: boundary IoU.</figcaption></figure>"
        f'<figure class="panel"><h3>Clicks to IoU {target:.2f}</h3>{clicks_chart(curves, target)}'
        f"<figcaption>Number of objects by clicks needed; the mean, NoC@{percent(target)}, is "
        f"{metrics.noc(curves, target):.2f}.</figcaption></figure></div>{_worst_cases(dataset, objects, target, limit)}"
    )


def _corrections(figures: Mapping[str, Any]) -> str:
    """Sentences about the masks that objects began with, and what clicks destroyed of what was right."""
    text = ""
    if "initial_IoU" in figures:
        text += f" Objects began with masks of mean IoU {figures['initial_IoU']:.3f}."
    if "destroyed_worst" in figures:
        worst = figures["destroyed_worst"]
        text += (
            f" A correction destroyed {figures['destroyed_per_correction']:.0f} right pixels on average "
            f"({figures['destroyed_per_object']:.0f} an object), at worst {worst['pixels']} on one object: "
            f"{worst['image']}, object {worst['object']}."
        )
    return text


def _worst_cases(dataset: Dataset, objects: Sequence[ObjectRecords], target: float, limit: int) -> str:
    samples = {(sample.image_id, sample.object_id): sample for sample in dataset.samples}
    chosen = worst(objects, target, limit)
    figures = (case_figure(samples[records[0].key.image, records[0].key.object], records, target) for records in chosen)
    return f'<h2>{escape(dataset.name)}: the hardest {len(chosen)}</h2>{KEY}<div class="cases">{"".join(figures)}</div>'


def conditions(summary: Mapping[str, Any]) -> str:
    """Everything that fixes the numbers."""
    run = {**summary["machine"], "command": summary["command"], "clickmask": summary["clickmask"]}
    sections = {"Protocol": summary["protocol"], "Model": summary["model"], "Machine and command": run}
    definitions = (
        "NoC@q: mean clicks to IoU q %, failures counted as the limit; below it the 95 % bootstrap interval over "
        "objects. NoF@q: objects that never get there. IoU@k: mean IoU after click k. AuC: area under the mean IoU "
        "curve, 1 at best. SPC: mean time from a click to the mask at the image's resolution, with the image's "
        "preparation, without the robot and the scoring."
    )
    folded = "".join(
        f'<details class="panel"><summary>{name}</summary>{_list(values.items())}</details>'
        for name, values in sections.items()
    )
    return f'<h2>Conditions</h2><p class="note definition">{definitions}</p>{folded}'


def _list(items: Iterable[tuple[str, Any]]) -> str:
    rows = "".join(f"<dt>{escape(key.replace('_', ' '))}</dt><dd>{escape(_plain(value))}</dd>" for key, value in items)
    return f"<dl>{rows}</dl>"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return "none" if value is None else str(value)


def shown_target(summary: Mapping[str, Any]) -> float:
    """The target whose clicks are drawn: 0.90, else the highest."""
    targets: list[float] = summary["protocol"]["iou_targets"]
    return SHOWN_TARGET if SHOWN_TARGET in targets else targets[-1]
