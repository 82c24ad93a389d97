"""Robot users: given the truth and a prediction, where would an annotator click next?

A robot is a plain function over arrays. It gets the object's true mask, the present prediction, the
ignore region, the clicks made so far and a random generator, and returns one `Click` in image pixels
(continuous, corner origin), or None when no erroneous pixel is left that it could click.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.core.registry import Registry


class Robot(Protocol):
    """Signature of every robot user."""

    def __call__(
        self,
        truth: BoolMask,
        prediction: BoolMask,
        ignore: BoolMask | None = None,
        clicks: Sequence[Click] = (),
        rng: np.random.Generator | None = None,
    ) -> Click | None:
        """The next click.

        Args:
            truth: (H, W) the object; what `ignore` covers does not count.
            prediction: (H, W) the present mask, all false before the first click.
            ignore: (H, W) pixels that are neither right nor wrong; None for none.
            clicks: those made already.
            rng: needed by robots that draw at random, not read by the others.
        """
        ...


ROBOTS: Registry[Robot] = Registry(
    "robot",
    {
        "ritm_center": "clickmask.simulate.ritm_center:ritm_center",
        "random_error": "clickmask.simulate.random_error:random_error",
        "largest_component": "clickmask.simulate.largest_component:largest_component",
    },
)

__all__ = ["ROBOTS", "Robot"]
