"""`clickmask train`: a recipe and data give a network; torch is needed for this and for nothing else here."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from clickmask.cli import train_clouds
from clickmask.cli.models import known_models
from clickmask.cli.project_data import export_projects
from clickmask.cli.supervised import follow_input, outcome_line, step_line
from clickmask.core.errors import MissingExtraError, RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickmask.train.command import Outcome
    from clickmask.train.progress import Progress

SECONDS_BETWEEN_LINES = 30.0
"""Where no progress bar can be drawn, one plain line in this many seconds."""
MEMORY = 0.95
"""Weight of the past in the loss and IoU that are shown."""


class Device(Enum):
    """Where the network runs."""

    cpu = "cpu"
    cuda = "cuda"


def train(  # noqa: PLR0913 - each argument is an option of the command
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE", help="finetune, compact, compact-gpu, compact-iterative or smoke; see --list."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH...",
            help="What to learn from: .tar shards, a folder with images/ and masks/, or a COCO instances .json. "
            "Several may be given.",
        ),
    ] = None,
    projects: Annotated[
        list[Path] | None,
        typer.Option(
            "--from-project",
            metavar="DIR...",
            help="Learn from the finished objects of an annotated folder, or of what annotate got with --project.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="RUN_DIR", help="Folder of the run; made if missing.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in RUN_DIR, exactly where it was.")
    ] = False,
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            "--val",
            metavar="PATH...",
            help="What to judge by, in the same forms. Without it one photograph in ten is held out.",
        ),
    ] = None,
    masks: Annotated[
        str,
        typer.Option(
            help="What mask values in folders mean: binary, nonzero, threshold, trimap, instances or instances-void."
        ),
    ] = "binary",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change one field of the recipe. Repeatable."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            autocompletion=known_models,
            help="Begin with the weights of a model, a model folder or a run folder.",
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.cpu,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores if not given.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that make samples; with a GPU all cores but one if not given. The run is the same."
        ),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the recipes and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome (or the list) as JSON.")] = False,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervised",
            help="For other programs: each step and at last the outcome is a line of JSON on the standard output, and "
            "the run ends when the standard input is closed.",
        ),
    ] = False,
) -> None:
    """Train a model: on your own images and masks, or on shards.

    RUN_DIR then holds the resolved recipe (recipe.json), what it learns from (data.json), one line per step
    (log.jsonl), curves to look at (curves.svg) and the state to go on from (checkpoint.pt). A run that was stopped,
    killed even, goes on with --resume and ends as if nothing had happened.

    For example, the default model learns from your own images, and the result is used:

    clickmask train finetune --data my_photos -o runs/mine

    clickmask export runs/mine -o models/mine

    clickmask annotate my_photos --model models/mine

    It learns from what you annotated, and stands in the menu of models from then on:

    clickmask train finetune --from-project my_photos -o runs/mine

    clickmask export runs/mine -o my_photos/.clickmask/models/mine

    Other fields of a recipe are changed with --set:

    clickmask train finetune --data labels.json -o runs/long --set phases.0.steps=900 --set seed=1

    For point clouds the recipes are points and interobject3d; docs/points.md tells what --data takes there:

    clickmask train points --data scans /usr/share/sweethome3d -o runs/points
    """
    if recipe in train_clouds.RECIPES and not show_list:
        others = (("--val", validation), ("--from", start), ("--supervised", supervised))
        unusable = [name for name, given in others if given]
        if unusable or device is not Device.cpu:
            raise RecipeError(f"{recipe} is trained on point clouds; leave out {', '.join(unusable) or '--device'}.")
        outcome = train_clouds.train_on_clouds(
            recipe, tuple(data or ()), output, parse_settings(settings or ()), resume, threads
        )
        train_clouds.print_outcome(outcome, as_json)
        return
    command = training_command()
    if show_list:
        print_recipes(command.recipe_table(), as_json)
        return
    if recipe is None:
        raise RecipeError("Which recipe? Give its name, e.g. `clickmask train finetune ...`; --list tells all of them.")
    if output is None:
        raise RecipeError("Where should the run be kept? Give a folder, e.g. -o runs/first")
    options = command.TrainOptions(
        recipe=recipe,
        data=(*(data or ()), *export_projects(projects or (), output)),
        folder=output,
        overrides=parse_settings(settings or ()),
        validation=tuple(validation or ()),
        masks=masks,
        resume=resume,
        start=start,
        device=device.value,
        threads=threads,
        workers=workers,
    )
    if supervised:
        follow_input()
    with nullcontext(step_line) if supervised else reporter(Console(stderr=True)) as report:
        try:
            outcome = command.train(options, report)
        except KeyboardInterrupt:
            typer.echo(
                f"\nStopped. The same command with --resume goes on from the last checkpoint in {output}.", err=True
            )
            raise
    told = {**asdict(outcome), "folder": str(outcome.folder)}
    if supervised:
        outcome_line(told)
    elif as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(summary(outcome))


def training_command() -> Any:
    """The module that trains and exports.

    Raises:
        MissingExtraError: torch or another part of the `train` extra is not installed.
    """
    try:
        return import_module("clickmask.train.command")
    except MissingExtraError:
        raise
    except ImportError as error:
        if (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError("Training", "train") from error


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """Recipe fields and their texts from FIELD=VALUE arguments."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise RecipeError(f"--set takes FIELD=VALUE, for example --set seed=3, got '{pair}'.")
        settings[name] = value
    return settings


def print_recipes(table: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """The recipes with their sizes."""
    if as_json:
        typer.echo(json.dumps(table))
        return
    for row in table:
        phases = ", then ".join(f"{p['steps']} steps of {p['batch']} at {p['side']} px" for p in row["phases"])
        typer.echo(f"{row['name']}\n  {row['summary']}\n  {phases}; begins with: {row['start']}\n")


def summary(outcome: Outcome) -> str:
    """What a run came to, in a few lines."""
    lines = [
        f"{outcome.recipe}: {outcome.steps} steps on {photographs(outcome.training)} in {duration(outcome.seconds)}"
    ]
    for key in ("iou@1", "iou@3", "iou@5"):
        if key in outcome.last:
            clicks = "1 click" if key == "iou@1" else f"{key[4:]} clicks"
            before, now = outcome.first[key], outcome.last[key]
            lines.append(f"  mean IoU after {clicks}: {before:.3f} before, {now:.3f} now")
    if outcome.validation:
        lines.append(f"  measured on {photographs(outcome.validation)} not learned from")
    lines.append(f"Curves: {outcome.folder / 'curves.svg'}")
    lines.append(f"Use it:  clickmask export {outcome.folder} -o MODEL_DIR")
    return "\n".join(lines)


def photographs(count: int) -> str:
    """That many of them, in words."""
    return f"{count} photograph{'' if count == 1 else 's'}"


@contextmanager
def reporter(console: Console) -> Iterator[Callable[[Progress], None]]:
    """What shows progress: a bar on a terminal, else a plain line now and then."""
    if not console.is_terminal:
        yield PlainLines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield BarReport(bars)


class RunningMeans:
    """Loss and IoU averaged over the last steps."""

    def __init__(self) -> None:
        self.loss = self.iou = 0.0
        self._weight = 0.0

    def add(self, progress: Progress) -> str:
        """The figures of a step in words."""
        self._weight = MEMORY * self._weight + (1 - MEMORY)
        share = (1 - MEMORY) / self._weight
        self.loss += share * (progress.loss - self.loss)
        self.iou += share * (progress.iou - self.iou)
        left = duration(progress.seconds_left)
        return f"loss {self.loss:.3f}  IoU {self.iou:.3f}  {progress.samples_per_second:.1f} samples/s  {left} left"


class BarReport:
    """A progress bar; figures of validations stay above it."""

    def __init__(self, bars: Bars) -> None:
        self._bars, self._means = bars, RunningMeans()
        self._task = bars.add_task("reading data", total=None, figures="")

    def __call__(self, progress: Progress) -> None:
        """Show a step."""
        figures = self._means.add(progress)
        self._bars.update(
            self._task,
            completed=progress.step,
            total=progress.steps,
            description=f"{progress.side} px",
            figures=figures,
        )
        if progress.validation is not None:
            self._bars.console.print(validation_line(progress), highlight=False)


class PlainLines:
    """One line now and then, for logs."""

    def __init__(self) -> None:
        self._means = RunningMeans()
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show a step, if it is time."""
        figures = self._means.add(progress)
        due = time.monotonic() >= self._next or progress.step == progress.steps
        if due:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            sys.stderr.write(f"step {progress.step}/{progress.steps}  {progress.side} px  {figures}\n")
        if progress.validation is not None:
            sys.stderr.write(validation_line(progress) + "\n")
        sys.stderr.flush()


def validation_line(progress: Progress) -> str:
    """Figures of a validation in one line."""
    figures = "  ".join(f"{key} {value:.3f}" for key, value in (progress.validation or {}).items())
    return f"validation at step {progress.step}: {figures}"


def duration(seconds: float) -> str:
    """Time in the two units that matter."""
    whole = round(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
