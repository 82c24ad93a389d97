"""What `clickmask train` and `clickmask export` do. The command line reaches this module by name only."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from clickmask.core.errors import RecipeError, WeightsError
from clickmask.nn.export import MODEL_FILE, compact_spec, export_onnx, load_graph_weights
from clickmask.nn.models.compact import build
from clickmask.train.curves import write_curves
from clickmask.train.loop import CHECKPOINT, ENCODING, Progress, Trainer
from clickmask.train.memory import keep_freed_memory
from clickmask.train.photos import Encoded, read_sources
from clickmask.train.recipes import Recipe, find_recipe, read_recipe
from clickmask.train.validation import held_out_objects, validator
from clickmask.zoo import catalog
from clickmask.zoo.spec import ModelSpec

HELD_OUT = 10
"""Without validation data one photograph in this many is held out, chosen by its name."""


@dataclass(frozen=True)
class TrainOptions:
    """What a person says about a run.

    Attributes:
        recipe: name in `clickmask.train.recipes.RECIPES`.
        data: shards, folders or COCO files to train on.
        folder: of the run.
        overrides: recipe field -> text.
        validation: shards, folders or COCO files to validate on; part of `data` is held out if empty.
        resume: continue the folder's run.
        start: model whose weights the run begins with; the recipe's choice if None.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; torch's choice if None.
    """

    recipe: str
    data: Sequence[Path]
    folder: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    validation: Sequence[Path] = ()
    resume: bool = False
    start: str | None = None
    device: str = "cpu"
    threads: int | None = None


def train(options: TrainOptions, report: Callable[[Progress], None] = lambda progress: None) -> Path:
    """Run a recipe to its end and write its curves; returns the run folder.

    Raises:
        RecipeError, UnknownNameError, FormatError: settings or data that cannot be used.
        WeightsError: the model to start from has another network.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise RecipeError("No CUDA device is available to torch here. Leave out --device to train on the CPU.")
    keep_freed_memory()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    recipe = find_recipe(options.recipe, dict(options.overrides))
    photos, held = _split(read_sources(options.data), options.validation)
    objects = held_out_objects(held, recipe.validation_objects, recipe.data.targets)
    check = validator(objects, _spec(recipe, recipe.name), ENCODING, recipe.validation_clicks) if objects else None
    trainer = Trainer(recipe, photos, options.folder, resume=options.resume, device=options.device, validate=check)
    if options.start is not None and trainer.step == 0:
        _start_from(trainer, options.start)
    trainer.run(report)
    write_curves(options.folder)
    return options.folder


def export(run: Path, output: Path, *, name: str | None = None, side: int | None = None) -> ModelSpec:
    """Write the averaged network of a run as a model folder.

    Args:
        run: folder of the run.
        output: folder for ``model.onnx`` and ``spec.json``.
        name: of the model; the output folder's name if None.
        side: network input in pixels, a multiple of 32; the recipe's if None.

    Raises:
        WeightsError: the run has no checkpoint, or the graph differs from the network.
        RecipeError: the side is no multiple of 32.
    """
    path = run / CHECKPOINT
    if not path.is_file():
        raise WeightsError(
            f"{run} holds no {CHECKPOINT}: train first, with `clickmask train RECIPE --data ... -o {run}`."
        )
    recipe = read_recipe(run)
    if side is not None and (side < 64 or side % 32):
        raise RecipeError(f"The input side must be a multiple of 32, at least 64; got {side}.")
    network = build(recipe.network, pretrained=False)
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    spec = _spec(recipe, name or output.name, side)
    facts: dict[str, Any] = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "steps": state["step"],
        "planned_steps": recipe.steps,
    }
    return export_onnx(network, replace(spec, training=facts), output)


def _spec(recipe: Recipe, name: str, side: int | None = None) -> ModelSpec:
    summary = f"Compact network with an EfficientNet-{recipe.network.encoder.capitalize()} encoder."
    return compact_spec(name, side or recipe.input_side, summary)


def _split(photos: list[Encoded], validation: Sequence[Path]) -> tuple[list[Encoded], list[Encoded]]:
    if validation:
        return photos, read_sources(validation)
    held = [p for p in photos if zlib.crc32(p.name.encode()) % HELD_OUT == 0]
    kept = [p for p in photos if zlib.crc32(p.name.encode()) % HELD_OUT != 0]
    return (kept, held) if kept else (photos, [])


def _start_from(trainer: Trainer, model: str) -> None:
    spec, folder = catalog.find(model)
    if folder is None or spec.method != "compact":
        raise WeightsError(
            f"The model '{model}' has no compact network to start from. `clickmask models` tells the methods."
        )
    load_graph_weights(trainer.network, folder / MODEL_FILE)
    trainer.average.load_state_dict(trainer.network.state_dict())
