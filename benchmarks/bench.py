"""Everything that is claimed about the default model, measured in one run beside its peers.

    make bench
    python benchmarks/bench.py grabcut=DIR berkeley=DIR -o runs/bench [--plot docs/clicks-against-time.svg]

Clicks by the published protocol for our models and their peers; then for our models what a click costs on
photographs from 0.2 to 50 megapixels, and the annotator's peak memory. Everything is kept below RUN_DIR as soon as it
is measured, and a run that was stopped continues. RUN_DIR then holds bench.md, which is what is printed, and the plot.
Times are those of this machine while it did whatever else it did, which the load tells: the ratio to the bare network
and the processor time are the steadier figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click_speed
from annotator_memory import peak_megabytes
from click_speed import Speed
from clicks_plot import Point, plot
from compare import PEERS, measure
from rich.console import Console

import clickmask
from clickmask.core.errors import ClickmaskError
from clickmask.evaluate.protocol import PROTOCOLS
from clickmask.evaluate.records import read_finished
from clickmask.evaluate.run_folder import RECORDS_FILE, replace_text
from clickmask.zoo import catalog

OURS = ("fast", "default", "accurate")
"""Models of one family, from quick to patient; those that the catalogue has are measured."""
MEGAPIXELS = (0.2, 2.0, 12.0, 50.0)
CLICKS = (1, 3, 5)
SPEEDS_FILE, MEMORY_FILE = "speeds.json", "memory.json"


@dataclass(frozen=True)
class Goal:
    """One line of what the default model is to reach.

    Attributes:
        name: of the figure.
        must: at worst.
        aim: wished for.
        more: whether more is better.
    """

    name: str
    must: float
    aim: float
    more: bool = False


GOALS = (
    Goal("GrabCut NoC@85", 1.7, 1.4),
    Goal("GrabCut NoC@90", 2.0, 1.6),
    Goal("Berkeley NoC@90", 3.2, 2.3),
    Goal("GrabCut IoU@1", 0.80, 0.88, more=True),
    Goal("Berkeley IoU@1", 0.80, 0.88, more=True),
    Goal("click, median of all sizes, ms", 30, 15),
    Goal("click, 95 % of all sizes, ms", 60, 30),
    Goal("first click, median of all sizes, ms", 60, 25),
    Goal("weights, MB", 16, 6),
    Goal("peak memory of the annotator, MB", 450, 300),
)


@dataclass(frozen=True)
class Measured:
    """One subject.

    Attributes:
        name: as given.
        summary: of its run, see `clickmask.evaluate.summary`.
        first_ms: median milliseconds of an object's first click in that run, the image's preparation included.
        click_ms: median milliseconds of later clicks in that run.
        megabytes: of its weights; None where it is not known.
        speeds: by size of photograph; empty for peers.
        memory: peak of the annotator in MB; None for peers.
    """

    name: str
    summary: dict[str, Any]
    first_ms: float
    click_ms: float
    megabytes: float | None
    speeds: tuple[Speed, ...] = ()
    memory: float | None = None


def main() -> None:
    """Measure what is not measured yet, print it and write it down."""
    arguments = parse_arguments()
    console = Console(stderr=True)
    found = []
    try:
        for name in arguments.subjects:
            console.print(f"measuring {name}")
            found.append(measured(name, arguments))
    except ClickmaskError as error:
        sys.exit(f"Error: {error}")
    told = page(found)
    replace_text(arguments.output / "bench.md", told + "\n")
    for file in (arguments.output / "clicks-against-time.svg", arguments.plot):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(file, plot({data: points(found, data) for data in datasets(found)}))
    print(told)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", metavar="DATASET=DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN_DIR")
    ours = [name for name in OURS if name in catalog.names()]
    parser.add_argument("--subjects", nargs="+", default=[*ours, *PEERS], help=f"models, or {', '.join(PEERS)}")
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="published")
    parser.add_argument("--limit", type=int, help="only the first N objects of each data set")
    parser.add_argument("--jobs", type=int, default=1, help="objects measured at a time; times are then of no use")
    parser.add_argument("--clicks", type=int, default=30, help="timed clicks per size of photograph")
    parser.add_argument("--plot", type=Path, help="a further place for the plot")
    return parser.parse_args()


def measured(name: str, arguments: argparse.Namespace) -> Measured:
    """All figures of one subject, those that are in its folder from there."""
    folder = arguments.output / Path(name).name
    summary = measure(name, arguments)
    finished = read_finished(folder / RECORDS_FILE).values()
    first = statistics.median(records[0].seconds for records in finished) * 1000
    later = [record.seconds * 1000 for records in finished for record in records[1:]]
    figures = (name, summary, first, statistics.median(later) if later else first, megabytes(name, summary))
    if name in PEERS:
        return Measured(*figures)
    return Measured(*figures, kept_speeds(name, folder, arguments.clicks), kept_memory(name, folder))


def megabytes(name: str, summary: dict[str, Any]) -> float | None:
    """MB (10^6 bytes) of the weights that a click needs."""
    told = summary["model"].get("weights_bytes")
    if told is not None or name in PEERS:
        return None if told is None else float(told) / 1e6
    spec, folder = catalog.find(name)
    if folder is None or spec.weights is None:
        return 0.0
    return sum((folder / file).stat().st_size for file in (spec.weights, *spec.parts)) / 1e6


def kept_speeds(name: str, folder: Path, clicks: int) -> tuple[Speed, ...]:
    """Times by size of photograph."""
    file = folder / SPEEDS_FILE
    if not file.is_file():
        predictor = clickmask.load(name)
        bare = click_speed.bare_run(predictor)
        speeds = [] if bare is None else [click_speed.measured(predictor, bare, n, clicks) for n in MEGAPIXELS]
        replace_text(file, json.dumps([asdict(speed) for speed in speeds]) + "\n")
    return tuple(Speed(**values) for values in json.loads(file.read_text(encoding="utf-8")))


def kept_memory(name: str, folder: Path) -> float:
    """The annotator's peak in MB."""
    file = folder / MEMORY_FILE
    if not file.is_file():
        replace_text(file, json.dumps(peak_megabytes(name)) + "\n")
    return float(json.loads(file.read_text(encoding="utf-8")))


def page(found: Sequence[Measured]) -> str:
    """All tables as Markdown."""
    protocol, machine = found[0].summary["protocol"], found[0].summary["machine"]
    objects = ", ".join(f"{name} {f['objects']}" for name, f in found[0].summary["datasets"].items())
    parts = [clicks_table(found)]
    parts.append(
        f"Protocol {protocol['name']} ({protocol['hash']}), {protocol['max_clicks']} clicks; objects: {objects}. "
        f"Medians of milliseconds in the same run, {machine['cpu_count']} processors; the first click with the image's "
        "preparation."
    )
    ours = [each for each in found if each.speeds]
    parts += [speeds_table(each) for each in ours]
    parts += [goals_table(each) for each in ours if each.name == "default" and len(each.summary["datasets"]) > 1]
    return "\n\n".join(parts)


def clicks_table(found: Sequence[Measured]) -> str:
    """One row per data set and subject."""
    targets = [f"{target * 100:.6g}" for target in found[0].summary["protocol"]["iou_targets"]]
    heads = ["data set", "model", *(f"NoC@{t}" for t in targets), *(f"IoU@{k}" for k in CLICKS)]
    heads += ["ms/click", "first click ms", "weights MB", "annotator MB"]
    lines = [f"| {' | '.join(heads)} |", f"|---|---|{'---:|' * (len(heads) - 2)}"]
    for data in datasets(found):
        for each in found:
            figures = each.summary["datasets"][data]
            cells = [*(f"{figures[f'NoC@{t}']:.2f}" for t in targets), *(f"{figures[f'IoU@{k}']:.3f}" for k in CLICKS)]
            cells += [f"{each.click_ms:.0f}", f"{each.first_ms:.0f}", shown(each.megabytes), shown(each.memory, 0)]
            lines.append(f"| {data} | {each.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speeds_table(each: Measured) -> str:
    """What a click costs by size of photograph."""
    heads = [f"{each.name}, megapixels", *click_speed.HEADS]
    rule = f"|{'---:|' * len(heads)}"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *(click_speed.line(speed) for speed in each.speeds)])


def goals_table(default: Measured) -> str:
    """What the default model is to reach, and what it does."""
    lines = ["| default | must | aim | measured | |", "|---|---:|---:|---:|---|"]
    values = goal_values(default)
    for goal in GOALS:
        if goal.name in values:
            value = values[goal.name]
            verdict = (
                "aim" if reaches(value, goal.aim, goal) else "must" if reaches(value, goal.must, goal) else "missed"
            )
            lines.append(f"| {goal.name} | {goal.must:g} | {goal.aim:g} | {value:.3g} | {verdict} |")
    return "\n".join(lines)


def goal_values(default: Measured) -> dict[str, float]:
    """The measured figures by the names of the goals."""
    names = {"grabcut": "GrabCut", "berkeley": "Berkeley"}
    values = {
        f"{names[data]} {key}": float(figures[key])
        for data, figures in default.summary["datasets"].items()
        if data in names
        for key in ("NoC@85", "NoC@90", "IoU@1")
    }
    values["click, median of all sizes, ms"] = statistics.median(speed.click for speed in default.speeds)
    values["click, 95 % of all sizes, ms"] = max(speed.p95 for speed in default.speeds)
    values["first click, median of all sizes, ms"] = statistics.median(speed.first for speed in default.speeds)
    if default.megabytes is not None:
        values["weights, MB"] = default.megabytes
    if default.memory is not None:
        values["peak memory of the annotator, MB"] = default.memory
    return values


def reaches(value: float, limit: float, goal: Goal) -> bool:
    """Whether a figure is as good as a limit."""
    return value >= limit if goal.more else value <= limit


def points(found: Sequence[Measured], data: str) -> list[Point]:
    """What the plot shows of one data set."""
    return [
        Point(each.name, each.click_ms, float(each.summary["datasets"][data]["NoC@90"]), each.name not in PEERS)
        for each in found
    ]


def datasets(found: Sequence[Measured]) -> list[str]:
    """Names of the data sets."""
    return list(found[0].summary["datasets"])


def shown(value: float | None, digits: int = 1) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
