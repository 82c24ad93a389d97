"""`clickmask convert`: annotations from one format to another, with a report of what that loses."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from clickmask.core.errors import FormatError
from clickmask.formats import FORMATS

MOST_LOSSES_SHOWN = 20


def known_formats(incomplete: str) -> list[str]:
    """Names that complete what was typed."""
    return [name for name in FORMATS if name.startswith(incomplete)]


class PolygonConvention(Enum):
    """What whole numbers in polygons mean."""

    edge = "edge"
    center = "center"


class Style(Enum):
    """How masks are written."""

    auto = "auto"
    polygon = "polygon"
    mask = "mask"


def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file or folder of annotations.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Where to write: a folder, or a .json file for coco.")],
    from_format: Annotated[
        str, typer.Option("--from", metavar="FORMAT", autocompletion=known_formats, help="coco, labelme or png.")
    ],
    to_format: Annotated[
        str, typer.Option("--to", metavar="FORMAT", autocompletion=known_formats, help="coco, labelme or png.")
    ],
    style: Annotated[
        Style, typer.Option(help="polygon, mask (without loss), or auto: polygons only where they lose nothing.")
    ] = Style.auto,
    convention: Annotated[
        PolygonConvention | None,
        typer.Option(
            help="What whole numbers in SRC's polygons mean: corners between pixels (edge: COCO) or the pixels "
            "themselves (center: LabelMe, OpenCV). The format's own if not given."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert annotations from one format to another.

    coco is one JSON file; labelme is one JSON file beside each image; png is a folder of palette PNGs with class
    numbers and labels.txt. What the target cannot hold is said, never dropped silently.

    For example:

    clickmask convert annotations.json labels --from coco --to labelme

    clickmask convert labels masks --from labelme --to png
    """
    reader, writer = FORMATS.get(from_format), FORMATS.get(to_format)
    if not source.exists():
        raise FormatError(f"There is no file or folder {source}. Check the spelling and the current folder.")
    if source.resolve() == target.resolve():
        raise FormatError(f"SRC and DST are both {source}; the source would be overwritten. Choose another DST.")
    annotations = reader.read(str(source), convention=convention.value if convention else None)
    written = writer.write(annotations, str(target), style=style.value)
    losses = [*annotations.losses, *written.losses]
    objects = sum(len(image.annotations) for image in annotations.images)
    if as_json:
        report = {"images": len(annotations.images), "objects": objects, "files": written.paths, "losses": losses}
        typer.echo(json.dumps(report))
        return
    for loss in losses[:MOST_LOSSES_SHOWN]:
        typer.echo(f"Lost: {loss}", err=True)
    if len(losses) > MOST_LOSSES_SHOWN:
        typer.echo(f"... and {len(losses) - MOST_LOSSES_SHOWN} more; --json lists all.", err=True)
    typer.echo(f"{objects} objects on {len(annotations.images)} images -> {target} ({len(written.paths)} files)")
