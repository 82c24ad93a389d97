"""Made-up objects and a made-up model that the evaluation tests share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from clickmask.core.frames import Frame, LogitMap
from clickmask.core.prompts import Click, Prompt
from clickmask.core.protocols import ObjectState
from clickmask.evaluate.run import Subject

SIZE_HW = (48, 64)


def blob(rng: np.random.Generator) -> np.ndarray:
    """An ellipse anywhere, cut by the frame where it reaches over."""
    rows, columns = np.ogrid[: SIZE_HW[0], : SIZE_HW[1]]
    row, column = rng.uniform(5, SIZE_HW[0] - 5), rng.uniform(5, SIZE_HW[1] - 5)
    height, width = rng.uniform(6, 24, size=2)
    return ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1


def write_folder(root: Path, count: int, seed: int = 0) -> Path:
    """A data set in `folder` layout whose photographs show the object in another brightness."""
    rng = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(count):
        mask = blob(rng)
        rgb = np.where(mask[:, :, None], 170, 60) + rng.integers(-8, 8, (*SIZE_HW, 3))
        Image.fromarray(rgb.astype(np.uint8)).save(root / f"images/{i:02d}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / f"masks/{i:02d}.png")
    return root


def nearest_click(clicks: Sequence[tuple[int, int, bool]]) -> np.ndarray:
    """A model that learns nothing: a pixel has the sign of the nearest click, beyond 18 pixels none."""
    rows, columns = np.ogrid[: SIZE_HW[0], : SIZE_HW[1]]
    squared = np.array([(rows - row) ** 2 + (columns - column) ** 2 for row, column, _ in clicks])
    sign = np.array([positive for *_, positive in clicks])
    return sign[squared.argmin(axis=0)] & (squared.min(axis=0) <= 18**2)


def pixel(click: Click) -> tuple[int, int, bool]:
    return int(click.y), int(click.x), click.positive


@dataclass(frozen=True)
class NearestClick:
    """The same model as a subject's `advance`."""

    def __call__(self, frame: Frame, state: ObjectState, prompt: Prompt) -> ObjectState:
        prompts = state.prompts.add(prompt)
        mask = nearest_click([pixel(click) for click in prompts.clicks])
        height, width = frame.size_hw
        values = np.where(mask, 3.0, -3.0).astype(np.float32)
        return ObjectState(prompts, LogitMap(values, (0.0, 0.0, float(width), float(height))))


def model() -> Subject:
    return Subject("nearest", NearestClick(), {"radius": 18})


def other_model() -> Subject:
    return Subject("nearest", NearestClick(), {"radius": 19})
