"""`clickmask segment` on a point cloud; reached from there when the file is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from clickmask.core.errors import PromptError
from clickmask.formats.cloud_file import CLOUD_FORMATS, LABELS, is_cloud, read_cloud, write_cloud


def segment_cloud(
    scan: Path,
    clicks: tuple[Sequence[str], Sequence[str]],
    model: str,
    backend: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Label the points of one object and write the cloud with its labels.

    Args:
        scan: the cloud.
        clicks: texts X,Y,Z of positive and of negative clicks.
        model: name or folder.
        backend: runtime, None for the model's own.
        output: where the labelled cloud goes: 1 on the object, 0 elsewhere.
        as_json: print figures as JSON.
    """
    if output is None and not as_json:
        raise PromptError("The labels have nowhere to go. Say where to write them, for example: -o labels.ply")
    if output is not None and not is_cloud(output) and output.suffix.lower() != LABELS:
        endings = ", ".join([*(kind.suffixes[0] for kind in CLOUD_FORMATS.values()), LABELS])
        raise PromptError(f"-o is {output}; labels of a point cloud go into a file ending in one of {endings}.")
    if output is not None and output.resolve() == scan.resolve():
        raise PromptError(f"{output} is the scan itself; it would be overwritten. Choose another name.")
    prompts = [(parse_place(text), sign) for texts, sign in zip(clicks, (True, False), strict=True) for text in texts]
    if not any(sign for _, sign in prompts):
        raise PromptError(
            "Nothing says where the object is. Give at least one click, for example: --positive 1.2,0.4,0.7"
        )
    figures = _segmented(scan, prompts, model, backend, output)
    typer.echo(json.dumps(figures) if as_json else _sentence(figures, output))


def parse_place(text: str) -> tuple[float, float, float]:
    """X,Y,Z in metres."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise PromptError(
            f"'{text}' is no X,Y,Z: a click on a point cloud is three numbers with commas and without spaces, in the "
            "units of the file. For example: --positive 1.2,0.4,0.7"
        ) from None
    return (x, y, z)


def _segmented(
    scan: Path,
    prompts: Sequence[tuple[tuple[float, float, float], bool]],
    model: str,
    backend: str | None,
    output: Path | None,
) -> dict[str, Any]:
    from clickmask.api import load_cloud

    cloud = read_cloud(scan)
    predictor = load_cloud("points" if model == "default" else model, backend=backend)
    predictor.set_cloud(cloud.world_xyz if cloud.origin.any() else cloud.xyz, cloud.rgb)
    for place, positive in prompts:
        predictor.add_click(place, positive)
    mask = predictor.mask()
    if output is not None:
        write_cloud(output, cloud.with_labels(mask.astype(np.int32)))
    places = cloud.world_xyz[mask]
    box = [f(places, axis=0).tolist() for f in (np.min, np.max)] if len(places) else []
    return {
        "scan": str(scan),
        "points": len(cloud),
        "model": predictor.pipeline.name,
        "voxel_size": round(predictor.voxel_size, 5),
        "points_on_object": int(mask.sum()),
        "box_xyz": box,
        "labels": None if output is None else str(output),
    }


def _sentence(figures: dict[str, Any], output: Path | None) -> str:
    where = f"{output}: " if output else ""
    share = 100 * figures["points_on_object"] / figures["points"]
    return f"{where}{figures['points_on_object']} of {figures['points']} points ({share:.1f} %) are on the object"
