"""Flip averaging: predict the frame and its mirror image, average the logits.

The published numbers of the RITM family average probabilities; logits are averaged here because only
logits travel between stages. The cost of a click doubles.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clickmask.core.answers import NetworkMemo, network_memo, with_network_memo
from clickmask.core.frames import Crop, LogitMap, whole
from clickmask.core.prompts import Box, Click, Prompt, Prompts
from clickmask.core.protocols import SEQUENCE, Memo, Request, Result, Step
from clickmask.predict.stage import NamedStage

MEMO = "flip"
"""Key of what the stages inside remember of the mirror image."""


def flip_averaging(inner: Step) -> Step:
    """The stage."""

    def step(request: Request) -> Result:
        width = request.frame.size_hw[1]
        straight = inner(request)
        previous = None if request.previous is None else request.previous.flip(width)
        prompts = flip_prompts(request.prompts, width)
        # what inner stages remember of the mirror image (a crop, say) does not hold for the image itself; but what the
        # network sees again is the average of both, like the previous logits
        kept = NetworkMemo({name: m.flip(width) for name, m in network_memo(request.memo).maps.items()})
        shared = {SEQUENCE: request.memo[SEQUENCE]} if SEQUENCE in request.memo else {}
        memo = with_network_memo({**request.memo.get(MEMO, {}), **shared}, kept)
        mirrored = inner(Request(request.frame.flip(), prompts, previous, memo))
        logits = _average(straight.logits, mirrored.logits.flip(width), request.frame.size_hw)
        memo = with_network_memo(straight.memo, _averaged(straight.memo, mirrored.memo, request.frame.size_hw))
        return Result(logits, {**memo, MEMO: with_network_memo(mirrored.memo, NetworkMemo())})

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


def _averaged(straight: Memo, mirrored: Memo, size_hw: tuple[int, int]) -> NetworkMemo:
    """What the network said about both images; the straight one's candidates, because masks do not pair up."""
    one, other = network_memo(straight), network_memo(mirrored)
    maps = {name: _average(m, other.maps[name].flip(size_hw[1]), size_hw) for name, m in one.maps.items()}
    return NetworkMemo(maps, one.candidates, one.score)


def _average(first: LogitMap, second: LogitMap, size_hw: tuple[int, int]) -> LogitMap:
    if first.box_xyxy == second.box_xyxy and first.values.shape == second.values.shape:
        return LogitMap(np.asarray((first.values + second.values) / 2, np.float32), first.box_xyxy)
    grid = Crop(whole(size_hw), size_hw)
    return LogitMap(np.asarray((first.sample(grid) + second.sample(grid)) / 2, np.float32), whole(size_hw))


FLIP = NamedStage(
    "Ask about the mirror image too and average the logits; twice the time.",
    lambda _: flip_averaging,
    place="network",
)
