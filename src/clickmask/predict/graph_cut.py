"""Graph cut: the mask of least energy between what the network says and where the image has edges.

Source: the last stage of DIOS (Xu et al., CVPR 2016), after Boykov and Jolly (ICCV 2001):

    E(L) = strength * sum of R(L[p])  +  sum over 8 neighbours of B(p, q) * (L[p] != L[q])
    R(1) = -log P, R(0) = -log(1 - P), B = exp(-|I[p] - I[q]|^2 / (2 s^2)) / distance(p, q)

with the network's probability P, colours I, and s^2 the mean squared difference of neighbouring colours. Clicks are
hard constraints. The paper's constants are not known to us: `strength` is the one of 0.5, 1 and 2 that harmed least
on held-out photographs. The cut is exact (`clickmask.predict.grid_flow`) for B and R rounded to 1/256. Departures: it
runs at the image's own resolution on the answer's crop, at a lower one only where that has more than `max_pixels`;
pixels farther than `band` pixels of the network's grid from its outline keep their label; and the answer stays soft,
because the next click starts from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Crop, FloatMap, Image, LogitMap
from clickmask.core.masks import BoolMask
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.click_labels import hold_clicks
from clickmask.predict.grid_flow import OFFSETS, UNKNOWN, GridEnergy, IntMap, minimise
from clickmask.predict.stage import NamedStage

QUANTUM = 256
"""Whole units per unit of energy: B is rounded to 1/256, and a million pixels cannot exceed 32 bits."""
SUREST = 20.0
"""Logits beyond this count as this."""
FLIPPED_LOGIT = np.float32(1.0)
"""Distance from the threshold of pixels that the cut moves to the other side."""


@dataclass(frozen=True, slots=True)
class GraphCut:
    """Settings.

    Attributes:
        strength: of the network's opinion against the image's edges.
        click_radius: pixels within this distance of a click have its label; 0 for the clicked pixel alone.
        band: half width of the band that is solved, in pixels of the network's grid.
        max_pixels: a larger crop is solved at a lower resolution.
    """

    strength: float = 2.0
    click_radius: float = 1.0
    band: float = 8.0
    max_pixels: int = 1_000_000


def graph_cut(settings: GraphCut, threshold_logit: float = 0.0) -> Stage:
    """The stage; `threshold_logit` is the one that turns the pipeline's logits into a mask."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            return Result(cut(settings, result.logits, request, threshold_logit), result.memo)

        return step

    return stage


def cut(settings: GraphCut, logits: LogitMap, request: Request, threshold: float) -> LogitMap:
    """The logits with the cut's mask, at the image's resolution; unchanged where nothing is above the threshold."""
    if not (logits.values > threshold).any():
        return logits
    grid = working_grid(settings, logits, request.frame.size_hw)
    values = logits.sample(grid) - np.float32(threshold)
    fixed = _outside_band(values > 0, settings.band * _magnification(logits, grid))
    hold_clicks(fixed, grid.prompts_to_crop(request.prompts), settings.click_radius * max(grid.scale_xy))
    energy = energy_of(request.frame.crop(grid).pixels, values, settings.strength)
    return LogitMap(_soft(values, minimise(energy, fixed)) + np.float32(threshold), grid.box_xyxy)


def working_grid(settings: GraphCut, logits: LogitMap, size_hw: tuple[int, int]) -> Crop:
    """Whole image pixels under the logits' box, resampled to at most `max_pixels`."""
    x0, y0 = max(math.floor(logits.box_xyxy[0]), 0), max(math.floor(logits.box_xyxy[1]), 0)
    x1, y1 = min(math.ceil(logits.box_xyxy[2]), size_hw[1]), min(math.ceil(logits.box_xyxy[3]), size_hw[0])
    width, height = max(x1 - x0, 1), max(y1 - y0, 1)
    shrink = min(math.sqrt(settings.max_pixels / (width * height)), 1.0)
    size = max(int(height * shrink), 1), max(int(width * shrink), 1)
    return Crop((float(x0), float(y0), float(x0 + width), float(y0 + height)), size)


def energy_of(image: Image, logits: FloatMap, strength: float) -> GridEnergy:
    """The energy over a grid.

    Args:
        image: (h, w, 3) uint8.
        logits: (h, w) float32, positive for the object; R(1) - R(0) is their negative.
        strength: weight of the logits.
    """
    cost = np.rint(np.clip(logits, -SUREST, SUREST) * (-strength * QUANTUM)).astype(np.int32)
    squared = [_squared_differences(image, offset) for offset in OFFSETS]
    total, count = sum(float(s.sum(dtype=np.float64)) for s in squared), sum(s.size for s in squared)
    mean = total / count if total else 1.0
    right, down, diagonal, other = (
        _weights(values, mean, offset, logits.shape) for values, offset in zip(squared, OFFSETS, strict=True)
    )
    return GridEnergy(cost, (right, down, diagonal, other))


def _squared_differences(image: Image, offset: tuple[int, int]) -> NDArray[np.int32]:
    """Squared colour distance of each pixel to its neighbour at `offset`, where there is one."""
    down, right = offset
    height, width = image.shape[:2]
    here = image[: height - down, max(-right, 0) : width - max(right, 0)]
    there = image[down:, max(right, 0) : width - max(-right, 0)]
    if not here.size:
        return np.zeros(here.shape[:2], dtype=np.int32)
    difference = cv2.absdiff(here, there).astype(np.float32)
    red, green, blue = cv2.split(difference)
    return np.asarray(red * red + green * green + blue * blue, dtype=np.int32)


def _weights(squared: NDArray[np.int32], mean: float, offset: tuple[int, int], shape: tuple[int, ...]) -> IntMap:
    """B of one offset in quanta, as `GridEnergy` stores it."""
    falls = np.exp(squared.astype(np.float32) * np.float32(-1 / (2 * mean)))
    weights = np.zeros(shape, dtype=np.int32)
    down, right = offset
    place = weights[: shape[0] - down, max(-right, 0) : shape[1] - max(right, 0)]
    place[...] = np.rint(falls * np.float32(QUANTUM / math.hypot(*offset)))
    return weights


def _magnification(logits: LogitMap, grid: Crop) -> float:
    """Pixels of the working grid per pixel of the logits' own."""
    x0, y0, x1, y1 = logits.box_xyxy
    height, width = logits.values.shape
    scale_x, scale_y = grid.scale_xy
    return float(max((x1 - x0) / width * scale_x, (y1 - y0) / height * scale_y, 1.0))


def _outside_band(mask: BoolMask, half_width: float) -> NDArray[np.int8]:
    """(h, w) labels far from the mask's outline, -1 near it."""
    near = np.zeros(mask.shape, dtype=bool)
    for side in (mask, ~mask):
        if side.all():
            return np.full(mask.shape, UNKNOWN)
        distance = cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        near |= side & (distance <= half_width)
    return np.where(near, UNKNOWN, mask.astype(np.int8)).astype(np.int8)


def _soft(values: FloatMap, labels: BoolMask) -> FloatMap:
    """The logits where the cut agrees with them, and at `FLIPPED_LOGIT` on the other side where it does not."""
    moved = labels != (values > 0)
    held = np.where(labels, FLIPPED_LOGIT, -FLIPPED_LOGIT)
    return np.asarray(np.where(moved, held, values), dtype=np.float32)


GRAPH_CUT = NamedStage(
    "Move the outline to the image's edges: the exact minimum of DIOS's energy, clicks as hard constraints.",
    lambda context: graph_cut(GraphCut(), context.threshold_logit),
)
