"""The model's answers for the objects of one image: asked for in the background, kept, and shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace

from clickmask.core.edit import EditRules
from clickmask.core.errors import ClickmaskError, ConflictError, ImageError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.core.words import words
from clickmask.predict.predictor import logit
from clickmask.predict.uncertainty import MaskUncertainty, mask_uncertainty
from clickmask.server import ownership
from clickmask.server.board import Board
from clickmask.server.errors import refusal
from clickmask.server.media.medium import Opened
from clickmask.server.minds import Answer, Question
from clickmask.server.records import records
from clickmask.server.schemas import object_json
from clickmask.server.services import Services
from clickmask.store.values import ModelRun, ObjectValue, Origin, Settled, StoredObject

THRESHOLDS = (0.5, 0.3, 0.7)
"""Tried in turn where a model offers one mask alone."""


class Answers:
    """Sees that every object that waits gets its mask. Belongs to the event loop."""

    def __init__(self, services: Services, board: Board) -> None:
        self._services = services
        self._board = board
        self._thinker = services.thinker(board.kind)
        self._askers: dict[int, Origin] = {}
        self._known: dict[int, tuple[Prompts, RunLengthMask]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failures: dict[int, ClickmaskError] = {}
        self._preparing: asyncio.Task[None] | None = None
        for stored in board.objects.values():
            self._remember(stored)

    @property
    def busy(self) -> bool:
        """Whether any question is under way."""
        return any(not task.done() for task in self._tasks.values())

    def expect(self, stored: StoredObject, asker: Origin) -> None:
        """Put an object that was changed on the board, in place of what was there."""
        if stored.id in self._board.objects:
            self._remember(self._board.objects[stored.id])
        self._board.objects[stored.id] = stored
        self._remember(stored)
        self._askers[stored.id] = asker
        self._failures.pop(stored.id, None)

    def prepare(self) -> None:
        """Begin to make what the first question needs, before it comes; a problem shows when it does."""
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.get_running_loop().create_task(self._prepare())

    async def _prepare(self) -> None:
        with contextlib.suppress(ClickmaskError):
            await self._thinker.prepare(await self.picture())

    async def wait(self, object_id: int) -> None:
        """Wait until the model has answered every prompt of an object.

        Raises:
            ClickmaskError: it failed.
        """
        while (stored := self._board.objects.get(object_id)) is not None and not stored.value.settled:
            self._failures.pop(object_id, None)
            self.ask_for([stored])
            await asyncio.shield(self._tasks[object_id])
            if object_id in self._failures:
                raise self._failures[object_id]

    async def close(self) -> None:
        """Stop asking."""
        tasks = [*self._tasks.values(), *([] if self._preparing is None else [self._preparing])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remember(self, stored: StoredObject) -> None:
        if stored.value.settled:
            self._known[stored.id] = (stored.value.prompts, stored.value.mask)

    def ask_for(self, objects: Iterable[StoredObject]) -> None:
        """See that the model answers for objects that wait."""
        for stored in objects:
            running = self._tasks.get(stored.id)
            if not stored.value.settled and (running is None or running.done()):
                self._tasks[stored.id] = asyncio.get_running_loop().create_task(self._answer_all(stored.id))

    async def _answer_all(self, object_id: int) -> None:
        """Ask until the newest prompts are answered; what came in the meantime is asked in one go."""
        while (asked := self._board.objects.get(object_id)) is not None and not asked.value.settled:
            origin = self._askers.get(object_id, Origin(""))
            try:
                answer = await self._ask(asked)
                run = ModelRun(answer.model, answer.milliseconds)
                store = self._services.store
                await self._services.in_store(store.settle, object_id, asked.value.prompts, answer.settled, run)
            except ClickmaskError as error:
                self._failures[object_id] = error
                self._board.tell(
                    {"type": "error", "seq": origin.seq or 0, "rev": self._board.rev, **refusal(error).json()}
                )
                break
            self._take_answer(asked, answer.settled, origin)
        self._board.tell({"type": "busy", "object": object_id, "stage": "idle"})

    async def at_threshold(self, stored: StoredObject, threshold: float, keep: bool) -> Settled:
        """What an object that has been answered would be at another threshold, a probability.

        Args:
            stored: the object.
            threshold: to look at.
            keep: whether the next prompts go on from there.
        """
        frame = await self.picture()
        question = self._question(replace(stored, value=replace(stored.value, threshold=threshold)))
        answer = await self._thinker.rethreshold(frame, question, keep)
        return (await self._yielding(stored, answer)).settled

    async def look_ahead(self, target: StoredObject | None, click: Click) -> RunLengthMask | None:
        """The mask that a click would give on an object, or on a new one; nothing is stored.

        The model's state is kept, so that the click itself finds its answer. None while the object waits for one.
        """
        if target is None:
            value = ObjectValue(0, RunLengthMask.empty(self._board.size_hw), Prompts((click,)))
            asked = StoredObject(self._guess_id, self._board.image_id, 0, "", value)
        elif target.value.settled:
            value = replace(target.value, prompts=Prompts((*target.value.prompts.items, click)))
            asked = replace(target, value=value)
        else:
            return None
        if self._thinker.status.state != "ready":
            return None
        answer = await self._thinker.answer(await self.picture(), self._question(asked))
        return (await self._yielding(asked, answer)).mask

    @property
    def _guess_id(self) -> int:
        """Under which the model keeps what it thinks of an object that does not exist yet."""
        return -self._board.image_id

    async def _ask(self, asked: StoredObject) -> Answer:
        self._board.tell({"type": "busy", "object": asked.id, "stage": self._stage()})
        frame = await self.picture()
        return await self._yielding(asked, await self._thinker.answer(frame, self._question(asked)))

    def _stage(self) -> str:
        """What an answer waits for."""
        if self._thinker.status.state == "loading":
            return "loading_model"
        return "preparing" if self._preparing is not None and not self._preparing.done() else "predicting"

    async def uncertainty(self, stored: StoredObject) -> tuple[MaskUncertainty, float]:
        """What the model is not sure of about an object that has been answered, and the IoU that it expects.

        Raises:
            ConflictError: the mask was made by a person, so the model has not been asked about it.
        """
        prompts = stored.value.prompts
        if not prompts.items or isinstance(prompts.items[-1], MaskPrompt):
            text = (
                "The mask of object #{object} was not made by the model, so it has no doubts about it. "
                "Click on the object first."
            )
            raise ConflictError(words("refused.noDoubts", text, object=stored.id))
        logits, expected = await self._thinker.logits(await self.picture(), self._question(stored))
        clicks = prompts.plain.clicks
        return await asyncio.to_thread(mask_uncertainty, logits, stored.value.mask, clicks), expected

    async def next_mask(self, stored: StoredObject) -> tuple[Settled, str, float | None]:
        """The mask after the one that is shown among those that the prompts may mean; else that of another threshold.

        Returns:
            answer: the mask.
            name: what it is, for people.
            threshold: of it.
        """
        value = stored.value
        found = await self._thinker.alternatives(await self.picture(), self._question(stored))
        answers = [(await self._yielding(stored, one)).settled for one in found]
        if len(answers) > 1:
            masks = [a.mask for a in answers]
            following = (masks.index(value.mask) + 1) % len(masks) if value.mask in masks else 0
            name = words("mask.of", "mask {n} of {count}", n=following + 1, count=len(masks))
            return answers[following], name, value.threshold
        now = value.threshold if value.threshold in THRESHOLDS else THRESHOLDS[0]
        threshold = THRESHOLDS[(THRESHOLDS.index(now) + 1) % len(THRESHOLDS)]
        name = words("mask.threshold", "threshold {value}", value=f"{threshold:.2f}")
        return await self.at_threshold(stored, threshold, keep=True), name, threshold

    async def picture(self) -> Opened:
        """The content of the file; ImageError if it is damaged or another one by now."""
        opened = await self._services.content(self._board.path, self._board.kind, self._board.plane)
        if opened.size_hw != self._board.size_hw:
            text = "{path} was replaced by an image of another size. Put the old file back."
            raise ImageError(words("refused.imageReplaced", text, path=self._board.path))
        return opened

    def _question(self, asked: StoredObject) -> Question:
        others = self.others(asked.id)
        threshold = asked.value.threshold
        rules = EditRules(ownership.protection(others), None if threshold is None else logit(threshold))
        rivals = tuple(
            click
            for other in self._board.objects.values()
            if other.id != asked.id
            for click in other.value.prompts.clicks
            if click.positive
        )
        return Question(asked.id, asked.value.prompts, self._known.get(asked.id), rules, self._guess_id, rivals)

    def others(self, object_id: int) -> list[RunLengthMask]:
        """Masks that an object must leave alone."""
        return ownership.protected_by_others(self._board.objects, object_id, self._services.policy)

    async def _yielding(self, asked: StoredObject, answer: Answer) -> Answer:
        """The answer without pixels that others have come to own while the model was at work."""
        mask = await asyncio.to_thread(ownership.yielding, asked.value.base, answer.mask, self.others(asked.id))
        return answer if mask is answer.mask else replace(answer, mask=mask)

    def _take_answer(self, asked: StoredObject, answer: Settled, origin: Origin) -> None:
        """Show the answer, unless the object has moved on to where it does not belong."""
        now = self._board.objects.get(asked.id)
        if now is None or now.value.settled:
            return
        asked_items = asked.value.prompts.items
        if now.value.prompts.items[: len(asked_items)] != asked_items:
            return
        settled = now.value.prompts == asked.value.prompts
        self._known[asked.id] = (asked.value.prompts, answer.mask)
        value = replace(now.value, mask=answer.mask, ghosts=answer.ghosts, waiting=answer.waiting, settled=settled)
        shown = replace(now, value=value)
        self._board.objects[asked.id] = shown
        if settled:
            self._board.tell({"type": "settled", "object": object_json(shown)})
        rev = now.rev if settled else asked.rev
        for peer in self._board.peers:
            seq = origin.seq or 0 if peer.client == origin.client else 0
            for frame in records(replace(shown, rev=rev), seq):
                peer.send(frame)
