"""The robot that training uses (RITM, Sofiiuk 2021): a random pixel well inside the thickest error.

Distances are the 5x5 chamfer ones. The click is drawn uniformly among the pixels deeper than half of
the overall maximum, so that a network meets more than the one pixel that `ritm_center` would choose.
Pixels clicked before may be drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.simulate.regions import chamfer_depths, error_maps


def random_error(
    truth: BoolMask,
    prediction: BoolMask,
    ignore: BoolMask | None = None,
    clicks: Sequence[Click] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """A click drawn from the thickest error; see `clickmask.simulate.Robot`.

    Raises:
        ValueError: without `rng`.
    """
    if rng is None:
        raise ValueError("random_error draws at random: give rng=numpy.random.default_rng(seed).")
    missed, surplus = (chamfer_depths(region) for region in error_maps(truth, prediction, ignore))
    positive = missed.deepest > surplus.deepest
    depths = missed if positive else surplus
    if depths.deepest == 0:
        return None
    inner = np.flatnonzero(depths.values > depths.deepest / 2)
    return depths.click_at(int(rng.choice(inner)), positive)
