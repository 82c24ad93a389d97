"""Connected to my clicks: keep only the parts of the mask that hold a positive click.

Source: the structural integrity strategy of FCA-Net (Lin et al., CVPR 2020): of the mask's 4-connected parts those
are kept that hold a positive click which is itself inside the mask. Departures: if no positive click lies inside the
mask the answer stays as it is (theirs would be empty); an object that begins with an initial mask passes
unchanged, because there progressive merge holds every click to its own place already; parts are those of the
network's own grid, so the work does not grow with the image. `drop_islands` is the milder form: it takes away what is
small beside the clicked parts and keeps the other half of an object that something hides in part.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from clickmask.core.frames import BoxFloat, FloatMap, LogitMap
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage

REMOVED_MARGIN = np.float32(1.0)
"""How far below the threshold the logits of removed parts are taken, at least."""


def connected_to_clicks(threshold_logit: float = 0.0, islands: float = math.inf) -> Stage:
    """The stage.

    Args:
        threshold_logit: turns the pipeline's logits into a mask.
        islands: parts without a click stay if they have at least this share of the clicked parts' area.
    """

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            if request.prompts.initial_mask is not None:
                return result
            return Result(keep_clicked(result.logits, request.prompts, threshold_logit, islands), result.memo)

        return step

    return stage


def keep_clicked(logits: LogitMap, prompts: Prompts, threshold: float = 0.0, islands: float = math.inf) -> LogitMap:
    """The logits with parts of the mask pushed below `threshold` that no positive click holds, see the stage."""
    mask = logits.values > threshold
    count, labels, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    clicked = {_at(labels, logits.box_xyxy, click) for click in prompts.clicks if click.positive} - {0}
    if not clicked or count == len(clicked) + 1:
        return logits
    areas = figures[:, cv2.CC_STAT_AREA]
    kept = areas >= islands * areas[list(clicked)].sum()
    kept[list(clicked)] = True
    removed = mask & ~kept[labels]
    return LogitMap(_without(logits.values, removed, threshold), logits.box_xyxy) if removed.any() else logits


def _at(labels: np.ndarray, box_xyxy: BoxFloat, click: Click) -> int:
    """Number of the part under the centre of a clicked pixel, 0 for none."""
    x0, y0, x1, y1 = box_xyxy
    height, width = labels.shape
    x, y = math.floor(click.x) + 0.5, math.floor(click.y) + 0.5  # where the mask is sampled
    column, row = math.floor((x - x0) / (x1 - x0) * width), math.floor((y - y0) / (y1 - y0) * height)
    inside = 0 <= row < height and 0 <= column < width
    return int(labels[row, column]) if inside else 0


def _without(values: FloatMap, removed: BoolMask, threshold: float) -> FloatMap:
    lowered = np.minimum(values, np.float32(threshold) - np.maximum(REMOVED_MARGIN, values - np.float32(threshold)))
    return np.where(removed, lowered, values).astype(np.float32)


CONNECTED_TO_CLICKS = NamedStage(
    "Keep only the parts of the mask that hold a positive click.",
    lambda context: connected_to_clicks(context.threshold_logit),
)

ISLAND_SHARE = 0.1
"""`drop_islands` keeps parts without a click from this share of the clicked parts' area on."""
DROP_ISLANDS = NamedStage(
    "Drop parts of the mask without a click that are small beside those with one.",
    lambda context: connected_to_clicks(context.threshold_logit, ISLAND_SHARE),
)
