"""Images, crops and logits with their place in the source image, and the exact way back.

All boxes are half-open (x0, y0, x1, y1) in continuous coordinates with the origin at the corner
of pixel (0, 0): a crop subtracts, a resize multiplies, a flip reflects, without half-pixel terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.growing import grow_mask
from clickmask.core.masks import BoolMask, BoxXyxy, RunLengthMask, bounding_box
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts

FloatMap = NDArray[np.float32]
Image = NDArray[np.uint8]
BoxFloat = tuple[float, float, float, float]

OUTSIDE_LOGIT = -20.0
"""Logit of every pixel that a LogitMap does not cover: background, with certainty."""

GROWN_FROM = 4
"""Pixels a cell from which masks are grown by stripes; below that interpolating all is as quick."""


class PixelSource(Protocol):
    """(H, W, 3) uint8 RGB pixels that are read where they are looked at: an array, or a file too large for one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        ...

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices without steps, cut to the image as NumPy does."""
        ...


@dataclass(frozen=True, eq=False)
class Frame:
    """An image that can be cropped at any scale at a cost that does not depend on its size.

    Attributes:
        levels: (H, W, 3) uint8 RGB, each half as large as the one before (rounded up); the first is the image.
        tone: (256,) uint8, what each value becomes in crops; None leaves values as they are.
    """

    levels: tuple[PixelSource, ...]
    tone: Image | None = None

    @staticmethod
    def of(image: Image, smallest: int = 512) -> Frame:
        """Frame of an (H, W, 3) uint8 image, halved until its shorter side is under 2 x `smallest`."""
        levels = [image]
        while min(levels[-1].shape[:2]) >= 2 * smallest:
            levels.append(halved(levels[-1]))
        return Frame(tuple(levels))

    @property
    def pixels(self) -> Image:
        """The image itself, (H, W, 3) uint8; all of it, so `look` is for those who need a part."""
        first = self.levels[0]
        return first if isinstance(first, np.ndarray) else first[:, :]

    @property
    def in_memory(self) -> bool:
        """Whether the pixels lie in memory, not in a file."""
        return isinstance(self.levels[0], np.ndarray)

    @property
    def nbytes(self) -> int:
        """Bytes that it holds in memory; what lies in files counts nothing."""
        return sum(level.nbytes for level in self.levels if isinstance(level, np.ndarray))

    def look(self, box_xyxy: BoxXyxy) -> PixelSource:
        """The pixels of a whole-pixel box inside the image, read when they are looked at."""
        return window(self.levels[0], box_xyxy)

    def part(self, box_xyxy: BoxXyxy) -> Frame:
        """The frame of a whole-pixel box inside the image, without copying.

        It has the levels on whose pixels the box begins; give it a corner that is a multiple of a high power of two.
        """
        x0, y0, x1, y1 = box_xyxy
        levels = [window(self.levels[0], box_xyxy)]
        for n, level in enumerate(self.levels[1:], start=1):
            side = 1 << n
            if x0 % side or y0 % side:
                break
            levels.append(window(level, (x0 >> n, y0 >> n, -(-x1 // side), -(-y1 // side))))
        return Frame(tuple(levels), self.tone)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(height, width) of the image."""
        height, width = self.levels[0].shape[:2]
        return height, width

    def crop(self, crop: Crop) -> Frame:
        """The part under `crop`, resampled to its size; outside the image its edge is repeated."""
        level = self._level_for(crop)
        factors = (level.shape[1] / self.size_hw[1], level.shape[0] / self.size_hw[0])
        part = _sample(level, _scaled(crop.box_xyxy, factors), crop.size_hw, crop.scale_xy[0] / factors[0])
        return Frame((part if self.tone is None else np.asarray(cv2.LUT(part, self.tone), dtype=np.uint8),))

    def flip(self) -> Frame:
        """Mirrored left to right; reads all of it."""
        return Frame(tuple(np.ascontiguousarray(level[:, :][:, ::-1]) for level in self.levels), self.tone)

    def _level_for(self, crop: Crop) -> PixelSource:
        """The smallest level that still has at least the crop's resolution."""
        scale = max(crop.scale_xy)
        wanted = int(math.log2(1 / scale)) if scale < 1 else 0
        return self.levels[min(wanted, len(self.levels) - 1)]


@dataclass(frozen=True, eq=False)
class _Window:
    """A box of a source that is no array."""

    source: PixelSource
    box_xyxy: BoxXyxy

    @property
    def shape(self) -> tuple[int, ...]:
        x0, y0, x1, y1 = self.box_xyxy
        return y1 - y0, x1 - x0, 3

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        (top, bottom), (left, right) = bounds(rows_columns, self.shape)
        x0, y0 = self.box_xyxy[:2]
        return self.source[y0 + top : y0 + bottom, x0 + left : x0 + right]


def bounds(rows_columns: tuple[slice, slice], shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last-but-one row and column that two slices without steps mean in an array of a shape."""
    (top, bottom, _), (left, right, _) = (s.indices(n) for s, n in zip(rows_columns, shape, strict=False))
    return (top, max(top, bottom)), (left, max(left, right))


def window(source: PixelSource, box_xyxy: BoxXyxy) -> PixelSource:
    """A whole-pixel box of a source: a view of an array, else read when it is looked at."""
    x0, y0, x1, y1 = box_xyxy
    return source[y0:y1, x0:x1] if isinstance(source, np.ndarray) else _Window(source, box_xyxy)


def halved(image: Image) -> Image:
    """Half as large, rounded up: means of two by two; an odd last row or column counts twice."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    odd_row, odd_column = image[2 * height :], image[:, 2 * width :]
    if not odd_row.size and not odd_column.size:
        return _resize(image, (height, width), cv2.INTER_AREA)
    half = np.empty((height + len(odd_row), width + odd_column.shape[1], 3), dtype=np.uint8)
    if height and width:  # sizes of exactly two to one are several times as quick
        half[:height, :width] = _resize(image[: 2 * height, : 2 * width], (height, width), cv2.INTER_AREA)
    half[:height, width:] = _means(odd_column[0 : 2 * height : 2], odd_column[1 : 2 * height : 2])
    half[height:, :width] = _means(odd_row[:, 0 : 2 * width : 2], odd_row[:, 1 : 2 * width : 2])
    half[height:, width:] = image[2 * height :, 2 * width :]
    return half


def _means(first: Image, second: Image) -> Image:
    """Of pairs of values, halves rounded up as OpenCV does."""
    return np.asarray((first.astype(np.uint16) + second + 1) >> 1, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Crop:
    """A box of a source frame, seen at a size of its own.

    Attributes:
        box_xyxy: half-open box in source pixels; may reach over the image's edge.
        size_hw: size of the crop frame.
    """

    box_xyxy: BoxFloat
    size_hw: tuple[int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Crop pixels per source pixel along x and y."""
        x0, y0, x1, y1 = self.box_xyxy
        return self.size_hw[1] / (x1 - x0), self.size_hw[0] / (y1 - y0)

    def to_crop_xy(self, points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) source pixels -> crop pixels."""
        return np.asarray((points_xy - np.array(self.box_xyxy[:2])) * np.array(self.scale_xy))

    def to_source_xy(self, points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) crop pixels -> source pixels; inverse of `to_crop_xy`."""
        return np.asarray(points_xy / np.array(self.scale_xy) + np.array(self.box_xyxy[:2]))

    def prompts_to_crop(self, prompts: Prompts) -> Prompts:
        """Clicks and boxes in crop pixels, also those outside; initial masks travel as previous logits."""
        return Prompts(tuple(self._prompt_to_crop(p) for p in prompts.plain if not isinstance(p, MaskPrompt)))

    def logits_to_source(self, logits: LogitMap) -> LogitMap:
        """The same values, placed in the source frame."""
        corners = self.to_source_xy(np.array(logits.box_xyxy, dtype=np.float64).reshape(2, 2)).ravel()
        return replace(logits, box_xyxy=_rounded_if_whole(corners))

    def _prompt_to_crop(self, prompt: Prompt) -> Prompt:
        if isinstance(prompt, Click):
            ((x, y),) = self.to_crop_xy(np.array([[prompt.x, prompt.y]]))
            return replace(prompt, x=float(x), y=float(y))
        if isinstance(prompt, Box):
            x0, y0, x1, y1 = self.to_crop_xy(np.array(prompt.xyxy).reshape(2, 2)).ravel().tolist()
            return Box(x0, y0, x1, y1)
        raise TypeError(f"An initial mask travels as previous logits, not as a prompt of a crop: {prompt!r}")


@dataclass(frozen=True, eq=False)
class LogitMap:
    """Logits on a grid that covers a box of a frame; OUTSIDE_LOGIT everywhere else.

    Attributes:
        values: (h, w) float32, un-thresholded; value (i, j) belongs to the centre of its grid cell.
        box_xyxy: the box that the grid covers, in the frame's pixels.
    """

    values: FloatMap
    box_xyxy: BoxFloat

    @staticmethod
    def of_mask(mask: RunLengthMask, logit: float = 8.0) -> LogitMap:
        """+-`logit` at the mask's own resolution, so that `mask()` gives back exactly the same pixels."""
        if not mask:
            return LogitMap(np.full((1, 1), OUTSIDE_LOGIT, dtype=np.float32), (0.0, 0.0, 1.0, 1.0))
        values = np.where(mask.decode_crop(), np.float32(logit), np.float32(-logit))
        x0, y0, x1, y1 = mask.box_xyxy
        return LogitMap(values, (float(x0), float(y0), float(x1), float(y1)))

    def sample(self, crop: Crop) -> FloatMap:
        """(h, w) float32 logits on the grid of `crop`, bilinear; OUTSIDE_LOGIT outside the box."""
        return _sample_logits(self, crop)

    def flip(self, width: int) -> LogitMap:
        """Mirrored left to right in a frame that is `width` pixels wide."""
        x0, y0, x1, y1 = self.box_xyxy
        return LogitMap(np.ascontiguousarray(self.values[:, ::-1]), (width - x1, y0, width - x0, y1))

    def mask_crop(self, size_hw: tuple[int, int], threshold: float = 0.0) -> tuple[BoolMask, tuple[int, int]]:
        """The smallest region of the frame that holds every pixel above `threshold`, and its corner.

        Returns:
            mask: (h, w) bool; (0, 0) if no pixel is above.
            offset_xy: where its corner lies in the frame.
        """
        x0, y0, x1, y1 = self.positive_box(size_hw, threshold)
        if x1 <= x0 or y1 <= y0:
            return np.zeros((0, 0), dtype=bool), (0, 0)
        part = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        self._write_mask(part, (x0, y0), threshold)
        return part, (x0, y0)

    def mask_in(self, box_xyxy: BoxXyxy, size_hw: tuple[int, int], threshold: float = 0.0) -> BoolMask:
        """(h, w) bool: which pixels of a whole-pixel box of the frame are above `threshold`."""
        x0, y0, x1, y1 = box_xyxy
        out = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        own = self.positive_box(size_hw, threshold)
        left, top, right, bottom = max(own[0], x0), max(own[1], y0), min(own[2], x1), min(own[3], y1)
        if left < right and top < bottom:
            self._write_mask(out[top - y0 : bottom - y0, left - x0 : right - x0], (left, top), threshold)
        return out

    def mask(self, size_hw: tuple[int, int], threshold: float = 0.0) -> BoolMask:
        """(H, W) bool: the pixels whose logit is above `threshold`."""
        full = np.zeros(size_hw, dtype=bool)
        x0, y0, x1, y1 = self.positive_box(size_hw, threshold)
        if x0 < x1 and y0 < y1:
            self._write_mask(full[y0:y1, x0:x1], (x0, y0), threshold)
        return full

    def _write_mask(self, out: BoolMask, corner_xy: tuple[int, int], threshold: float) -> None:
        """Fill an array of source pixels, the first of them at `corner_xy`: is the logit above `threshold`?"""
        (x, y), (height, width) = corner_xy, out.shape
        region = Crop((float(x), float(y), float(x + width), float(y + height)), (height, width))
        left, top, right, bottom = self.box_xyxy
        size_hw = int(bottom - top), int(right - left)
        if _is_at_source(self, region) and min(np.divide(size_hw, self.values.shape)) >= GROWN_FROM:
            grow_mask(self.values, size_hw, (x - int(left), y - int(top)), threshold, out)
        else:
            np.greater(self.sample(region), threshold, out=out)

    def run_lengths(self, size_hw: tuple[int, int], threshold: float = 0.0) -> RunLengthMask:
        """The mask as run lengths."""
        part, offset_xy = self.mask_crop(size_hw, threshold)
        return RunLengthMask.encode(part, offset_xy, size_hw) if part.size else RunLengthMask.empty(size_hw)

    def positive_box(self, size_hw: tuple[int, int], threshold: float) -> tuple[int, int, int, int]:
        """Whole-pixel box in which interpolation can exceed the threshold, cut to grid box and frame."""
        i0, j0, i1, j1 = bounding_box(self.values > threshold)
        if i1 <= i0:
            return 0, 0, 0, 0
        x0, y0, x1, y1 = self.box_xyxy
        cell_x, cell_y = (x1 - x0) / self.values.shape[1], (y1 - y0) / self.values.shape[0]
        left, top = max(x0, x0 + (i0 - 1) * cell_x, 0), max(y0, y0 + (j0 - 1) * cell_y, 0)
        right, bottom = min(x1, x0 + (i1 + 1) * cell_x, size_hw[1]), min(y1, y0 + (j1 + 1) * cell_y, size_hw[0])
        return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def whole(size_hw: tuple[int, int]) -> BoxFloat:
    """The box of a whole frame."""
    return 0.0, 0.0, float(size_hw[1]), float(size_hw[0])


def _rounded_if_whole(box: NDArray[np.float64]) -> BoxFloat:
    """Undo rounding noise, so that equal grids stay equal."""
    near = np.round(box)
    x0, y0, x1, y1 = np.where(np.abs(box - near) < 1e-6, near, box).tolist()
    return x0, y0, x1, y1


def _scaled(box: BoxFloat, factors_xy: tuple[float, float]) -> BoxFloat:
    return _rounded_if_whole(np.array(box, dtype=np.float64) * np.array((*factors_xy, *factors_xy)))


def _resize(image: Image, size_hw: tuple[int, int], interpolation: int) -> Image:
    return np.asarray(cv2.resize(image, (size_hw[1], size_hw[0]), interpolation=interpolation), dtype=np.uint8)


def _sample(image: PixelSource, box: BoxFloat, size_hw: tuple[int, int], scale: float) -> Image:
    """Resample a box of an image; shrinking averages areas, growing interpolates."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    if box == whole((height, width)) and size_hw == (height, width):
        return image if isinstance(image, np.ndarray) else image[:, :]
    inside = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    if inside and all(float(v).is_integer() for v in box):
        part = image[int(y0) : int(y1), int(x0) : int(x1)]
        return _resize(part, size_hw, cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    part, (left, top) = _surroundings(image, box)
    return np.asarray(_warp(part, (x0 - left, y0 - top, x1 - left, y1 - top), size_hw), dtype=np.uint8)


def _surroundings(image: PixelSource, box: BoxFloat) -> tuple[Image, tuple[int, int]]:
    """What interpolation over a box needs of an image, and where its corner lies; an array as it is."""
    if isinstance(image, np.ndarray):
        return image, (0, 0)
    height, width = image.shape[:2]
    left = min(max(math.floor(box[0]) - 2, 0), width - 1)
    top = min(max(math.floor(box[1]) - 2, 0), height - 1)
    right, bottom = max(math.ceil(box[2]) + 2, left + 1), max(math.ceil(box[3]) + 2, top + 1)
    return image[top:bottom, left:right], (left, top)


def _warp(array: Image | FloatMap, box: BoxFloat, size_hw: tuple[int, int]) -> NDArray[Any]:
    """Bilinear samples of a box at a size, the edge repeated outside."""
    step_x, step_y = (box[2] - box[0]) / size_hw[1], (box[3] - box[1]) / size_hw[0]
    # OpenCV places sample j at pixel index j: half-pixel terms turn corner coordinates into indices
    matrix = np.array([[step_x, 0, box[0] + step_x / 2 - 0.5], [0, step_y, box[1] + step_y / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(array, matrix, (size_hw[1], size_hw[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out)


def _sample_logits(logits: LogitMap, crop: Crop) -> FloatMap:
    """See LogitMap.sample."""
    x0, y0, x1, y1 = logits.box_xyxy
    height, width = logits.values.shape
    if crop.box_xyxy == logits.box_xyxy:
        if crop.size_hw == (height, width):
            return logits.values
        return np.asarray(
            cv2.resize(logits.values, crop.size_hw[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32
        )
    bx0, by0, bx1, by1 = crop.box_xyxy
    if _is_whole_subgrid(logits, crop):
        i, j = round(by0 - y0), round(bx0 - x0)
        return logits.values[i : i + crop.size_hw[0], j : j + crop.size_hw[1]]
    if _is_at_source(logits, crop):
        return _grown(logits, crop)
    factor_x, factor_y = width / (x1 - x0), height / (y1 - y0)
    grid_box = ((bx0 - x0) * factor_x, (by0 - y0) * factor_y, (bx1 - x0) * factor_x, (by1 - y0) * factor_y)
    values = np.asarray(_warp(logits.values, grid_box, crop.size_hw), dtype=np.float32)
    _blank_outside(values, crop, logits.box_xyxy)
    return values


def _is_at_source(logits: LogitMap, crop: Crop) -> bool:
    """True if the crop has one value per source pixel and lies inside the box, both in whole pixels."""
    x0, y0, x1, y1 = logits.box_xyxy
    bx0, by0, bx1, by1 = crop.box_xyxy
    aligned = all(float(v).is_integer() for v in (*logits.box_xyxy, bx0, by0))
    inside = x0 <= bx0 and y0 <= by0 and bx1 <= x1 and by1 <= y1
    return aligned and inside and crop.size_hw == (by1 - by0, bx1 - bx0)


def _is_whole_subgrid(logits: LogitMap, crop: Crop) -> bool:
    """True if both grids have one value per pixel and the crop lies inside: then a slice is exact."""
    x0, y0, x1, y1 = logits.box_xyxy
    return logits.values.shape == (y1 - y0, x1 - x0) and _is_at_source(logits, crop)


def _grown(logits: LogitMap, crop: Crop) -> FloatMap:
    """Grow the grid to source pixels one axis at a time, so that only the crop's columns and rows are made."""
    x0, y0, x1, y1 = (int(v) for v in logits.box_xyxy)
    left, top = int(crop.box_xyxy[0]) - x0, int(crop.box_xyxy[1]) - y0
    height, width = crop.size_hw
    wide = cv2.resize(logits.values, (x1 - x0, logits.values.shape[0]), interpolation=cv2.INTER_LINEAR)
    part = np.ascontiguousarray(wide[:, left : left + width])
    tall = cv2.resize(part, (width, y1 - y0), interpolation=cv2.INTER_LINEAR)
    return np.asarray(tall[top : top + height], dtype=np.float32)


def _blank_outside(values: FloatMap, crop: Crop, box: BoxFloat) -> None:
    """Set the samples whose centres lie outside `box` to OUTSIDE_LOGIT, in place."""
    x0, y0, x1, y1 = crop.to_crop_xy(np.array(box, dtype=np.float64).reshape(2, 2)).ravel()
    left, top = max(math.ceil(x0 - 0.5), 0), max(math.ceil(y0 - 0.5), 0)
    right, bottom = max(math.ceil(x1 - 0.5), 0), max(math.ceil(y1 - 0.5), 0)
    values[:top], values[bottom:] = OUTSIDE_LOGIT, OUTSIDE_LOGIT
    values[:, :left], values[:, right:] = OUTSIDE_LOGIT, OUTSIDE_LOGIT
