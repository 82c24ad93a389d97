"""FocalClick's focus crop: a second look at the part that the newest click changes.

Source: FocalClick (Chen et al., CVPR 2022) and its published code. Departures: a click outside what changed gets the
square round it, where the published code takes the whole rest of the image for the change; the work is done on a
grid of at most GRID_CELLS cells, so that a click on a large photograph costs what a click on a small one costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from clickmask.core.frames import BoxFloat, Crop, FloatMap, LogitMap
from clickmask.core.masks import BoolMask, bounding_box
from clickmask.core.prompts import Click
from clickmask.core.protocols import Request
from clickmask.predict.target_crop import expanded

GRID_CELLS = 1 << 20
"""Cells of a joined answer, at most: one a source pixel up to a megapixel, then larger ones."""

Look = Callable[[BoxFloat], FloatMap | None]
"""Answers again inside a box of the frame: (h, w) logits that cover it, or None if a second look is not worth it."""


@dataclass(frozen=True, slots=True)
class FocusCrop:
    """Settings.

    Attributes:
        expansion: sides of the changed part's box are multiplied by this.
        small: a change lower or narrower than this part of the object is no guide; the click is.
        reach: half the side of the square round the click, as a part of the object's longer side.
        min_area: pixels of a mask below which the whole target crop counts as the object.
        min_side: shortest side of a crop in source pixels.
        keep_after: after more clicks than this the previous answer stays outside the focus crop.
    """

    expansion: float = 1.4
    small: float = 1 / 3
    reach: float = 0.2
    min_area: int = 10
    min_side: float = 10.0
    keep_after: int = 10


def focused(settings: FocusCrop, request: Request, coarse: LogitMap, look: Look, threshold: float) -> LogitMap:
    """A coarse answer whose part round the newest click is replaced by that of a second look.

    Args:
        settings: of the crop.
        request: what was asked; its newest click decides where to look.
        coarse: the answer so far, in the frame's pixels; its box is the target crop.
        look: answers again.
        threshold: logit above which a pixel belongs to the mask.

    Returns:
        Logits over the target crop; `coarse` itself without a click inside it or without a second look.
    """
    click = request.prompts.last_click
    if click is None or not _inside(click, coarse.box_xyxy):
        return coarse
    grid = working_grid(coarse.box_xyxy)
    values = coarse.sample(grid)
    old = None if request.previous is None else request.previous.sample(grid)
    box = focus_box(settings, None if old is None else old > threshold, values > threshold, click, grid)
    inside = look(box)
    if inside is None:
        return coarse
    if old is not None and len(request.prompts.clicks) > settings.keep_after:
        values = old
    return pasted(values, grid, LogitMap(inside, box))


def focus_box(settings: FocusCrop, old: BoolMask | None, new: BoolMask, click: Click, grid: Crop) -> BoxFloat:
    """Where to look again, in the frame's pixels, on cells of the grid.

    Args:
        settings: of the crop.
        old: (h, w) bool previous mask on the grid, None without one.
        new: (h, w) bool coarse mask on the grid.
        click: in the frame's pixels, inside the grid.
        grid: covers the target crop.
    """
    x0, y0, x1, y1 = _object_cells(new, settings.min_area)
    (point,) = grid.to_crop_xy(np.array([[click.x, click.y]])).tolist()
    cells = (float(x0), float(y0), float(x1), float(y1))
    if old is not None and old.any():
        square = (point[0], point[1], settings.reach * max(x1 - x0, y1 - y0))
        change = _component(old ^ new, math.floor(point[1]), math.floor(point[0]))
        cells = _change_cells(change, settings.small * (x1 - x0), settings.small * (y1 - y0), square)
    min_side = settings.min_side * grid.scale_xy[0]
    height, width = grid.size_hw
    cells = expanded(cells, settings.expansion, min_side, (0.0, 0.0, float(width), float(height)))
    corners = grid.to_source_xy(np.array(cells).reshape(2, 2)).ravel().tolist()
    return corners[0], corners[1], corners[2], corners[3]


def working_grid(box: BoxFloat) -> Crop:
    """A grid of cells over a box in whole pixels: a cell is a source pixel, or more if the box is large."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    cell = max(1.0, math.sqrt(width * height / GRID_CELLS))
    return Crop(box, (max(round(height / cell), 1), max(round(width / cell), 1)))


def pasted(values: FloatMap, grid: Crop, inside: LogitMap) -> LogitMap:
    """The values of a grid with a part replaced; the part's box lies on the grid's cells."""
    x0, y0, x1, y1 = grid.to_crop_xy(np.array(inside.box_xyxy).reshape(2, 2)).ravel()
    left, top, right, bottom = (round(float(v)) for v in (x0, y0, x1, y1))
    joined = values.copy()
    joined[top:bottom, left:right] = inside.sample(Crop(inside.box_xyxy, (bottom - top, right - left)))
    return LogitMap(joined, grid.box_xyxy)


def _object_cells(mask: BoolMask, min_area: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a mask's cells; all of them if the mask is tiny."""
    if np.count_nonzero(mask) < min_area:
        return 0, 0, mask.shape[1], mask.shape[0]
    x0, y0, x1, y1 = bounding_box(mask)
    return x0, y0, x1, y1


def _change_cells(change: BoolMask, width: float, height: float, square: tuple[float, float, float]) -> BoxFloat:
    """Box of what changed, or the square (x, y, half side) if the change is smaller than given along an axis."""
    x0, y0, x1, y1 = bounding_box(change)
    if x1 <= x0 or x1 - x0 < width or y1 - y0 < height:
        x, y, reach = square
        return x - reach, y - reach, x + reach, y + reach
    return float(x0), float(y0), float(x1), float(y1)


def _component(mask: BoolMask, row: int, column: int) -> BoolMask:
    """The 8-connected component of `mask` under a cell; nothing if the cell is not in the mask."""
    if not mask[row, column]:
        return np.zeros_like(mask)
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == labels[row, column])


def _inside(click: Click, box: BoxFloat) -> bool:
    x0, y0, x1, y1 = box
    return x0 <= click.x < x1 and y0 <= click.y < y1
