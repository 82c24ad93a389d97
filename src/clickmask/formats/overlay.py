"""A picture of a result that people can look at: the image, the mask in a tint, its outline, the clicks.

The mask is drawn as it is, pixel by pixel. Meaning never rests on hue alone: positive clicks are discs with a plus,
negative ones squares with a minus, and every mark has a dark rim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.masks import BoolMask, bounding_box
from clickmask.core.prompts import Box, Click, Prompt

Colour = tuple[int, int, int]

POSITIVE: Colour = (0x1A, 0x96, 0x41)
NEGATIVE: Colour = (0xD7, 0x19, 0x1C)
TINT: Colour = (0x00, 0x72, 0xB2)
_WHITE: Colour = (255, 255, 255)
_RIM: Colour = (20, 20, 20)


@dataclass(frozen=True)
class OverlayStyle:
    """How an overlay looks.

    Attributes:
        tint: colour laid over the object.
        opacity: of the tint, 0..1.
        scale: size of marks and outline; None takes it from the image, so that they are seen at full view.
    """

    tint: Colour = TINT
    opacity: float = 0.4
    scale: float | None = None


def draw_overlay(
    image: NDArray[np.uint8], mask: BoolMask, prompts: Iterable[Prompt] = (), style: OverlayStyle | None = None
) -> NDArray[np.uint8]:
    """A new picture; nothing that is given is changed.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        prompts: clicks and boxes in image pixels; initial masks are not drawn.
        style: colours and sizes.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    style = style or OverlayStyle()
    scale = style.scale or max(1.0, max(image.shape[:2]) / 900)
    picture = image.copy()
    _tint(picture, mask, style)
    _outline(picture, mask, max(1, round(1.5 * scale)))
    for prompt in prompts:
        if isinstance(prompt, Click):
            _click(picture, prompt, scale)
        elif isinstance(prompt, Box):
            _box(picture, prompt, scale)
    return picture


def _tint(picture: NDArray[np.uint8], mask: BoolMask, style: OverlayStyle) -> None:
    x0, y0, x1, y1 = bounding_box(mask)
    part, inside = picture[y0:y1, x0:x1], mask[y0:y1, x0:x1]
    mixed = part[inside] * (1 - style.opacity) + np.array(style.tint) * style.opacity
    part[inside] = np.round(mixed).astype(np.uint8)


def _outline(picture: NDArray[np.uint8], mask: BoolMask, width: int) -> None:
    """A white line just inside the mask's edge and a dark one just outside: seen on any ground."""
    solid = mask.astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inner = solid - cv2.erode(solid, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outer = cv2.dilate(solid, kernel) - solid
    picture[outer > 0] = _RIM
    picture[inner > 0] = _WHITE


def _click(picture: NDArray[np.uint8], click: Click, scale: float) -> None:
    centre = int(click.x), int(click.y)
    radius, arm, line = round(7 * scale), round(4 * scale), max(1, round(1.5 * scale))
    if click.positive:
        cv2.circle(picture, centre, radius + line, _RIM, -1, cv2.LINE_AA)
        cv2.circle(picture, centre, radius, POSITIVE, -1, cv2.LINE_AA)
        _bar(picture, centre, (0, arm), line)
    else:
        _square(picture, centre, radius + line, _RIM)
        _square(picture, centre, radius, NEGATIVE)
    _bar(picture, centre, (arm, 0), line)


def _square(picture: NDArray[np.uint8], centre: tuple[int, int], half: int, colour: Colour) -> None:
    x, y = centre
    cv2.rectangle(picture, (x - half, y - half), (x + half, y + half), colour, -1)


def _bar(picture: NDArray[np.uint8], centre: tuple[int, int], arm_xy: tuple[int, int], width: int) -> None:
    (x, y), (dx, dy) = centre, arm_xy
    cv2.line(picture, (x - dx, y - dy), (x + dx, y + dy), _WHITE, width)


def _box(picture: NDArray[np.uint8], box: Box, scale: float) -> None:
    """Its outermost pixels: the box is half-open."""
    first, last = (int(box.x0), int(box.y0)), (int(np.ceil(box.x1)) - 1, int(np.ceil(box.y1)) - 1)
    cv2.rectangle(picture, first, last, _RIM, max(3, round(3 * scale)))
    cv2.rectangle(picture, first, last, _WHITE, max(1, round(scale)))
