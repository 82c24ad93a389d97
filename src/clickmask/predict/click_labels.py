"""The pixels that clicks speak for, as a map of labels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from clickmask.core.prompts import Prompts

UNLABELLED = np.int8(-1)
WINDOW = 1.5
"""Radius whose disc is the 3 x 3 window round a pixel."""


def click_labels(prompts: Prompts, size_hw: tuple[int, int], radius: float) -> NDArray[np.int8]:
    """(h, w) int8: 1 near positive clicks, 0 near negative ones, -1 elsewhere; see `hold_clicks`."""
    labels = np.full(size_hw, UNLABELLED)
    hold_clicks(labels, prompts, radius)
    return labels


def hold_clicks(labels: NDArray[np.int8], prompts: Prompts, radius: float) -> None:
    """Give the discs round the clicks their labels, in place.

    Args:
        labels: (h, w) int8.
        prompts: in pixels of the map; clicks outside it are allowed.
        radius: of the discs round the clicked pixels. Where they meet the newest click wins, except at the clicked
            pixels themselves.
    """
    height, width = labels.shape
    places = [(math.floor(click.y), math.floor(click.x), int(click.positive)) for click in prompts.clicks]
    reach = math.ceil(radius)
    for row, column, label in places:
        top, left = max(row - reach, 0), max(column - reach, 0)
        part = labels[top : max(row + reach + 1, 0), left : max(column + reach + 1, 0)]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        part[(rows - row) ** 2 + (columns - column) ** 2 <= radius * radius] = label
    for row, column, label in places:
        if 0 <= row < height and 0 <= column < width:
            labels[row, column] = label
