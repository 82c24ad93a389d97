"""`clickmask evaluate` on point clouds; reached from there when the data sets are some of clouds."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from clickmask.api import build_cloud_pipeline
from clickmask.core.errors import InputError
from clickmask.data.cloud_sample import CLOUD_DATASETS, open_cloud_dataset
from clickmask.evaluate.cloud_protocol import find_cloud_protocol
from clickmask.evaluate.cloud_run import CloudRecords
from clickmask.evaluate.cloud_summary import CloudQuestion, answer_clouds


def are_clouds(pairs: Sequence[str]) -> bool:
    """Whether the DATASET=DIR arguments name data sets of clouds.

    Raises:
        InputError: some do and some do not.
    """
    names = [pair.partition("=")[0] for pair in pairs]
    clouds = [name for name in names if name in CLOUD_DATASETS]
    if clouds and len(clouds) < len(names):
        raise InputError(f"{', '.join(clouds)} hold point clouds, the others images. Measure them in two runs.")
    return bool(clouds)


def evaluate_clouds(  # noqa: PLR0913 - options of the command
    pairs: Sequence[str],
    output: Path,
    model: str,
    backend: str | None,
    protocol: str,
    max_clicks: int | None,
    limit: int | None,
    split: str | None,
) -> dict[str, Any]:
    """Measure with a progress line on stderr; returns the summary."""
    parts = [pair.partition("=") for pair in pairs]
    if any(not folder for _, _, folder in parts) or len({name for name, _, _ in parts}) < len(parts):
        raise InputError("Expected DATASET=DIR, each data set once, e.g. tabletop=scans/tabletop.")
    question = CloudQuestion(
        pipeline=build_cloud_pipeline("points" if model == "default" else model, backend=backend),
        protocol=find_cloud_protocol("single" if protocol == "published" else protocol, max_clicks),
        datasets=[open_cloud_dataset(name, Path(folder), split) for name, _, folder in parts],
        limit=limit,
        command=shlex.join(["clickmask", *sys.argv[1:]]),
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} objects"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("clouds", total=None)

        def show(done: int, newest: CloudRecords | None) -> None:
            bars.update(bar, completed=done, description=newest[0].dataset if newest else "clouds")

        return answer_clouds(question, output, show)
