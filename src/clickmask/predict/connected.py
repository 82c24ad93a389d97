"""Connected to my clicks: keep only the parts of the mask that hold a positive click.

Source: the structural integrity strategy of FCA-Net (Lin et al., CVPR 2020): of the mask's 4-connected parts those
are kept that hold a positive click which is itself inside the mask. Departures: if no positive click lies inside the
mask the answer stays as it is (theirs would be empty), and an object that begins with an initial mask passes
unchanged, because there progressive merge holds every click to its own place already.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from clickmask.core.frames import Crop, FloatMap, LogitMap
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage

REMOVED_MARGIN = np.float32(1.0)
"""How far below the threshold the logits of removed parts are taken, at least."""


def connected_to_clicks(threshold_logit: float = 0.0) -> Stage:
    """The stage; `threshold_logit` is the one that turns the pipeline's logits into a mask."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            if request.prompts.initial_mask is not None:
                return result
            return Result(keep_clicked(result.logits, request, threshold_logit), result.memo)

        return step

    return stage


def keep_clicked(logits: LogitMap, request: Request, threshold: float) -> LogitMap:
    """The logits with every part of the mask pushed below `threshold` that no positive click holds."""
    size_hw = request.frame.size_hw
    mask, offset_xy = logits.mask_crop(size_hw, threshold)
    if not mask.size:
        return logits
    kept = _clicked_parts(mask, offset_xy, request.prompts)
    if kept is None or np.array_equal(kept, mask):
        return logits
    x, y = offset_xy
    height, width = mask.shape
    region = Crop((float(x), float(y), float(x + width), float(y + height)), (height, width))
    return LogitMap(_without(logits.sample(region), mask & ~kept, threshold), region.box_xyxy)


def _clicked_parts(mask: BoolMask, offset_xy: tuple[int, int], prompts: Prompts) -> BoolMask | None:
    """The 4-connected parts of `mask` that hold a positive click; None if none does."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    clicked = {
        label for label in (_at(labels, offset_xy, click) for click in prompts.clicks if click.positive) if label
    }
    return np.isin(labels, list(clicked)) if clicked else None


def _at(labels: np.ndarray, offset_xy: tuple[int, int], click: Click) -> int:
    """Number of the part under a click, 0 for none."""
    column, row = math.floor(click.x) - offset_xy[0], math.floor(click.y) - offset_xy[1]
    inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
    return int(labels[row, column]) if inside else 0


def _without(values: FloatMap, removed: BoolMask, threshold: float) -> FloatMap:
    lowered = np.minimum(values, np.float32(threshold) - np.maximum(REMOVED_MARGIN, values - np.float32(threshold)))
    return np.where(removed, lowered, values).astype(np.float32)


CONNECTED_TO_CLICKS = NamedStage(
    "Keep only the parts of the mask that hold a positive click.",
    lambda context: connected_to_clicks(context.threshold_logit),
)
