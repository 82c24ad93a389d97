"""Progressive merge: of what a new answer would change, accept only what the newest click asks for.

Source: FocalClick (Chen et al., CVPR 2022), made strict: a positive click accepts only pixels that turn
on, a negative one only pixels that turn off, in the 8-connected changed component that holds the click.
Every other pixel keeps its value to the bit. It works whenever the prompts begin with an initial mask;
objects built from clicks alone pass through unchanged, unless the stage is asked for by name: then it also
holds their clicks to their place from the eleventh on, as the paper does. If the network leaves the clicked
pixel on the wrong side, a disc of `fallback_radius` pixels round the click obeys it: a click is always obeyed
at its own pixel.

A request that carries the rules of an editing session goes through `clickmask.predict.editing` instead, which adds
ghosts, protection and growth to the same idea.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Crop, FloatMap, LogitMap
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.editing import asked_of_model, edit
from clickmask.predict.stage import NamedStage

DECIDED_LOGIT = np.float32(8.0)

MaskPart = tuple[BoolMask, tuple[int, int]]
"""From `LogitMap.mask_crop`: (h, w) bool and the place of its corner."""


@dataclass(frozen=True, slots=True)
class ProgressiveMerge:
    """Settings.

    Attributes:
        fallback_radius: source pixels of the disc that obeys a click which the network ignores.
        after_clicks: objects built from clicks alone are merged too once they have more than so many; None for never.
    """

    fallback_radius: float = 3.0
    after_clicks: int | None = None


def progressive_merge(settings: ProgressiveMerge, threshold_logit: float = 0.0) -> Stage:
    """The stage; `threshold_logit` is the one that turns the pipeline's logits into a mask."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            prompts = asked_of_model(request.prompts)
            result = inner(replace(request, prompts=prompts, rules=None))
            if request.rules is not None:
                return edit(request, result, request.rules, threshold_logit)
            click = prompts.last_click
            previous = request.previous if _is_local(settings, prompts) else None
            if previous is None or click is None or prompts.items[-1] is not click:
                return result
            merged = merge(previous, result.logits, click, request.frame.size_hw, threshold_logit, settings)
            return Result(merged, result.memo)

        return step

    return stage


def _is_local(settings: ProgressiveMerge, prompts: Prompts) -> bool:
    """True where a click may change only what it asks for."""
    after = settings.after_clicks
    return prompts.initial_mask is not None or (after is not None and len(prompts.clicks) > after)


def merge(
    old: LogitMap, new: LogitMap, click: Click, size_hw: tuple[int, int], threshold: float, settings: ProgressiveMerge
) -> LogitMap:
    """`old` with the component of `new` accepted that the click asks for, at source resolution."""
    masks = [logits.mask_crop(size_hw, threshold) for logits in (old, new)]
    region = _region(masks, click, size_hw, settings.fallback_radius)
    was, proposed = (_placed(part, region) for part in masks)
    row, column = math.floor(click.y - region.box_xyxy[1]), math.floor(click.x - region.box_xyxy[0])
    wanted = proposed & ~was if click.positive else was & ~proposed
    accepted = _component(wanted, row, column)
    values = _held(old.sample(region), was, threshold)
    values[accepted] = _held(new.sample(region), proposed, threshold)[accepted]
    if was[row, column] != click.positive and not accepted[row, column]:
        disc = _disc(wanted.shape, row, column, settings.fallback_radius) & (was != click.positive)
        values[disc] = DECIDED_LOGIT if click.positive else -DECIDED_LOGIT
    return LogitMap(values, region.box_xyxy)


def _region(masks: list[MaskPart], click: Click, size_hw: tuple[int, int], margin: float) -> Crop:
    """Whole-pixel box that holds both masks and the disc round the click."""
    boxes = [(click.x - margin, click.y - margin, click.x + margin + 1, click.y + margin + 1)]
    boxes += [(x, y, x + part.shape[1], y + part.shape[0]) for part, (x, y) in masks if part.size]
    values = np.array(boxes)
    x0, y0 = np.maximum(np.floor(values[:, :2].min(axis=0)), 0).tolist()
    x1, y1 = np.minimum(np.ceil(values[:, 2:].max(axis=0)), (size_hw[1], size_hw[0])).tolist()
    return Crop((x0, y0, x1, y1), (int(y1 - y0), int(x1 - x0)))


def _placed(mask: MaskPart, region: Crop) -> BoolMask:
    """(h, w) bool: a mask's part as it was seen, on the grid of a region that holds it."""
    part, offset_xy = mask
    placed = np.zeros(region.size_hw, dtype=bool)
    x, y = offset_xy[0] - int(region.box_xyxy[0]), offset_xy[1] - int(region.box_xyxy[1])
    if part.size:
        placed[y : y + part.shape[0], x : x + part.shape[1]] = part
    return placed


def _held(logits: FloatMap, mask: BoolMask, threshold: float) -> FloatMap:
    """The logits, kept on the mask's side of the threshold: resampling must not move a pixel across it."""
    held = np.where(mask, np.maximum(logits, threshold + 1e-3), np.minimum(logits, threshold))
    return np.asarray(held, dtype=np.float32)


def _component(mask: BoolMask, row: int, column: int) -> BoolMask:
    """The 8-connected component of `mask` that holds the pixel; nothing if the pixel is not in the mask."""
    if not mask[row, column]:
        return np.zeros_like(mask)
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == labels[row, column])


def _disc(size_hw: tuple[int, ...], row: int, column: int, radius: float) -> BoolMask:
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    distance: NDArray[np.int64] = (rows - row) ** 2 + (columns - column) ** 2
    return distance <= radius * radius


LATE_CLICKS = 10
"""Clicks after which FocalClick holds every further one to its place."""

PROGRESSIVE_MERGE = NamedStage(
    "From the eleventh click on accept only the part of an answer that the newest click asks for.",
    lambda context: progressive_merge(ProgressiveMerge(after_clicks=LATE_CLICKS), context.threshold_logit),
)
