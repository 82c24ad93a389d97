"""What the robots share: error maps, and distances to the edge of an error region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clickmask.core.masks import BoolMask, BoxXyxy, bounding_box
from clickmask.core.prompts import Click

LARGEST_FAST_DEPTH = 1000.0
"""Up to this distance in pixels, rounding recovers the exact square from OpenCV's single-precision root."""


@dataclass(frozen=True, eq=False)
class DepthMap:
    """How far each pixel of a region lies from the nearest pixel outside it, kept for its bounding box only.

    Attributes:
        values: (h, w) float64; 0 outside the region. Squared pixels from `squared_depths`, pixels from
            `chamfer_depths`.
        offset_rc: row and column of the box's first pixel in the image.
    """

    values: NDArray[np.float64]
    offset_rc: tuple[int, int]

    @property
    def deepest(self) -> float:
        """The greatest value, 0.0 for an empty region."""
        return float(self.values.max()) if self.values.size else 0.0

    def without(self, clicks: Sequence[Click]) -> DepthMap:
        """The same map with 0 at exactly the clicked pixels."""
        values = self.values.copy()
        for click in clicks:
            row, column = int(click.y) - self.offset_rc[0], int(click.x) - self.offset_rc[1]
            if 0 <= row < values.shape[0] and 0 <= column < values.shape[1]:
                values[row, column] = 0
        return DepthMap(values, self.offset_rc)

    def click_at(self, flat_index: int, positive: bool) -> Click:
        """Click on the centre of the pixel at a row-major index of `values`."""
        row, column = divmod(flat_index, self.values.shape[1])
        return click_on(row + self.offset_rc[0], column + self.offset_rc[1], positive)


def click_on(row: int, column: int, positive: bool) -> Click:
    """Click on the centre of a pixel."""
    return Click(column + 0.5, row + 0.5, positive)


def error_maps(truth: BoolMask, prediction: BoolMask, ignore: BoolMask | None) -> tuple[BoolMask, BoolMask]:
    """(missed, surplus): the (H, W) false negatives and false positives outside `ignore`."""
    missed, surplus = truth & ~prediction, prediction & ~truth
    if ignore is None:
        return missed, surplus
    return missed & ~ignore, surplus & ~ignore


def squared_depths(region: BoolMask) -> DepthMap:
    """Exact squared Euclidean distances inside an (H, W) region; everything beyond the image counts as outside.

    Only the region's bounding box and one pixel of outside round it are looked at. That changes no
    value: a straight way from a pixel to anything outside the box crosses that one-pixel ring, which
    lies outside the region too. Squares are whole numbers, so equal depths compare as equal; OpenCV's
    roots may differ in the last bit from place to place, which would decide ties by accident.
    """
    box = bounding_box(region)
    padded = _padded(region, box)
    roots = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float64)
    if roots.max() > LARGEST_FAST_DEPTH:
        roots = np.asarray(ndimage.distance_transform_edt(padded), dtype=np.float64)
    return DepthMap(np.rint(roots**2)[1:-1, 1:-1], (box[1], box[0]))


def chamfer_depths(region: BoolMask) -> DepthMap:
    """5x5 chamfer distances inside an (H, W) region, in pixels; otherwise as `squared_depths`."""
    box = bounding_box(region)
    distances = cv2.distanceTransform(_padded(region, box), cv2.DIST_L2, cv2.DIST_MASK_5)
    return DepthMap(np.asarray(distances[1:-1, 1:-1], dtype=np.float64), (box[1], box[0]))


def _padded(region: BoolMask, box: BoxXyxy) -> NDArray[np.uint8]:
    """The region's bounding box with one pixel of zeros on each side."""
    x0, y0, x1, y1 = box
    return np.pad(region[y0:y1, x0:x1].astype(np.uint8), 1)
