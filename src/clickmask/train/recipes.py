"""Training settings as values: new recipes come from `dataclasses.replace`, the command line overrides fields."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.nn.models.compact import CompactConfig
from clickmask.train.samples import DataRules

RECIPE_FILE = "recipe.json"
"""Name of the resolved recipe in a run folder."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training at one input size.

    Attributes:
        side: input side in pixels, a multiple of 32.
        batch: samples in a step.
        steps: number of optimiser steps.
        rate_start, rate_end: the learning rate goes from one to the other along half a cosine.
    """

    side: int
    batch: int
    steps: int
    rate_start: float = 1e-3
    rate_end: float = 1e-3


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data.

    Attributes:
        name: of the recipe.
        network: size of the network.
        phases: one after the other.
        data: how samples are drawn.
        seed: of everything random.
        loss: name in `clickmask.nn.losses.LOSSES`.
        click_weights: weight of the loss after 0 or 1, 2, 3 ... clicks of a sample's life; the last one repeats.
        lives: chances that a sample stays for 1, 2, 3 ... steps; each step adds
            the click that its own answer calls for.
        groups: parts of a batch that are replaced independently of each other.
        encoder_rate: learning rate of the pretrained encoder relative to the rest.
        weight_decay: of AdamW, on weights of two and more dimensions.
        warmup: steps of linear warm-up at the start.
        clip: largest gradient norm.
        average: decay of the exponential moving average of the weights.
        pretrained: start the encoder from ImageNet weights.
        check_every: steps between checkpoints.
        validate_every: steps between validations; 0 validates only at the end.
        validation_objects, validation_clicks: size of one validation.
        input_side: network input of the exported model.
    """

    name: str
    network: CompactConfig = field(default_factory=CompactConfig)
    phases: tuple[Phase, ...] = (Phase(128, 64, 1000),)
    data: DataRules = field(default_factory=DataRules)
    seed: int = 0
    loss: str = "bce_iou"
    click_weights: tuple[float, ...] = (1.0,)
    lives: tuple[float, ...] = (0.2, 0.25, 0.25, 0.15, 0.1, 0.05)
    groups: int = 4
    encoder_rate: float = 0.35
    weight_decay: float = 1e-4
    warmup: int = 200
    clip: float = 2.0
    average: float = 0.999
    pretrained: bool = True
    check_every: int = 200
    validate_every: int = 1000
    validation_objects: int = 100
    validation_clicks: int = 5
    input_side: int = 256

    @property
    def steps(self) -> int:
        """Number of steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def to_json(self) -> str:
        """The resolved values."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


SET_WEIGHTS = (
    ("coco_mini", 4.0),
    ("coco_person", 2.0),
    ("animals7", 2.2),
    ("ccp", 1.2),
    ("bsds_regions", 1.6),
    ("human290", 1.2),
    ("misc_objects", 1.0),
    ("cutouts", 0.5),
    ("labelmefacade", 0.4),
    ("food", 0.4),
    ("carparts", 0.3),
    ("camvid", 0.3),
    ("rail_vehicles", 0.3),
    ("pelota_players", 0.3),
    ("faces", 0.25),
    ("grapes", 0.25),
    ("mushrooms", 0.25),
    ("nuclei_dsb2018", 0.2),
    ("aerial_water", 0.2),
)
"""Photographs with arbitrary whole objects are few and general: they are drawn more often than parts."""

_DEFAULT_DATA = DataRules(
    weights=SET_WEIGHTS,
    paste_sources=("cutouts", "animals7", "coco_mini", "human290", "misc_objects"),
)

RECIPES = {
    "compact": Recipe(
        name="compact",
        data=_DEFAULT_DATA,
        phases=(
            Phase(128, 64, 3000, 1.2e-3, 8e-4),
            Phase(256, 24, 2000, 6e-4, 2e-5),
        ),
    ),
    "smoke": Recipe(
        name="smoke",
        data=_DEFAULT_DATA,
        phases=(Phase(64, 16, 150, 2e-3, 2e-4),),
        groups=2,
        warmup=20,
        average=0.95,
        check_every=25,
        validate_every=0,
        validation_objects=16,
        validation_clicks=3,
        input_side=64,
    ),
}


def find_recipe(name: str, overrides: dict[str, str] | None = None) -> Recipe:
    """A recipe by name, with single fields replaced.

    Args:
        name: in RECIPES.
        overrides: field -> text, e.g. ``{"seed": "3", "phases": "[[128, 32, 500]]"}``; texts other than plain
            strings are read as JSON.

    Raises:
        UnknownNameError: no such recipe.
        RecipeError: no such field, or a value of another type.
    """
    if name not in RECIPES:
        raise UnknownNameError(unknown_name("recipe", name, sorted(RECIPES)))
    recipe = RECIPES[name]
    for key, text in (overrides or {}).items():
        recipe = _replaced(recipe, key, text)
    return recipe


def read_recipe(folder: Path) -> Recipe:
    """The resolved recipe of a run folder.

    Raises:
        RecipeError: the file is missing or was written by another version.
    """
    path = folder / RECIPE_FILE
    try:
        return cast(Recipe, _rebuilt(Recipe, json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecipeError(f"{path} cannot be read as a recipe of this version: {error!r}.") from error


def _rebuilt(kind: Any, value: Any) -> Any:
    """A value of type `kind` from JSON: dataclasses from objects, tuples from lists."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: _rebuilt(hints[name], item) for name, item in value.items()})
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_rebuilt(k, v) for k, v in zip(kinds, value, strict=True))
    return value


def _replaced(recipe: Recipe, key: str, text: str) -> Recipe:
    head, _, tail = key.partition(".")
    names = [f.name for f in fields(recipe)]
    if head not in names:
        raise RecipeError(
            f"{unknown_name('recipe field', head, names)} Overrides look like seed=3 or network.encoder=lite1."
        )
    return replace(recipe, **{head: _override(getattr(recipe, head), tail, text, key)})


def _override(value: Any, tail: str, text: str, key: str) -> Any:
    """`value` with the (nested) field `tail` replaced, or `text` itself as a value of the same type."""
    if tail:
        head, _, rest = tail.partition(".")
        if not is_dataclass(value) or head not in get_type_hints(type(value)):
            raise RecipeError(f"The recipe has no field '{key}'.")
        return replace(value, **{head: _override(getattr(value, head), rest, text, key)})  # type: ignore[type-var]
    return _parsed(value, text, key)


def _parsed(like: Any, text: str, key: str) -> Any:
    if isinstance(like, str):
        return text
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"{key}={text} is not a value: {error}. Give JSON, e.g. 0.5, true or [1, 2].") from error
    if key == "phases":
        return tuple(Phase(*row) for row in parsed)
    if isinstance(like, tuple) and isinstance(parsed, list):
        return tuple(tuple(v) if isinstance(v, list) else v for v in parsed)
    if isinstance(like, float) and isinstance(parsed, int) and not isinstance(parsed, bool):
        return float(parsed)
    if type(parsed) is not type(like):
        raise RecipeError(f"{key} is {type(like).__name__}, got {text}.")
    return parsed
