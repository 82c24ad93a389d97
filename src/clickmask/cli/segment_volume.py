"""`clickmask segment-volume`: clicks on a slice of a volume, carried along through the object."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from clickmask.cli.models import BackendOption, known_models
from clickmask.core.errors import PromptError
from clickmask.core.window import window_of
from clickmask.formats.volume_file import OUTPUTS, check_output, read_volume, write_labels
from clickmask.predict.volume_predictor import VolumePredictor
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Plane, Slicing, Volume


class Way(StrEnum):
    """Where masks are carried to."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"
    NONE = "none"


@dataclass(frozen=True)
class Place:
    """A click: the voxel I,J,K along the file's first, second and third axis, and its sign."""

    ijk: tuple[int, int, int]
    positive: bool


def segment_volume(  # noqa: PLR0913 - each argument is an option of the command
    volume: Annotated[
        Path, typer.Argument(metavar="VOLUME", help="NIfTI (.nii, .nii.gz), NRRD, or a folder with a DICOM series.")
    ],
    positive: Annotated[
        list[str] | None, typer.Option(metavar="I,J,K", help="A voxel of the object, counted from 0. Repeatable.")
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(metavar="I,J,K", help="A voxel of what is not the object. Repeatable.")
    ] = None,
    plane: Annotated[
        Plane | None, typer.Option(help="The plane of the slices; the one of recording if it is left out.")
    ] = None,
    window: Annotated[
        str, typer.Option(help="What the model sees: auto, full, CENTER,WIDTH, or a CT preset such as lung.")
    ] = "auto",
    propagate: Annotated[
        Way, typer.Option(help="Where the mask is carried to from the slices with clicks.")
    ] = Way.BOTH,
    number: Annotated[int | None, typer.Option("--volume", help="Which volume of a 4-D NIfTI file, from 0.")] = None,
    series: Annotated[str | None, typer.Option(metavar="UID", help="Which series of a DICOM folder.")] = None,
    name: Annotated[str, typer.Option(help="What the object is, for the label file.")] = "object",
    model: Annotated[
        str, typer.Option(autocompletion=known_models, help="Name from `clickmask models`, or a folder.")
    ] = "default",
    backend: BackendOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="LABELS", help="The labels: .nii.gz, .seg.nrrd, or .dcm for DICOM SEG."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Segment one object of a volume, slice by slice.

    Clicks are voxels as viewers show them, counted from 0 along the file's axes. Each slice with clicks is segmented,
    then the mask is carried from slice to slice, until the object ends. The labels lie on the volume's own grid.

    For example:

    clickmask segment-volume ct.nii.gz --positive 210,160,45 -o liver.nii.gz

    clickmask segment-volume mr_series/ --positive 90,120,12 -o seg.dcm --name tumour

    clickmask segment-volume lung.nrrd --positive 80,99,30 --window lung -o l.seg.nrrd
    """
    _check_output(volume, output, as_json)
    places = [
        *(Place(parse_voxel(text), True) for text in positive or ()),
        *(Place(parse_voxel(text), False) for text in negative or ()),
    ]
    if not any(place.positive for place in places):
        raise PromptError("Nothing says where the object is. Give at least one click, e.g.: --positive 210,160,45")
    scan = read_volume(volume, number=number, series=series)
    from clickmask.api import load_volume

    predictor = load_volume(model, backend=backend.value if backend else None)
    predictor.set_volume(scan, plane, window_of(window, scan.voxels, scan.window))
    figures = {"volume": str(volume), **_segmented(predictor, places, propagate), "labels": None}
    if output is not None:
        _save(predictor, output, name)
        figures["labels"] = str(output)
    typer.echo(json.dumps(figures) if as_json else _sentence(figures))


def parse_voxel(text: str) -> tuple[int, int, int]:
    """I,J,K as three whole numbers."""
    try:
        i, j, k = (int(part) for part in text.split(","))
    except ValueError:
        raise PromptError(
            f"'{text}' is no I,J,K: a click on a volume is the numbers of its voxel along the three axes of the file, "
            "counted from 0, with commas and without spaces. For example: --positive 210,160,45"
        ) from None
    return i, j, k


def _segmented(predictor: VolumePredictor, places: list[Place], way: Way) -> dict[str, Any]:
    """Click, carry along; figures for people and programs."""
    slices = _by_slice(predictor, places)
    for index, clicks in slices.items():
        for column, row, sign in clicks:
            predictor.add_click(index, column + 0.5, row + 0.5, sign)
    ended = [] if way is Way.NONE else _carried(predictor, sorted(slices), way)
    voxels = predictor.voxels
    volume = predictor.volume
    millilitres = float(voxels.sum()) * _prod(volume.spacing_xyz) / 1000
    return {
        "size_ijk": list(volume.shape_zyx[::-1]),
        "spacing_mm": [round(s, 5) for s in volume.spacing_xyz],
        "plane": str(predictor.slicing.plane),
        "model": predictor.pipeline.name,
        "slices": sorted(int(k) for k in predictor.state.slices if predictor.mask(k).any()),
        "voxels": int(voxels.sum()),
        "millilitres": round(millilitres, 4),
        "ended": ended,
    }


def _carried(predictor: VolumePredictor, clicked: list[int], way: Way) -> list[dict[str, Any]]:
    """Carry along from the outermost clicked slices, and between clicked slices from the lower one."""
    ended: list[dict[str, Any]] = []
    for first, second in pairwise(clicked):
        if second - first > 1 and predictor.mask(first).any():
            ended += [asdict(e) for e in predictor.propagate(first, "forward", to=second - 1).ended if not e.arrived]
    if way in (Way.BOTH, Way.FORWARD) and predictor.mask(clicked[-1]).any():
        ended += [asdict(e) for e in predictor.propagate(clicked[-1], "forward").ended]
    if way in (Way.BOTH, Way.BACKWARD) and predictor.mask(clicked[0]).any():
        ended += [asdict(e) for e in predictor.propagate(clicked[0], "backward").ended]
    return ended


def _by_slice(predictor: VolumePredictor, places: list[Place]) -> dict[int, list[tuple[int, int, bool]]]:
    """Clicks (column, row, sign) by slice, in the order given."""
    slicing = predictor.slicing
    slices: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
    for place in places:
        _check_inside(place, slicing)
        index, row, column = slicing.pixel(place.ijk)
        slices[index].append((column, row, place.positive))
    for index, clicks in slices.items():
        if not any(sign for _, _, sign in clicks):
            raise PromptError(f"Slice {index} has a negative click and no positive one. Give it a positive one too.")
    return slices


def _check_inside(place: Place, slicing: Slicing) -> None:
    sizes = slicing.shape_zyx[::-1]
    if not all(0 <= v < size for v, size in zip(place.ijk, sizes, strict=True)):
        raise PromptError(
            f"The click {','.join(map(str, place.ijk))} lies outside the volume, whose voxels are 0,0,0 to "
            f"{','.join(str(size - 1) for size in sizes)}."
        )


def _save(predictor: VolumePredictor, output: Path, name: str) -> None:
    volume: Volume = predictor.volume
    segment = Segment(1, name, predictor.pipeline.name)
    write_labels(output, LabelVolume.of(volume, predictor.voxels, (segment,)))


def _check_output(volume: Path, output: Path | None, as_json: bool) -> None:
    if output is None and not as_json:
        raise PromptError(f"The labels have nowhere to go. Say where, with an ending of {', '.join(OUTPUTS)}.")
    if output is not None:
        check_output(output)
        if output.resolve() == volume.resolve():
            raise PromptError(f"{output} is the volume itself; it would be overwritten. Choose another name.")


def _sentence(figures: dict[str, Any]) -> str:
    where = f"{figures['labels']}: " if figures["labels"] else ""
    slices = figures["slices"]
    which = f"{figures['plane']} slices {slices[0]} to {slices[-1]}" if slices else "no slice"
    lines = [f"{where}{figures['voxels']} voxels ({figures['millilitres']:.2f} ml) on {which}"]
    return "\n".join([*lines, *(_reason(end) for end in figures["ended"])])


def _reason(end: dict[str, Any]) -> str:
    from clickmask.predict.propagate import Ended

    return Ended(**end).sentence


def _prod(spacing: tuple[float, float, float]) -> float:
    return spacing[0] * spacing[1] * spacing[2]
