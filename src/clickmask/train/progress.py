"""How far a run is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from clickmask.train.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Progress:
    """What a caller may show after a step.

    Attributes:
        step, steps: done and planned.
        side: input side in pixels at this step.
        loss: of this step.
        iou: mean IoU of this step's masks with their targets.
        samples_per_second: of the last steps.
        seconds_left: estimate, from the pixels still to be seen.
        validation: figures of a validation at this step, None if there was none.
        samples: that the network has learned from so far.
    """

    step: int
    steps: int
    side: int
    loss: float
    iou: float
    samples_per_second: float
    seconds_left: float
    validation: Mapping[str, float] | None = None
    samples: int = 0


class Clock:
    """Measures a process's part of a run.

    Args:
        recipe: what is planned.
        step: where this process begins.
        stop: where it ends.
        seconds: spent by earlier processes.
    """

    MEMORY = 0.98
    """Weight of the past in the running speed, per step."""

    def __init__(self, recipe: Recipe, step: int, stop: int, seconds: float) -> None:
        self._pixels_left = pixels_between(recipe, step, stop)
        self._before = seconds
        self._started = self._last = time.monotonic()
        self._speed = 0.0
        self._weight = 0.0

    @property
    def seconds(self) -> float:
        """Spent on the run so far, by all processes."""
        return self._before + time.monotonic() - self._started

    def tick(self, batch: int, side: int) -> tuple[float, float]:
        """Note one step; returns samples per second and seconds left."""
        now = time.monotonic()
        taken, self._last = max(now - self._last, 1e-9), now
        pixels = batch * side * side
        self._pixels_left -= pixels
        self._weight = self.MEMORY * self._weight + (1 - self.MEMORY)
        self._speed = self.MEMORY * self._speed + (1 - self.MEMORY) * taken / pixels
        seconds_a_pixel = self._speed / self._weight
        return 1 / (seconds_a_pixel * side * side), seconds_a_pixel * self._pixels_left

    def skip(self) -> None:
        """What happened since the last tick (a validation) says nothing about the speed."""
        self._last = time.monotonic()


def pixels_between(recipe: Recipe, start: int, stop: int) -> int:
    """Pixels of all samples from step `start` to `stop`: what the time that training takes goes by."""
    total = first = 0
    for phase in recipe.phases:
        steps = max(min(first + phase.steps, stop) - max(first, start), 0)
        total += steps * phase.batch * phase.side**2
        first += phase.steps
    return total


def samples_until(recipe: Recipe, step: int) -> int:
    """Samples that a run has been trained on at step `step`."""
    seen = first = 0
    for phase in recipe.phases:
        seen += max(min(step - first, phase.steps), 0) * phase.batch
        first += phase.steps
    return seen
