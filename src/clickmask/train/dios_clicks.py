"""Random clicks as DIOS draws them: positives well inside the object, negatives by one of three strategies.

Source: DIOS (Xu et al., CVPR 2016), with the constants of ITIS's authors' re-implementation (Mahadevan et al., 2018):
margin 5, band 40, at most 5 positives, 10 negatives in the band, 5 on each other object, 10 along the outline.
Departures: other objects that touch count as one; the spacing is the paper's 10 pixels (ITIS keeps 20 on each side);
the outline is covered by the paper's own rule, the farthest point of the band each time.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click

MARGIN = 5
"""Pixels between clicks and the object's boundary, on both sides."""
SPACING = 10
"""Pixels between clicks."""
BAND = 40
"""Width of the band round the object in which negative clicks lie."""
POSITIVES = 5
IN_BAND = 10
ON_OTHERS = 5
ALONG_OUTLINE = 10


def dios_clicks(target: BoolMask, ignore: BoolMask, others: BoolMask, rng: np.random.Generator) -> tuple[Click, ...]:
    """1 to 5 positive clicks, and negative ones by a strategy drawn at random.

    Args:
        target: (h, w) bool, at least one pixel.
        ignore: pixels that no click may hit.
        others: pixels of other annotated objects; each connected part counts as one object.
        rng: for everything random.
    """
    inner = _away_from(~target, MARGIN) & target
    clicks = spaced(inner if inner.any() else target, int(rng.integers(1, POSITIVES + 1)), True, rng)
    strategy = STRATEGIES[int(rng.integers(len(STRATEGIES)))]
    return clicks + strategy(target, ignore, others, rng)


def in_band(target: BoolMask, ignore: BoolMask, others: BoolMask, rng: np.random.Generator) -> tuple[Click, ...]:
    """Strategy 1: up to 10 random clicks in the band round the object."""
    return spaced(band(target, ignore), int(rng.integers(IN_BAND + 1)), False, rng)


def on_others(target: BoolMask, ignore: BoolMask, others: BoolMask, rng: np.random.Generator) -> tuple[Click, ...]:
    """Strategy 2: up to 5 random clicks on each other object."""
    count, labels = cv2.connectedComponents((others & ~target & ~ignore).astype(np.uint8))
    clicks: tuple[Click, ...] = ()
    wanted = int(rng.integers(ON_OTHERS + 1))
    for label in range(1, count):
        part = np.asarray(labels == label)
        inner = _away_from(~part, MARGIN) & part
        clicks += spaced(inner if inner.any() else part, wanted, False, rng)
    return clicks


def along_outline(target: BoolMask, ignore: BoolMask, others: BoolMask, rng: np.random.Generator) -> tuple[Click, ...]:
    """Strategy 3: 10 clicks that cover the outline: a random one in the band, then the farthest point each time."""
    region = band(target, ignore)
    free = region.copy()
    clicks = spaced(region, 1, False, rng)
    while clicks and len(clicks) < ALONG_OUTLINE:
        newest = clicks[-1]
        free[int(newest.y), int(newest.x)] = False
        # distance to the nearest click or to the end of the band
        distance = np.asarray(distance_transform_edt(np.pad(free, 1)))[1:-1, 1:-1]
        if distance.max() == 0:
            break
        clicks += (_click(int(distance.argmax()), region.shape[1], False),)
    return clicks


STRATEGIES: tuple[Callable[[BoolMask, BoolMask, BoolMask, np.random.Generator], tuple[Click, ...]], ...] = (
    in_band,
    on_others,
    along_outline,
)
"""Where negative clicks come from; one is drawn for each sample."""


def band(target: BoolMask, ignore: BoolMask) -> BoolMask:
    """(h, w) bool background between 5 and 40 pixels from the object."""
    distance = np.asarray(distance_transform_edt(~target))
    return (distance > MARGIN) & (distance < BAND) & ~ignore


def spaced(region: BoolMask, count: int, positive: bool, rng: np.random.Generator) -> tuple[Click, ...]:
    """Up to `count` random clicks in a region, at least 10 pixels apart; fewer where no place is left."""
    free = region.copy()
    clicks: tuple[Click, ...] = ()
    rows, columns = (np.arange(n) for n in region.shape)
    for _ in range(count):
        pixels = np.flatnonzero(free)
        if not pixels.size:
            break
        pixel = int(rng.choice(pixels))
        clicks += (_click(pixel, region.shape[1], positive),)
        row, column = divmod(pixel, region.shape[1])
        free &= (rows[:, None] - row) ** 2 + (columns[None, :] - column) ** 2 >= SPACING**2
    return clicks


def _away_from(mask: BoolMask, margin: int) -> BoolMask:
    """Pixels farther than `margin` from every pixel of `mask`."""
    if not mask.any():
        return np.ones_like(mask)
    distance: NDArray[np.float64] = np.asarray(distance_transform_edt(~mask))
    return distance > margin


def _click(pixel: int, width: int, positive: bool) -> Click:
    return Click(pixel % width + 0.5, pixel // width + 0.5, positive)
