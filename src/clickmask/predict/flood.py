"""A model that learns nothing: regions of similar colour round the clicks. Deterministic on every machine.

A pixel belongs to the object if its colour, or that of the region round a positive click it is connected
to, is nearer to the positive clicks than to the negative ones. It serves as the simplest baseline, and as
the model of tests that must not depend on weights.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from clickmask.core.frames import FloatMap, Frame, Image
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.zoo.spec import ModelSpec

TOLERANCE = 24
"""Largest difference per colour channel (0-255) from the clicked pixel."""
LOGIT = np.float32(4.0)


class FloodBackend:
    """Backend without weights; see the module's text."""

    input_hw = (256, 256)
    capabilities = frozenset({"box", "previous_mask"})

    def embed(self, frame: Frame) -> Image:
        """The image, slightly smoothed so that noise does not stop a region."""
        return np.asarray(cv2.GaussianBlur(frame.pixels, (3, 3), 0), dtype=np.uint8)

    def decode(self, embedding: Image, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`."""
        mask = np.zeros(embedding.shape[:2], dtype=bool) if previous is None else previous > 0
        if prompts.box is not None and not prompts.clicks:
            mask = _inside(prompts.box, mask)
        for click in prompts.clicks:
            region = flood(embedding, click)
            mask = mask | region if click.positive else mask & ~region
        return np.where(mask, LOGIT, -LOGIT).astype(np.float32)


def open_flood(spec: ModelSpec, folder: Path | None, threads: int | None = None) -> FloodBackend:
    """The backend: it has nothing to open."""
    return FloodBackend()


def flood(image: Image, click: Click) -> BoolMask:
    """(h, w) bool: pixels connected to the click's whose colour is within TOLERANCE of it; none for a click outside."""
    height, width = image.shape[:2]
    column, row = int(np.floor(click.x)), int(np.floor(click.y))
    if not (0 <= column < width and 0 <= row < height):
        return np.zeros((height, width), dtype=bool)
    filled = np.zeros((height + 2, width + 2), dtype=np.uint8)
    flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    tolerance = (TOLERANCE,) * 3
    cv2.floodFill(image.copy(), filled, (column, row), 0, tolerance, tolerance, flags)
    return np.asarray(filled[1:-1, 1:-1] > 0)


def _inside(box: Box, mask: BoolMask) -> BoolMask:
    """The ellipse in the box: the flattest guess about what a box holds."""
    x0, y0, x1, y1 = box.xyxy
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    distance = ((columns + 0.5 - centre_x) / (x1 - x0)) ** 2 + ((rows + 0.5 - centre_y) / (y1 - y0)) ** 2
    return np.asarray(distance <= 0.25)
