"""`clickmask convert-weights`: the authors' checkpoints as models."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clickmask.core.errors import InputError, MissingExtraError
from clickmask.zoo.methods import METHODS, MethodLine, Published


def known_files(incomplete: str) -> list[str]:
    """Published files that complete what was typed."""
    return [file.file for line in METHODS for file in line.published if file.file.startswith(incomplete)]


def convert_weights(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", autocompletion=known_files, help="The authors' checkpoint: .pth, .pt or .safetensors."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL_DIR", help="Folder for the model; made if missing.")
    ],
    method: Annotated[
        str | None, typer.Option(metavar="NAME", help="The method; found by names and shapes if not given.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; that of MODEL_DIR if not given.")] = None,
    side: Annotated[
        int | None, typer.Option(help="Network input in pixels; the method's if not given. Larger is finer and slower.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch FILE, a published name, from its authors first.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's description as JSON.")] = False,
) -> None:
    """Turn weights that the authors of a method published into a model.

    Files are read as plain arrays: no code in them is run. Names that the network does not have, and names that
    are missing, are refused with their list. `clickmask models NAME` tells which files are published for a method.
    Their licence, and that of the data they were trained on, stays with them.

    For example:

    clickmask convert-weights coco_lvis_h18s_itermask.pth -o weights/ritm_hrnet18s

    clickmask convert-weights coco_lvis_h18s_itermask.pth --download -o weights/ritm_hrnet18s --side 384
    """
    if download:
        fetch(source)
    elif not source.exists():
        raise InputError(absent(source))
    convert = converter()
    spec = convert.convert_weights(convert.Conversion(source, output, method, name, side))
    if as_json:
        typer.echo(json.dumps(asdict(spec)))
        return
    height, width = spec.input_hw
    typer.echo(f"{spec.name}: {spec.method}, {width} x {height} px, licence {spec.licence}")
    typer.echo(f"Use it:  clickmask annotate FOLDER --model {output}")


def converter() -> Any:
    """The module that converts; MissingExtraError without torch."""
    try:
        return import_module("clickmask.nn.convert")
    except ImportError as error:
        if isinstance(error, MissingExtraError) or (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError("Converting weights", "torch") from error


def absent(source: Path) -> str:
    """What to do about a file that is not there."""
    found = find_published(source.name)
    if found is None:
        return f"There is no file {source}. `clickmask models NAME` tells the published files of a method."
    line, file = found
    return (
        f"There is no file {source}. It is known: weights of {line.name}, {described(file)}. "
        "Add --download to fetch it from its authors."
    )


def find_published(name: str) -> tuple[MethodLine, Published] | None:
    """A published file and its method."""
    return next(((line, file) for line in METHODS for file in line.published if file.file == name), None)


def described(file: Published) -> str:
    """Licence, data and size in a few words."""
    size = f", {file.megabytes:g} MB" if file.megabytes else ""
    return f"licence {file.licence}, trained on {file.trained_on}{size}"


def fetch(source: Path) -> None:
    """Download a published file to `source`, unless it is there."""
    from clickmask.zoo.download import download

    found = find_published(source.name)
    if found is None:
        known = ", ".join(known_files(""))
        raise InputError(f"{source.name} is no published file that clickmask knows. Known: {known}.")
    if source.exists():
        typer.echo(f"{source} is there already.", err=True)
        return
    line, file = found
    typer.echo(f"{file.file}: weights of {line.name}, {described(file)}, from {file.url}", err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(file.file, total=None)
        digest = download(file, source, lambda have, total: bars.update(task, completed=have, total=total))
    checked = "as published" if file.sha256 else "the catalogue knows none to compare it with"
    typer.echo(f"sha256 {digest} ({checked})", err=True)
