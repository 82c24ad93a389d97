"""How good a mask probably is: its expected IoU, from the network's own logits and a calibration of few numbers.

The uncalibrated figure treats pixels as independent, which makes it too sure of itself: where a network is wrong
it is wrong about whole regions. A logistic model over five features, fitted on held-out photographs, corrects that
(`benchmarks/calibrate.py`). The idea of a predicted IoU beside each mask is that of SAM (Kirillov et al., 2023), which
learns it as a head of the network; this one costs nothing to run and works with any network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import FloatMap, LogitMap
from clickmask.core.prompts import Prompts

FEATURES = ("expected", "unsure", "cells", "clicks", "cut")
"""See `features`."""
LIMIT = 6.0
"""Logits of a predicted IoU stay within this, which is 0.0025 to 0.9975."""


@dataclass(frozen=True, slots=True)
class Quality:
    """A calibration: the logit of the expected IoU is `bias` plus the weighted features.

    Attributes:
        bias: constant.
        expected, unsure, cells, clicks, cut: weights of the features of the same name.
    """

    bias: float = 0.0
    expected: float = 1.0
    unsure: float = 0.0
    cells: float = 0.0
    clicks: float = 0.0
    cut: float = 0.0

    def expected_iou(
        self, logits: LogitMap, prompts: Prompts, size_hw: tuple[int, int], threshold_logit: float = 0.0
    ) -> float:
        """In [0, 1]: what the IoU of the thresholded mask with the meant object probably is; 0 for an empty mask."""
        if not (logits.values > threshold_logit).any():
            return 0.0
        weights = np.array([getattr(self, name) for name in FEATURES])
        value = self.bias + float(features(logits, prompts, size_hw, threshold_logit) @ weights)
        return 1 / (1 + math.exp(-min(max(value, -LIMIT), LIMIT)))


def features(
    logits: LogitMap, prompts: Prompts, size_hw: tuple[int, int], threshold_logit: float = 0.0
) -> NDArray[np.float64]:
    """(5,) of an answer with a mask that is not empty, in the order of FEATURES.

    Args:
        logits: the answer, on the grid that the network gave it.
        prompts: that it answers.
        size_hw: of the image.
        threshold_logit: that makes the mask.

    Returns:
        expected: logit of the IoU that independent pixels would have.
        unsure: pixels with a probability from 0.1 to 0.9, as a share of the mask's.
        cells: natural logarithm of the mask's number of grid cells.
        clicks: natural logarithm of one plus the number of clicks.
        cut: share of the grid's cells along inner sides (where the image goes on) that the mask fills.
    """
    mask = logits.values > threshold_logit
    area = int(np.count_nonzero(mask))
    unsure = np.count_nonzero(np.abs(logits.values) < math.log(9)) / area
    expected = min(max(independent_iou(logits.values, threshold_logit), 0.003), 0.997)
    return np.array(
        [
            math.log(expected / (1 - expected)),
            min(unsure, 4.0),
            math.log(area),
            math.log1p(len(prompts.clicks)),
            cut_share(mask, logits.box_xyxy, size_hw),
        ]
    )


def independent_iou(logits: FloatMap, threshold_logit: float = 0.0) -> float:
    """Expected intersection over expected union of the thresholded mask, pixels taken as independent; in [0, 1]."""
    probability = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    mask = logits > threshold_logit
    inside = float(probability[mask].sum())
    union = float(np.count_nonzero(mask)) + float(probability[~mask].sum())
    return inside / union if union else 0.0


def cut_share(mask: NDArray[np.bool_], box_xyxy: tuple[float, float, float, float], size_hw: tuple[int, int]) -> float:
    """Share of the cells along a grid's inner sides, where the image goes on, that a mask fills; 0 without any."""
    x0, y0, x1, y1 = box_xyxy
    inner = [
        side
        for side, inside in (
            (mask[:, 0], x0 > 0),
            (mask[0], y0 > 0),
            (mask[:, -1], x1 < size_hw[1]),
            (mask[-1], y1 < size_hw[0]),
        )
        if inside
    ]
    return float(np.concatenate(inner).mean()) if inner else 0.0
