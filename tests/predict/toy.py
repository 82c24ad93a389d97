"""A toy backend and small images, so that stages can be tested without weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage

from clickmask.core.frames import FloatMap, Frame, LogitMap, whole
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Request, Result, Step
from clickmask.predict.predictor import Pipeline
from clickmask.zoo.spec import ModelSpec

INPUT_HW = (32, 32)


@dataclass
class ToyBackend:
    """Brightness, bumps at clicks, a box and some of the previous answer, summed: everything shows in the logits."""

    input_hw: tuple[int, int] = INPUT_HW
    capabilities: frozenset[str] = frozenset({"box", "previous_mask"})
    seen_hw: list[tuple[int, ...]] = field(default_factory=list)

    def embed(self, frame: Frame) -> Any:
        self.seen_hw.append(frame.pixels.shape[:2])
        return frame.pixels.mean(axis=2) / 32 - 4

    def decode(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        rows, columns = np.indices(embedding.shape) + 0.5
        logits = embedding + (0 if previous is None else np.clip(previous, -2, 2))
        for click in prompts.clicks:
            squared = (columns - click.x) ** 2 + (rows - click.y) ** 2
            logits = logits + (6 if click.positive else -6) * np.exp(-squared / 50)
        if prompts.box is not None:
            x0, y0, x1, y1 = prompts.box.xyxy
            logits = logits + 2 * ((columns > x0) & (columns < x1) & (rows > y0) & (rows < y1))
        return np.asarray(logits, dtype=np.float32)


@dataclass
class BlueStep:
    """An innermost step that finds blue pixels; it remembers what it was asked."""

    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Result:
        self.requests.append(request)
        blue = request.frame.pixels[..., 2] > 127
        return Result(LogitMap(np.where(blue, 5, -5).astype(np.float32), whole(request.frame.size_hw)), request.memo)


def blue_box(size_hw: tuple[int, int], box_xyxy: tuple[int, int, int, int]) -> Frame:
    """A black frame with one blue rectangle."""
    image = np.zeros((*size_hw, 3), np.uint8)
    x0, y0, x1, y1 = box_xyxy
    image[y0:y1, x0:x1, 2] = 255
    return Frame.of(image)


def picture(size_hw: tuple[int, int] = (60, 90), seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: soft blobs."""
    noise = np.random.default_rng(seed).normal(size=(*size_hw, 3))
    smooth = ndimage.gaussian_filter(noise, (6, 6, 0))
    return np.asarray(np.clip(128 + 60 * smooth / smooth.std(), 0, 255), np.uint8)


def pipeline(step: Step, threshold: float = 0.5, backend: ToyBackend | None = None) -> Pipeline:
    spec = ModelSpec("toy", "toy", "For tests.", "Apache-2.0", input_hw=INPUT_HW, threshold=threshold)
    return Pipeline(spec, backend or ToyBackend(), step)


def random_step(seed: int, source_pixels: bool) -> Callable[[Request], Result]:
    """A network that answers at random: every call another smooth map, over the frame or over a part of it."""
    rng = np.random.default_rng(seed)

    def step(request: Request) -> Result:
        height, width = request.frame.size_hw
        x0, y0 = int(rng.integers(0, width)), int(rng.integers(0, height))
        x1, y1 = int(rng.integers(x0 + 1, width + 1)), int(rng.integers(y0 + 1, height + 1))
        box = whole((height, width)) if rng.random() < 0.5 else (float(x0), float(y0), float(x1), float(y1))
        size = (int(box[3] - box[1]), int(box[2] - box[0])) if source_pixels else rng.integers(2, 20, 2)
        values = 4 * ndimage.gaussian_filter(rng.normal(size=size), 1) + rng.normal()
        return Result(LogitMap(values.astype(np.float32), box), request.memo)

    return step
