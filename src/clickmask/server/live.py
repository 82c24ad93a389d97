"""One open image: applies commands in order, asks the model, tells everybody who looks at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from clickmask.core.errors import ClickmaskError, ImageError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Prompts
from clickmask.server import edits
from clickmask.server.commands import EditMaker, StepKind
from clickmask.server.errors import NotFoundError, StaleError, refusal
from clickmask.server.model import Answer, Question
from clickmask.server.peers import Ack, Peer
from clickmask.server.records import mask_record, record
from clickmask.server.schemas import Command, JumpCommand, PingCommand, SimpleCommand, StepCommand, object_json
from clickmask.server.services import Services
from clickmask.store.values import Edit, ModelRun, Origin, Outcome, StoredImage, StoredObject


class LiveImage:
    """State of one image in memory: what the store says, plus what the model has not answered yet.

    Args:
        services: shared parts.
        image: with its facts known.
        objects: as stored.
        steps: labels of undo and redo.
    """

    def __init__(
        self,
        services: Services,
        image: StoredImage,
        objects: Iterable[StoredObject],
        steps: tuple[str | None, str | None],
    ) -> None:
        if image.facts is None:
            raise ImageError(f"{image.path} has not been looked at yet.")
        self.image_id, self.path, self.size_hw, self.rev = image.id, image.path, image.facts.size_hw, image.rev
        self.objects = {o.id: o for o in objects}
        self.peers: list[Peer] = []
        self._services = services
        self._steps = steps
        self._lock = asyncio.Lock()
        self._edits = EditMaker(self.size_hw, services.classes)
        self._active: dict[str, int | None] = {}
        self._seqs: dict[str, int] = {}
        self._revs: dict[str, int] = {}
        self._askers: dict[int, Origin] = {}
        self._known: dict[int, tuple[Prompts, RunLengthMask]] = {}
        self._answers: dict[int, asyncio.Task[None]] = {}
        self._failures: dict[int, ClickmaskError] = {}
        self._remember_settled(self.objects.values())

    @property
    def busy(self) -> bool:
        """Whether anybody looks at it or anything is under way."""
        return bool(self.peers) or self._lock.locked() or any(not t.done() for t in self._answers.values())

    async def last_seq(self, client: str) -> int:
        """Newest stored command of a client."""
        if client not in self._seqs:
            store = self._services.store
            self._seqs[client] = await self._services.in_store(store.last_seq, self.image_id, client)
        return self._seqs[client]

    def history(self) -> dict[str, str | None]:
        """What undo and redo would do."""
        return {"undo": self._steps[0], "redo": self._steps[1]}

    def join(self, peer: Peer) -> int | None:
        """Let somebody look on; returns its active object. Answers still owed from before a crash are asked for."""
        self._active[peer.client] = self._first_active(peer.client)
        self.peers.append(peer)
        self._ask_for(self.objects.values())
        return self._active[peer.client]

    def leave(self, peer: Peer) -> None:
        """Forget somebody."""
        self.peers = [p for p in self.peers if p is not peer]

    async def apply(self, command: Command, client: str, *, strict: bool = False) -> Ack:
        """Carry out a command; everybody is told before this returns.

        Args:
            command: what to do.
            client: who asks.
            strict: every later revision makes the command stale, the client's own too.

        Raises:
            ClickmaskError: the command had no effect.
        """
        async with self._lock:
            if command.seq and command.seq <= await self.last_seq(client):
                ack = self._ack(command.seq, client, self._active.get(client), (), ())
                self._publish(ack, client, with_masks=False)
                return ack
            if isinstance(command, PingCommand):
                return self._ack(command.seq, client, None, (), ())
            if isinstance(command, SimpleCommand) and command.type == "activate":
                ack = self._activate(command, client)
            elif isinstance(command, StepCommand | JumpCommand):
                ack = await self._step(command, client, strict)
            else:
                ack = await self._edit(command, client, strict)
            self._publish(ack, client, with_masks=command.type not in ("click", "box", "remove_prompt", "activate"))
        self._ask_for(ack.objects)
        return ack

    async def set_mask(self, object_id: int, mask: RunLengthMask, client: str, rev: int | None) -> Ack:
        """Give an object in progress a mask from a file."""
        async with self._lock:
            target = self._pick(object_id)
            self._check_fresh(target, rev, client, strict=True)
            ack = await self._commit(self._edits.set_mask(self.objects, target, mask), Origin(client))
            self._publish(ack, client, with_masks=True)
        return ack

    async def add_finished(self, edit: Edit, client: str) -> Ack:
        """Take a step that adds finished objects: an import."""
        async with self._lock:
            ack = await self._commit(edit, Origin(client))
            self._publish(ack, client, with_masks=True)
        return ack

    async def settled(self, object_id: int) -> None:
        """Wait until the model has answered every prompt of an object.

        Raises:
            ClickmaskError: it failed.
        """
        while (stored := self.objects.get(object_id)) is not None and not stored.value.settled:
            self._failures.pop(object_id, None)
            self._ask_for([stored])
            await asyncio.shield(self._answers[object_id])
            if object_id in self._failures:
                raise self._failures[object_id]

    def _pick(self, object_id: int) -> StoredObject:
        """The object with this number; NotFoundError if it does not exist."""
        if object_id not in self.objects:
            raise NotFoundError(f"There is no object #{object_id} on this image (any more).")
        return self.objects[object_id]

    def _target(self, command: Command, client: str) -> StoredObject | None:
        """The object a command names, else the client's active one, None without one."""
        named: int | None = getattr(command, "object_id", None)
        wanted = self._active.get(client) if named is None else named
        return None if wanted is None else self._pick(wanted)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to everybody."""
        text = json.dumps(message)
        for peer in self.peers:
            peer.send(text)

    async def close(self) -> None:
        """Stop asking the model."""
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)

    def _activate(self, command: SimpleCommand, client: str) -> Ack:
        self._active[client] = None
        if command.object_id is not None:
            self._active[client] = edits.in_progress(self._pick(command.object_id)).id
        return self._ack(command.seq, client, self._active[client], (), ())

    async def _edit(self, command: Command, client: str, strict: bool) -> Ack:
        target = self._target(command, client)
        if target is not None:
            self._check_fresh(target, command.rev, client, strict)
        if command.type == "finish" and target is not None:
            await self.settled(target.id)
            target = self._pick(target.id)
        edit = self._edits.make(command, self.objects, target)
        ack = await self._commit(edit, Origin(client, command.seq or None))
        self._active[client] = self._next_active(command.type, ack, client)
        return replace(ack, active=self._active[client])

    async def _step(self, command: StepCommand | JumpCommand, client: str, strict: bool) -> Ack:
        others = max((rev for name, rev in self._revs.items() if strict or name != client), default=0)
        if command.rev is not None and others > command.rev:
            raise StaleError(f"Somebody else changed the image at revision {others}; look before you {command.type}.")
        origin = Origin(client, command.seq or None)
        outcome, steps = await self._services.in_store(
            StepKind.of(command).take, self._services.store, self.image_id, origin
        )
        self._take(outcome, steps, client, origin.seq)
        if await self._services.refresh_classes():
            self.tell({"type": "classes"})
        clicked = [o.id for o in outcome.objects if o.value.phase == "in_progress"]
        if clicked or self._active.get(client) not in self.objects or outcome.objects:
            self._active[client] = clicked[-1] if clicked else None
        touched = [o.id for o in outcome.objects] + list(outcome.removed)
        return self._ack(command.seq, client, touched[0] if touched else None, outcome.objects, outcome.removed)

    async def _commit(self, edit: Edit, origin: Origin) -> Ack:
        store = self._services.store

        def write() -> tuple[Outcome, tuple[str | None, str | None]]:
            return store.apply(self.image_id, edit, origin), store.next_steps(self.image_id)

        outcome, steps = await self._services.in_store(write)
        self._take(outcome, steps, origin.client, origin.seq)
        touched = [o.id for o in outcome.objects] + list(outcome.removed)
        return self._ack(origin.seq or 0, origin.client, touched[0], outcome.objects, outcome.removed)

    def _take(
        self, outcome: Outcome, steps: tuple[str | None, str | None], client: str, seq: int | None = None
    ) -> None:
        """Make an outcome of the store the state in memory."""
        touched = [self.objects[o.id] for o in outcome.objects if o.id in self.objects]
        self._remember_settled(touched)
        for stored in outcome.objects:
            self.objects[stored.id] = stored
            self._askers[stored.id] = Origin(client, seq)
            self._failures.pop(stored.id, None)
        for object_id in outcome.removed:
            self.objects.pop(object_id, None)
        self._remember_settled(outcome.objects)
        self.rev, self._steps, self._revs[client] = outcome.rev, steps, outcome.rev
        if seq is not None:
            self._seqs[client] = seq

    def _remember_settled(self, objects: Iterable[StoredObject]) -> None:
        for stored in objects:
            if stored.value.settled:
                self._known[stored.id] = (stored.value.prompts, stored.value.mask)

    def _check_fresh(self, target: StoredObject, rev: int | None, client: str, strict: bool) -> None:
        foreign = strict or target.changed_by != client
        if rev is not None and target.rev > rev and foreign:
            text = f"Object #{target.id} was changed at revision {target.rev}, after the {rev} you have seen."
            raise StaleError(f"{text} Look at it and try again.", target)

    def _first_active(self, client: str) -> int | None:
        others = {p.client for p in self.peers if p.client != client}
        open_ones = [o for o in self.objects.values() if o.value.phase == "in_progress"]
        own = [o for o in open_ones if o.changed_by == client]
        free = own or [o for o in open_ones if o.changed_by not in others]
        return max(free, key=lambda o: o.rev).id if free else None

    def _next_active(self, kind: str, ack: Ack, client: str) -> int | None:
        """Where clicks go after a command: a new or re-opened object takes over, a finished one steps back."""
        if kind in ("click", "box", "reopen") and ack.objects:
            return ack.objects[0].id
        active = self._active.get(client)
        gone = active not in self.objects or self.objects[active].value.phase == "finished"
        return None if gone else active

    def _ack(
        self, seq: int, client: str, object_id: int | None, objects: tuple[StoredObject, ...], removed: tuple[int, ...]
    ) -> Ack:
        return Ack(seq, self.rev, object_id, self._active.get(client), objects, removed, *self._steps)

    def _publish(self, ack: Ack, client: str, with_masks: bool) -> None:
        """Tell the one who asked that it is done, and the others what changed."""
        to_others = (
            json.dumps({"type": "changed", "by": client, **ack.change()}) if ack.objects or ack.removed else None
        )
        to_asker = json.dumps(ack.json())
        for peer in self.peers:
            own = peer.client == client
            if own and ack.seq:
                peer.send(to_asker)
            elif to_others is not None:
                peer.send(to_others)
            for stored in ack.objects if with_masks else ():
                peer.send(record(stored, ack.seq if own else 0))

    def _ask_for(self, objects: Iterable[StoredObject]) -> None:
        """See that the model answers for objects that wait."""
        for stored in objects:
            running = self._answers.get(stored.id)
            if not stored.value.settled and (running is None or running.done()):
                self._answers[stored.id] = asyncio.get_running_loop().create_task(self._answer_all(stored.id))

    async def _answer_all(self, object_id: int) -> None:
        """Ask until the newest prompts are answered; what came in the meantime is asked in one go."""
        while (asked := self.objects.get(object_id)) is not None and not asked.value.settled:
            origin = self._askers.get(object_id, Origin(""))
            try:
                mask, answer = await self._ask(asked)
                run = ModelRun(answer.model, answer.milliseconds)
                store = self._services.store
                await self._services.in_store(store.settle, object_id, asked.value.prompts, mask, run)
            except ClickmaskError as error:
                self._failures[object_id] = error
                self.tell({"type": "error", "seq": origin.seq or 0, "rev": self.rev, **refusal(error).json()})
                break
            self._take_answer(asked, mask, origin)
        self.tell({"type": "busy", "object": object_id, "stage": "idle"})

    async def _ask(self, asked: StoredObject) -> tuple[RunLengthMask, Answer]:
        services = self._services
        loading = services.models.status.state == "loading"
        self.tell({"type": "busy", "object": asked.id, "stage": "loading_model" if loading else "predicting"})
        frame = await services.pictures.frame(self.path)
        if frame.size_hw != self.size_hw:
            raise ImageError(f"{self.path} was replaced by an image of another size. Put the old file back.")
        question = Question(asked.id, asked.value.prompts, self._known.get(asked.id))
        answer = await services.models.answer(frame, question)
        others = edits.protected_by_others(self.objects, asked.id)
        return await asyncio.to_thread(edits.without, answer.mask, others), answer

    def _take_answer(self, asked: StoredObject, mask: RunLengthMask, origin: Origin) -> None:
        """Show the answer, unless the object has moved on to where it does not belong."""
        now = self.objects.get(asked.id)
        if now is None or now.value.settled:
            return
        asked_items = asked.value.prompts.items
        if now.value.prompts.items[: len(asked_items)] != asked_items:
            return
        settled = now.value.prompts == asked.value.prompts
        self._known[asked.id] = (asked.value.prompts, mask)
        shown = replace(now, value=replace(now.value, mask=mask, settled=settled))
        self.objects[asked.id] = shown
        if settled:
            self.tell({"type": "settled", "object": object_json(shown)})
        rev = now.rev if settled else asked.rev
        for peer in self.peers:
            seq = origin.seq or 0 if peer.client == origin.client else 0
            peer.send(mask_record(asked.id, rev, mask, seq=seq, settled=settled))
