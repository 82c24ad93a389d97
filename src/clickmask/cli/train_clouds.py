"""`clickmask train points` and `clickmask train interobject3d`; reached from `clickmask train`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from clickmask.core.errors import MissingExtraError, RecipeError

RECIPES = ("points", "interobject3d")
"""Names of the recipes for point clouds; the module that holds them needs torch."""
SECONDS_BETWEEN_LINES = 30.0
MEMORY = 0.98


def clouds_command() -> Any:
    """The module that trains on clouds; MissingExtraError without torch."""
    try:
        return import_module("clickmask.train.clouds.command")
    except ImportError as error:
        if (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError("Training", "train") from error


def train_on_clouds(
    recipe: str,
    data: Sequence[Path],
    output: Path | None,
    settings: Mapping[str, str],
    resume: bool,
    threads: int | None,
) -> dict[str, Any]:
    """Train with a line of progress on stderr now and then; returns the outcome as JSON types."""
    if output is None:
        raise RecipeError(f"Where should the run be kept? Give a folder, e.g. -o runs/{recipe}")
    outcome = clouds_command().train_clouds(
        recipe, data, output, settings, resume=resume, threads=threads, report=Lines()
    )
    return {**asdict(outcome), "folder": str(outcome.folder)}


class Lines:
    """Running means, one line in half a minute."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}
        self._next = 0.0

    def __call__(self, step: int, steps: int, figures: dict[str, float]) -> None:
        """Take note of a step."""
        for key, value in figures.items():
            self._means[key] = MEMORY * self._means.get(key, value) + (1 - MEMORY) * value
        if time.monotonic() < self._next and step < steps:
            return
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        told = "  ".join(f"{key} {value:.3f}" for key, value in self._means.items() if key != "voxels")
        sys.stderr.write(f"step {step}/{steps}  {told}\n")
        sys.stderr.flush()


def print_outcome(outcome: Mapping[str, Any], as_json: bool) -> None:
    """What a run came to."""
    if as_json:
        typer.echo(json.dumps(outcome))
        return
    typer.echo(
        f"{outcome['recipe']}: {outcome['steps']} steps in {outcome['seconds'] / 60:.0f} min; IoU of voxels in the "
        f"last hundred: {outcome['iou_first']:.3f} after the first click, {outcome['iou']:.3f} later\n"
        f"Use it:  clickmask export {outcome['folder']} -o MODEL_DIR"
    )
