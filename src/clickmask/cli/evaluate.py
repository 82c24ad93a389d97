"""`clickmask evaluate`: a robot user clicks on every object of a data set, and the field's figures come out."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from clickmask.api import build_pipeline
from clickmask.cli.evaluate_clouds import are_clouds, evaluate_clouds
from clickmask.cli.models import BackendOption
from clickmask.cli.stages import RefineOption
from clickmask.core.errors import InputError
from clickmask.data import Dataset, ReadOptions, open_dataset
from clickmask.evaluate.initial import Corrupted, FirstAnswer, FromFolder, InitialMask
from clickmask.evaluate.protocol import EvalProtocol, find_protocol
from clickmask.evaluate.records import ObjectRecords
from clickmask.evaluate.run import Subject
from clickmask.evaluate.run_folder import REPORT_FILE
from clickmask.evaluate.summary import percent
from clickmask.evaluate.whole_run import Question, answer
from clickmask.simulate.corrupt import CORRUPTIONS
from clickmask.zoo import catalog

TABLE_CLICKS = (1, 5)


def evaluate(  # noqa: PLR0913 - each argument is an option of the command
    datasets: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET=DIR...",
            help="Registered data sets and their folders: grabcut, berkeley, davis, davis_sequences, sbd, coco, lvis, "
            "pascal_voc, or folder for your own images/ + masks/; point clouds: tabletop, scannet, s3dis, "
            "semantickitti, kitti360, or clouds for a folder of your own.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN_DIR", help="Folder for records, summary and report.")
    ],
    model: Annotated[
        str, typer.Option(help="Name from `clickmask models`, or the folder of an exported model.")
    ] = "default",
    backend: BackendOption = None,
    refine: RefineOption = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="published (RITM and after), focalclick (threshold 0.5) or itis (largest region); for point clouds "
            "single, interobject3d (columns of 5 m) or multi (all objects of a scan)."
        ),
    ] = "published",
    initial_masks: Annotated[
        str | None,
        typer.Option(
            metavar="KIND|DIR",
            help="Measure corrections too: each object once more, from a mask spoiled to an IoU of 0.75 to 0.85 by "
            "superpixels, dilation, erosion or dropped_parts, from the PNG masks of a folder, or from the first answer "
            "of another model (model:NAME).",
        ),
    ] = None,
    max_clicks: Annotated[
        int | None, typer.Option(min=1, help="Another limit of clicks than the protocol's 20.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; with more than one, each network uses one thread.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N objects of each data set.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of data sets that have several, e.g. train.")] = None,
    masks: Annotated[
        str,
        typer.Option(
            help="How `folder` reads mask values: binary, nonzero, threshold, trimap, instances or instances-void."
        ),
    ] = "binary",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of the table.")] = False,
) -> None:
    """Measure a model: how many clicks until its masks are good?

    A robot user clicks where the mask is most wrong, up to 20 times per object. RUN_DIR then holds one JSON line
    per click (records.jsonl), all figures (summary.json) and a page to look at (report.html).

    A run that was stopped continues where it was: give the same command again.

    For example:

    clickmask evaluate grabcut=DIR berkeley=DIR -o runs/default

    clickmask evaluate folder=my_photos --limit 50 --jobs 4 -o runs/mine

    clickmask evaluate grabcut=DIR --initial-masks superpixels -o runs/correction

    clickmask evaluate tabletop=scans --split validation --model points -o runs/clouds
    """
    if are_clouds(datasets):
        if refine:
            raise InputError("--refine adds stages for images; models for point clouds have none.")
        if initial_masks:
            raise InputError("--initial-masks spoils masks of images; there is no such measure for point clouds.")
        runtime = backend.value if backend else None
        show(evaluate_clouds(datasets, output, model, runtime, protocol, max_clicks, limit, split), output, as_json)
        return
    initial = None if initial_masks is None else find_initial_masks(initial_masks, 1 if jobs > 1 else None)
    options = ReadOptions(split=split, mask_values=masks)
    question = Question(
        build=partial(
            build_subject, model, tuple(refine or ()), None if jobs == 1 else 1, backend.value if backend else None
        ),
        protocol=_protocol(protocol, max_clicks, initial),
        initial=initial,
        datasets=open_all(datasets, options),
        options=options,
        limit=limit,
        jobs=jobs,
        command=shlex.join(["clickmask", *sys.argv[1:]]),
    )
    show(answer_with_progress(question, output), output, as_json)


def show(summary: dict[str, Any], output: Path, as_json: bool) -> None:
    """Print the summary as JSON or as a table."""
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    console = Console()
    console.print(figures_table(summary))
    console.print(f"Report: {output / REPORT_FILE}", soft_wrap=True, highlight=False)


def build_subject(model: str, stages: Sequence[str], threads: int | None, backend: str | None = None) -> Subject:
    """A model of the catalogue as the thing to measure; picklable, so that every process can build its own."""
    pipeline = build_pipeline(model, stages=stages, threads=threads, backend=backend)
    return Subject.of(pipeline, stages=list(stages), zoom_in=pipeline.spec.zoom_in)


def _protocol(name: str, max_clicks: int | None, initial: InitialMask | None) -> EvalProtocol:
    chosen = find_protocol(name, max_clicks)
    if initial is None:
        return chosen
    return replace(chosen, name=f"{chosen.name}, masks from {initial.label}", initial_masks=initial.rule)


def find_initial_masks(text: str, threads: int | None) -> InitialMask:
    """What `--initial-masks` names: ``model:NAME``, a kind of badness, or a folder.

    Raises:
        UnknownNameError: neither a kind nor a folder.
    """
    if text.startswith("model:"):
        name = text.removeprefix("model:")
        catalog.find(name)
        return FirstAnswer(name, partial(build_subject, name, (), threads))
    if text not in CORRUPTIONS and Path(text).is_dir():
        return FromFolder(Path(text))
    return Corrupted(text)


def figures_table(summary: dict[str, Any]) -> Table:
    """One row per data set."""
    protocol, model = summary["protocol"], summary["model"]
    weights = f", weights {model['weights_sha256'][:12]}" if model.get("weights_sha256") else ""
    caption = (
        f"{model['name']}{weights}; protocol {protocol['name']} ({protocol['hash']}), {protocol['max_clicks']} clicks"
    )
    targets = [percent(target) for target in protocol["iou_targets"]]
    clicks = [k for k in TABLE_CLICKS if k <= protocol["max_clicks"]]
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left", collapse_padding=True, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    heads = ["objects", *(f"NoC\n@{t}" for t in targets), *(f"NoF\n@{t}" for t in targets[-2:])]
    for head in [*heads, *(f"IoU\n@{k}" for k in clicks), "ms per\nclick"]:
        table.add_column(head, justify="right", no_wrap=True)
    for name, figures in summary["datasets"].items():
        table.add_row(
            name,
            str(figures["objects"]),
            *(f"{figures[f'NoC@{t}']:.2f}" for t in targets),
            *(str(figures[f"NoF@{t}"]) for t in targets[-2:]),
            *(f"{figures[f'IoU@{k}']:.3f}" for k in clicks),
            f"{figures['SPC'] * 1000:.0f}",
        )
    return table


def open_all(pairs: Sequence[str], options: ReadOptions) -> list[Dataset]:
    """The data sets of `DATASET=DIR` arguments.

    Raises:
        InputError: an argument of another form, a data set given twice, or one that cannot be read.
    """
    opened: dict[str, Dataset] = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not equals or not folder:
            raise InputError(f"Expected DATASET=DIR, e.g. grabcut=data/grabcut, got '{pair}'.")
        if name in opened:
            raise InputError(f"The data set '{name}' is given twice. Measure the second folder in a run of its own.")
        opened[name] = open_dataset(name, Path(folder), options)
    return list(opened.values())


def answer_with_progress(question: Question, output: Path) -> dict[str, Any]:
    """Measure with a progress bar on stderr that shows speed and time left; returns the summary."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True))
    bar = bars.add_task("objects", total=None, speed="")
    started, clicks = time.perf_counter(), 0

    def show(done: int, total: int, newest: ObjectRecords | None) -> None:
        nonlocal clicks
        bars.start()  # not before everything that can be refused has been checked
        bars.update(bar, completed=done, total=total)
        if newest is not None:
            clicks += len(newest)
            speed = clicks / (time.perf_counter() - started)
            bars.update(bar, description=newest[0].key.dataset, speed=f"{speed:.1f} clicks/s")

    try:
        return answer(question, output, show)
    finally:
        bars.stop()
