"""`clickmask log`: everything that was done in a project, as a table."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


class LogFormat(Enum):
    """How the table is written."""

    csv = "csv"
    json = "json"


def log(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of images, or the project folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the table.")],
    format: Annotated[LogFormat, typer.Option(help="A table, or one JSON object a line.")] = LogFormat.csv,  # noqa: A002
) -> None:
    """Write everything that was clicked, drawn, undone and answered in a project, with times and people.

    For example:

    clickmask log photos -o log.csv

    clickmask log photos -o log.jsonl --format json
    """
    from clickmask.store.log_table import as_csv, as_json, log_rows
    from clickmask.store.project import find_project, open_project

    project = open_project(*find_project(folder))
    try:
        rows = list(log_rows(project.store))
    finally:
        project.close()
    output.write_text(as_csv(rows) if format is LogFormat.csv else as_json(rows), encoding="utf-8")
    Console(stderr=True).print(f"{len(rows)} events written to {output}", highlight=False)
