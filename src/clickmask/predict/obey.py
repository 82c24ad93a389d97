"""Obey clicks: a click that the network leaves on the wrong side of the mask holds at its own pixel all the same.

Ours. Networks learn to follow clicks and sometimes do not: on thin or tiny things, on pictures unlike those they
learned from, and where clicks contradict each other. The cells of the answer's own grid that decide about a clicked
pixel are then set to the click's side, oldest click first, so that the newest one always holds and an older one
unless a newer one lies within its cells. The work does not grow with the image.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import LogitMap
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage

MARGIN = 1.0
"""How far beyond the threshold the logits of a disobeyed click's cells are taken, at least."""


def obey_clicks(threshold_logit: float = 0.0) -> Stage:
    """The stage; `threshold_logit` is the one that turns the pipeline's logits into a mask."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            return Result(obeyed(result.logits, request.prompts, threshold_logit), result.memo)

        return step

    return stage


def obeyed(logits: LogitMap, prompts: Prompts, threshold: float = 0.0) -> LogitMap:
    """The logits with the newest click on its side of `threshold` at its pixel, and the older ones where they can be.

    A click outside the grid's box stays as it is: there everything is background.
    """
    values = logits.values
    for click in prompts.clicks:
        part = _cells(logits, click)
        if part is None:
            continue
        rows, columns, weights = part
        if (float((values[rows, columns] * weights).sum()) > threshold) == click.positive:
            continue
        values = values.copy() if values is logits.values else values
        near = values[rows, columns]
        wanted = np.maximum(near, threshold + MARGIN) if click.positive else np.minimum(near, threshold - MARGIN)
        values[rows, columns] = np.where(weights > 0, wanted, near)
    return logits if values is logits.values else LogitMap(values, logits.box_xyxy)


def _cells(logits: LogitMap, click: Click) -> tuple[slice, slice, NDArray[np.float64]] | None:
    """The one to four cells that a clicked pixel's logit is interpolated from, and their weights; None outside."""
    x0, y0, x1, y1 = logits.box_xyxy
    x, y = math.floor(click.x) + 0.5, math.floor(click.y) + 0.5
    if not (x0 <= x < x1 and y0 <= y < y1):
        return None
    height, width = logits.values.shape
    rows, down = _between((y - y0) / (y1 - y0) * height - 0.5, height)
    columns, across = _between((x - x0) / (x1 - x0) * width - 0.5, width)
    return rows, columns, np.outer(down, across)


def _between(position: float, count: int) -> tuple[slice, NDArray[np.float64]]:
    """Slice and weights of linear interpolation between samples at 0, 1 ... count - 1, the ends repeated."""
    held = min(max(position, 0.0), count - 1.0)
    low = math.floor(held)
    share = held - low
    return (slice(low, low + 2), np.array([1 - share, share])) if share > 0 else (slice(low, low + 1), np.ones(1))


OBEY_CLICKS = NamedStage(
    "A click that the network ignores holds at its own pixel all the same.",
    lambda context: obey_clicks(context.threshold_logit),
)
