"""Window and level: which values of a deep image become black and which white.

The rules are those of DICOM PS3.3 C.11.2.1.2 (value of interest look-up). With the output scaled to 0..1, centre c and
width w:

    linear        0 up to c - 0.5 - (w - 1) / 2, 1 above c - 0.5 + (w - 1) / 2, else (x - (c - 0.5)) / (w - 1) + 0.5
    linear_exact  0 up to c - w / 2, 1 above c + w / 2, else (x - c) / w + 0.5
    sigmoid       1 / (1 + exp(-4 (x - c) / w))
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError

LINEAR, LINEAR_EXACT, SIGMOID = "linear", "linear_exact", "sigmoid"
FUNCTIONS = (LINEAR, LINEAR_EXACT, SIGMOID)

SAMPLES = 2_000_000
"""Percentiles are taken of about so many values, evenly spread: a large volume costs no more than a small one."""


@dataclass(frozen=True, slots=True)
class Window:
    """A range of values that is shown.

    Attributes:
        center: the value that becomes middle grey.
        width: how many values the range is wide; at least 1 for "linear", above 0 for the others.
        function: one of FUNCTIONS.
    """

    center: float
    width: float
    function: str = LINEAR

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise InputError(f"A window's function is one of {', '.join(FUNCTIONS)}; got '{self.function}'.")
        least = 1.0 if self.function == LINEAR else math.ulp(0.0)
        if not (math.isfinite(self.center) and math.isfinite(self.width) and self.width >= least):
            needed = "of at least 1" if self.function == LINEAR else "above 0"
            raise InputError(
                f"A window is a center and a width {needed}, both finite; got {self.center:g} and {self.width:g}."
            )

    @staticmethod
    def of_range(low: float, high: float) -> Window:
        """The window that shows `low` as black and `high` as white; one value wide if they are equal or swapped."""
        width = high - low
        if not width > 0:
            width = 1.0
        return Window((low + high) / 2 if high > low else low, width, LINEAR_EXACT)

    @property
    def range(self) -> tuple[float, float]:
        """Values that become black and white; of a sigmoid, where its tangent in the middle would."""
        if self.function == LINEAR:
            return self.center - 0.5 - (self.width - 1) / 2, self.center - 0.5 + (self.width - 1) / 2
        return self.center - self.width / 2, self.center + self.width / 2

    def fractions(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Brightness in [0, 1], float32, of an array of numbers; NaN is black."""
        numbers = np.asarray(values, dtype=np.float32)
        if self.function == SIGMOID:
            exponent = np.clip(-4 * (numbers - np.float32(self.center)) / np.float32(self.width), -80, 80)
            return np.asarray(np.nan_to_num(1 / (1 + np.exp(exponent)), nan=0.0), dtype=np.float32)
        low, high = self.range
        if high > low:
            out = np.clip((numbers - np.float32(low)) / np.float32(high - low), 0, 1)
        else:  # linear of width 1: a step
            out = (numbers > low).astype(np.float32)
        return np.asarray(np.nan_to_num(out, nan=0.0), dtype=np.float32)

    def apply(self, values: NDArray[Any], inverted: bool = False) -> NDArray[np.uint8]:
        """The picture of an array: uint8 of the same shape, 255 the brightest; `inverted` swaps black and white."""
        bright = self.fractions(values)
        return np.asarray(np.rint((1 - bright if inverted else bright) * 255), dtype=np.uint8)


def percentile_window(values: NDArray[Any], low: float = 0.5, high: float = 99.5) -> Window:
    """The window from one percentile of the finite values to another; of the whole range if those are equal.

    Args:
        values: numbers of any shape.
        low: percentile that becomes black.
        high: percentile that becomes white.
    """
    flat = values.ravel()
    sample = np.asarray(flat[:: max(1, flat.size // SAMPLES)], dtype=np.float64)
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return Window.of_range(0.0, 1.0)
    black, white = (float(v) for v in np.percentile(finite, (low, high)))
    if not white > black:
        black, white = float(finite.min()), float(finite.max())
    return Window.of_range(black, white)


PRESETS: Mapping[str, Window] = {
    "abdomen": Window(40, 400),
    "bone": Window(480, 2500),
    "brain": Window(40, 80),
    "liver": Window(70, 150),
    "lung": Window(-600, 1500),
    "mediastinum": Window(40, 350),
    "subdural": Window(75, 215),
}
"""Windows that are usual for CT, in Hounsfield units, by the name under which people ask for them."""

AUTO, FULL = "auto", "full"


def window_of(text: str, values: NDArray[Any], own: Window | None = None) -> Window:
    """The window that a person names.

    Args:
        text: "auto" (that of the file, else percentiles), "full" (least to greatest value), the name of a preset, or
            CENTER,WIDTH.
        values: the image, for what is computed from it.
        own: the window that the file gives.

    Raises:
        InputError: none of these.
    """
    name = text.strip().lower()
    if name == AUTO:
        return own or percentile_window(values)
    if name == FULL:
        return percentile_window(values, 0, 100)
    if name in PRESETS:
        return PRESETS[name]
    try:
        center, width = (float(part) for part in name.split(","))
    except ValueError:
        raise InputError(
            f"'{text}' is no window. Give CENTER,WIDTH such as 40,400, or one of {', '.join((AUTO, FULL, *PRESETS))}."
        ) from None
    return Window(center, width)
