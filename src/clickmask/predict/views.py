"""Several answers to one question: the same click seen in the whole image and in closer and closer crops.

A click on a button may mean the button, the shirt or the person. SAM (Kirillov et al., 2023) answers with three
masks from three output tokens; a network with one output answers with three masks when it is asked in three fields
of view, since it takes what fills the view to be the object. Ours; it costs one pass a view and no training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import BoxFloat, whole
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Request, Result, Step
from clickmask.predict.quality import cut_share
from clickmask.predict.zoom_in import predict_in

CloserViews = Callable[[Request], tuple[Result, ...]]
"""A request -> its answers in closer views; none where there is no closer view."""


@dataclass(frozen=True, slots=True)
class Views:
    """Which views there are.

    Attributes:
        shares: sides of the closer views relative to the frame's.
        least: shortest side in source pixels.
        most_cut: an answer that fills more of its view's inner sides than this is a piece of something and left out.
    """

    shares: tuple[float, ...] = (0.5, 0.25)
    least: float = 64.0
    most_cut: float = 0.2


def closer_views(settings: Views, inner: Step, input_hw: tuple[int, int]) -> CloserViews:
    """Answers of `inner` in closer views round the newest positive click.

    Args:
        settings: which views.
        inner: the step that zoom-in wraps.
        input_hw: size of the network's input.
    """

    def ask(request: Request) -> tuple[Result, ...]:
        size_hw = request.frame.size_hw
        boxes = view_boxes(settings, request.prompts, size_hw)
        results = (predict_in(inner, request, box, input_hw) for box in boxes)
        return tuple(
            r for r in results if cut_share(r.logits.values > 0, r.logits.box_xyxy, size_hw) <= settings.most_cut
        )

    return ask


def view_boxes(settings: Views, prompts: Prompts, size_hw: tuple[int, int]) -> list[BoxFloat]:
    """Crops in whole pixels inside the frame, each smaller than the one before, that hold every click.

    No crop where there is a box or an initial mask (it says which size is meant) or no positive click.
    """
    points = prompts.points_xy(positive=True)
    if not len(points) or prompts.box is not None or prompts.initial_mask is not None:
        return []
    x, y = points[-1]
    clicks = np.concatenate([points, prompts.points_xy(positive=False)])
    boxes, last = [], whole(size_hw)
    for share in settings.shares:
        left, right = _interval(float(x), max(size_hw[1] * share, settings.least), size_hw[1])
        top, bottom = _interval(float(y), max(size_hw[0] * share, settings.least), size_hw[0])
        box = (left, top, right, bottom)
        holds = ((clicks >= (left, top)) & (clicks < (right, bottom))).all()
        if not holds or box == last:
            break
        boxes.append(box)
        last = box
    return boxes


def _interval(centre: float, length: float, limit: int) -> tuple[float, float]:
    """An interval of about `length` round `centre`, moved and cut into [0, limit]."""
    low = min(max(math.floor(centre - length / 2), 0), max(math.floor(limit - length), 0))
    return float(low), float(min(math.ceil(low + length), limit))
