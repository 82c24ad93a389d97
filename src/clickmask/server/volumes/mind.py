"""How questions about volumes are answered: slice by slice, by those who answer for pictures.

The prompts of an object lie on several slices. Each slice with a prompt that has not been answered yet is asked about
as a picture of its own, with the prompts that lie on it and the part of the mask that lies on it; the other slices stay
as they are, to the bit.
"""

from __future__ import annotations

from dataclasses import replace

from clickmask.core.edit import EditRules
from clickmask.core.errors import PromptError
from clickmask.core.frames import LogitMap
from clickmask.core.layers import layer_of, with_layers
from clickmask.core.masks import BoolMask, BoxXyxy, RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompt, Prompts, Scribble
from clickmask.core.words import words
from clickmask.predict.predictor import Pipeline
from clickmask.predict.propagate import Carried, Looks, carry
from clickmask.server.image_mind import ImageMind
from clickmask.server.minds import Answer, Question
from clickmask.server.volumes.opened import OpenVolume

MOST_SLICES = 1 << 20
"""Objects and slices share one number in the memory of states."""


class VolumeMind:
    """See `minds.Mind`; what is opened is an `OpenVolume`."""

    def __init__(self) -> None:
        self._slices = ImageMind()

    def prepare(self, model: Pipeline, opened: OpenVolume) -> None:
        """A volume needs nothing more."""

    def answer(self, model: Pipeline, opened: OpenVolume, question: Question) -> Answer:
        """The mask for the prompts of an object."""
        mask, done = _settled_part(opened, question)
        todo = sorted({_slice_of(opened, p) for p in question.prompts.items[done:]})
        layers, ghosts, spent, waiting = {}, {}, 0.0, False
        for index in todo:
            asked = on_slice(opened, question, index)
            if not _says_where(asked.prompts):
                continue
            answer = self._slices.answer(model, opened.frame(index), asked)
            layers[index], spent, waiting = answer.mask, spent + answer.milliseconds, waiting or answer.waiting
            if answer.ghosts is not None:
                ghosts[index] = answer.ghosts
        return self._whole(opened, mask, layers, ghosts, Answer(mask, model.name, spent, None, waiting))

    def rethreshold(self, model: Pipeline, opened: OpenVolume, question: Question, keep: bool) -> Answer:
        """The mask at another threshold, on the slice of the newest prompt."""
        index = _newest_slice(opened, question.prompts)
        answer = self._slices.rethreshold(model, opened.frame(index), on_slice(opened, question, index), keep)
        return self._one(opened, question, index, answer)

    def alternatives(self, model: Pipeline, opened: OpenVolume, question: Question) -> list[Answer]:
        """What the prompts may mean, on the slice of the newest one."""
        index = _newest_slice(opened, question.prompts)
        found = self._slices.alternatives(model, opened.frame(index), on_slice(opened, question, index))
        return [self._one(opened, question, index, answer) for answer in found]

    def logits(self, model: Pipeline, opened: OpenVolume, question: Question) -> tuple[LogitMap, float]:
        """The model's logits on the slice of the newest prompt, placed in the tall picture."""
        index = _newest_slice(opened, question.prompts)
        logits, quality = self._slices.logits(model, opened.frame(index), on_slice(opened, question, index))
        x0, y0, x1, y1 = logits.box_xyxy
        top = index * opened.rows
        return LogitMap(logits.values, (x0, y0 + top, x1, y1 + top)), quality

    def carry(self, model: Pipeline, opened: OpenVolume, looks: Looks, neighbour: RunLengthMask, index: int) -> Carried:
        """A mask on one slice from that on the slice before it, see `clickmask.predict.propagate`."""
        return carry(model, opened.frame(index), looks, neighbour, index)

    def _one(self, opened: OpenVolume, question: Question, index: int, answer: Answer) -> Answer:
        mask = _settled_part(opened, question)[0]
        ghosts = {} if answer.ghosts is None else {index: answer.ghosts}
        return self._whole(opened, mask, {index: answer.mask}, ghosts, answer)

    def _whole(
        self,
        opened: OpenVolume,
        mask: RunLengthMask,
        layers: dict[int, RunLengthMask],
        ghosts: dict[int, RunLengthMask],
        answer: Answer,
    ) -> Answer:
        empty = RunLengthMask.empty(opened.size_hw)
        return replace(
            answer,
            mask=with_layers(mask, layers, opened.rows),
            ghosts=with_layers(empty, ghosts, opened.rows) or None,
        )


def on_slice(opened: OpenVolume, question: Question, index: int) -> Question:
    """The part of a question that is about one slice, in the pixels of the slice."""
    known = None
    if question.known is not None:
        prompts = prompts_on(opened, question.known[0], index)
        if len(prompts):
            known = prompts, layer_of(question.known[1], index, opened.rows)
    return Question(
        question.object_id * MOST_SLICES + index,
        prompts_on(opened, question.prompts, index),
        known,
        None if question.rules is None else _rules_on(opened, question.rules, index),
        question.guess_id * MOST_SLICES - index if question.guess_id else 0,
    )


def _says_where(prompts: Prompts) -> bool:
    """Whether prompts begin an object or correct one: a slice with negative ones alone has nothing to take away."""
    return any(not isinstance(p, Click | Scribble | Lasso) or p.positive for p in prompts)


def prompts_on(opened: OpenVolume, prompts: Prompts, index: int) -> Prompts:
    """The prompts that lie on a slice, in its pixels. A mask without a pixel on it says nothing about it."""
    found: list[Prompt] = []
    for prompt in prompts:
        if isinstance(prompt, MaskPrompt):
            layer = layer_of(prompt.mask, index, opened.rows)
            found = [replace(prompt, mask=layer)] if layer else []  # what was clicked before is in the mask
        elif _slice_of(opened, prompt) == index:
            found.append(_moved(prompt, -index * opened.rows))
    return Prompts(tuple(found))


def _settled_part(opened: OpenVolume, question: Question) -> tuple[RunLengthMask, int]:
    """The mask of the prompts that need no answer any more, and how many they are."""
    items = question.prompts.items
    masks = [i for i, p in enumerate(items) if isinstance(p, MaskPrompt)]
    newest = masks[-1] if masks else -1
    if question.known is not None:
        prompts, mask = question.known
        if newest < len(prompts) <= len(items) and items[: len(prompts)] == prompts.items:
            return mask, len(prompts)
    if newest >= 0:
        prompt = items[newest]
        assert isinstance(prompt, MaskPrompt)  # noqa: S101 - found as one
        return prompt.mask, newest + 1
    return RunLengthMask.empty(opened.size_hw), 0


def _slice_of(opened: OpenVolume, prompt: Prompt) -> int:
    """The slice that a prompt lies on; PromptError if it lies on several."""
    if isinstance(prompt, MaskPrompt):
        raise PromptError("A mask lies on all slices.")
    if isinstance(prompt, Click):
        return opened.slice_at(prompt.y)
    ys = (prompt.y0, prompt.y1) if isinstance(prompt, Box) else tuple(y for _, y in prompt.points_xy)
    first = opened.slice_at((min(ys) + max(ys)) / 2)
    top = first * opened.rows
    if min(ys) < top - 0.5 or max(ys) > top + opened.rows + 0.5:
        text = "That reaches over several slices; a slice is {rows} rows high. Draw on one of them."
        raise PromptError(words("refused.severalSlices", text, rows=opened.rows))
    return first


def _newest_slice(opened: OpenVolume, prompts: Prompts) -> int:
    newest = prompts.items[-1]
    if isinstance(newest, MaskPrompt):
        text = "The mask was drawn or carried along, so the model has nothing else to offer. Click first."
        raise PromptError(words("refused.drawnOnly", text))
    return _slice_of(opened, newest)


def _moved(prompt: Prompt, by: float) -> Prompt:
    if isinstance(prompt, Click):
        return replace(prompt, y=prompt.y + by)
    if isinstance(prompt, Box):
        return Box(prompt.x0, prompt.y0 + by, prompt.x1, prompt.y1 + by)
    if isinstance(prompt, Scribble | Lasso):
        return replace(prompt, points_xy=tuple((x, y + by) for x, y in prompt.points_xy))
    return prompt


def _rules_on(opened: OpenVolume, rules: EditRules, index: int) -> EditRules:
    top = index * opened.rows

    def protected(box_xyxy: BoxXyxy) -> BoolMask:
        x0, y0, x1, y1 = box_xyxy
        return rules.protected((x0, y0 + top, x1, y1 + top))

    return replace(rules, protected=protected)
