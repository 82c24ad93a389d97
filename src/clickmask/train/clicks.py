"""How a training sample begins, and which click comes next.

The usual random sampler is RITM's (Sofiiuk et al., 2021): positives inside the eroded object, negatives on the
background, on other objects or in a ring round the object. `clickmask.train.dios_clicks` has that of DIOS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import FloatMap
from clickmask.core.masks import BoolMask, bounding_box
from clickmask.core.prompts import Click
from clickmask.simulate import ROBOTS
from clickmask.simulate.random_error import random_error
from clickmask.simulate.ritm_center import ritm_center
from clickmask.train.dios_clicks import dios_clicks


@dataclass(frozen=True, slots=True)
class ClickRules:
    """Chances and constants.

    Attributes:
        starts: chances of the four beginnings: one click, many random clicks, a box, a flawed mask.
        centred: chance that a click goes exactly where the evaluation robot would put it.
        robot: name in `clickmask.simulate.ROBOTS` that places every correction; `centred` does not count then.
        sampler: where random clicks come from: ``ritm`` or ``dios``; the fields below are ``ritm``'s.
        slots: most clicks of one sign.
        gamma: ratio of the chances of n + 1 and n clicks.
        negative_sources: chances of background, other objects, ring.
    """

    starts: tuple[float, float, float, float] = (0.6, 0.12, 0.1, 0.18)
    centred: float = 0.5
    robot: str = ""
    sampler: str = "ritm"
    slots: int = 8
    gamma: float = 0.75
    negative_sources: tuple[float, float, float] = (0.1, 0.4, 0.5)


@dataclass(frozen=True, eq=False)
class Start:
    """Clicks and previous probabilities (h, w) that a sample begins with."""

    clicks: tuple[Click, ...]
    previous: FloatMap


def draw_start(
    target: BoolMask, ignore: BoolMask, others: BoolMask, rules: ClickRules, rng: np.random.Generator
) -> Start:
    """One of the four beginnings. A target without a pixel begins with a negative click or with nothing known."""
    empty = np.zeros(target.shape, dtype=np.float32)
    if not target.any():
        return Start(_inside(~ignore, 1, False, rng), empty)
    kind = rng.choice(4, p=rules.starts)
    if kind == 1:
        return Start(SAMPLERS[rules.sampler](target, ignore, others, rules, rng), empty)
    if kind == 2:
        return Start((), _box_map(target, rng))
    if kind == 3:
        flawed = flawed_mask(target, others, rng)
        click = next_click(target, flawed, ignore, (), rules, rng)
        return Start(() if click is None else (click,), _softened(flawed, rng))
    click = next_click(target, np.zeros_like(target), ignore, (), rules, rng)
    return Start(() if click is None else (click,), empty)


def next_click(
    target: BoolMask,
    prediction: BoolMask,
    ignore: BoolMask,
    clicks: tuple[Click, ...],
    rules: ClickRules,
    rng: np.random.Generator,
) -> Click | None:
    """A correction: the evaluation robot's, or a random one well inside the thickest error; None without error."""
    if rules.robot:
        return ROBOTS.get(rules.robot)(target, prediction, ignore, clicks, rng)
    if rng.random() < rules.centred:
        return ritm_center(target, prediction, ignore, clicks)
    return random_error(target, prediction, ignore, clicks, rng)


def random_clicks(
    target: BoolMask, ignore: BoolMask, others: BoolMask, rules: ClickRules, rng: np.random.Generator
) -> tuple[Click, ...]:
    """At least one positive and any number of negative clicks, see the module's text."""
    positives = _geometric(rules, 1, rng)
    negatives = _geometric(rules, 0, rng)
    inner = cv2.erode(target.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=3).astype(bool)
    clicks = _inside(inner if inner.sum() > 10 and rng.random() < 0.9 else target, positives, True, rng)
    background = ~target & ~ignore
    reach = max(math.ceil(0.1 * math.sqrt(target.sum())), 1)
    ring = cv2.dilate(target.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
    sources = (background, others & background, ring & background)
    for source in rng.choice(3, size=negatives, p=rules.negative_sources):
        region = sources[source] if sources[source].any() else background
        clicks += _inside(region, 1, False, rng)
    return clicks


def _as_dios(
    target: BoolMask, ignore: BoolMask, others: BoolMask, rules: ClickRules, rng: np.random.Generator
) -> tuple[Click, ...]:
    return dios_clicks(target, ignore, others, rng)


Sampler = Callable[[BoolMask, BoolMask, BoolMask, ClickRules, np.random.Generator], tuple[Click, ...]]
"""(target, ignore, others, rules, rng) -> clicks of a sample that nothing was said about yet."""

SAMPLERS: dict[str, Sampler] = {"ritm": random_clicks, "dios": _as_dios}
"""Random samplers by name."""


def _geometric(rules: ClickRules, least: int, rng: np.random.Generator) -> int:
    counts = np.arange(least, rules.slots + 1)
    chances = rules.gamma**counts
    return int(rng.choice(counts, p=chances / chances.sum()))


def _inside(region: BoolMask, count: int, positive: bool, rng: np.random.Generator) -> tuple[Click, ...]:
    """`count` clicks uniformly in a region; none if it is empty."""
    pixels = np.flatnonzero(region)
    if not pixels.size:
        return ()
    width = region.shape[1]
    return tuple(Click(int(p) % width + 0.5, int(p) // width + 0.5, positive) for p in rng.choice(pixels, count))


def _box_map(target: BoolMask, rng: np.random.Generator) -> FloatMap:
    """0.5 inside a slightly wrong box, as a box prompt is shown to the network."""
    x0, y0, x1, y1 = bounding_box(target)
    wobble = rng.normal(0, 0.04, 4) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    left, top, right, bottom = np.round(np.array([x0, y0, x1, y1]) + wobble).astype(int).clip(0).tolist()
    filled = np.zeros(target.shape, dtype=np.float32)
    filled[top : max(bottom, top + 1), left : max(right, left + 1)] = 0.5
    return filled


def flawed_mask(target: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    """A mask with errors of the kinds that people correct: grown, shrunk, a part missing, something else included."""
    flaws: tuple[Callable[[BoolMask, BoolMask, np.random.Generator], BoolMask], ...]
    flaws = (_grown, _shrunk, _part_missing, _blob_added, _neighbour_added)
    flawed = target
    for index in rng.choice(len(flaws), size=int(rng.integers(1, 3)), replace=False):
        flawed = flaws[index](flawed, others, rng)
    return flawed


def _radius(mask: BoolMask, rng: np.random.Generator) -> NDArray[np.uint8]:
    size = max(int(math.sqrt(mask.sum()) * rng.uniform(0.02, 0.12)), 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1)), dtype=np.uint8)


def _grown(mask: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _radius(mask, rng)).astype(bool))


def _shrunk(mask: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _radius(mask, rng)).astype(bool))


def _part_missing(mask: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    return mask & ~_blob(mask, mask, rng)


def _blob_added(mask: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    ring = np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool))
    return mask | _blob(ring & ~mask, mask, rng)


def _neighbour_added(mask: BoolMask, others: BoolMask, rng: np.random.Generator) -> BoolMask:
    count, labels = cv2.connectedComponents(others.astype(np.uint8))
    return mask | np.asarray(labels == rng.integers(1, count)) if count > 1 else mask


def _blob(around: BoolMask, mask: BoolMask, rng: np.random.Generator) -> BoolMask:
    """A filled ellipse round a random pixel of `around`, its size that of a part of `mask`."""
    pixels = np.flatnonzero(around)
    canvas = np.zeros(mask.shape, dtype=np.uint8)
    if pixels.size:
        pixel = int(rng.choice(pixels))
        axes = np.maximum(math.sqrt(max(int(mask.sum()), 1)) * rng.uniform(0.1, 0.45, 2), 1).astype(int).tolist()
        centre = (pixel % mask.shape[1], pixel // mask.shape[1])
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, 1, -1)
    return canvas.astype(bool)


def _softened(mask: BoolMask, rng: np.random.Generator) -> FloatMap:
    """Probabilities as a network or a binary mask would give them."""
    values = mask.astype(np.float32)
    if rng.random() < 0.5:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.5, 2.0)), dtype=np.float32)
    return values * np.float32(0.998) + np.float32(0.001)
