"""Weights by a fixed recipe under the names of published checkpoints, to compare with what the authors' code answers.

A golden file holds the names and shapes of a checkpoint, and what the authors' public code answered, once, with the
weights and inputs made here. The weights depend on nothing but name and shape; no file of anybody is needed.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clickmask.core.prompts import Click, Prompts

GOLDEN = Path(__file__).parent / "golden"
CLICKS_YX = ((0.35, 0.45, True), (0.7, 0.2, True), (0.15, 0.8, False), (0.04, 0.04, False))
"""Row and column as parts of the side, and sign."""


def made_value(name: str, shape: tuple[int, ...]) -> Tensor:
    """One tensor of a checkpoint."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) > 1:
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(1 / math.sqrt(math.prod(shape[1:])))
    elif name.endswith("running_var"):
        values = rng.random(shape, dtype=np.float32) + np.float32(0.5)
    else:
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.1)
        values += np.float32(name.endswith("weight"))
    return torch.from_numpy(np.asarray(values, np.float32).reshape(shape))


def made_state(golden: Any) -> dict[str, Tensor]:
    """A checkpoint with the names and shapes of a golden file."""
    pairs = zip(golden["names"].tolist(), golden["shapes"].tolist(), strict=True)
    return {name: made_value(name, tuple(int(n) for n in shape.split(",") if n)) for name, shape in pairs}


def made_inputs(side: int, seed: int = 0) -> tuple[Tensor, Tensor, Prompts]:
    """(1, 3, S, S) pixels in [0, 1], (1, 1, S, S) previous probability, and clicks on pixels."""
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.random((1, 3, side, side), dtype=np.float32))
    previous = torch.from_numpy(rng.random((1, 1, side, side), dtype=np.float32))
    clicks = [Click(int(x * side) + 0.5, int(y * side) + 0.5, sign) for y, x, sign in CLICKS_YX]
    return image, previous, Prompts(tuple(clicks))


def imagenet(image: Tensor) -> Tensor:
    """Pixels in [0, 1] with ImageNet's mean and deviation."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (image - mean) / std
