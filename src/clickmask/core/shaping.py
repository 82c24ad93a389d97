"""Operations on masks: what a person can ask of a shape as a whole. All take and give (h, w) bool of one size.

The edge of the array is the edge of the image: a shape that touches it is not eaten from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.lines import PointXy, stroke_mask
from clickmask.core.masks import BoolMask, RunLengthMask

CUT_RADIUS = 0.75
"""Of the line that cuts a shape: wide enough that no diagonal neighbour bridges it."""


def reshaped(mask: RunLengthMask, margin: float, rule: Callable[[BoolMask], BoolMask]) -> RunLengthMask:
    """A mask after an operation that reaches at most `margin` pixels beyond it."""
    if not mask:
        return mask
    (x0, y0, x1, y1), (height, width) = mask.box_xyxy, mask.size_hw
    by = int(np.ceil(margin)) + 1
    box = max(x0 - by, 0), max(y0 - by, 0), min(x1 + by, width), min(y1 + by, height)
    return RunLengthMask.encode(rule(mask.crop(box)), box[:2], mask.size_hw)


def fill_holes(mask: BoolMask) -> BoolMask:
    """With every hole filled: background that is not 4-connected to the outside."""
    return mask | _holes(mask, mask.size)


def keep_largest(mask: BoolMask) -> BoolMask:
    """The largest 8-connected part alone."""
    labels, areas = _labelled(mask)
    return mask if areas.size < 2 else np.asarray(labels == int(areas.argmax()) + 1)


def remove_specks(mask: BoolMask, largest: float) -> BoolMask:
    """Without parts and holes of at most `largest` pixels."""
    labels, areas = _labelled(mask)
    kept = np.concatenate(([False], areas > largest))
    return np.asarray(kept[labels]) | (_holes(mask, largest) & fill_holes(np.asarray(kept[labels])))


def smooth(mask: BoolMask, radius: float) -> BoolMask:
    """With edges rounded over `radius` pixels: a pixel goes with the majority round it."""
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(radius, 0.1) / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred > 0.5)


def grow(mask: BoolMask, by: float) -> BoolMask:
    """With every pixel within `by` pixels of it."""
    if not mask.any():
        return mask
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= by)


def shrink(mask: BoolMask, by: float) -> BoolMask:
    """Without every pixel that has background within `by` pixels."""
    if mask.all():
        return mask
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > by)


def parts(mask: BoolMask) -> list[BoolMask]:
    """The 8-connected parts, largest first."""
    labels, areas = _labelled(mask)
    return [np.asarray(labels == i + 1) for i in np.argsort(-areas, kind="stable").tolist()]


def cut(mask: BoolMask, line_xy: Sequence[PointXy]) -> list[BoolMask]:
    """The pieces into which a line cuts a mask, largest first; one if it does not.

    Parts that the line leaves whole stay with the largest piece. The pixels under the line go to the nearest piece.
    """
    pieces: list[BoolMask] = []
    whole = np.zeros_like(mask)
    for part in parts(mask):
        fallen = _pieces_of(part, line_xy)
        if len(fallen) > 1:
            pieces += fallen
        else:
            whole |= part
    pieces.sort(key=lambda piece: -int(np.count_nonzero(piece)))
    return [pieces[0] | whole, *pieces[1:]] if pieces else [mask]


def _pieces_of(part: BoolMask, line_xy: Sequence[PointXy]) -> list[BoolMask]:
    height, width = part.shape
    line = stroke_mask(line_xy, CUT_RADIUS, (0, 0, width, height))
    labels, areas = _labelled(part & ~line)
    if areas.size < 2:
        return [part]
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
    owner[nearest[labels > 0]] = labels[labels > 0]
    filled = np.where(part, owner[nearest], 0)
    return [np.asarray(filled == i + 1) for i in range(areas.size)]


def like_colour(image: NDArray[np.uint8], row: int, column: int, tolerance: float) -> BoolMask:
    """Pixels of an (h, w, 3) image that are 4-connected to one through colours within `tolerance` of its own."""
    height, width = image.shape[:2]
    filled = np.zeros((height + 2, width + 2), dtype=np.uint8)
    flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    smoothed = cv2.GaussianBlur(image, (3, 3), 0)
    cv2.floodFill(smoothed, filled, (column, row), 0, (tolerance,) * 3, (tolerance,) * 3, flags)
    return np.asarray(filled[1:-1, 1:-1] > 0)


def _labelled(mask: BoolMask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels from 1 on of the 8-connected parts, and their areas."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels, dtype=np.int32), np.asarray(stats[1:, cv2.CC_STAT_AREA], dtype=np.int32)


def _holes(mask: BoolMask, largest: float) -> BoolMask:
    """Holes of at most `largest` pixels."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= largest
    small[[0, labels[0, 0]]] = False
    return np.asarray(small[labels[1:-1, 1:-1]])
