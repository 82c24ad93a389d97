"""The recorded prompts of every object asked once more, and compared with the masks that were kept.

Each answer is asked for as it was in the annotator: with the prompts so far, the mask before them, and the pixels that
other objects kept at that step. What people made by hand is taken as it stands; answers after it go on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clickmask.core.edit import EditRules
from clickmask.core.masks import RunLengthMask, combined
from clickmask.core.prompts import MaskPrompt
from clickmask.predict.predictor import Pipeline, logit
from clickmask.server import ownership
from clickmask.server.media.medium import Opened
from clickmask.server.minds import Mind, Question
from clickmask.store.values import LoggedEvent, ObjectValue, Policy, Step, StoredObject

THRESHOLD = "threshold"
"""Kind of the step that looks at an answer through another threshold."""
ANSWERED = frozenset({"click", "box", "scribble", "lasso", "remove_prompt"})
"""Kinds of steps after which the model is asked."""
KEPT = frozenset({"finish", "reopen", "discard"})
"""Kinds of steps that keep a mask as it is, go back to one, or give its contested pixels away."""

Models = Callable[[str], Pipeline | None]
"""A model by the name under which it was recorded; None where it is not there."""


@dataclass(frozen=True)
class Replayed:
    """One answer asked once more.

    Attributes:
        step: name of the step, for people.
        model: that gave the answer then; empty if the log does not tell.
        asked: model that was asked now; None if there was none to ask.
        pixels: in which the two masks differ.
        iou: of the two masks; 1 for two empty ones.
    """

    step: str
    model: str
    asked: str | None
    pixels: int
    iou: float

    @property
    def same(self) -> bool:
        """Whether the masks are equal to the bit."""
        return self.asked is not None and self.pixels == 0

    @property
    def reason(self) -> str:
        """Why they are not; empty if they are."""
        if self.same:
            return ""
        if self.asked is None:
            return f"the model '{self.model}' is not here"
        if self.model and self.model != self.asked:
            return f"answered by '{self.model}' then, by '{self.asked}' now"
        return "the same model answers otherwise: another version, machine or stage, or clicks that did not wait for it"


@dataclass(frozen=True)
class ReplayedObject:
    """An object that is there now, with its answers and the number of steps that people made by hand."""

    id: int
    class_id: int
    answers: tuple[Replayed, ...]
    by_hand: int


def replay(
    steps: Sequence[Step], events: Iterable[LoggedEvent], opened: Opened, mind: Callable[[], Mind], models: Models,
    policy: Policy,
) -> list[ReplayedObject]:  # fmt: skip
    """Ask for every answer on an image once more.

    Args:
        steps: of the image, oldest first.
        events: of the log; `model_run` tells which model answered.
        opened: the image.
        mind: makes who asks the models, knowing nothing yet.
        models: to ask.
        policy: of the project on contested pixels, as it is now.
    """
    recorded = {(e.object_id, e.payload["prompts"]): str(e.payload["model"]) for e in events if e.kind == "model_run"}
    asker = _Asker(opened, mind, models, recorded, policy)
    for step in steps:
        asker.take(step)
    return [
        ReplayedObject(number, stored.value.class_id, tuple(asker.answers[number]), asker.by_hand[number])
        for number, stored in asker.objects.items()
    ]


class _Asker:
    """Goes through the history of one image."""

    def __init__(
        self, opened: Opened, mind: Callable[[], Mind], models: Models, recorded: Mapping[Any, str], policy: Policy
    ) -> None:
        self._opened, self._new_mind, self._mind = opened, mind, mind()
        self._models, self._recorded, self._policy = models, recorded, policy
        self.objects: dict[int, StoredObject] = {}
        self.answers: dict[int, list[Replayed]] = {}
        self.by_hand: dict[int, int] = {}

    def take(self, step: Step) -> None:
        """Go on to the state after a step."""
        for number, value in step.changes:
            if value is not None:
                self._compare(number, value, step)
        for number, value in step.changes:
            if value is None:
                self.objects.pop(number, None)
            else:
                self.objects[number] = StoredObject(number, 0, 0, "", value)

    def _compare(self, number: int, value: ObjectValue, step: Step) -> None:
        answers, by_hand = self.answers.setdefault(number, []), self.by_hand.setdefault(number, 0)
        stored = self.objects.get(number)
        before = None if stored is None else stored.value
        by_model = bool(value.prompts.items) and not isinstance(value.prompts.items[-1], MaskPrompt)
        if by_model and step.kind in (*ANSWERED, THRESHOLD):
            if value.settled:  # else the next prompt came before the answer, and one answer was for both
                answers.append(self._ask(number, value, before, step))
        elif step.kind not in KEPT and (before is None or before.mask != value.mask):
            self.by_hand[number] = by_hand + 1

    def _ask(self, number: int, value: ObjectValue, before: ObjectValue | None, step: Step) -> Replayed:
        recorded = self._recorded.get((number, len(value.prompts)), "")
        model = self._models(recorded)
        if model is None:
            return Replayed(step.label, recorded, None, 0, 0.0)
        question = self._question(number, value, before)
        mask = self._answer(model, question, value, step)
        if mask != value.mask:
            # as after a restart, when the annotator knows no more than the mask
            kept, self._mind = self._mind, self._new_mind()
            anew = self._answer(model, question, value, step)
            if anew == value.mask:
                mask = anew
            else:
                self._mind = kept
        differing = combined(mask, value.mask, np.logical_xor).area
        union = combined(mask, value.mask, np.logical_or).area
        iou = 1 - differing / union if union else 1.0
        return Replayed(step.label, recorded, model.name, differing, iou)

    def _question(self, number: int, value: ObjectValue, before: ObjectValue | None) -> Question:
        threshold = None if value.threshold is None else logit(value.threshold)
        rules = EditRules(ownership.protection(self._others(number)), threshold)
        known = None if before is None or not before.settled else (before.prompts, before.mask)
        return Question(number, value.prompts, known, rules)

    def _answer(self, model: Pipeline, question: Question, value: ObjectValue, step: Step) -> RunLengthMask:
        if step.kind == THRESHOLD:
            mask = self._mind.rethreshold(model, self._opened, question, keep=True).mask
        else:
            mask = self._mind.answer(model, self._opened, question).mask
        return ownership.yielding(value.base, mask, self._others(question.object_id))

    def _others(self, number: int) -> list[RunLengthMask]:
        return ownership.protected_by_others(self.objects, number, self._policy)
