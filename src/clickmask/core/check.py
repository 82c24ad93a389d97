"""Checks of what callers give, with "expected ..., got ..." texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import ImageError, PromptError
from clickmask.core.prompts import Box, Click, Lasso, Scribble


def check_image(image: Any) -> NDArray[np.uint8]:
    """Return `image` if it is a non-empty (H, W, 3) uint8 array; raise ImageError otherwise."""
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"Expected an (H, W, 3) uint8 RGB array, got {type(image).__name__}. Use numpy.asarray(image)."
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"Expected an (H, W, 3) uint8 RGB array, got shape {image.shape} and dtype {image.dtype}. "
            "clickmask.read_image(path) reads grey, 16-bit, RGBA and CMYK files into this form."
        )
    if image.shape[0] == 0 or image.shape[1] == 0:
        raise ImageError(f"Expected an image with at least one pixel, got shape {image.shape}.")
    return image


def check_mask(mask: Any, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return `mask` as (H, W) bool of exactly `size_hw`; integer masks count as true where non-zero."""
    array = np.asarray(mask)
    if array.ndim != 2:
        raise PromptError(f"Expected an (H, W) mask, got shape {array.shape}.")
    if array.shape != size_hw:
        raise PromptError(
            f"The mask is {array.shape[1]} x {array.shape[0]} pixels but the image is {size_hw[1]} x {size_hw[0]}. "
            "Resize the mask to the image with nearest-neighbour sampling, or pick the matching pair."
        )
    if array.dtype.kind not in "biu":
        raise PromptError(f"Expected a mask of bool or integers, got dtype {array.dtype}. Try mask > 0.5.")
    return array.astype(bool)


def check_click(click: Click, size_hw: tuple[int, int]) -> Click:
    """Return `click` if it lies on the image; raise PromptError otherwise."""
    height, width = size_hw
    if not (0 <= click.x < width and 0 <= click.y < height):
        raise PromptError(
            f"The click ({click.x:g}, {click.y:g}) lies outside the image, which is {width} x {height} pixels: "
            f"X must be in [0, {width}) and Y in [0, {height})."
        )
    return click


def check_box(box: Box, size_hw: tuple[int, int]) -> Box:
    """Return `box` cut to the image; a box that misses the image raises PromptError."""
    height, width = size_hw
    x0, y0, x1, y1 = max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height))
    if x1 <= x0 or y1 <= y0:
        raise PromptError(f"The box {box.xyxy} lies outside the image, which is {width} x {height} pixels.")
    return Box(x0, y0, x1, y1)


def check_line(line: Scribble | Lasso, size_hw: tuple[int, int]) -> Scribble | Lasso:
    """Return the line with its points moved onto the image; PromptError if none of it lies there."""
    height, width = size_hw
    points = np.array(line.points_xy)
    low, high = points.min(axis=0), points.max(axis=0)
    if (high < 0).any() or low[0] >= width or low[1] >= height:
        raise PromptError(f"The line lies outside the image, which is {width} x {height} pixels.")
    moved = np.clip(points, 0.0, np.nextafter([width, height], 0.0))
    return replace(line, points_xy=tuple((float(x), float(y)) for x, y in moved))
