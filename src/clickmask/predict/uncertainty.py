"""The uncertainty of an object's mask, from the logits that the model's answer was cut from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from clickmask.core.frames import Crop, LogitMap
from clickmask.core.masks import RunLengthMask, joint_box
from clickmask.core.prompts import Click
from clickmask.core.uncertainty import UNSURE, Place, uncertainty

_LEAST_LOGIT = math.log(UNSURE / (1 - UNSURE))
"""Outside the mask, pixels above this logit are unsure."""


@dataclass(frozen=True)
class MaskUncertainty:
    """As `clickmask.core.uncertainty.Uncertainty`, for a mask in an image."""

    unsure: RunLengthMask
    places: tuple[Place, ...]


def mask_uncertainty(logits: LogitMap, mask: RunLengthMask, clicks: Iterable[Click] = ()) -> MaskUncertainty:
    """What is doubtful about a mask, looked at in the window that holds it and everything the model is not sure of.

    Args:
        logits: the model's answer to the newest prompt, in the image's pixels.
        mask: what is shown; it may differ from the answer where other objects or the rules of editing say so.
        clicks: that are there; no place is proposed where one of them has told already.
    """
    part, (left, top) = logits.mask_crop(mask.size_hw, _LEAST_LOGIT)
    box = joint_box(
        mask.box_xyxy, (left, top, left + part.shape[1], top + part.shape[0]) if part.size else (0, 0, 0, 0)
    )
    x0, y0, x1, y1 = box
    if x1 <= x0 or y1 <= y0:
        return MaskUncertainty(RunLengthMask.empty(mask.size_hw), ())
    values = logits.sample(Crop((float(x0), float(y0), float(x1), float(y1)), (y1 - y0, x1 - x0)))
    probability = (1 / (1 + np.exp(-np.clip(values, -30, 30)))).astype(np.float32)
    clicked = [(math.floor(c.y) - y0, math.floor(c.x) - x0) for c in clicks]
    found = uncertainty(probability, mask.crop(box), clicked, (x0, y0))
    unsure = RunLengthMask.encode(found.unsure, (x0, y0), mask.size_hw)
    return MaskUncertainty(unsure, found.places)
