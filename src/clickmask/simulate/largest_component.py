"""The robot of DIOS (Xu 2016) and ITIS (Mahadevan 2018): into the middle of the largest error region.

Of all connected regions of missed and of surplus pixels the one with most pixels is taken (missed ones
first where two are equal), the image's border is cut off it, and the click is drawn among its deepest
pixels. Our choices where the sources leave it open: 8-connected regions, missed and surplus pixels
never in one region, and a region that lies on the image's border altogether is kept as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.simulate.regions import error_maps, squared_depths


def largest_component(
    truth: BoolMask,
    prediction: BoolMask,
    ignore: BoolMask | None = None,
    clicks: Sequence[Click] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """A click drawn among the deepest pixels of the largest error region; see `clickmask.simulate.Robot`.

    Raises:
        ValueError: without `rng`.
    """
    if rng is None:
        raise ValueError("largest_component draws at random: give rng=numpy.random.default_rng(seed).")
    missed, surplus = (_largest(region) for region in error_maps(truth, prediction, ignore))
    positive = np.count_nonzero(missed) >= np.count_nonzero(surplus)
    region = missed if positive else surplus
    if not region.any():
        return None
    depths = squared_depths(_inner(region))
    return depths.click_at(int(rng.choice(np.flatnonzero(depths.values == depths.deepest))), bool(positive))


def _largest(region: BoolMask) -> BoolMask:
    """The 8-connected component of (H, W) `region` with most pixels; empty if the region is."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    if count == 1:
        return region
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray(labels == largest)


def _inner(region: BoolMask) -> BoolMask:
    """The region without the image's border pixels, or the region itself if nothing else is left."""
    inner = np.zeros_like(region)
    inner[1:-1, 1:-1] = region[1:-1, 1:-1]
    return inner if inner.any() else region
