"""Figures from IoU curves and masks: pure functions.

A curve table is an (N, K) float64 array: row = object, column k - 1 = IoU after click k.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.masks import BoolMask, bounding_box, iou
from clickmask.evaluate.records import ObjectRecords

Curves = NDArray[np.float64]

BOUNDARY_FRACTION = 0.02
"""Width of the boundary band as a fraction of the image diagonal (Cheng et al. 2021, Boundary IoU)."""
RESAMPLES = 2000
BOOTSTRAP_SEED = 0


def iou_curves(objects: Iterable[ObjectRecords], max_clicks: int) -> Curves:
    """(N, max_clicks) IoU table; the IoU of an object that ended early stands for its later clicks."""
    return _curves(([record.iou for record in records] for records in objects), max_clicks)


def boundary_curves(objects: Iterable[ObjectRecords], max_clicks: int) -> Curves:
    """(N, max_clicks) boundary IoU table, as `iou_curves`."""
    return _curves(([record.boundary_iou for record in records] for records in objects), max_clicks)


def _curves(rows: Iterable[list[float]], max_clicks: int) -> Curves:
    full = [row[:max_clicks] + [row[-1]] * (max_clicks - len(row)) for row in rows]
    return np.array(full, dtype=np.float64).reshape(-1, max_clicks)


def clicks_to(curves: Curves, target: float) -> NDArray[np.int64]:
    """(N,) the first click, from 1, with IoU of at least `target`; the limit where there is none."""
    reached = curves >= target
    return np.asarray(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, curves.shape[1]), dtype=np.int64)


def noc(curves: Curves, target: float) -> float:
    """NoC@target: mean clicks to reach it, failures counted as the limit."""
    return float(clicks_to(curves, target).mean())


def nof(curves: Curves, target: float) -> int:
    """NoF@target: objects that never reach it."""
    return int(np.count_nonzero(~(curves >= target).any(axis=1)))


def nof_at_limit(curves: Curves, target: float) -> int:
    """NoF as published code counts it: objects whose NoC equals the limit, success at the very last click included."""
    return int(np.count_nonzero(clicks_to(curves, target) == curves.shape[1]))


def mean_iou_at(curves: Curves, click: int) -> float:
    """IoU@click: mean over objects after that click, from 1."""
    return float(curves[:, click - 1].mean())


def auc(curves: Curves) -> float:
    """Area under the mean IoU curve over clicks 1 to the limit (trapezia), divided by its width; in [0, 1]."""
    mean = curves.mean(axis=0)
    return float(mean[0]) if len(mean) == 1 else float(((mean[1:] + mean[:-1]) / 2).mean())


def interval(curves: Curves, figure: Callable[[Curves], float], confidence: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of a figure over objects; the same for the same table."""
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    draws = rng.integers(len(curves), size=(RESAMPLES, len(curves)))
    values = [figure(curves[draw]) for draw in draws]
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def seconds_per_click(objects: Iterable[ObjectRecords]) -> float:
    """SPC: all seconds of all clicks by the number of clicks, the first one's image preparation included."""
    seconds = [record.seconds for records in objects for record in records]
    return float(np.mean(seconds)) if seconds else math.nan


def corrections(records: ObjectRecords) -> ObjectRecords:
    """The clicks that had a mask to correct: all after an initial mask, else all but the first."""
    return records if records[0].initial_iou is not None else records[1:]


def destroyed(records: ObjectRecords) -> int | None:
    """Right pixels that the corrections of one object destroyed, summed; None where they were not counted."""
    counts = [record.destroyed for record in corrections(records)]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def boundary_width(size_hw: tuple[int, int]) -> int:
    """Width in pixels of the band for an image of this size, at least 1."""
    return max(round(BOUNDARY_FRACTION * math.hypot(*size_hw)), 1)


def boundary_band(mask: BoolMask, width: int) -> BoolMask:
    """(H, W) the mask's pixels within `width` of its outline (square steps); the image's frame is outline too."""
    x0, y0, x1, y1 = bounding_box(mask)
    part = np.pad(mask[y0:y1, x0:x1].astype(np.uint8), 1)
    kernel = np.ones((2 * width + 1, 2 * width + 1), dtype=np.uint8)
    core = cv2.erode(part, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))[1:-1, 1:-1]
    band = mask.copy()
    band[y0:y1, x0:x1] &= np.asarray(core) == 0
    return band


def boundary_iou(prediction: BoolMask, truth_band: BoolMask, ignore: BoolMask | None = None) -> float:
    """IoU of the prediction's boundary band with the truth's, outside `ignore`."""
    band = boundary_band(prediction, boundary_width((prediction.shape[0], prediction.shape[1])))
    return iou(band, truth_band, ignore)
