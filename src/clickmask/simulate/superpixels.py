"""Superpixels: regions of similar colour and about equal size.

Source: SLIC (Achanta et al., PAMI 2012): k-means over colour (CIELAB) and place, started on a grid, each centre
looking at its own surroundings only. Departures: regions are not made connected afterwards, and a large image is
divided at `LONGEST_SIDE` pixels, which is the resolution that the corruption of masks is defined at (480p).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Image

LONGEST_SIDE = 480
ROUNDS = 5


def superpixels(image: Image, count: int, compactness: float) -> NDArray[np.int32]:
    """(H, W) int32 numbers of regions, from 0; some may be empty.

    Args:
        image: (H, W, 3) uint8 RGB.
        count: about how many.
        compactness: weight of place against colour; 10 is usual.
    """
    height, width = image.shape[:2]
    scale = min(LONGEST_SIDE / max(height, width), 1.0)
    if scale == 1.0:
        return _divide(image, count, compactness)
    small = (max(round(width * scale), 1), max(round(height * scale), 1))
    labels = _divide(np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA)), count, compactness)
    return np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.int32)


def _divide(image: Image, count: int, compactness: float) -> NDArray[np.int32]:
    height, width = image.shape[:2]
    step = max(math.sqrt(height * width / max(count, 1)), 1.0)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rows, columns = np.indices((height, width), dtype=np.float32)
    weight = compactness / step
    features = np.dstack([lab, rows * weight, columns * weight])  # (h, w, 5)
    places = [
        (min(round(i), height - 1), min(round(j), width - 1))
        for i in np.arange(step / 2, height, step)
        for j in np.arange(step / 2, width, step)
    ] or [(height // 2, width // 2)]
    centres = np.array([features[place] for place in places], dtype=np.float32)
    labels = np.zeros((height, width), dtype=np.int32)
    for _ in range(ROUNDS):
        labels = _assign(features, centres, math.ceil(step), weight)
        sizes = np.bincount(labels.ravel(), minlength=len(centres))
        for k in range(5):
            sums = np.bincount(labels.ravel(), weights=features[..., k].ravel(), minlength=len(centres))
            centres[:, k] = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres[:, k])
    return labels


def _assign(
    features: NDArray[np.float32], centres: NDArray[np.float32], reach: int, weight: float
) -> NDArray[np.int32]:
    """The nearest centre of each pixel, among those whose surroundings of 2 x `reach` pixels hold it."""
    height, width = features.shape[:2]
    best = np.full((height, width), np.inf, dtype=np.float32)
    labels = np.zeros((height, width), dtype=np.int32)
    for number, centre in enumerate(centres):
        row, column = round(float(centre[3]) / weight), round(float(centre[4]) / weight)
        window = slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)
        squared = ((features[window] - centre) ** 2).sum(axis=-1)
        nearer = squared < best[window]
        best[window][nearer] = squared[nearer]
        labels[window][nearer] = number
    return labels
