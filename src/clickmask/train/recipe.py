"""What a training recipe is: frozen values with checks, and their JSON form."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.nn.losses import LOSSES
from clickmask.nn.models.compact import CompactConfig
from clickmask.train.precision import PRECISIONS
from clickmask.train.samples import DataRules

SIDE_STEP = 32
"""Network inputs are multiples of this."""
CLICK_SCHEDULES = ("conveyor", "iterative")


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
        clicks: how clicks come: ``conveyor`` trains on every pass over a sample, see `clickmask.train.conveyor`;
            ``iterative`` is RITM's way: up to `rehearsals` passes without gradient, then one that trains.
        rehearsals: ``iterative`` only: the number of passes without gradient is uniform from 0 to this.
        click_weights: weight of the loss after 0, 1, 2 ... clicks added to a sample's first ones; the last one repeats.
        lives: ``conveyor`` only: chances that a sample stays for 1, 2, 3 ... steps; each step adds
            the click that its own answer calls for.
        groups: ``conveyor`` only: parts of a batch that are replaced independently of each other.
        encoder_rate: learning rate of the pretrained encoder relative to the rest.
        weight_decay: of AdamW, on weights of two and more dimensions.
        warmup: steps of linear warm-up at the start.
        clip: largest gradient norm.
        average: decay of the exponential moving average of the weights.
        precision: arithmetic of a step, see `clickmask.train.precision`.
        pretrained: start the encoder from ImageNet weights.
        start: model or run folder whose weights the run begins with, in place of ImageNet's; none if empty.
        check_every: steps between checkpoints.
        validate_every: steps between validations; 0 validates only at the start and at the end.
        validation_objects, validation_clicks: size of one validation.
        input_side: network input of the exported model.
    """

    name: str
    network: CompactConfig = field(default_factory=CompactConfig)
    phases: tuple[Phase, ...] = (Phase(128, 64, 1000),)
    data: DataRules = field(default_factory=DataRules)
    seed: int = 0
    loss: str = "bce_iou"
    clicks: str = "conveyor"
    rehearsals: int = 3
    click_weights: tuple[float, ...] = (1.0,)
    lives: tuple[float, ...] = (0.2, 0.25, 0.25, 0.15, 0.1, 0.05)
    groups: int = 4
    encoder_rate: float = 0.35
    weight_decay: float = 1e-4
    warmup: int = 200
    clip: float = 2.0
    average: float = 0.999
    precision: str = "auto"
    pretrained: bool = True
    start: str = ""
    check_every: int = 200
    validate_every: int = 1000
    validation_objects: int = 100
    validation_clicks: int = 5
    input_side: int = 256

    @property
    def steps(self) -> int:
        """Number of steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    @property
    def iterative(self) -> bool:
        """Whether most passes only prepare the one that trains."""
        return self.clicks == "iterative"

    @property
    def batch_groups(self) -> int:
        """Parts of a batch with a life of their own."""
        return 1 if self.iterative else self.groups

    @property
    def life_chances(self) -> tuple[float, ...]:
        """Relative chances that a sample is seen 1, 2, 3 ... times."""
        return (1.0,) * (self.rehearsals + 1) if self.iterative else self.lives

    def to_json(self) -> str:
        """The resolved values."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def check(self) -> Recipe:
        """This recipe, if it can be run.

        Raises:
            RecipeError: a value out of its range; the text names the field.
            UnknownNameError: no such loss, click schedule or precision.
        """
        if self.loss not in LOSSES:
            raise UnknownNameError(unknown_name("loss", self.loss, sorted(LOSSES)))
        if self.clicks not in CLICK_SCHEDULES:
            raise UnknownNameError(unknown_name("click schedule", self.clicks, list(CLICK_SCHEDULES)))
        if self.precision not in PRECISIONS:
            raise UnknownNameError(unknown_name("precision", self.precision, list(PRECISIONS)))
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise RecipeError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if self.clip <= 0:
            raise RecipeError(f"clip is the largest gradient norm and must be above 0, got {self.clip}.")
        if not 0 <= self.average < 1:
            raise RecipeError(
                f"average is the share of the old mean that is kept: 0 <= average < 1, got {self.average}."
            )
        for name in ("lives", "click_weights"):
            values = getattr(self, name)
            if not values or min(values) < 0 or sum(values) <= 0:
                raise RecipeError(f"{name} needs numbers that are not negative and not all 0, got {list(values)}.")
        _check_side("input_side", self.input_side)
        _check_phases(self)
        _check_chances("data.clicks.starts", self.data.clicks.starts)
        _check_chances("data.clicks.negative_sources", self.data.clicks.negative_sources)
        _check_chances("data.augmentation.crop_kinds", self.data.augmentation.crop_kinds)
        return self


_LEAST = {
    "groups": 1,
    "rehearsals": 0,
    "encoder_rate": 0,
    "weight_decay": 0,
    "warmup": 0,
    "check_every": 1,
    "validate_every": 0,
    "validation_objects": 0,
    "validation_clicks": 1,
}
"""Least accepted values of single fields."""


def _check_side(name: str, side: int) -> None:
    if side < SIDE_STEP or side % SIDE_STEP:
        raise RecipeError(f"{name} must be a multiple of {SIDE_STEP}, at least {SIDE_STEP}; got {side}.")


def _check_phases(recipe: Recipe) -> None:
    if not recipe.phases:
        raise RecipeError("phases is empty: a run needs at least one, e.g. [[128, 64, 1000]] (side, batch, steps).")
    for number, phase in enumerate(recipe.phases):
        _check_side(f"phases.{number}.side", phase.side)
        if phase.steps < 1:
            raise RecipeError(f"phases.{number}.steps must be at least 1, got {phase.steps}.")
        if phase.batch < 1 or phase.batch % recipe.batch_groups:
            raise RecipeError(
                f"phases.{number}.batch must be a multiple of groups ({recipe.batch_groups}), got {phase.batch}."
            )


def _check_chances(name: str, chances: tuple[float, ...]) -> None:
    if min(chances) < 0 or abs(sum(chances) - 1) > 1e-6:
        raise RecipeError(f"{name} are chances that sum to 1, got {list(chances)}.")


def typed(kind: Any, value: Any, where: str) -> Any:
    """`value`, parsed from JSON, as `kind`: dataclasses from objects or lists of their fields, tuples from lists.

    Raises:
        RecipeError: it is something else; the text begins with `where`.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return _typed_fields(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where} must be a list such as [1, 2], got {json.dumps(value)}.")
        inner = get_args(kind)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) != len(value):
            raise RecipeError(f"{where} must be a list of {len(kinds)}, got {json.dumps(value)}.")
        return tuple(typed(k, v, f"{where}.{i}") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise RecipeError(f"{where} must be {_KIND_NAMES[kind]}, got {json.dumps(value)}.")
    return value


_KIND_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _typed_fields(kind: type, value: Any, where: str) -> Any:
    names = [f.name for f in fields(kind)]
    if isinstance(value, list) and len(value) <= len(names):
        value = dict(zip(names, value, strict=False))
    if not isinstance(value, dict):
        raise RecipeError(f"{where} must be an object or a list with {', '.join(names)}, got {json.dumps(value)}.")
    for name in value:
        if name not in names:
            raise RecipeError(f"{unknown_name(f'field of {where}', name, names)}")
    hints = get_type_hints(kind)
    try:
        return kind(**{name: typed(hints[name], item, f"{where}.{name}") for name, item in value.items()})
    except TypeError as error:
        raise RecipeError(f"{where} is incomplete: {error}.") from error
