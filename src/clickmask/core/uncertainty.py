"""Where a mask is most probably wrong, from the probabilities it was cut from, and where a click would tell most.

A pixel's *expected error* is the probability that its label is wrong: 1 - p inside the mask, p outside. A click settles
the even region round it, so a place is worth the expected error in the largest disc of unsure pixels round it: a thin
seam along an outline is worth little even if it is long, a doubtful part of the object is worth all of its pixels.
Robot users click in the same way, at the deepest point of the error, but they know the truth (Xu et al., CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.masks import BoolMask

UNSURE = 0.2
"""Expected error from which a pixel counts as unsure."""
LEAST_REACH = 2.0
"""Radius in pixels below which a place is only the softness of an outline."""
LEAST_PIXELS = 6.0
"""Expected error in pixels below which a click is not worth the trouble."""
MOST_PLACES = 8
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a click would tell most.

    Attributes:
        x, y: centre of a pixel, in the grid's pixels, the place's own `offset` added.
        pixels: expected number of wrong pixels round it.
        inside: whether the mask holds it now.
    """

    x: float
    y: float
    pixels: float
    inside: bool


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What a mask leaves open.

    Attributes:
        unsure: (h, w) bool, pixels whose expected error is UNSURE or more.
        places: best first, none within the reach of another, at most MOST_PLACES.
    """

    unsure: BoolMask
    places: tuple[Place, ...]


def uncertainty(
    probability: FloatMap, mask: BoolMask, clicked: Iterable[tuple[int, int]] = (), offset_xy: tuple[int, int] = (0, 0)
) -> Uncertainty:
    """What is doubtful about a mask.

    Args:
        probability: (h, w) float in [0, 1] that a pixel belongs to the object.
        mask: (h, w) bool, as it is shown.
        clicked: (row, column) of clicks that are there: what they have told need not be asked again.
        offset_xy: added to the places.
    """
    error = np.where(mask, 1 - probability, probability).astype(np.float32)
    unsure = np.asarray(error >= UNSURE)
    return Uncertainty(unsure, _places(error, unsure, mask, list(clicked), offset_xy))


def _places(
    error: FloatMap, unsure: BoolMask, mask: BoolMask, clicked: list[tuple[int, int]], offset_xy: tuple[int, int]
) -> tuple[Place, ...]:
    """The deepest points of the unsure regions, by what a click there would tell."""
    found = [(_worth(error, row, column, reach), row, column, reach) for row, column, reach in _deepest(unsure)]
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    kept: list[tuple[int, int, float]] = [(row, column, 0.0) for row, column in clicked]
    places: list[Place] = []
    for pixels, row, column, reach in found:
        if len(places) == MOST_PLACES or pixels < LEAST_PIXELS:
            break
        if any(np.hypot(row - i, column - j) < reach + other for i, j, other in kept):
            continue
        kept.append((row, column, reach))
        x, y = column + 0.5 + offset_xy[0], row + 0.5 + offset_xy[1]
        places.append(Place(x, y, pixels, bool(mask[row, column])))
    return tuple(places)


def _deepest(unsure: BoolMask) -> list[tuple[int, int, float]]:
    """(row, column, distance to what is sure) of the local maxima of that distance, deepest first."""
    padded = np.pad(unsure, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    peaks = (depth >= LEAST_REACH) & (depth >= cv2.dilate(depth, np.ones((3, 3), dtype=np.uint8)))
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-depth[rows, columns], kind="stable")[:_LOOKED_AT]
    return [(int(rows[i]), int(columns[i]), float(depth[rows[i], columns[i]])) for i in order]


def _worth(error: FloatMap, row: int, column: int, reach: float) -> float:
    """Expected error in a disc, in pixels."""
    r = int(reach)
    top, left = max(row - r, 0), max(column - r, 0)
    part = error[top : row + r + 1, left : column + r + 1]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    near = (rows + top - row) ** 2 + (columns + left - column) ** 2 <= reach**2
    return float(part[near].sum(dtype=np.float64))
