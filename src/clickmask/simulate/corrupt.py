"""Masks of known badness: what a person is given to correct.

Each takes an object's true mask and spoils it until its IoU with the truth lies in `IOU_RANGE`, where the object's
pixels allow. `superpixels` is FocalClick's (Chen et al., CVPR 2022, DAVIS-585): superpixels are added and removed at
the boundary (65 %), inside (25 %) and outside (10 %). The others are the plain kinds of badness: grown, shrunken, and
with parts missing. All draw from the generator that they are given and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask, bounding_box, iou
from clickmask.core.registry import Registry
from clickmask.simulate.superpixels import superpixels as divide

IOU_RANGE = (0.75, 0.85)
"""IoU of a spoiled mask with the truth."""
SEGMENTS = (50, 700)
"""Fewest and most superpixels."""
COMPACTNESS = 10.0
PLACES = {"boundary": 0.65, "inside": 0.25, "outside": 0.10}
TRIES = 2000
"""Superpixels looked at before the mask is taken as it is."""
SURROUNDINGS = 0.5
"""Superpixels are made of the object's box and this part of its sides more all round."""


class Corruption(Protocol):
    """Signature of every kind of badness."""

    def __call__(self, truth: BoolMask, image: Image, rng: np.random.Generator) -> BoolMask:
        """A spoiled mask.

        Args:
            truth: (H, W), not empty.
            image: (H, W, 3) uint8 RGB.
            rng: all that is drawn comes from here.
        """
        ...


def dilation(truth: BoolMask, image: Image, rng: np.random.Generator) -> BoolMask:
    """The object grown evenly: the nearest pixels outside, as many as the drawn IoU allows."""
    outside = ~truth
    distance = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    area = int(truth.sum())
    wanted = round(area * (1 / rng.uniform(*IOU_RANGE) - 1))
    return truth | _first(np.asarray(distance, dtype=np.float32), outside, wanted)


def erosion(truth: BoolMask, image: Image, rng: np.random.Generator) -> BoolMask:
    """The object shrunken evenly: without its pixels nearest to the outline."""
    padded = np.pad(truth.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    wanted = round(int(truth.sum()) * (1 - rng.uniform(*IOU_RANGE)))
    return truth & ~_first(np.asarray(distance, dtype=np.float32), truth, wanted)


def dropped_parts(truth: BoolMask, image: Image, rng: np.random.Generator) -> BoolMask:
    """The object without one to three round parts."""
    missing, count = truth & False, int(rng.integers(1, 4))
    wanted = round(int(truth.sum()) * (1 - rng.uniform(*IOU_RANGE)))
    pixels = np.argwhere(truth)
    rows, columns = np.indices(truth.shape)
    for part in np.diff(np.linspace(0, wanted, count + 1).round().astype(int)):
        row, column = pixels[rng.integers(len(pixels))]
        distance = (rows - row) ** 2 + (columns - column) ** 2
        missing |= _first(distance.astype(np.float32), truth & ~missing, int(part))
    return truth & ~missing


def superpixels(truth: BoolMask, image: Image, rng: np.random.Generator) -> BoolMask:
    """Superpixels added and removed until the IoU is in range; see the module's text."""
    window = _window(truth)
    part = truth[window]
    pieces = _Pieces.of(divide(image[window], int(rng.integers(*SEGMENTS)), COMPACTNESS), part)
    mask, low, high = part.copy(), *IOU_RANGE
    for _ in range(TRIES):
        place = str(rng.choice(list(PLACES), p=list(PLACES.values())))
        numbers = pieces.numbers[place]
        if not len(numbers):
            continue
        region = pieces.labels == rng.choice(numbers)
        grows = place == "outside" or (place == "boundary" and rng.random() < 0.5)
        changed = mask | region if grows else mask & ~region
        if iou(changed, part) < low:
            continue
        mask = changed
        if iou(mask, part) <= high:
            break
    spoiled = truth.copy()
    spoiled[window] = mask
    return spoiled


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Superpixels by where they lie."""

    labels: NDArray[np.int32]
    numbers: dict[str, NDArray[np.int64]]

    @staticmethod
    def of(labels: NDArray[np.int32], truth: BoolMask) -> _Pieces:
        sizes = np.bincount(labels.ravel())
        inside = np.bincount(labels.ravel(), weights=truth.ravel(), minlength=len(sizes))
        numbers = {
            "boundary": np.flatnonzero((inside > 0) & (inside < sizes)),
            "inside": np.flatnonzero((inside == sizes) & (sizes > 0)),
            "outside": np.flatnonzero((inside == 0) & (sizes > 0)),
        }
        return _Pieces(labels, numbers)


def _first(order: NDArray[np.float32], among: BoolMask, count: int) -> BoolMask:
    """(H, W) bool: `count` of the pixels `among` of lowest `order`, in row-major order among equals."""
    places = np.flatnonzero(among)
    chosen = places[np.argsort(order.ravel()[places], kind="stable")[: max(count, 0)]]
    mask = np.zeros(among.size, dtype=bool)
    mask[chosen] = True
    return mask.reshape(among.shape)


def _window(truth: BoolMask) -> tuple[slice, slice]:
    x0, y0, x1, y1 = bounding_box(truth)
    dx, dy = round((x1 - x0) * SURROUNDINGS) + 1, round((y1 - y0) * SURROUNDINGS) + 1
    return slice(max(y0 - dy, 0), y1 + dy), slice(max(x0 - dx, 0), x1 + dx)


CORRUPTIONS: Registry[Corruption] = Registry(
    "corruption",
    {
        "superpixels": "clickmask.simulate.corrupt:superpixels",
        "dilation": "clickmask.simulate.corrupt:dilation",
        "erosion": "clickmask.simulate.corrupt:erosion",
        "dropped_parts": "clickmask.simulate.corrupt:dropped_parts",
    },
)
"""Kinds of badness by name."""
