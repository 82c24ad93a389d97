"""FocalClick's target crop: where the coarse network looks. Every click takes a fresh one.

Source: FocalClick (Chen et al., CVPR 2022) and its published code. Departures: an initial mask or a box counts from the
first click on; edges lie on whole pixels outside the expanded box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clickmask.core.frames import BoxFloat, whole
from clickmask.core.protocols import Request
from clickmask.predict.zoom_in import ZoomIn, object_box


@dataclass(frozen=True, slots=True)
class TargetCrop:
    """Settings.

    Attributes:
        expansion: sides of the object's box are multiplied by this.
        min_side: shortest side of a crop in source pixels.
    """

    expansion: float = 1.4
    min_side: float = 10.0


def target_box(settings: TargetCrop, request: Request) -> BoxFloat:
    """Crop round the previous mask, the positive clicks and the box prompt; the whole frame without an object."""
    size_hw = request.frame.size_hw
    box = object_box(ZoomIn(), request.previous, request.prompts, size_hw)
    if box is None:
        return whole(size_hw)
    return expanded(box, settings.expansion, settings.min_side, whole(size_hw))


def expanded(box: BoxFloat, expansion: float, min_side: float, limits: BoxFloat) -> BoxFloat:
    """A box grown about its middle to whole pixels, cut to `limits` (whole pixels), at least a pixel wide and high."""
    x0, y0, x1, y1 = box
    left, right = _interval((x0 + x1) / 2, max((x1 - x0) * expansion, min_side), limits[0], limits[2])
    top, bottom = _interval((y0 + y1) / 2, max((y1 - y0) * expansion, min_side), limits[1], limits[3])
    return left, top, right, bottom


def _interval(centre: float, length: float, least: float, most: float) -> tuple[float, float]:
    low = min(max(math.floor(centre - length / 2), least), most - 1)
    high = max(min(math.ceil(centre + length / 2), most), low + 1)
    return float(low), float(high)
