"""Prompts in, masks out, for clients that keep nothing: every request brings all prompts of an object.

What was asked before is remembered by image and prompts, so that a further click continues where the last request
ended, as it does in the annotator.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, replace

from clickmask.core.errors import PromptError
from clickmask.core.frames import Frame
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompt, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.predict.predictor import Pipeline, candidates, check_prompt, expected_iou
from clickmask.server.image_mind import bytes_of, follow
from clickmask.server.minds import StateCache
from clickmask.server.model import ModelHost
from clickmask.server.serving.sources import Sent

IMAGES_REMEMBERED = 64


@dataclass(frozen=True)
class Proposal:
    """A mask and its expected IoU with what is meant, in [0, 1]."""

    mask: RunLengthMask
    score: float


@dataclass(frozen=True)
class Reply:
    """The masks for some prompts, the best first, the model that gave them, and the milliseconds it took."""

    proposals: tuple[Proposal, ...]
    model: str
    milliseconds: float


class Asker:
    """Asks the model. Belongs to the event loop."""

    def __init__(self, models: ModelHost[Pipeline]) -> None:
        self._models = models
        self._states: StateCache[ObjectState] = StateCache(bytes_of)
        self._orders: OrderedDict[str, Prompts] = OrderedDict()

    async def ask(self, image: Sent, prompts: Prompts, several: bool = False) -> Reply:
        """Masks for prompts on an image.

        Args:
            image: where they are.
            prompts: in any order; not empty.
            several: also give what else may be meant.

        Raises:
            PromptError: no prompt, or one that does not fit the image.
            ModelError: the model could not be loaded, or failed.
        """
        ordered = self._ordered(image.id, _checked(prompts, image.frame))
        number = int(image.id, 16)

        def work(pipeline: Pipeline) -> Reply:
            start = time.perf_counter()
            before = self._states.longest(number, ordered) or ObjectState()
            state = follow(pipeline, image.frame, before, ordered)
            self._states.keep(number, state)
            found = _proposals(pipeline, image.frame, state, several)
            return Reply(found, pipeline.name, (time.perf_counter() - start) * 1000)

        return await self._models.run(work)

    def _ordered(self, image_id: str, prompts: Prompts) -> Prompts:
        """As they came: clients sort clicks by their sign, so those known from the last request go first."""
        last = self._orders.get(image_id, Prompts()).items
        known = [p for p in last if p in prompts.items]
        ordered = Prompts((*known, *(p for p in prompts if p not in known)))
        self._orders[image_id] = ordered
        self._orders.move_to_end(image_id)
        if len(self._orders) > IMAGES_REMEMBERED:
            self._orders.popitem(last=False)
        return ordered


def clicks(positive: list[tuple[float, float]], negative: list[tuple[float, float]]) -> list[Prompt]:
    """Clicks from two lists of x, y."""
    return [*(Click(x, y, True) for x, y in positive), *(Click(x, y, False) for x, y in negative)]


def _checked(prompts: Prompts, frame: Frame) -> Prompts:
    if not prompts:
        raise PromptError("A mask needs at least one prompt: a positive click, a box or an initial mask.")
    checked = [_fitting(prompt, frame.size_hw) for prompt in prompts]
    masks = [p for p in checked if isinstance(p, MaskPrompt)]
    if len(masks) > 1:
        raise PromptError(f"One initial mask at most, got {len(masks)}.")
    return Prompts((*masks, *(p for p in checked if not isinstance(p, MaskPrompt))))


def _fitting(prompt: Prompt, size_hw: tuple[int, int]) -> Prompt:
    """The prompt if it lies on the image; a click on its far edge, which other tools count as inside, is moved in."""
    height, width = size_hw
    if isinstance(prompt, MaskPrompt):
        if prompt.mask.size_hw != size_hw:
            have, want = (f"{s[1]} x {s[0]}" for s in (prompt.mask.size_hw, size_hw))
            raise PromptError(f"The initial mask is {have} pixels, but the image is {want}.")
        return prompt
    if isinstance(prompt, Click):
        x = math.nextafter(width, 0) if prompt.x == width else prompt.x
        y = math.nextafter(height, 0) if prompt.y == height else prompt.y
        prompt = replace(prompt, x=x, y=y)
    return check_prompt(prompt, size_hw)


def _proposals(pipeline: Pipeline, frame: Frame, state: ObjectState, several: bool) -> tuple[Proposal, ...]:
    size_hw, threshold = frame.size_hw, pipeline.threshold_logit
    first = Proposal(state.run_lengths(size_hw, threshold), expected_iou(pipeline, frame, state))
    if not several:
        return (first,)
    found = [Proposal(c.logits.run_lengths(size_hw, threshold), c.score) for c in candidates(pipeline, frame, state)]
    return tuple(sorted(found or [first], key=lambda p: -p.score))
