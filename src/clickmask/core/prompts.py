"""What a person says about one object. The ordered prompts are the truth; masks are derived.

Coordinates are continuous with the origin at the image's corner: pixel (column j, row i) covers
[j, j+1) x [i, i+1), so a click on it is at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import PromptError
from clickmask.core.lines import along_line, deepest_points, line_length
from clickmask.core.masks import RunLengthMask

MOST_CLICKS_OF_A_LINE = 8
"""Clicks that a scribble is sampled into, at most: networks are trained on few more."""
STRETCH = 24.0
"""Pixels of a scribble that one click stands for, at least."""
LONGEST_LINE = 20_000


@dataclass(frozen=True, slots=True)
class Click:
    """A point on the object (positive) or on its background (negative), in frame pixels.

    Attributes:
        x: from the left.
        y: from the top.
        positive: on the object.
        reach: how far in each direction what is meant may lie, in pixels; None for the whole image. Says which part of
            a large image the model looks at, see `clickmask.predict.reach`.
    """

    x: float
    y: float
    positive: bool = True
    reach: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise PromptError(f"A click needs finite coordinates, got ({self.x}, {self.y}).")


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle round the object, in frame pixels; x0 < x1 and y0 < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in self.xyxy):
            raise PromptError(f"A box needs finite coordinates, got {self.xyxy}.")
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise PromptError(f"A box is X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1, got {self.xyxy}.")

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1)."""
        return (self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True, slots=True)
class Scribble:
    """A line drawn over the object (positive) or its background (negative); a model sees it as clicks along it."""

    points_xy: tuple[tuple[float, float], ...]
    positive: bool = True

    def __post_init__(self) -> None:
        _check_line(self.points_xy, 1, "A scribble")

    @property
    def clicks(self) -> tuple[Click, ...]:
        """At the middles of up to eight equal stretches of the line."""
        count = min(MOST_CLICKS_OF_A_LINE, max(1, math.ceil(line_length(self.points_xy) / STRETCH)))
        places = [(i + 0.5) / count for i in range(count)]
        return tuple(Click(x, y, self.positive) for x, y in along_line(self.points_xy, places))


@dataclass(frozen=True, slots=True)
class Lasso:
    """A loop round the object (positive), or round something that is not part of it (negative).

    A model sees its box, if it is positive, and clicks deep inside it. Corrections change nothing outside the loop.
    """

    points_xy: tuple[tuple[float, float], ...]
    positive: bool = True

    def __post_init__(self) -> None:
        _check_line(self.points_xy, 3, "A lasso")
        x0, y0, x1, y1 = self.bounds_xyxy
        if x1 - x0 < 1 or y1 - y0 < 1:
            raise PromptError("A lasso needs to go round at least a pixel; draw a wider loop.")

    @property
    def bounds_xyxy(self) -> tuple[float, float, float, float]:
        """Tight box of the loop."""
        points = np.array(self.points_xy)
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return x0, y0, x1, y1

    @property
    def box(self) -> Box:
        """The loop's box."""
        return Box(*self.bounds_xyxy)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """In the middle of the widest places inside the loop: one if it is positive, up to three if not."""
        places = deepest_points(self.points_xy, 1 if self.positive else 3)
        return tuple(Click(x, y, self.positive) for x, y in places)


@dataclass(frozen=True, slots=True)
class MaskPrompt:
    """An initial mask that the following prompts correct.

    Attributes:
        mask: the mask.
        painted: made by a tool while the object was in progress, so not what the correction began with.
    """

    mask: RunLengthMask
    painted: bool = False


Prompt = Click | Box | Scribble | Lasso | MaskPrompt


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts about one object, in the order in which they were given."""

    items: tuple[Prompt, ...] = ()

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def add(self, prompt: Prompt) -> Prompts:
        """These prompts and one more, as a new value."""
        return Prompts((*self.items, prompt))

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The clicks, oldest first."""
        return tuple(p for p in self.items if isinstance(p, Click))

    @property
    def plain(self) -> Prompts:
        """The same as clicks, boxes and masks alone, which is what models understand."""
        return Prompts(tuple(part for prompt in self.items for part in plain_parts(prompt)))

    @property
    def last_click(self) -> Click | None:
        """The newest click, None without one."""
        clicks = self.clicks
        return clicks[-1] if clicks else None

    @property
    def box(self) -> Box | None:
        """The newest box, None without one."""
        boxes = [p for p in self.items if isinstance(p, Box)]
        return boxes[-1] if boxes else None

    @property
    def initial_mask(self) -> RunLengthMask | None:
        """The newest initial mask, None without one."""
        masks = [p.mask for p in self.items if isinstance(p, MaskPrompt)]
        return masks[-1] if masks else None

    def points_xy(self, positive: bool) -> NDArray[np.float64]:
        """(N, 2) float64 clicks of one sign, frame pixels; N may be 0."""
        points = [(c.x, c.y) for c in self.clicks if c.positive == positive]
        return np.array(points, dtype=np.float64).reshape(-1, 2)


def plain_parts(prompt: Prompt) -> tuple[Click | Box | MaskPrompt, ...]:
    """A prompt as clicks, boxes and masks."""
    if isinstance(prompt, Scribble):
        return prompt.clicks
    if isinstance(prompt, Lasso):
        return (prompt.box, *prompt.clicks) if prompt.positive else prompt.clicks
    return (prompt,)


def map_clicks(clicks: Iterable[Click], points_xy: NDArray[np.float64]) -> tuple[Click, ...]:
    """The same clicks at other places; `points_xy` is (N, 2)."""
    return tuple(replace(c, x=float(x), y=float(y)) for c, (x, y) in zip(clicks, points_xy, strict=True))


def _check_line(points_xy: tuple[tuple[float, float], ...], fewest: int, name: str) -> None:
    if not fewest <= len(points_xy) <= LONGEST_LINE:
        raise PromptError(f"{name} needs {fewest} to {LONGEST_LINE} points, got {len(points_xy)}.")
    if not np.isfinite(np.array(points_xy, dtype=np.float64)).all():
        raise PromptError(f"{name} needs finite coordinates.")
