"""What a training recipe is: frozen values with checks, and their JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.nn.losses import LOSSES
from clickmask.nn.method import Phase, find_method
from clickmask.nn.models.compact import CompactConfig
from clickmask.simulate import ROBOTS
from clickmask.train.clicks import SAMPLERS
from clickmask.train.precision import PRECISIONS
from clickmask.train.samples import DataRules

CLICK_SCHEDULES = ("conveyor", "iterative", "memory")
OPTIMIZERS = ("adamw", "adam")
OWN_LOSS = "own"
"""Names the loss that the method brings along."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data.

    Attributes:
        name: of the recipe.
        method: name of the method whose network is trained, see `clickmask models`.
        network: size of the network, of the method's own kind.
        phases: one after the other.
        data: how samples are drawn.
        seed: of everything random.
        loss: name in `clickmask.nn.losses.LOSSES`, or ``own`` for the method's.
        clicks: how clicks come: ``conveyor`` trains on every pass over a sample, see `clickmask.train.conveyor`;
            ``iterative`` is RITM's way: up to `rehearsals` passes without gradient, then one that trains;
            ``memory`` is ITIS's: objects are visited again and again, see `clickmask.train.object_memory`.
        rehearsals: ``iterative`` only: the number of passes without gradient is uniform from 0 to this.
        click_weights: weight of the loss after 0, 1, 2 ... clicks added to a sample's first ones; the last one repeats.
        lives: ``conveyor`` only: chances that a sample stays for 1, 2, 3 ... steps; each step adds
            the click that its own answer calls for.
        groups: ``conveyor`` only: parts of a batch that are replaced independently of each other.
        objects: ``memory`` only: how many there are; all are visited in an epoch.
        forget: ``memory`` only: chance that an object begins anew at a visit (ITIS: 0.3).
        encoder: prefixes of the names of the encoder's parameters.
        encoder_rate: learning rate of the encoder relative to the rest.
        optimizer: ``adamw`` or ``adam``.
        betas: of the optimizer.
        weight_decay: of ``adamw``, on weights of two and more dimensions.
        warmup: steps of linear warm-up at the start.
        clip: largest gradient norm.
        average: decay of the exponential moving average of the weights.
        precision: arithmetic of a step, see `clickmask.train.precision`.
        pretrained: start the encoder from ImageNet weights.
        start: model or run folder whose weights the run begins with, in place of ImageNet's; none if empty.
        teacher: model that is learned from beside the labels, see `clickmask.train.teacher`; none if empty.
        teacher_share: of the loss that compares with the teacher; the labels have the rest.
        check_every: steps between checkpoints.
        validate_every: steps between validations; 0 validates only at the start and at the end.
        validation_objects, validation_clicks: size of one validation.
        input_side: network input of the exported model.
    """

    name: str
    method: str = "compact"
    network: Any = field(default_factory=CompactConfig)
    phases: tuple[Phase, ...] = (Phase(128, 64, 1000),)
    data: DataRules = field(default_factory=DataRules)
    seed: int = 0
    loss: str = "bce_iou"
    clicks: str = "conveyor"
    rehearsals: int = 3
    click_weights: tuple[float, ...] = (1.0,)
    lives: tuple[float, ...] = (0.2, 0.25, 0.25, 0.15, 0.1, 0.05)
    groups: int = 4
    objects: int = 8192
    forget: float = 0.3
    encoder: tuple[str, ...] = ("encoder.",)
    encoder_rate: float = 0.35
    optimizer: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    warmup: int = 200
    clip: float = 2.0
    average: float = 0.999
    precision: str = "auto"
    pretrained: bool = True
    start: str = ""
    teacher: str = ""
    teacher_share: float = 0.5
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
        return self.groups if self.clicks == "conveyor" else 1

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
            UnknownNameError: no such loss, click schedule, optimizer, precision or method.
        """
        for kind, chosen, known in (
            ("loss", self.loss, [*sorted(LOSSES), OWN_LOSS]),
            ("click schedule", self.clicks, list(CLICK_SCHEDULES)),
            ("optimizer", self.optimizer, list(OPTIMIZERS)),
            ("precision", self.precision, list(PRECISIONS)),
            ("click sampler", self.data.clicks.sampler, list(SAMPLERS)),
            ("robot", self.data.clicks.robot, ["", *ROBOTS]),
        ):
            if chosen not in known:
                raise UnknownNameError(unknown_name(kind, chosen, known))
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise RecipeError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if self.clip <= 0:
            raise RecipeError(f"clip is the largest gradient norm and must be above 0, got {self.clip}.")
        if not 0 <= self.average < 1:
            raise RecipeError(
                f"average is the share of the old mean that is kept: 0 <= average < 1, got {self.average}."
            )
        for name, what in (("forget", "chance"), ("teacher_share", "share")):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is a {what} from 0 to 1, got {getattr(self, name)}.")
        for name in ("lives", "click_weights"):
            values = getattr(self, name)
            if not values or min(values) < 0 or sum(values) <= 0:
                raise RecipeError(f"{name} needs numbers that are not negative and not all 0, got {list(values)}.")
        if self.pretrained and not find_method(self.method).pretrained:
            raise RecipeError(
                f"There are no weights of {self.method}'s encoder to begin with, so pretrained must be false. "
                "Begin with a model instead: --from MODEL"
            )
        check_side("input_side", self.input_side, self.method)
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


def check_side(name: str, side: int, method: str) -> None:
    """Refuse an input side that the method's network cannot take, with RecipeError."""
    step = find_method(method).side_step
    if side < step or side % step:
        raise RecipeError(f"{name} must be a multiple of {step}, at least {step}; got {side}.")


def _check_phases(recipe: Recipe) -> None:
    if not recipe.phases:
        raise RecipeError("phases is empty: a run needs at least one, e.g. [[128, 64, 1000]] (side, batch, steps).")
    for number, phase in enumerate(recipe.phases):
        check_side(f"phases.{number}.side", phase.side, recipe.method)
        if phase.steps < 1:
            raise RecipeError(f"phases.{number}.steps must be at least 1, got {phase.steps}.")
        least = find_method(recipe.method).least_batch
        if phase.batch < least:
            raise RecipeError(f"phases.{number}.batch must be at least {least} for {recipe.method}, got {phase.batch}.")
        if recipe.clicks == "memory" and phase.batch > recipe.objects:
            raise RecipeError(
                f"phases.{number}.batch is {phase.batch}, but only {recipe.objects} objects are remembered."
            )
        if phase.batch < 1 or phase.batch % recipe.batch_groups:
            raise RecipeError(
                f"phases.{number}.batch must be a multiple of groups ({recipe.batch_groups}), got {phase.batch}."
            )


def _check_chances(name: str, chances: tuple[float, ...]) -> None:
    if min(chances) < 0 or abs(sum(chances) - 1) > 1e-6:
        raise RecipeError(f"{name} are chances that sum to 1, got {list(chances)}.")
