"""Flip averaging: predict the frame and its mirror image, average the logits.

The published numbers of the RITM family average probabilities; logits are averaged here because only
logits travel between stages. The cost of a click doubles.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clickmask.core.frames import Crop, LogitMap, whole
from clickmask.core.prompts import Box, Click, Prompt, Prompts
from clickmask.core.protocols import Request, Result, Step

MEMO = "flip"
"""Key of what the stages inside remember of the mirror image."""


def flip_averaging(inner: Step) -> Step:
    """The stage."""

    def step(request: Request) -> Result:
        width = request.frame.size_hw[1]
        straight = inner(request)
        previous = None if request.previous is None else request.previous.flip(width)
        prompts = flip_prompts(request.prompts, width)
        # what inner stages remember of the mirror image (a crop, say) does not hold for the image itself
        mirrored = inner(Request(request.frame.flip(), prompts, previous, request.memo.get(MEMO, {})))
        logits = _average(straight.logits, mirrored.logits.flip(width), request.frame.size_hw)
        return Result(logits, {**straight.memo, MEMO: mirrored.memo})

    return step


def flip_prompts(prompts: Prompts, width: float) -> Prompts:
    """The same prompts in a frame of `width` pixels that is mirrored left to right."""

    def flipped(prompt: Prompt) -> Prompt:
        if isinstance(prompt, Click):
            return replace(prompt, x=width - prompt.x)
        if isinstance(prompt, Box):
            return Box(width - prompt.x1, prompt.y0, width - prompt.x0, prompt.y1)
        return prompt

    return Prompts(tuple(flipped(p) for p in prompts))


def _average(first: LogitMap, second: LogitMap, size_hw: tuple[int, int]) -> LogitMap:
    if first.box_xyxy == second.box_xyxy and first.values.shape == second.values.shape:
        return LogitMap(np.asarray((first.values + second.values) / 2, np.float32), first.box_xyxy)
    grid = Crop(whole(size_hw), size_hw)
    return LogitMap(np.asarray((first.sample(grid) + second.sample(grid)) / 2, np.float32), whole(size_hw))
