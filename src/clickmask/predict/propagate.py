"""From slice to slice of a volume: the mask of one slice is the initial mask of the next, until the object ends.

Neighbouring slices of a scan resemble each other, so a network that corrects masks needs no click on the next one: it
is shown the neighbour's mask as its previous answer, and one positive click at the mask's deepest place says what is
meant. Slice-wise tools carry masks along in this way (ScribblePrompt, Wong et al., ECCV 2024, among them). Three things
are ours, each measured on volumes with known objects (docs/volumes.md), because a network believes a previous mask
more than it should once the object is about to end:

- how much a pixel's value looks like the object rather than what is round it, on the first slice and on the one
  before, is added to the logits: in a scan, unlike in photographs, a value means the same on every slice;
- an object grows by at most a few pixels from slice to slice, and stays connected to the neighbour's mask;
- it ends where the mask vanishes, jumps, is too uncertain or no longer looks like the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError
from clickmask.core.frames import Crop, FloatMap, Frame, LogitMap
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import ObjectState, Request
from clickmask.predict.predictor import Pipeline, expected_iou

BORDER, LIMIT, VANISHED, SMALL, JUMP = "border", "limit", "vanished", "small", "jump"
UNSURE, UNLIKE = "unsure", "unlike"
REASONS = {
    BORDER: "the volume ends",
    LIMIT: "the last slice that was asked for is reached",
    VANISHED: "nothing is left of the object",
    SMALL: "the object has become too small",
    JUMP: "the mask differs too much from that of the slice before",
    UNSURE: "the model is not sure of the mask",
    UNLIKE: "what is there does not look like the object",
}
"""Why a propagation ended, for people."""

REACH = 4
"""Pixels by which an object may grow from one slice to the next."""
RING = 8
"""Pixels round an object that count as what is beside it."""
WEIGHT = 2.0
"""Of a pixel's looks against the network's logit."""
MOST_LOGIT, MOST_LOOKS = 6.0, 3.0
"""Neither says more than this, so that none is deaf to the other."""


@dataclass(frozen=True, slots=True)
class StopRules:
    """When the object has ended.

    Attributes:
        least_pixels: a mask of fewer pixels is no object any more.
        least_overlap: IoU of a mask with that of the slice before, at least.
        least_quality: expected IoU of a mask, at least (the model's own estimate).
        least_likeness: part of a mask's pixels that look like the object rather than what is round it, at least.
    """

    least_pixels: int = 8
    least_overlap: float = 0.35
    least_quality: float = 0.4
    least_likeness: float = 0.5


@dataclass(frozen=True, eq=False)
class Carried:
    """What became of a mask on the next slice.

    Attributes:
        index: of the slice.
        mask: on it.
        logits: the model's answer, without what is not connected to the neighbour.
        quality: expected IoU in [0, 1].
        overlap: IoU with the mask of the slice before.
        likeness: part of the mask that looks like the object did before.
    """

    index: int
    mask: RunLengthMask
    logits: LogitMap
    quality: float
    overlap: float
    likeness: float


@dataclass(frozen=True)
class Ended:
    """Why a propagation ended (a key of REASONS), and at which slice.

    That slice has a mask only if there was no reason to stop but the end of the way.
    """

    reason: str
    index: int

    @property
    def arrived(self) -> bool:
        """Whether it went all the way."""
        return self.reason in (BORDER, LIMIT)

    @property
    def sentence(self) -> str:
        """For people."""
        return f"ended at slice {self.index}: {REASONS[self.reason]}"


@dataclass(frozen=True, eq=False)
class Looks:
    """What an object looks like on the slice where a person has seen it, against what is round it there.

    Attributes:
        table: (256,) float32 log-likelihood ratio of each grey value, in +-MOST_LOOKS.
    """

    table: FloatMap

    @staticmethod
    def of(frame: Frame, mask: RunLengthMask) -> Looks:
        """The looks of the object that a mask shows; its surroundings are up to RING pixels wide."""
        window = _window(mask)
        x0, y0, x1, y1 = (int(v) for v in window.box_xyxy)
        inside = mask.crop((x0, y0, x1, y1))
        grey = frame.pixels[y0:y1, x0:x1, 0]
        away = _away(inside)
        ring = (away > 0) & (away <= RING)
        if not ring.any() or not inside.any():  # the object fills the slice
            return Looks(np.zeros(256, dtype=np.float32))
        ratio = np.log(_density(grey[inside])) - np.log(_density(grey[ring]))
        return Looks(np.clip(ratio, -MOST_LOOKS, MOST_LOOKS).astype(np.float32))

    def and_also(self, other: Looks) -> Looks:
        """What looks like the object by both."""
        return Looks(np.minimum(self.table, other.table))

    def __call__(self, grey: NDArray[np.uint8]) -> FloatMap:
        """(h, w) float32 of grey values, smoothed over neighbouring pixels: above 0 like the object."""
        return np.asarray(cv2.GaussianBlur(self.table[grey], (0, 0), 1.0), dtype=np.float32)


def carry(pipeline: Pipeline, frame: Frame, looks: Looks, neighbour: RunLengthMask, index: int) -> Carried:
    """The mask of an object on one slice, from its mask on the neighbouring one.

    Args:
        pipeline: the model.
        frame: the slice.
        looks: of the object, on the first slice and on the one before.
        neighbour: mask on the slice before, of the frame's size; must not be empty.
        index: of the slice, for the record.

    Raises:
        InputError: an empty mask, or one of another size.
    """
    if not neighbour or neighbour.size_hw != frame.size_hw:
        raise InputError(f"A mask of {neighbour.size_hw} with {neighbour.area} pixels cannot go to {frame.size_hw}.")
    prompts = Prompts((_deepest(neighbour),))
    result = pipeline.step(Request(frame, prompts, LogitMap.of_mask(neighbour)))
    window = _window(neighbour)
    x0, y0, x1, y1 = (int(v) for v in window.box_xyxy)
    was, alike = neighbour.crop((x0, y0, x1, y1)), looks(frame.pixels[y0:y1, x0:x1, 0])
    values = np.clip(result.logits.sample(window), -MOST_LOGIT, MOST_LOGIT) + np.float32(WEIGHT) * alike
    mask = _connected(values > pipeline.threshold_logit, was)
    held = np.where(mask, values, np.minimum(values, np.float32(pipeline.threshold_logit)))
    return Carried(
        index,
        RunLengthMask.encode(mask, (x0, y0), neighbour.size_hw),
        LogitMap(np.asarray(held, dtype=np.float32), window.box_xyxy),
        expected_iou(pipeline, frame, ObjectState(prompts, result.logits, result.memo)),
        int((mask & was).sum()) / int((mask | was).sum()),
        float((alike[mask] > 0).mean()) if mask.any() else 0.0,
    )


def _density(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(256,) smoothed shares of the grey values, none of them zero."""
    counts = np.bincount(values.ravel(), minlength=256).astype(np.float64)
    smooth = cv2.GaussianBlur(counts[None], (0, 0), 4.0, borderType=cv2.BORDER_REPLICATE)[0] + 1e-3
    return np.asarray(smooth / smooth.sum() + 1e-4)


def propagate(
    pipeline: Pipeline,
    frame_of: Callable[[int], Frame],
    mask: RunLengthMask,
    start: int,
    ahead: range,
    rules: StopRules | None = None,
    at_end: str = BORDER,
) -> Iterator[Carried | Ended]:
    """Carry a mask along slices, one at a time; the last thing that comes says why it ended.

    Args:
        pipeline: the model.
        frame_of: the picture of a slice.
        mask: on the slice `start`.
        start: where the mask is.
        ahead: the slices to go to, in order, next to one another; the last one of the volume or the last one wanted.
        rules: when the object has ended.
        at_end: the reason if it goes all the way, BORDER or LIMIT.
    """
    rules = rules or StopRules()
    if len(ahead) and abs(ahead[0] - start) != 1:
        raise InputError(f"Slices follow one another: after {start} comes {start - 1} or {start + 1}, not {ahead[0]}.")
    first = Looks.of(frame_of(start), mask)
    before = start
    for index in ahead:
        looks = first.and_also(Looks.of(frame_of(before), mask))
        carried = carry(pipeline, frame_of(index), looks, mask, index)
        reason = reason_to_stop(carried, rules)
        if reason is not None:
            yield Ended(reason, index)
            return
        yield carried
        mask, before = carried.mask, index
    yield Ended(at_end, ahead[-1] if len(ahead) else start)


def reason_to_stop(carried: Carried, rules: StopRules) -> str | None:
    """Why a mask is not taken, a key of REASONS; None if it is."""
    if not carried.mask:
        return VANISHED
    if carried.mask.area < rules.least_pixels:
        return SMALL
    if carried.overlap < rules.least_overlap:
        return JUMP
    if carried.likeness < rules.least_likeness:
        return UNLIKE
    return UNSURE if carried.quality < rules.least_quality else None


def _deepest(mask: RunLengthMask) -> Click:
    """A positive click at the pixel of a mask that is farthest from its outline."""
    x0, y0, _, _ = mask.box_xyxy
    inside = np.pad(mask.decode_crop().astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    row, column = divmod(int(depth.argmax()), depth.shape[1])
    return Click(x0 + column - 0.5, y0 + row - 0.5)


def _window(neighbour: RunLengthMask) -> Crop:
    """Whole-pixel box of a mask with room to grow and for its surroundings."""
    height, width = neighbour.size_hw
    x0, y0, x1, y1 = neighbour.box_xyxy
    room = RING + 1
    x0, y0, x1, y1 = max(x0 - room, 0), max(y0 - room, 0), min(x1 + room, width), min(y1 + room, height)
    return Crop((float(x0), float(y0), float(x1), float(y1)), (y1 - y0, x1 - x0))


def _away(mask: BoolMask) -> FloatMap:
    """Distance of each pixel from a mask, in pixels; 0 inside."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _connected(mask: BoolMask, was: BoolMask) -> BoolMask:
    """The parts of a mask, within reach of what was there, that touch it."""
    near = mask & (_away(was) <= REACH)
    _, labels = cv2.connectedComponents(near.astype(np.uint8), connectivity=8)
    return np.asarray(near & np.isin(labels, np.unique(labels[near & was])))
