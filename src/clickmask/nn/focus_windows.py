"""What FocalClick's refiner learns from (Chen et al., CVPR 2022): windows of a sample, and where its boundary is.

Windows hold the whole object, a little moved and larger, or a small part of its outline. They are drawn from the
sample's own content, so that a run which was interrupted goes on to the bit.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clickmask.core.masks import BoolMask, bounding_box

OUTLINE_CHANCE = 0.4
SMALL_PART = 3600 / 256**2
"""Objects that cover less of the sample are always shown whole."""
GROWTH = (1.1, 1.6)
SHIFT = 0.3
LEAST_PART = 32 / 256
"""Shortest side of a window round an object, as a part of the sample's."""
OUTLINE_PARTS = (1 / 1.5, 1 / 4)
COARSE_CELL = 8


def draw_windows(labels: Tensor) -> Tensor:
    """(B, 1, H, W) labels of 0, 1 and -1 -> (B, 4) windows, x0, y0, x1, y1 as parts of width and height."""
    masks = (labels[:, 0] == 1).cpu().numpy()
    windows = [draw_window(mask, np.random.default_rng(zlib.crc32(mask.tobytes()))) for mask in masks]
    return torch.tensor(np.array(windows), dtype=torch.float32, device=labels.device)


def draw_window(mask: BoolMask, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """One window of an (H, W) mask; all of it if the mask is empty."""
    area = np.count_nonzero(mask)
    if not area:
        return 0.0, 0.0, 1.0, 1.0
    if area >= SMALL_PART * mask.size and rng.random() < OUTLINE_CHANCE:
        return _on_outline(mask, rng)
    return _round_object(mask, rng)


def boundary_labels(labels: Tensor) -> Tensor:
    """(B, 1, H, W) labels -> where a mask eight times as coarse is wrong, and two pixels round that."""
    mask = (labels == 1).float()
    size = [max(int(n) // COARSE_CELL, 1) for n in labels.shape[2:]]
    small = (F.interpolate(mask, size=size, mode="bilinear", align_corners=False) > 0.5).float()
    back = F.interpolate(small, size=[int(n) for n in labels.shape[2:]], mode="bilinear", align_corners=False) > 0.5
    wrong = (back != (mask > 0.5)).float()
    return F.max_pool2d(wrong, 5, stride=1, padding=2)


def _round_object(mask: BoolMask, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A window round the largest part of the object."""
    x0, y0, x1, y1 = bounding_box(_largest_part(mask))
    growth = rng.uniform(*GROWTH)
    left, right = _moved(x0 / mask.shape[1], x1 / mask.shape[1], growth, rng)
    top, bottom = _moved(y0 / mask.shape[0], y1 / mask.shape[0], growth, rng)
    return left, top, right, bottom


def _moved(low: float, high: float, growth: float, rng: np.random.Generator) -> tuple[float, float]:
    """An interval grown and moved by up to SHIFT of its length, cut to [0, 1], and never shorter than LEAST_PART."""
    length = max((high - low) * growth, LEAST_PART)
    middle = (low + high) / 2 + rng.uniform(-SHIFT, SHIFT) * length
    start = min(max(middle - length / 2, 0.0), 1 - LEAST_PART)
    return start, max(min(middle + length / 2, 1.0), start + LEAST_PART)


def _on_outline(mask: BoolMask, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A window of 1/1.5 to 1/4 of each side with a pixel of the outline near its middle."""
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~mask
    places: NDArray[np.intp] = np.argwhere(ring if ring.any() else mask)
    row, column = places[rng.integers(len(places))]
    low, high = min(OUTLINE_PARTS), max(OUTLINE_PARTS)
    width, height = 1 / rng.uniform(1 / high, 1 / low), 1 / rng.uniform(1 / high, 1 / low)
    left = float(np.clip((column + 0.5) / mask.shape[1] - width / 2, 0, 1 - width))
    top = float(np.clip((row + 0.5) / mask.shape[0] - height / 2, 0, 1 - height))
    return left, top, left + width, top + height


def _largest_part(mask: BoolMask) -> BoolMask:
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA])))
