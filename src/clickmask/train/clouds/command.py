"""What `clickmask train points` and `clickmask export` do for point clouds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import torch

from clickmask.core.errors import RecipeError, WeightsError
from clickmask.core.typed import typed
from clickmask.nn.backbones.sparse_unet import SparseUNet, SparseUNetConfig
from clickmask.nn.cloud_export import export_cloud
from clickmask.nn.cloud_method import CLOUD_METHODS
from clickmask.train.clouds.loop import CHECKPOINT, RECIPE, CloudRecipe, CloudTrainer
from clickmask.train.clouds.sources import SceneSource, read_material
from clickmask.train.memory import keep_freed_memory
from clickmask.train.precision import tiny_numbers_flushed
from clickmask.zoo.cloud_spec import CLOUD_SPEC_FILE, CloudSpec

MODELS_CACHE = "models.npz"
DATA = "data.json"
WEIGHTS = "model.onnx"

CLOUD_RECIPES: Mapping[str, CloudRecipe] = {
    "points": CloudRecipe(),
    "interobject3d": CloudRecipe(
        name="interobject3d",
        method="interobject3d",
        summary="InterObject3D (Kontogianni 2023): random clicks, cross-entropy; its rate, our network and batch.",
        batch=2,
        rate=1e-3,
        weight_decay=0.0,
        network=CLOUD_METHODS.get("interobject3d").config,
    ),
}


@dataclass(frozen=True)
class CloudOutcome:
    """What a run came to.

    Attributes:
        recipe: its name.
        folder: of the run.
        steps: made.
        seconds: spent on them.
        loss, iou, iou_first: means over the last hundred steps; IoU of voxels, of all answers but the first and of
            the first alone.
    """

    recipe: str
    folder: Path
    steps: int
    seconds: float
    loss: float
    iou: float
    iou_first: float


@tiny_numbers_flushed()
def train_clouds(
    name: str,
    data: Sequence[Path],
    folder: Path,
    overrides: Mapping[str, str],
    *,
    resume: bool = False,
    threads: int | None = None,
    report: Callable[[int, int, dict[str, float]], None] = lambda step, steps, figures: None,
) -> CloudOutcome:
    """Train a model for clouds.

    Args:
        name: in `CLOUD_RECIPES`.
        data: folders or files with `.sh3f` catalogues and labelled `.npz` scans; scenes are made up without any.
        folder: of the run.
        overrides: recipe field -> text.
        resume: go on from the checkpoint in `folder`.
        threads: CPU threads.
        report: called with the step, all steps and the step's figures.

    Raises:
        RecipeError: an unknown field, or a folder that holds a run already.
    """
    recipe = overridden(CLOUD_RECIPES[name], overrides)
    if (folder / CHECKPOINT).is_file() and not resume:
        raise RecipeError(f"{folder} holds a run already. Give --resume to go on with it, or another folder.")
    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    material = read_material(data, folder / MODELS_CACHE)
    facts = {"paths": [str(path) for path in data], "models": len(material.models), "scans": len(material.recorded)}
    (folder / DATA).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    trainer = CloudTrainer(recipe, SceneSource(material, recipe.shares), folder, resume)
    recent: list[dict[str, float]] = []

    def note(figures: dict[str, float]) -> None:
        recent.append(figures)
        del recent[:-100]
        report(trainer.step, recipe.steps, figures)

    trainer.run(note)
    means = {key: _mean([f[key] for f in recent if key in f]) for key in ("loss", "iou", "iou_first")}
    return CloudOutcome(recipe.name, folder, trainer.step, trainer.seconds, **means)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def overridden(recipe: CloudRecipe, overrides: Mapping[str, str]) -> CloudRecipe:
    """The recipe with fields replaced; `network.widths` and the like reach one level down.

    Raises:
        RecipeError: no such field, or a value of another type.
    """
    for key, text in overrides.items():
        head, _, inner = key.partition(".")
        part = getattr(recipe, head, None) if inner and head in ("network", "samples", "shares") else recipe
        name = inner if part is not recipe else key
        known = [field.name for field in fields(cast(Any, part))]
        if name not in known:
            raise RecipeError(f"The recipe has no field '{key}'. Known: {', '.join(known)}.")
        try:
            value = json.loads(text)
        except ValueError as error:
            raise RecipeError(f"{key}={text} is not a value: {error}. Give JSON, e.g. 0.5 or [1, 2].") from error
        values = {**json.loads(json.dumps(asdict(cast(Any, part)))), name: value}
        made = typed(type(part), values, key)
        recipe = made if part is recipe else replace(recipe, **{head: made})
    return recipe


def is_cloud_run(folder: Path) -> bool:
    """Whether a folder holds a run on clouds."""
    try:
        values = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("method") in CLOUD_METHODS and "shares" in values


def load_run(folder: Path) -> tuple[SparseUNet, dict[str, Any]]:
    """The averaged network of a run's last checkpoint, and the checkpoint's other values.

    Raises:
        WeightsError: no checkpoint, or a damaged one.
    """
    try:
        state = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
        network = SparseUNet(cast(SparseUNetConfig, typed(SparseUNetConfig, _lists(state["config"]), str(folder))))
        network.load_state_dict(state["average"])
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise WeightsError(f"{folder} has no checkpoint that can be read: {error}.") from error
    return network.eval(), state


def _lists(values: Any) -> Any:
    """Tuples as lists, as JSON would have them."""
    return json.loads(json.dumps(values))


def export_cloud_run(run: Path, output: Path, name: str | None = None) -> CloudSpec:
    """Write a model folder: `model.onnx` with float16 weights, and the spec."""
    network, state = load_run(run)
    recipe = json.loads((run / RECIPE).read_text(encoding="utf-8"))
    method = CLOUD_METHODS.get(recipe["method"])
    output.mkdir(parents=True, exist_ok=True)
    export_cloud(network, output / WEIGHTS)
    data = json.loads((run / DATA).read_text(encoding="utf-8")) if (run / DATA).is_file() else {}
    defaults = asdict(type(method.options)())
    spec = CloudSpec(
        name=name or output.name,
        method=method.name,
        summary=method.summary,
        licence="Apache-2.0",
        weights=WEIGHTS,
        sha256=hashlib.sha256((output / WEIGHTS).read_bytes()).hexdigest(),
        options={key: value for key, value in asdict(method.options).items() if value != defaults[key]},
        training={
            "recipe": recipe["name"],
            "steps": state["step"],
            "batch": recipe["batch"],
            "seconds": round(state["seconds"]),
            "shares": recipe["shares"],
            "models": data.get("models", 0),
            "scans": data.get("scans", 0),
        },
    )
    (output / CLOUD_SPEC_FILE).write_text(spec.to_json(), encoding="utf-8")
    return spec
