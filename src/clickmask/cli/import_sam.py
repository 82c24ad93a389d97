"""`clickmask import-sam`: SAM-type checkpoints and graphs as models."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clickmask.core.errors import InputError, MissingExtraError, StorageError
from clickmask.core.registry import unknown_name
from clickmask.zoo.methods import MethodLine, Published
from clickmask.zoo.sam import SAM_LINES, sam_line
from clickmask.zoo.spec import ModelSpec


def known_sams(incomplete: str) -> list[str]:
    """Names that complete what was typed."""
    return [line.name for line in SAM_LINES if line.name.startswith(incomplete)]


def import_sam(  # noqa: PLR0913 - each argument is an option of the command
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            autocompletion=known_sams,
            help="An encoder's .onnx, a folder with a checkpoint of transformers, or with --download a name.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL_DIR", help="Folder for the model; made if missing.")
    ],
    decoder: Annotated[Path | None, typer.Argument(metavar="[DECODER.onnx]", help="The graph for the prompts.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; that of MODEL_DIR if not given.")] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, e.g. Apache-2.0.")] = "unknown",
    pixels: Annotated[
        str | None, typer.Option(help="What the encoder takes: normalised, unit or bytes; found out if not given.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch SOURCE, a name such as mobilesam, from its authors first.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's description as JSON.")] = False,
) -> None:
    """Turn a SAM-type model into a model of clickmask: SAM, SAM 2, SAM-HQ, MobileSAM, EdgeSAM, EfficientSAM ...

    Pairs of ONNX graphs run without torch; what their inputs and outputs are called is found out. Checkpoints of
    transformers (config.json and model.safetensors) need the sam extra. Every model is tried once before it is written.

    For example:

    clickmask import-sam encoder.onnx decoder.onnx -o weights/mine

    clickmask import-sam mobilesam --download -o weights/mobilesam
    """
    line = _line_of(source) if download else None
    if line is not None:
        first, second = fetched(line, output)
        licence = line.published[0].licence if licence == "unknown" else licence
    else:
        first, second = Path(source), decoder
    spec = imported(first, second, output, name=name, licence=licence, pixels=pixels)
    if as_json:
        typer.echo(json.dumps(asdict(spec)))
        return
    height, width = spec.input_hw
    typer.echo(f"{spec.name}: {spec.summary} {width} x {height} px, licence {spec.licence}")
    typer.echo(f"Use it:  clickmask annotate FOLDER --model {output}")


def imported(
    source: Path, decoder: Path | None, output: Path, *, name: str | None, licence: str, pixels: str | None
) -> ModelSpec:
    """The model folder of a pair of graphs or of a checkpoint; InputError if the source is neither."""
    if source.is_dir():
        return _checkpoints().import_checkpoint(source, output, name=name, licence=licence)  # type: ignore[no-any-return]
    if not source.exists():
        hint = (
            f" To fetch it from its authors: --download (licence {_licences(source.name)})."
            if sam_line(str(source))
            else ""
        )
        raise InputError(f"There is no {source}.{hint}")
    if source.suffix.lower() != ".onnx" or decoder is None:
        raise InputError(
            f"{source.name} alone is no SAM model. Give ENCODER.onnx DECODER.onnx, or a folder with config.json and "
            "model.safetensors as transformers saves them."
        )
    from clickmask.predict.sam_import import import_pair

    return import_pair(source, decoder, output, name=name, licence=licence, pixels=pixels)


def fetched(line: MethodLine, output: Path) -> tuple[Path, Path | None]:
    """Fetch a model's files into its folder: the folder of a checkpoint, or encoder and decoder."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The model folder {output} cannot be written: {error}. Choose another one with -o."
        ) from error
    for file in line.published:
        _fetch(file, output / file.file)
    files = [output / file.file for file in line.published]
    return (files[0], files[1]) if files[0].suffix == ".onnx" else (output, None)


def _fetch(file: Published, target: Path) -> None:
    from clickmask.zoo.download import download

    if target.exists():
        return
    size = f", {file.megabytes:g} MB" if file.megabytes else ""
    typer.echo(f"{file.file}: licence {file.licence}, trained on {file.trained_on}{size}, from {file.url}", err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(file.file, total=None)
        download(file, target, lambda done, total: bars.update(task, completed=done, total=total))


def _line_of(name: str) -> MethodLine:
    line = sam_line(name)
    if line is None:
        raise InputError(unknown_name("SAM-type model", name, known_sams("")))
    return line


def _licences(name: str) -> str:
    return ", ".join(sorted({file.licence for file in _line_of(name).published}))


def _checkpoints() -> Any:
    """The module that reads checkpoints; MissingExtraError without torch."""
    try:
        return import_module("clickmask.nn.sam")
    except ImportError as error:
        if isinstance(error, MissingExtraError) or (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError("SAM through transformers", "sam") from error
