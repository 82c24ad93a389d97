"""Exposure: pictures that use little of the range of values are stretched before the network sees them.

Ours. Networks learn from well exposed photographs; scans, micrographs and night pictures may lie in a tenth of the
range. Values between two percentiles of the whole picture become the full range, the same for all channels, so that
colours keep their hue. Only crops are changed, so the work does not grow with the image; the image itself stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clickmask.core.frames import Frame, Image
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage


@dataclass(frozen=True, slots=True)
class Exposure:
    """Settings.

    Attributes:
        percentiles: of all values, which become black and white.
        most_range: pictures whose percentiles are at least so many values apart stay as they are.
        least_range: the percentiles are taken to be so far apart at least: noise is not blown up to a picture.
        samples: pixels that are looked at, about.
    """

    percentiles: tuple[float, float] = (0.5, 99.5)
    most_range: float = 64.0
    least_range: float = 8.0
    samples: int = 40_000


def exposure(settings: Exposure) -> Stage:
    """The stage."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            tone = stretching(settings, request.frame)
            return inner(request if tone is None else replace(request, frame=replace(request.frame, tone=tone)))

        return step

    return stage


def stretching(settings: Exposure, frame: Frame) -> Image | None:
    """(256,) uint8 what each value of the frame becomes; None where it is well exposed."""
    smallest = frame.levels[-1][:, :]
    step = max(int((smallest.shape[0] * smallest.shape[1] / settings.samples) ** 0.5), 1)
    counts = np.bincount(smallest[::step, ::step].ravel(), minlength=256).cumsum()
    low, high = np.searchsorted(counts, np.array(settings.percentiles) / 100 * counts[-1]).tolist()
    if high - low >= settings.most_range:
        return None
    stretched = (np.arange(256) - low) * (255 / max(high - low, settings.least_range))
    return np.asarray(np.clip(np.round(stretched), 0, 255), dtype=np.uint8)


EXPOSURE = NamedStage(
    "Stretch pictures that use little of the range of values before the network sees them.",
    lambda _: exposure(Exposure()),
)
