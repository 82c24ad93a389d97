"""An answer of the model inside an editing session: the rules of `clickmask.core.edit` applied in place.

The outermost stage comes here when a request carries rules. The answer is looked at in a window of whole pixels that
holds the base, the answer and the newest prompt, so that a click on a large image costs what its object costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clickmask.core.edit import Asked, Edited, EditRules, Ground, begin, correct
from clickmask.core.errors import PromptError
from clickmask.core.frames import Crop, FloatMap, LogitMap
from clickmask.core.lines import line_pixels, loop_mask
from clickmask.core.masks import EMPTY_BOX, BoolMask, RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompt, Prompts, Scribble
from clickmask.core.protocols import Request, Result

MOST_PIXELS = 40_000_000
"""Of the box round an object with its answer: working on it takes about twenty bytes each."""

MEMO = "edit"
"""Key under which the outcome stands in the memo."""


@dataclass(frozen=True, eq=False)
class EditMemo:
    """What an edit came to.

    Attributes:
        mask: the accepted mask.
        ghosts: what the model would change as well.
        waiting: the newest prompt's own component waits among the ghosts.
        raw: the model's answer.
        base: the mask that was corrected, None for a new object.
    """

    mask: RunLengthMask
    ghosts: RunLengthMask
    waiting: bool
    raw: LogitMap
    base: LogitMap | None


def asked_of_model(prompts: Prompts) -> Prompts:
    """The prompts as clicks, boxes and masks, without clicks that a later mask has painted over."""
    items = prompts.plain.items
    last = max((i for i, p in enumerate(items) if isinstance(p, MaskPrompt)), default=-1)
    if last < 0:
        return Prompts(items)
    mask = items[last].mask  # type: ignore[union-attr]
    old = tuple(p for p in items[:last] if not isinstance(p, Click) or ((p.x, p.y) in mask) == p.positive)
    return Prompts((*old, *items[last:]))


def edit(request: Request, answered: Result, rules: EditRules, threshold_logit: float) -> Result:
    """The result of a request with the session's rules applied.

    Args:
        request: with the prompts as they were given, and the base as previous logits if it is a correction.
        answered: by the model.
        rules: of the session.
        threshold_logit: of the model; the rules may name another.
    """
    raw = answered.logits
    threshold = threshold_logit if rules.threshold_logit is None else rules.threshold_logit
    base = request.previous if request.prompts.initial_mask is not None else None
    window = _window(request, raw, base, rules, threshold)
    _check_size(window)
    x0, y0, x1, y1 = (int(v) for v in window.box_xyxy)
    ground = Ground(rules.protected((x0, y0, x1, y1)), image=request.frame.look((x0, y0, x1, y1)))
    answer = raw.mask_in((x0, y0, x1, y1), request.frame.size_hw, threshold)
    if base is None:
        edited = begin(answer, [_asked(p, window) for p in request.prompts], ground, rules)
        logits: LogitMap = raw
    else:
        edited = _corrected(request, base, answer, window, ground, rules, threshold)
        logits = LogitMap(_held(raw, base, window, edited, threshold), window.box_xyxy)
    mask, ghosts = (RunLengthMask.encode(m, (x0, y0), request.frame.size_hw) for m in (edited.mask, edited.ghosts))
    return Result(logits, {**answered.memo, MEMO: EditMemo(mask, ghosts, edited.waiting, raw, base)})


def _check_size(window: Crop) -> None:
    height, width = window.size_hw
    if height * width > MOST_PIXELS:
        raise PromptError(
            f"That would be an object of {width} x {height} pixels, and at most {MOST_PIXELS / 1e6:.0f} megapixels of "
            "one object can be worked on at once. Zoom in and click on a part of it, or draw a box or a polygon."
        )


def _corrected(
    request: Request, base: LogitMap, answer: BoolMask, window: Crop, ground: Ground, rules: EditRules, threshold: float
) -> Edited:
    *earlier, newest = request.prompts.items
    x0, y0, x1, y1 = (int(v) for v in window.box_xyxy)
    was = base.mask_in((x0, y0, x1, y1), request.frame.size_hw, threshold)
    asked = _asked(newest, window)
    standing: list[tuple[int, int, bool]] = []
    for click in Prompts(tuple(earlier)).plain.clicks:
        row, column = _pixel(click, window)
        if 0 <= row < was.shape[0] and 0 <= column < was.shape[1] and was[row, column] == click.positive:
            standing.append((row, column, click.positive))
    return correct(was, answer, Asked(asked.points, asked.positive, asked.inside, tuple(standing)), ground, rules)


def _asked(prompt: Prompt, window: Crop) -> Asked:
    """What a prompt asks for, on the window's grid."""
    x0, y0 = window.box_xyxy[:2]
    if isinstance(prompt, Click):
        return Asked((_pixel(prompt, window),), prompt.positive)
    if isinstance(prompt, Scribble):
        moved = [(x - x0, y - y0) for x, y in prompt.points_xy]
        return Asked(tuple(line_pixels(moved, window.size_hw)), prompt.positive)
    if isinstance(prompt, Lasso):
        height, width = window.size_hw
        inside = loop_mask([[(x - x0, y - y0) for x, y in prompt.points_xy]], (0, 0, width, height))
        return Asked(tuple(_pixel(c, window) for c in prompt.clicks), prompt.positive, inside)
    return Asked((), None, _inside(prompt, window) if isinstance(prompt, Box) else None)


def _inside(box: Box, window: Crop) -> BoolMask:
    """Pixels whose centres lie in a box."""
    rows = np.arange(window.size_hw[0]) + 0.5 + window.box_xyxy[1]
    columns = np.arange(window.size_hw[1]) + 0.5 + window.box_xyxy[0]
    return np.asarray(
        ((rows >= box.y0) & (rows < box.y1))[:, None] & ((columns >= box.x0) & (columns < box.x1))[None, :]
    )


def _pixel(click: Click, window: Crop) -> tuple[int, int]:
    return math.floor(click.y - window.box_xyxy[1]), math.floor(click.x - window.box_xyxy[0])


def _window(request: Request, raw: LogitMap, base: LogitMap | None, rules: EditRules, threshold: float) -> Crop:
    """Whole-pixel box that holds the base, the answer, and all clicks with room to grow."""
    size_hw = request.frame.size_hw
    boxes: list[tuple[float, float, float, float]] = []
    for logits in (raw, base):
        box = EMPTY_BOX if logits is None else logits.positive_box(size_hw, threshold)
        if box[0] < box[2] and box[1] < box[3]:
            boxes.append(box)
    reach = max(rules.reach, rules.radius) + 1
    newest = request.prompts.items[-1]
    prompts = request.prompts.items if base is None else (newest,)
    boxes += [_grown(bounds, reach) for p in prompts if (bounds := _bounds(p)) is not None]
    values = np.array(boxes)
    x0, y0 = np.maximum(np.floor(values[:, :2].min(axis=0)), 0).tolist()
    x1, y1 = np.minimum(np.ceil(values[:, 2:].max(axis=0)), (size_hw[1], size_hw[0])).tolist()
    return Crop((x0, y0, x1, y1), (int(y1 - y0), int(x1 - x0)))


def _bounds(prompt: Prompt) -> tuple[float, float, float, float] | None:
    if isinstance(prompt, MaskPrompt):
        return None
    if isinstance(prompt, Box):
        return prompt.xyxy
    points = np.array([(prompt.x, prompt.y)] if isinstance(prompt, Click) else prompt.points_xy)
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1


def _grown(box: tuple[float, float, float, float], by: float) -> tuple[float, float, float, float]:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _held(raw: LogitMap, base: LogitMap, window: Crop, edited: Edited, threshold: float) -> FloatMap:
    """Logits whose thresholding gives exactly the edited mask: the answer where it was accepted, else the base."""
    values = np.where(edited.accepted, raw.sample(window), base.sample(window))
    values[edited.obeyed] = np.where(edited.mask[edited.obeyed], np.float32(8), np.float32(-8))
    held = np.where(edited.mask, np.maximum(values, threshold + 1e-3), np.minimum(values, threshold))
    return np.asarray(held, dtype=np.float32)
