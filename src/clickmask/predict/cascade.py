"""Cascade: feed the answer back as the previous mask and ask again, until it settles.

Source: cascade-forward refinement of CFR-ICL (Sun et al., AAAI 2024): up to four further passes with the same
clicks, ended early when at most 20 pixels of the mask change, by default for the first click alone. Pixels are those
of the network's grid, as there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clickmask.core.frames import LogitMap
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage


@dataclass(frozen=True, slots=True)
class Cascade:
    """Settings.

    Attributes:
        passes: further passes at most (4 published).
        settled_pixels: stop when a pass changes at most so many pixels of the mask (20 published).
        clicks: only while the object has at most so many clicks (1 published); None for all.
    """

    passes: int = 4
    settled_pixels: int = 20
    clicks: int | None = 1


def cascade(settings: Cascade, threshold_logit: float = 0.0) -> Stage:
    """The stage; `threshold_logit` is the one that turns the pipeline's logits into a mask."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            if settings.clicks is not None and len(request.prompts.clicks) > settings.clicks:
                return result
            for _ in range(settings.passes):
                again = inner(replace(request, previous=result.logits, memo=result.memo))
                changed = changed_pixels(result.logits, again.logits, threshold_logit)
                result = again
                if changed <= settings.settled_pixels:
                    break
            return result

        return step

    return stage


def changed_pixels(before: LogitMap, after: LogitMap, threshold: float) -> int:
    """Pixels of `after`'s grid that are on another side of the threshold than in `before`."""
    if before.box_xyxy != after.box_xyxy or before.values.shape != after.values.shape:
        return int(after.values.size)
    return int(np.count_nonzero((before.values > threshold) != (after.values > threshold)))


CASCADE = NamedStage(
    "Feed the first click's answer back and ask again until it settles, at most four times.",
    lambda context: cascade(Cascade(), context.threshold_logit),
    place="network",
    needs=frozenset({"previous_mask"}),
)
