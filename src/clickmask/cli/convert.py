"""`clickmask convert`: annotations from one format to another, with a report of what that loses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clickmask.cli.convert_scans import convert_scan
from clickmask.core.errors import FormatError
from clickmask.formats import FORMATS
from clickmask.formats.annotation import KNOWS_PLACES, AnnotatedImage, AnnotationStream, ImageLookup, placed
from clickmask.formats.image_names import FolderImages

MOST_LOSSES_SHOWN = 20
_NAMES = f"One of: {', '.join(FORMATS)}."


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


@dataclass
class Count:
    """How much has gone through so far."""

    images: int = 0
    objects: int = 0
    bar: Progress = field(default_factory=lambda: _bar(Console(stderr=True)))

    def through(self, stream: AnnotationStream) -> AnnotationStream:
        """The same stream, counted."""
        return replace(stream, images=self._counted(stream.images, stream.count))

    def _counted(self, images: Iterable[AnnotatedImage], total: int | None) -> Iterator[AnnotatedImage]:
        task = self.bar.add_task("images", total=total)
        for image in images:
            yield image
            self.images += 1
            self.objects += len(image.annotations)
            self.bar.advance(task)


def convert(  # noqa: PLR0913 - one argument for each option
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file or folder of annotations.")],
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="Where to write: a folder, or a file for formats of one.")
    ],
    from_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", autocompletion=known_formats, help=_NAMES)
    ] = None,
    to_format: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", autocompletion=known_formats, help="One of the same.")
    ] = None,
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
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the images, for files that do not tell sizes or full names (yolo, voc, geojson, npz) and "
            "for the place on the earth (geotiff, geojson_world).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert annotations from one format to another.

    Images are taken one by one, so a data set may be larger than memory. What the target cannot hold is said, never
    dropped silently; docs/formats.md tells what each format holds. Point clouds and label volumes need no names of
    formats: the endings of SRC and DST say them.

    For example:

    clickmask convert annotations.json labels --from coco --to labelme

    clickmask convert export.xml yolo --from cvat --to yolo

    clickmask convert yolo coco.json --from yolo --to coco --images photos

    clickmask convert coco.json maps --from coco --to geojson_world --images orthophotos

    clickmask convert scan.pcd scan.ply
    """
    if from_format is None or to_format is None:
        _check_places(source, target)
        done = None if from_format or to_format else convert_scan(source, target, images)
        if done is None:
            raise FormatError(f"Say what SRC and DST are: --from FORMAT --to FORMAT. {_NAMES}")
        _report(Report(1, done.objects, done.paths, done.losses), target, as_json)
        return
    reader, writer = FORMATS.get(from_format), FORMATS.get(to_format)
    _check_places(source, target)
    find_image = _folder_images(images)
    stream = reader.open(str(source), convention=convention.value if convention else None, find_image=find_image)
    if find_image is not None and to_format in KNOWS_PLACES:
        stream = replace(stream, images=(placed(image, find_image) for image in stream.images))
    count = Count()
    with count.bar:
        written = writer.write(count.through(stream), str(target), style=style.value)
    losses = (*stream.losses, *written.losses)
    _report(Report(count.images, count.objects, written.paths, losses), target, as_json)


@dataclass(frozen=True)
class Report:
    """What a conversion did."""

    images: int
    objects: int
    files: tuple[str, ...]
    losses: tuple[str, ...]


def _report(done: Report, target: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(done)))
        return
    for loss in done.losses[:MOST_LOSSES_SHOWN]:
        typer.echo(f"Lost: {loss}", err=True)
    if len(done.losses) > MOST_LOSSES_SHOWN:
        typer.echo(f"... and {len(done.losses) - MOST_LOSSES_SHOWN} more; --json lists all.", err=True)
    typer.echo(f"{done.objects} objects on {done.images} images -> {target} ({len(done.files)} files)")


def _check_places(source: Path, target: Path) -> None:
    if not source.exists():
        raise FormatError(f"There is no file or folder {source}. Check the spelling and the current folder.")
    if source.resolve() == target.resolve():
        raise FormatError(f"SRC and DST are both {source}; the source would be overwritten. Choose another DST.")


def _folder_images(folder: Path | None) -> ImageLookup | None:
    return None if folder is None else FolderImages(folder)


def _bar(console: Console) -> Progress:
    """A bar for people; nothing where the output is a file or a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
