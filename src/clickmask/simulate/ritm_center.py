"""The deterministic robot of the published protocol (Xu 2016 in spirit; RITM, Sofiiuk 2021, to the bit).

The next click goes to the deepest pixel of the thickest error: distances are exact and Euclidean, the
image's frame counts as an edge, pixels clicked before count as 0, of equally deep pixels the first in
row-major order is taken, and where missed and surplus regions are equally deep the click is negative.
One departure: when no unclicked error is left, the published code clicks pixel (0, 0); this one stops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.simulate.regions import error_maps, squared_depths


def ritm_center(
    truth: BoolMask,
    prediction: BoolMask,
    ignore: BoolMask | None = None,
    clicks: Sequence[Click] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """The next click of the published protocol; see `clickmask.simulate.Robot`. Draws nothing at random."""
    missed, surplus = (squared_depths(region).without(clicks) for region in error_maps(truth, prediction, ignore))
    positive = missed.deepest > surplus.deepest
    depths = missed if positive else surplus
    if depths.deepest == 0:
        return None
    return depths.click_at(int(depths.values.argmax()), positive)
