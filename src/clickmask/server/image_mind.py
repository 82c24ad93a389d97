"""How questions about photographs, and about whatever else a model of images sees, are answered."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from clickmask.core.edit import EditRules
from clickmask.core.frames import Frame, LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.editing import MEMO, EditMemo, edit
from clickmask.predict.predictor import Pipeline, advance, candidates, expected_iou
from clickmask.server.errors import ModelError
from clickmask.server.minds import Answer, Question, StateCache


class ImageMind:
    """See `minds.Mind`; what is opened is a `Frame`."""

    def __init__(self) -> None:
        self._states: StateCache[ObjectState] = StateCache(bytes_of)
        self._model: Pipeline | None = None

    def prepare(self, model: Pipeline, opened: Frame) -> None:
        """A frame needs nothing more."""

    def answer(self, model: Pipeline, opened: Frame, question: Question) -> Answer:
        """The mask for the prompts of an object."""
        start = time.perf_counter()
        self._follow_model(model)
        state = follow(model, opened, self._start(question), question.prompts, question.rules)
        self._states.keep(question.object_id, state)
        return _answer_of(state, opened, model, start)

    def rethreshold(self, model: Pipeline, opened: Frame, question: Question, keep: bool) -> Answer:
        """The mask at another threshold."""
        start = time.perf_counter()
        self._follow_model(model)
        answered = self._answered(model, opened, question)
        memo = answered.memo.get(MEMO)
        if not isinstance(memo, EditMemo) or question.rules is None:
            return self.answer(model, opened, replace(question, known=None))
        request = Request(opened, question.prompts, memo.base, answered.memo, question.rules)
        result = edit(request, Result(memo.raw, answered.memo), question.rules, model.threshold_logit)
        state = ObjectState(question.prompts, result.logits, result.memo)
        if keep:
            self._states.keep(question.object_id, state)
        return _answer_of(state, opened, model, start)

    def alternatives(self, model: Pipeline, opened: Frame, question: Question) -> list[Answer]:
        """What the prompts may mean."""
        start = time.perf_counter()
        state = follow(model, opened, ObjectState(), question.prompts, question.rules)
        memo = state.memo.get(MEMO)
        rules = question.rules or EditRules()
        base = memo.base if isinstance(memo, EditMemo) else None
        request = Request(opened, question.prompts, base, state.memo, rules)
        found = candidates(model, opened, state)
        results = [edit(request, Result(c.logits, state.memo), rules, model.threshold_logit) for c in found]
        states = [ObjectState(question.prompts, result.logits, result.memo) for result in results]
        return [_answer_of(one, opened, model, start) for one in states]

    def logits(self, model: Pipeline, opened: Frame, question: Question) -> tuple[LogitMap, float]:
        """What the model itself says, and the IoU that it expects."""
        self._follow_model(model)
        state = self._answered(model, opened, question)
        memo = state.memo.get(MEMO)
        logits = memo.raw if isinstance(memo, EditMemo) else state.logits
        if logits is None:
            raise ModelError(f"The model '{model.name}' gave no answer. Click on the object again.")
        return logits, expected_iou(model, opened, ObjectState(question.prompts, logits, state.memo))

    def _answered(self, model: Pipeline, opened: Frame, question: Question) -> ObjectState:
        """The kept state with all prompts answered; where it is not kept, as after a restart, it is made once more.

        Then at the model's own threshold, at which the prompts were answered before another one was asked for.
        """
        kept = self._states.longest(question.object_id, question.prompts)
        if kept is not None and kept.prompts == question.prompts and isinstance(kept.memo.get(MEMO), EditMemo):
            return kept
        rules = replace(question.rules or EditRules(), threshold_logit=None)
        return follow(model, opened, ObjectState(), question.prompts, rules)

    def _follow_model(self, model: Pipeline) -> None:
        if model is not self._model:
            self._states.clear()
            self._model = model

    def _start(self, question: Question) -> ObjectState:
        kept = self._states.before(question)
        if question.known is not None and _contradicts(kept, question.known):
            prompts, mask = question.known
            if question.prompts.items[: len(prompts)] == prompts.items and len(prompts):
                return ObjectState(prompts, LogitMap.of_mask(mask))
        return ObjectState() if kept is None else kept


def _contradicts(kept: ObjectState | None, known: tuple[Prompts, RunLengthMask]) -> bool:
    """Whether the mask that is known must be gone on from, not the kept state.

    Another threshold or mask, and undo of either, leave a state whose mask is not the one on the screen;
    the next prompt goes on from what is on the screen.
    """
    if kept is None:
        return True
    memo = kept.memo.get(MEMO)
    return kept.prompts == known[0] and isinstance(memo, EditMemo) and memo.mask != known[1]


def _answer_of(state: ObjectState, frame: Frame, pipeline: Pipeline, start: float) -> Answer:
    milliseconds = (time.perf_counter() - start) * 1000
    memo = state.memo.get(MEMO)
    if isinstance(memo, EditMemo):
        return Answer(memo.mask, pipeline.name, milliseconds, memo.ghosts or None, memo.waiting)
    return Answer(state.run_lengths(frame.size_hw, pipeline.threshold_logit), pipeline.name, milliseconds)


def follow(
    pipeline: Pipeline, frame: Frame, state: ObjectState, prompts: Prompts, rules: EditRules | None = None
) -> ObjectState:
    """The state after all of `prompts`, of which `state` has the first ones.

    Prompts that came faster than the model are answered in one run. Corrections of a mask go one by one,
    because each changes only what is connected to its own click.
    """
    rest = prompts.items[len(state.prompts) :]
    masks = [i for i, p in enumerate(rest) if isinstance(p, MaskPrompt)]
    if masks:
        before = Prompts(prompts.items[: len(state.prompts) + masks[-1]])
        state = advance(pipeline, frame, ObjectState(before), rest[masks[-1]])
        rest = rest[masks[-1] + 1 :]
    if state.prompts.initial_mask is None and len(rest) > 1:
        state = ObjectState(Prompts(prompts.items[:-1]), state.logits, state.memo)
        rest = rest[-1:]
    for prompt in rest:
        state = advance(pipeline, frame, state, prompt, rules)
    return state


def bytes_of(state: ObjectState) -> int:
    """What a state keeps in memory."""
    memo = state.memo.get(MEMO)
    maps = [state.logits, *((memo.raw, memo.base) if isinstance(memo, EditMemo) else ())]
    remembered = sum(int(getattr(value, "nbytes", 0)) for value in state.memo.values())
    return 1000 + remembered + sum({id(m): int(m.values.nbytes) for m in maps if m is not None}.values())


def warm(pipeline: Pipeline) -> None:
    """Ask once: the first run of a network is several times slower than the second."""
    grey = Frame.of(np.full((64, 64, 3), 128, dtype=np.uint8))
    advance(pipeline, grey, ObjectState(), Click(32.0, 32.0))
