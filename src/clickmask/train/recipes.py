"""The recipes by name: new ones come from `dataclasses.replace`, the command line overrides fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.core.typed import typed
from clickmask.nn.method import Method, Phase, find_method
from clickmask.train.augment import Augmentation
from clickmask.train.clicks import ClickRules
from clickmask.train.recipe import OWN_LOSS, Recipe
from clickmask.train.samples import DataRules
from clickmask.train.targets import TargetRules
from clickmask.zoo.methods import METHOD_TARGETS

RECIPE_FILE = "recipe.json"
"""Name of the resolved recipe in a run folder."""

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
    ("scenes", 1.4),
    ("stamps", 0.5),
)
"""Photographs with arbitrary whole objects are few and general: they are drawn more often than parts."""

_DEFAULT_DATA = DataRules(
    weights=SET_WEIGHTS,
    paste_sources=("cutouts", "animals7", "coco_mini", "human290", "misc_objects", "stamps"),
    augmentation=Augmentation(paste_probability=0.2),
    scenes=800,
)

_COMPACT = Recipe(
    name="compact",
    data=_DEFAULT_DATA,
    phases=(
        Phase(128, 64, 2000, 1.2e-3, 8e-4),
        Phase(192, 32, 900, 7e-4, 5e-4),
        Phase(256, 24, 1500, 5e-4, 1e-5),
    ),
)

RECIPES = {
    "compact": _COMPACT,
    "compact-iterative": replace(
        _COMPACT,
        name="compact-iterative",
        clicks="iterative",
        # RITM's sampler: random clicks of both signs, up to 24 each
        data=replace(_DEFAULT_DATA, clicks=ClickRules(starts=(0.0, 1.0, 0.0, 0.0), centred=0.0, slots=24, gamma=0.8)),
    ),
    "compact-gpu": replace(
        _COMPACT,
        name="compact-gpu",
        # ten times the samples of the shipped run; a group is replaced at a time, so that workers draw evenly
        phases=(Phase(256, 128, 7000, 8e-4, 2e-4), Phase(320, 96, 3000, 2e-4, 1e-6)),
        groups=8,
        average=0.9998,
        start="default",
        pretrained=False,
        check_every=100,
        validate_every=2500,
        input_side=288,
    ),
    "finetune": Recipe(
        name="finetune",
        # a person's own sets: none is known to be parts of a whole, and small objects in large photographs matter
        data=DataRules(targets=TargetRules(whole_groups=()), augmentation=Augmentation(), longest_side=1024),
        phases=(Phase(256, 8, 300, 1.5e-4, 1e-6),),
        start="default",
        pretrained=False,
        warmup=20,
        average=0.99,
        check_every=50,
        validate_every=100,
        validation_objects=40,
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

SUMMARIES = {
    "compact": "The default network from ImageNet's encoder; hours on a laptop, small crops first, then large ones.",
    "compact-iterative": "The same with RITM's iterative training, to compare with.",
    "compact-gpu": "The default model goes on learning on a GPU, in large batches; half an hour on a fast one.",
    "finetune": "The default model goes on learning from your own images; minutes.",
    "smoke": "A minute or two, to see whether everything works.",
}
"""One sentence about each recipe."""


def find_recipe(name: str, overrides: Mapping[str, str] | None = None) -> Recipe:
    """A recipe by name, with single fields replaced.

    Args:
        name: in RECIPES, or a method's: then its own way of training.
        overrides: field -> text, e.g. ``{"seed": "3", "phases.0.steps": "500"}``; texts other than plain
            strings are read as JSON.

    Raises:
        UnknownNameError: no such recipe or method.
        RecipeError: no such field, a value of another type or out of its range.
    """
    if name in RECIPES:
        return overridden(RECIPES[name], overrides or {})
    if name in METHOD_TARGETS:
        return overridden(method_recipe(name), overrides or {})
    known = [*sorted(RECIPES), *METHOD_TARGETS]
    raise UnknownNameError(f"{unknown_name('recipe', name, known)} `clickmask train --list` tells more.")


def method_recipe(name: str) -> Recipe:
    """The recipe of a method, made of its own defaults and the default model's data rules."""
    method = find_method(name)
    ways = method.training
    return Recipe(
        name=name,
        method=name,
        network=method.config,
        phases=ways.phases,
        data=replace(_DEFAULT_DATA, clicks=replace(_DEFAULT_DATA.clicks, **ways.clicks)),
        loss=OWN_LOSS,
        clicks=ways.schedule,
        rehearsals=ways.rehearsals,
        encoder=ways.encoder,
        encoder_rate=ways.encoder_rate,
        optimizer=ways.optimizer,
        betas=ways.betas,
        weight_decay=ways.weight_decay,
        warmup=ways.warmup,
        average=ways.average,
        clip=ways.clip,
        pretrained=method.pretrained,
        input_side=ways.input_side or method.input_hw[0],
    )


def overridden(recipe: Recipe, overrides: Mapping[str, str]) -> Recipe:
    """The recipe with fields replaced, see `find_recipe`."""
    if overrides.get("method", recipe.method) != recipe.method:
        recipe = _with_method(recipe, find_method(overrides["method"]))
    for key, text in overrides.items():
        recipe = cast(Recipe, _replaced(Recipe, recipe, key.split("."), text, key))
    return recipe.check()


def _with_method(recipe: Recipe, method: Method) -> Recipe:
    """The same way of training for another network."""
    return replace(
        recipe,
        method=method.name,
        network=method.config,
        encoder=method.training.encoder,
        pretrained=recipe.pretrained and method.pretrained,
        input_side=recipe.input_side if recipe.input_side % method.side_step == 0 else method.input_hw[0],
    )


def read_recipe(folder: Path) -> Recipe:
    """The resolved recipe of a run folder.

    Raises:
        RecipeError: the file is missing, damaged or was written by a newer version.
    """
    path = folder / RECIPE_FILE
    try:
        return _parsed_recipe(json.loads(path.read_text(encoding="utf-8")), str(path))
    except FileNotFoundError as error:
        raise RecipeError(
            f"{folder} is no training run: it has no {RECIPE_FILE}. To make one, train first: "
            f"clickmask train RECIPE --data ... -o {folder}"
        ) from error
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} cannot be read as a recipe of this version: {error}") from error


def _parsed_recipe(values: Any, where: str) -> Recipe:
    """A recipe from JSON: the method says of what kind its network's sizes are."""
    if not isinstance(values, dict) or "network" not in values:
        return cast(Recipe, typed(Recipe, values, where))
    method = find_method(str(values.get("method", "compact")))
    network = typed(type(method.config), values["network"], f"{where}.network")
    rest = typed(Recipe, {key: value for key, value in values.items() if key != "network"}, where)
    return replace(cast(Recipe, rest), network=network)


def _replaced(kind: Any, value: Any, path: list[str], text: str, key: str) -> Any:
    """`value`, which is a `kind`, with what `path` leads to replaced by `text` as a value of the same type."""
    if not path:
        return _parsed(kind, text, key)
    head, rest = path[0], path[1:]
    if is_dataclass(kind) and isinstance(kind, type):
        names = [f.name for f in fields(kind)]
        if head not in names:
            raise RecipeError(
                f"{unknown_name('recipe field', head, names)} Overrides look like seed=3 or network.encoder=lite1."
            )
        inner_kind = type(value.network) if kind is Recipe and head == "network" else get_type_hints(kind)[head]
        changed = _replaced(inner_kind, getattr(value, head), rest, text, key)
        return replace(value, **{head: changed})
    if get_origin(kind) is not tuple:
        raise RecipeError(f"The recipe has no field '{key}': there is nothing below '{key[: -len(head) - 1]}'.")
    if not head.isdecimal() or int(head) >= len(value):
        raise RecipeError(f"'{key}': '{head}' is no position of a list of {len(value)}; the first one is 0.")
    index, inner = int(head), get_args(kind)
    items = list(value)
    items[index] = _replaced(inner[0] if inner[-1] is Ellipsis else inner[index], items[index], rest, text, key)
    return tuple(items)


def _parsed(kind: Any, text: str, key: str) -> Any:
    if kind is str:
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"{key}={text} is not a value: {error}. Give JSON, e.g. 0.5, true or [1, 2].") from error
    return typed(kind, value, key)
