"""A classical peer: OpenCV's GrabCut (Rother 2004) driven by clicks, without any learning.

Clicked discs are certain. The first click makes a wide disc round it the probable object and all else probable
background; later clicks start from the mask before them, as the method's "further editing" does. The graph cut runs
on the image at 256 pixels of its longer side, so that a click takes a fraction of a second; the mask is interpolated
back.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Crop, Frame, LogitMap, whole
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Prompt, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.evaluate.run import Subject

SIDE = 256
DISC = 3
"""Radius of a clicked disc, pixels of the small image."""
FIRST_REACH, REACH = 0.2, 0.06
"""Radius of the probable object round the first and the later positive clicks, as a part of the longer side."""
ROUNDS = 3
LOGIT = np.float32(4.0)


def advance(frame: Frame, state: ObjectState, prompt: Prompt) -> ObjectState:
    """See `clickmask.evaluate.run.Subject`."""
    prompts = state.prompts.add(prompt)
    scale = min(SIDE / max(frame.size_hw), 1.0)
    size_hw = max(round(frame.size_hw[0] * scale), 1), max(round(frame.size_hw[1] * scale), 1)
    crop = Crop(whole(frame.size_hw), size_hw)
    before = None if state.logits is None else state.logits.values > 0
    labels = seeds(crop.prompts_to_crop(prompts), size_hw, before)
    if (labels == cv2.GC_FGD).any() and ((labels == cv2.GC_BGD) | (labels == cv2.GC_PR_BGD)).any():
        cv2.setRNGSeed(0)  # its colour models start from random centres
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(frame.crop(crop).pixels, labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    values = np.where(inside, LOGIT, -LOGIT).astype(np.float32)
    return ObjectState(prompts, LogitMap(values, whole(frame.size_hw)))


def seeds(prompts: Prompts, size_hw: tuple[int, int], before: BoolMask | None) -> NDArray[np.uint8]:
    """(h, w) GrabCut labels from clicks in small-image pixels and the (h, w) mask before the newest one."""
    labels = np.full(size_hw, cv2.GC_PR_BGD, dtype=np.uint8)
    if before is not None:
        labels[before] = cv2.GC_PR_FGD
    newest = prompts.clicks[-1]
    radius = round((FIRST_REACH if before is None else REACH) * max(size_hw))
    probable = cv2.GC_PR_FGD if newest.positive else cv2.GC_PR_BGD
    cv2.circle(labels, (int(newest.x), int(newest.y)), radius, probable, -1)
    for click in prompts.clicks:
        cv2.circle(labels, (int(click.x), int(click.y)), DISC, cv2.GC_FGD if click.positive else cv2.GC_BGD, -1)
    return labels


def build(threads: int | None = None) -> Subject:
    """The peer as a thing to measure."""
    if threads is not None:
        cv2.setNumThreads(threads)
    return Subject(
        "opencv_grabcut",
        advance,
        {"weights_bytes": 0, "opencv": cv2.__version__, "side": SIDE, "reach": [FIRST_REACH, REACH], "rounds": ROUNDS},
    )
