"""Zoom-in: predict inside a crop round the object, paste the answer back.

Source: RITM and f-BRS (Sofiiuk et al., 2020 and 2021) for the box rule, the refresh rule and the second
pass on the first click. Departures: the crop is resampled to the network's fixed input without keeping its
aspect, as FocalClick and SimpleClick do; a side never gets shorter than `min_aspect` times the other, so
that thin objects are not stretched beyond what training shows; the box of a box prompt counts as object; the
second pass sees the answer of the first as its previous mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clickmask.core.answers import moved
from clickmask.core.frames import BoxFloat, Crop, LogitMap, whole
from clickmask.core.masks import bounding_box
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Request, Result, Stage, Step


@dataclass(frozen=True, slots=True)
class ZoomIn:
    """Settings of the stage.

    Attributes:
        expansion: sides of the object's box are multiplied by this (1.4 in the published harnesses).
        min_crop: shortest side of a crop in network-input sides: below 1 a small object is enlarged.
        min_aspect: shorter side of a crop over its longer side, at least.
        refresh_iou: the kept crop is replaced when its overlap with the new one along x times that along y
            falls below this (0.5 published; 1.0 takes the new crop at every click).
        second_pass_iou: after a pass over the whole frame the object is predicted again inside its crop
            if the crop covers less than this part of the frame (0 switches the second pass off).
    """

    expansion: float = 1.4
    min_crop: float = 0.35
    min_aspect: float = 0.5
    refresh_iou: float = 0.5
    second_pass_iou: float = 0.5


@dataclass(frozen=True, slots=True)
class ZoomMemo:
    """The crop in use."""

    box_xyxy: BoxFloat


def zoom_in(settings: ZoomIn, input_hw: tuple[int, int]) -> Stage:
    """The stage, for a network with inputs of `input_hw` pixels."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            box = _choose_box(settings, request, input_hw)
            result = predict_in(inner, request, box, input_hw)
            if box != whole(request.frame.size_hw):
                return result
            return _second_pass(settings, inner, request, result, input_hw)

        return step

    return stage


def object_box(
    settings: ZoomIn, previous: LogitMap | None, prompts: Prompts, size_hw: tuple[int, int]
) -> BoxFloat | None:
    """Tight box of the previous mask, the positive clicks and the box prompt; None if there is no object yet."""
    corners: list[tuple[float, float, float, float]] = []
    if previous is not None:
        part = _mask_box(previous, size_hw)
        corners += [part] if part is not None else []
    if prompts.box is not None:
        corners.append(prompts.box.xyxy)
    if not corners:
        return None
    corners += [(x, y, x, y) for x, y in prompts.points_xy(positive=True).tolist()]
    values = np.array(corners)
    x0, y0 = values[:, :2].min(axis=0).tolist()
    x1, y1 = values[:, 2:].max(axis=0).tolist()
    return x0, y0, x1, y1


def crop_box(settings: ZoomIn, box: BoxFloat, size_hw: tuple[int, int], input_hw: tuple[int, int]) -> BoxFloat:
    """Expand an object's box to a crop in whole pixels inside the frame."""
    x0, y0, x1, y1 = box
    width, height = (x1 - x0) * settings.expansion, (y1 - y0) * settings.expansion
    width, height = max(width, settings.min_crop * input_hw[1]), max(height, settings.min_crop * input_hw[0])
    width, height = max(width, settings.min_aspect * height), max(height, settings.min_aspect * width)
    grid = _grid(max(width / input_hw[1], height / input_hw[0]))
    left, right = _interval((x0 + x1) / 2, width, size_hw[1], grid)
    top, bottom = _interval((y0 + y1) / 2, height, size_hw[0], grid)
    return left, top, right, bottom


def _grid(shrinkage: float) -> int:
    """Corners of large crops lie on whole pixels of the image's halved levels, where they are cut without blending."""
    return 1 << max(math.floor(math.log2(shrinkage)), 0) if shrinkage > 0 else 1


def _interval(centre: float, length: float, limit: int, grid: int) -> tuple[float, float]:
    """Interval of about `length` round `centre` on multiples of `grid`, cut to [0, limit]."""
    low = float(max(math.floor((centre - length / 2) / grid) * grid, 0))
    high = float(min(math.ceil((centre + length / 2) / grid) * grid, limit))
    return low, max(high, min(low + 1.0, float(limit)))


def _choose_box(settings: ZoomIn, request: Request, input_hw: tuple[int, int]) -> BoxFloat:
    size_hw = request.frame.size_hw
    box = object_box(settings, request.previous, request.prompts, size_hw)
    if box is None:
        return whole(size_hw)
    fresh = crop_box(settings, box, size_hw, input_hw)
    kept = request.memo.get("zoom_in")
    if isinstance(kept, ZoomMemo) and _still_good(settings, kept.box_xyxy, fresh, request.prompts):
        return kept.box_xyxy
    return fresh


def _still_good(settings: ZoomIn, kept: BoxFloat, fresh: BoxFloat, prompts: Prompts) -> bool:
    points = prompts.points_xy(positive=True)
    x0, y0, x1, y1 = kept
    inside = ((points >= (x0, y0)) & (points < (x1, y1))).all()
    return bool(inside) and overlap(kept, fresh) >= settings.refresh_iou


def overlap(first: BoxFloat, second: BoxFloat) -> float:
    """Product of the interval IoUs of two boxes along x and along y."""
    product = 1.0
    for low, high in ((0, 2), (1, 3)):
        shared = min(first[high], second[high]) - max(first[low], second[low])
        union = max(first[high], second[high]) - min(first[low], second[low])
        product *= max(shared, 0.0) / union
    return product


def _second_pass(settings: ZoomIn, inner: Step, request: Request, result: Result, input_hw: tuple[int, int]) -> Result:
    """Predict again inside the object that a pass over the whole frame has found, if it is small."""
    size_hw = request.frame.size_hw
    box = object_box(settings, result.logits, request.prompts, size_hw)
    if box is None:
        return result
    fresh = crop_box(settings, box, size_hw, input_hw)
    if overlap(fresh, whole(size_hw)) >= settings.second_pass_iou:
        return result
    again = Request(request.frame, request.prompts, result.logits, result.memo)
    return predict_in(inner, again, fresh, input_hw)


def predict_in(inner: Step, request: Request, box: BoxFloat, input_hw: tuple[int, int]) -> Result:
    """The answer of `inner` inside a box of the frame, in the frame's pixels; the box is remembered as the crop."""
    crop = Crop(box, input_hw)

    def to_crop(logits: LogitMap) -> LogitMap:
        return LogitMap(logits.sample(crop), whole(input_hw))

    previous = None if request.previous is None else to_crop(request.previous)
    memo = moved(request.memo, to_crop)
    inside = inner(Request(request.frame.crop(crop), crop.prompts_to_crop(request.prompts), previous, memo))
    memo = {**moved(inside.memo, crop.logits_to_source), "zoom_in": ZoomMemo(box)}
    return Result(crop.logits_to_source(inside.logits), memo)


def _mask_box(logits: LogitMap, size_hw: tuple[int, int]) -> BoxFloat | None:
    """Tight box of the positive logits in frame pixels, at the precision of their grid; None if the frame has none."""
    i0, j0, i1, j1 = bounding_box(logits.values > 0)
    if i1 <= i0:
        return None
    x0, y0, x1, y1 = logits.box_xyxy
    cell_x, cell_y = (x1 - x0) / logits.values.shape[1], (y1 - y0) / logits.values.shape[0]
    left, top = max(x0 + i0 * cell_x, 0.0), max(y0 + j0 * cell_y, 0.0)
    right, bottom = min(x0 + i1 * cell_x, float(size_hw[1])), min(y0 + j1 * cell_y, float(size_hw[0]))
    return (left, top, right, bottom) if left < right and top < bottom else None
