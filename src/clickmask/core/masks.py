"""Masks as values: lossless run lengths cropped to the mask's bounding box, and mask measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BoolMask = NDArray[np.bool_]
BoxXyxy = tuple[int, int, int, int]

EMPTY_BOX: BoxXyxy = (0, 0, 0, 0)


@dataclass(frozen=True)
class RunLengthMask:
    """An (H, W) mask without loss, cheap to keep, compare and send.

    Attributes:
        size_hw: size of the whole mask.
        box_xyxy: half-open crop that holds every true pixel; tight, or (0, 0, 0, 0) if there is none.
        runs: lengths of alternating runs inside the crop, row by row, beginning with zeros
            (the first may therefore be 0). They sum to the crop's area.
    """

    size_hw: tuple[int, int]
    box_xyxy: BoxXyxy
    runs: tuple[int, ...]

    def __post_init__(self) -> None:
        height, width = self.size_hw
        x0, y0, x1, y1 = self.box_xyxy
        if not (0 <= x0 <= x1 <= width and 0 <= y0 <= y1 <= height):
            raise ValueError(f"Crop {self.box_xyxy} does not fit a mask of {width} x {height} pixels.")
        if min(self.runs, default=0) < 0 or sum(self.runs) != (x1 - x0) * (y1 - y0):
            raise ValueError(
                f"Runs sum to {sum(self.runs)}, the crop {self.box_xyxy} has {(x1 - x0) * (y1 - y0)} pixels."
            )

    @staticmethod
    def empty(size_hw: tuple[int, int]) -> RunLengthMask:
        """A mask without a true pixel."""
        return RunLengthMask(size_hw, EMPTY_BOX, ())

    @staticmethod
    def encode(
        mask: BoolMask, offset_xy: tuple[int, int] = (0, 0), size_hw: tuple[int, int] | None = None
    ) -> RunLengthMask:
        """Run lengths of `mask`, an (h, w) bool array that may be a crop of the whole.

        Args:
            mask: (h, w) bool.
            offset_xy: where the array's corner lies in the whole mask.
            size_hw: size of the whole mask; that of `mask` if None.
        """
        size = mask.shape if size_hw is None else size_hw
        box = bounding_box(mask)
        if box == EMPTY_BOX:
            return RunLengthMask.empty((int(size[0]), int(size[1])))
        x0, y0, x1, y1 = box
        runs = run_lengths(mask[y0:y1, x0:x1].ravel())
        dx, dy = offset_xy
        return RunLengthMask((int(size[0]), int(size[1])), (x0 + dx, y0 + dy, x1 + dx, y1 + dy), tuple(runs.tolist()))

    @staticmethod
    def of_columns(columns: NDArray[np.integer], width: int) -> RunLengthMask:
        """A mask one row high, such as those of a point cloud.

        Args:
            columns: ascending numbers of the true pixels, none twice.
            width: pixels in all.
        """
        if not len(columns):
            return RunLengthMask.empty((1, width))
        ends = np.flatnonzero(np.diff(columns) != 1)
        first = columns[np.concatenate(([0], ends + 1))]
        last = columns[np.append(ends, len(columns) - 1)]
        runs = np.empty(2 * len(first), dtype=np.int64)
        runs[0], runs[2::2] = 0, first[1:] - last[:-1] - 1
        runs[1::2] = last - first + 1
        return RunLengthMask((1, width), (int(first[0]), 0, int(last[-1]) + 1, 1), tuple(runs.tolist()))

    def columns(self) -> NDArray[np.int64]:
        """Inverse of `of_columns`, for a mask one row high."""
        return np.flatnonzero(self.decode_crop().ravel()) + self.box_xyxy[0]

    def decode(self) -> BoolMask:
        """(H, W) bool array."""
        mask = np.zeros(self.size_hw, dtype=bool)
        x0, y0, x1, y1 = self.box_xyxy
        mask[y0:y1, x0:x1] = self.decode_crop()
        return mask

    def decode_crop(self) -> BoolMask:
        """(h, w) bool array of the crop alone."""
        x0, y0, x1, y1 = self.box_xyxy
        values = np.arange(len(self.runs)) % 2 == 1
        return np.repeat(values, np.asarray(self.runs, dtype=np.int64)).reshape(y1 - y0, x1 - x0)

    def crop(self, box_xyxy: BoxXyxy) -> BoolMask:
        """(h, w) bool: the mask's pixels in a half-open box of the image."""
        x0, y0, x1, y1 = box_xyxy
        part = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        left, top, right, bottom = self.box_xyxy
        left, top, right, bottom = max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)
        if left < right and top < bottom:
            own = self.decode_crop()[top - self.box_xyxy[1] : bottom - self.box_xyxy[1], :]
            own = own[:, left - self.box_xyxy[0] : right - self.box_xyxy[0]]
            part[top - y0 : bottom - y0, left - x0 : right - x0] = own
        return part

    @cached_property
    def area(self) -> int:
        """Number of true pixels."""
        return sum(self.runs[1::2])

    def __bool__(self) -> bool:
        return self.area > 0

    def __contains__(self, point_xy: tuple[float, float]) -> bool:
        x, y = int(np.floor(point_xy[0])), int(np.floor(point_xy[1]))
        x0, y0, x1, y1 = self.box_xyxy
        if not (x0 <= x < x1 and y0 <= y < y1):
            return False
        position = (y - y0) * (x1 - x0) + (x - x0)
        return bool(np.searchsorted(np.cumsum(self.runs), position, side="right") % 2)


def combined(
    first: RunLengthMask, second: RunLengthMask, rule: Callable[[BoolMask, BoolMask], BoolMask]
) -> RunLengthMask:
    """A mask made pixel by pixel of two of one size, e.g. with ``np.logical_or``; false and false must give false."""
    box = joint_box(first.box_xyxy, second.box_xyxy)
    return RunLengthMask.encode(rule(first.crop(box), second.crop(box)), box[:2], first.size_hw)


def joint_box(first: BoxXyxy, second: BoxXyxy) -> BoxXyxy:
    """The smallest box that holds both."""
    if EMPTY_BOX in (first, second):
        return second if first == EMPTY_BOX else first
    low, high = np.minimum(first, second)[:2].tolist(), np.maximum(first, second)[2:].tolist()
    return low[0], low[1], high[0], high[1]


def boxes_overlap(first: BoxXyxy, second: BoxXyxy) -> bool:
    """Whether two half-open boxes share a pixel."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def bounding_box(mask: BoolMask) -> BoxXyxy:
    """Tight half-open (x0, y0, x1, y1) of the true pixels; (0, 0, 0, 0) if there is none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return EMPTY_BOX
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[y0:y1].any(axis=0))
    return int(columns[0]), y0, int(columns[-1]) + 1, y1


def run_lengths(flat: BoolMask) -> NDArray[np.int64]:
    """Lengths of alternating runs of a flat bool array, the first counting zeros (maybe none)."""
    if flat.size == 0:
        return np.zeros(0, dtype=np.int64)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs = np.diff(edges)
    return np.concatenate(([0], runs)) if flat[0] else runs


def iou(first: BoolMask, second: BoolMask, ignore: BoolMask | None = None) -> float:
    """Intersection over union of two (H, W) masks outside `ignore`; 1.0 if both are empty there."""
    valid = slice(None) if ignore is None else ~ignore
    first, second = first[valid], second[valid]
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 1.0
