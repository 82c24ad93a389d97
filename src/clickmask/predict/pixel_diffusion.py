"""Pixel diffusion: let the answer flow along the image's own edges.

Source: the pixel diffusion module of CDNet (Chen et al., ICCV 2021), at test time only. The probability, stretched to
[-1, 1], loses what is undecided, gets strong sources at the clicks, and is averaged five times over 8 neighbours at
four distances with weights that fall with the difference in colour; the answer before is added at the end.
Departures: the colour difference is scaled by the standard deviation among the same 32 neighbours, channel by
channel, as in pixel-adaptive refinement (Araslanov and Roth, CVPR 2020); clicks outside the crop are no sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Crop, FloatMap, Image, LogitMap
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.stage import NamedStage

STEPS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
SUREST = np.float32(0.999)
"""Where the sum of both answers is cut off on its way back to logits."""


@dataclass(frozen=True, slots=True)
class PixelDiffusion:
    """Settings; all values are the published ones.

    Attributes:
        undecided: stretched probabilities nearer to 0 than this start as 0.
        source: value added at a clicked pixel.
        iterations: rounds of averaging.
        dilations: distances of the neighbours in pixels of the network's grid.
        sharpness: a colour difference counts in units of this part of the local standard deviation.
    """

    undecided: float = 0.25
    source: float = 10.0
    iterations: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    sharpness: float = 0.1


def pixel_diffusion(settings: PixelDiffusion, threshold_logit: float = 0.0) -> Stage:
    """The stage; logits count from `threshold_logit`, so that the same threshold holds afterwards."""

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            return Result(diffuse(settings, result.logits, request, threshold_logit), result.memo)

        return step

    return stage


def diffuse(settings: PixelDiffusion, logits: LogitMap, request: Request, threshold: float) -> LogitMap:
    """The logits after diffusion, on the same grid."""
    height, width = logits.values.shape
    grid = Crop(logits.box_xyxy, (height, width))
    before = np.tanh((logits.values - np.float32(threshold)) / 2)  # 2 sigmoid(z) - 1
    flowing = np.where(np.abs(before) < settings.undecided, np.float32(0), before)
    for row, column, sign in _clicked(grid.prompts_to_crop(request.prompts), (height, width)):
        flowing[row, column] += sign * settings.source
    weights = affinities(settings, request.frame.crop(grid).pixels)
    for _ in range(settings.iterations):
        flowing = _averaged(settings, flowing, weights)
    both = np.clip((flowing + before) / 2, -SUREST, SUREST)
    return LogitMap((2 * np.arctanh(both) + np.float32(threshold)).astype(np.float32), logits.box_xyxy)


def affinities(settings: PixelDiffusion, image: Image) -> FloatMap:
    """(K, h, w) float32 weights of the K neighbours, which sum to 1 at each pixel; `image` is (h, w, 3) uint8."""
    pixels = image.astype(np.float32)
    around = np.stack(_neighbours(settings, pixels))  # (K, h, w, 3)
    spread = settings.sharpness * around.std(axis=0) + np.float32(1e-6)
    closeness = -(np.abs(around - pixels) / spread).mean(axis=-1)
    closeness -= closeness.max(axis=0)
    weights = np.exp(closeness)
    return np.asarray(weights / weights.sum(axis=0), dtype=np.float32)


def _averaged(settings: PixelDiffusion, values: FloatMap, weights: FloatMap) -> FloatMap:
    total = np.zeros_like(values)
    for weight, shifted in zip(weights, _neighbours(settings, values), strict=True):
        total += weight * shifted
    return total


def _neighbours(settings: PixelDiffusion, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The array as each neighbour sees it, the edge repeated outside; views of one padded copy."""
    reach = max(settings.dilations)
    height, width = values.shape[:2]
    padded = np.pad(values, [(reach, reach), (reach, reach)] + [(0, 0)] * (values.ndim - 2), mode="edge")
    shifts = [(reach + d * i, reach + d * j) for d in settings.dilations for i, j in STEPS]
    return [padded[i : i + height, j : j + width] for i, j in shifts]


def _clicked(prompts: Prompts, size_hw: tuple[int, int]) -> list[tuple[int, int, int]]:
    """(row, column, sign) of the clicks that lie on the grid."""
    places = [(math.floor(c.y), math.floor(c.x), 1 if c.positive else -1) for c in prompts.clicks]
    return [(i, j, sign) for i, j, sign in places if 0 <= i < size_hw[0] and 0 <= j < size_hw[1]]


PIXEL_DIFFUSION = NamedStage(
    "Let the answer flow along the image's edges, with the clicks as sources.",
    lambda context: pixel_diffusion(PixelDiffusion(), context.threshold_logit),
    place="network",
)
