"""`clickmask export`: a training run as a model folder that needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clickmask.cli.train import training_command
from clickmask.cli.train_clouds import clouds_command


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder that `clickmask train` wrote, or a model.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL_DIR", help="Folder for the model; made if missing.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the model; that of MODEL_DIR if not given.")] = None,
    side: Annotated[
        int | None,
        typer.Option(
            help="Network input in pixels, a multiple of 32; the recipe's if not given. Larger is finer and slower."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's description as JSON.")] = False,
) -> None:
    """Turn a training run into a model that needs no torch.

    MODEL_DIR then holds model.onnx and spec.json. Its path works wherever the name of a model does. A run that is
    still going on can be exported too: its last checkpoint is taken. A model, by name or folder, is written again with
    its weights and settings, for another --side or with a newer clickmask's graph.

    For example:

    clickmask export runs/mine -o models/mine

    clickmask export default --side 448 -o models/finer

    clickmask segment cat.jpg --positive 320,240 --model models/mine -o mask.png
    """
    if (run / "recipe.json").is_file() and clouds_command().is_cloud_run(run):
        cloud = clouds_command().export_cloud_run(run, output, name)
        typer.echo(json.dumps(asdict(cloud)) if as_json else f"{cloud.name}: {cloud.training['steps']} steps")
        return
    spec = training_command().export(run, output, name=name, side=side)
    if as_json:
        typer.echo(json.dumps(asdict(spec)))
        return
    height, width = spec.input_hw
    learned = f", {spec.training['steps']} steps of {spec.training['recipe']}" if "steps" in spec.training else ""
    typer.echo(f"{spec.name}: {width} x {height} px{learned}")
    typer.echo(f"Use it:  clickmask annotate FOLDER --model {output}")
