"""What `clickmask train` and `clickmask export` do. The command line reaches this module by name only."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clickmask.core.errors import RecipeError, WeightsError
from clickmask.nn.export import export_model, spec_of
from clickmask.nn.method import Method, find_method
from clickmask.nn.reexport import export_again
from clickmask.nn.torch_backend import load_model_weights, method_of
from clickmask.train.curves import write_curves
from clickmask.train.held_out import names_digest, split
from clickmask.train.loop import Report, Trainer, silent
from clickmask.train.memory import keep_freed_memory
from clickmask.train.photos import PhotoSource
from clickmask.train.precision import tiny_numbers_flushed
from clickmask.train.progress import samples_until
from clickmask.train.recipe import OWN_LOSS, Recipe, check_side
from clickmask.train.recipes import RECIPE_FILE, RECIPES, SUMMARIES, find_recipe, method_recipe, overridden, read_recipe
from clickmask.train.run_folder import CHECKPOINT, RunFolder, log_entries
from clickmask.train.sources import read_sources
from clickmask.train.validation import Held, held_out_objects, validator
from clickmask.zoo import catalog
from clickmask.zoo.methods import METHOD_TARGETS
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

DEVICES = ("cpu", "cuda")
FINETUNE = "finetune"
"""The recipe that takes over the network of the model it begins with."""


@dataclass(frozen=True)
class TrainOptions:
    """What a person says about a run.

    Attributes:
        recipe: name in `clickmask.train.recipes.RECIPES`.
        data: shards, folders or COCO files to train on.
        folder: of the run.
        overrides: recipe field -> text.
        validation: shards, folders or COCO files to validate on; part of `data` is held out if empty.
        masks: what the values of mask files in folders mean, see `clickmask.data.mask_values`.
        resume: continue the folder's run.
        start: model or run folder whose weights the run begins with; the recipe's choice if None.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; torch's choice if None.
        workers: that draw samples; on the CPU one thread if None, with a GPU a process a core but one.
    """

    recipe: str
    data: Sequence[Path]
    folder: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    validation: Sequence[Path] = ()
    masks: str = "binary"
    resume: bool = False
    start: str | None = None
    device: str = "cpu"
    threads: int | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        folder: of the run.
        recipe: its name.
        steps: done.
        seconds: spent, by all processes that worked on it.
        training, validation: numbers of photographs.
        first, last: figures of the first and the last validation, empty without one.
    """

    folder: Path
    recipe: str
    steps: int
    seconds: float
    training: int
    validation: int
    first: Mapping[str, float]
    last: Mapping[str, float]


@tiny_numbers_flushed()
def train(options: TrainOptions, report: Report = silent) -> Outcome:
    """Run a recipe to its end and write its curves.

    Raises:
        RecipeError, UnknownNameError, FormatError: settings or data that cannot be used.
        WeightsError: the model to start from has another network.
        StorageError: the run folder cannot be written.
    """
    _prepare_machine(options.device, options.threads)
    folder = RunFolder(options.folder)
    recipe = _resolved(options)
    folder.check(recipe, options.resume)
    options = _with_sources(options, folder)
    photos, held = split(
        read_sources(options.data, options.masks),
        read_sources(options.validation, options.masks) if options.validation else None,
        recipe.validation_objects,
    )
    objects = held_out_objects(held, recipe.validation_objects, recipe.data)
    method = _method(recipe)
    check = validator(objects, method, _spec(recipe, recipe.name), recipe.validation_clicks) if objects else None
    resuming = options.resume and folder.has_checkpoint
    starter = None if resuming else _starter(recipe)
    trainer = Trainer(
        recipe,
        photos,
        folder.path,
        resume=options.resume,
        device=options.device,
        validate=check,
        workers=_workers(options),
    )
    folder.describe_data(data_description(options, photos, held, objects))
    if starter is not None:
        trainer.start_from(starter)
    trainer.run(_with_curves(folder.path, report))
    write_curves(folder.path)
    return _outcome(folder.path, trainer, len(photos), len(held))


def export(run: Path, output: Path, *, name: str | None = None, side: int | None = None) -> ModelSpec:
    """Write the averaged network of a run as a model folder; or that of a model again, see `export_again`.

    Args:
        run: folder of the run, or name or folder of a model.
        output: folder for ``model.safetensors``, ``model.onnx`` (where the method allows) and ``spec.json``.
        name: of the model; the output folder's name if None.
        side: network input in pixels, a multiple of the method's step (usually 32); the recipe's if None.

    Raises:
        WeightsError: the run has no checkpoint, or what was written differs from the network.
        RecipeError: the side does not fit the network, or the output is a file.
    """
    if output.exists() and not output.is_dir():
        raise RecipeError(f"{output} is a file; a model is a folder. Choose another name for -o.")
    if not (run / RECIPE_FILE).is_file() and _is_model(str(run)):
        return export_again(str(run), output, name=name, side=side)
    if not run.is_dir():
        raise RecipeError(
            f"There is no run folder {run}, nor a model of that name. `clickmask train` makes a run with -o, "
            "`clickmask models` lists the models."
        )
    recipe = read_recipe(run)
    if side is not None:
        check_side("The input side", side, recipe.method)
    state = RunFolder(run).load()
    method = _method(recipe)
    network = method.network()
    network.load_state_dict(state["average"])
    spec = _spec(recipe, name or output.resolve().name, side)
    facts: dict[str, Any] = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "steps": state["step"],
        "planned_steps": recipe.steps,
        "samples": samples_until(recipe, state["step"]),
        "start": _beginning(recipe),
    }
    return export_model(network, method, replace(spec, training=facts), output)


def _is_model(name: str) -> bool:
    return name in catalog.names() or (Path(name) / SPEC_FILE).is_file()


def recipe_table() -> list[dict[str, Any]]:
    """Name, summary and size of every recipe, then of every method's own."""
    rows = [(name, SUMMARIES[name], recipe) for name, recipe in RECIPES.items()]
    methods = [find_method(name) for name in METHOD_TARGETS if name not in RECIPES]
    rows += [(method.name, method.summary, method_recipe(method.name)) for method in methods]
    return [
        {
            "name": name,
            "summary": summary,
            "steps": recipe.steps,
            "phases": [{"side": p.side, "batch": p.batch, "steps": p.steps} for p in recipe.phases],
            "start": _beginning(recipe),
        }
        for name, summary, recipe in rows
    ]


def _workers(options: TrainOptions) -> int:
    if options.workers is not None:
        return options.workers
    return 1 if options.device == "cpu" else max((os.cpu_count() or 1) - 1, 1)


def _prepare_machine(device: str, threads: int | None) -> None:
    if device not in DEVICES:
        raise RecipeError(f"Unknown device '{device}'. Accepted: {', '.join(DEVICES)}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError("No CUDA device is available to torch here. Leave out --device to train on the CPU.")
    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)


def _resolved(options: TrainOptions) -> Recipe:
    """The recipe with what the person changed; a resumed run keeps its own unless told otherwise."""
    changes = dict(options.overrides)
    if options.start is not None:
        changes |= {"start": options.start, "pretrained": "false"}
    if not options.resume or not (options.folder / RECIPE_FILE).is_file():
        own = _network_of(options.start) if options.recipe == FINETUNE and options.start else {}
        return find_recipe(options.recipe, {**own, **changes})
    recipe = read_recipe(options.folder)
    if recipe.name != options.recipe:
        raise RecipeError(
            f"{options.folder} is a run of the recipe '{recipe.name}', not of '{options.recipe}'. "
            f"Go on with: clickmask train {recipe.name} --data ... -o {options.folder} --resume"
        )
    return overridden(recipe, changes)


def _network_of(start: str) -> dict[str, str]:
    """Recipe fields that make a fine-tuning go on with the network of a model or a run, whatever its method."""
    if (Path(start) / CHECKPOINT).is_file():
        begun = read_recipe(Path(start))
        method, side = _method(begun), begun.input_side
    else:
        spec, _ = catalog.find(start)
        if spec.method not in METHOD_TARGETS:
            return {}  # refused later, with the reason
        method, side = method_of(spec), spec.input_hw[0]
    if method.name == "compact":
        return {"network": json.dumps(asdict(method.config))}
    usual = RECIPES[FINETUNE].phases[0].side
    fitting = usual if usual % method.side_step == 0 else side
    return {
        "method": method.name,
        "network": json.dumps(asdict(method.config)),
        "loss": OWN_LOSS,
        "input_side": str(side),
        "phases.0.side": str(fitting),
    }


def _method(recipe: Recipe) -> Method:
    return find_method(recipe.method).with_config(recipe.network)


def _beginning(recipe: Recipe) -> str:
    """Where the first weights come from."""
    return recipe.start or ("imagenet" if recipe.pretrained else "scratch")


def _starter(recipe: Recipe) -> Callable[[nn.Module], None] | None:
    """What fills a network with the weights of a model or of a run; None for the recipe's own beginning."""
    start = recipe.start
    if not start:
        return None
    if (Path(start) / CHECKPOINT).is_file():
        return partial(_load_run, Path(start))
    spec, folder = catalog.find(start)
    if folder is None or spec.method != recipe.method or method_of(spec).config != recipe.network:
        raise WeightsError(
            f"The model '{start}' has no {recipe.method} network of this size to start from. "
            "`clickmask models` tells the methods."
        )
    return partial(load_model_weights, spec=spec, folder=folder)


def _load_run(run: Path, network: nn.Module) -> None:
    try:
        network.load_state_dict(RunFolder(run).load()["average"])
    except (RuntimeError, KeyError) as error:
        raise WeightsError(
            f"The run {run} trains a network of another size. Give its --set network... fields too."
        ) from error


def _spec(recipe: Recipe, name: str, side: int | None = None) -> ModelSpec:
    return spec_of(_method(recipe), name, side=side or recipe.input_side)


def _with_sources(options: TrainOptions, folder: RunFolder) -> TrainOptions:
    """The options with the data of the first start, where a resumed run is not told any."""
    if options.data:
        return options
    sources = folder.described_sources() if options.resume else None
    if sources is None:
        raise RecipeError(
            "Nothing says what to learn from. Give --data: .tar shards, a folder with images/ and masks/, or a "
            "COCO instances .json."
        )
    data, validation = ([Path(path) for path in sources[part]] for part in ("training", "validation"))
    return replace(options, data=data, validation=options.validation or validation, masks=sources["masks"])


def data_description(
    options: TrainOptions, photos: Sequence[PhotoSource], held: Sequence[PhotoSource], objects: Sequence[Held]
) -> dict[str, Any]:
    """What ``data.json`` says."""
    return {
        "sources": {
            "training": [str(path.resolve()) for path in options.data],
            "validation": [str(path.resolve()) for path in options.validation],
            "masks": options.masks,
        },
        "training": _counts(photos),
        "validation": {**_counts(held), "objects": len(objects), "held_out_of_training_data": not options.validation},
    }


def _counts(photos: Sequence[PhotoSource]) -> dict[str, Any]:
    sets = Counter(photo.group for photo in photos)
    return {"photographs": len(photos), "sets": dict(sorted(sets.items())), "names_sha256": names_digest(photos)}


def _with_curves(folder: Path, report: Report) -> Report:
    """The report, drawing the curves anew after each validation."""

    def reporting(progress: Any) -> None:
        if progress.validation is not None:
            write_curves(folder)
        report(progress)

    return reporting


def _outcome(folder: Path, trainer: Trainer, training: int, validation: int) -> Outcome:
    checks = [entry["validation"] for entry in log_entries(folder) if "validation" in entry]
    first, last = (checks[0], checks[-1]) if checks else ({}, {})
    return Outcome(folder, trainer.recipe.name, trainer.step, trainer.seconds, training, validation, first, last)
