"""One open image: applies commands in order, asks the model, tells everybody who looks at it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from clickmask.core.check import check_click
from clickmask.core.errors import ConflictError, ImageError, InputError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt
from clickmask.core.words import words
from clickmask.predict.uncertainty import MaskUncertainty
from clickmask.server import edits
from clickmask.server.answers import Answers
from clickmask.server.board import Board
from clickmask.server.carrying import Carrying
from clickmask.server.commands import EditMaker, StepKind, no_object
from clickmask.server.errors import StaleError
from clickmask.server.media import MEDIA
from clickmask.server.peers import Ack, Peer
from clickmask.server.previews import Previews, Wish
from clickmask.server.records import records
from clickmask.server.schemas import (
    CancelMessage,
    Command,
    HoverMessage,
    JumpCommand,
    NextMaskCommand,
    PingCommand,
    PropagateCommand,
    SimpleCommand,
    StepCommand,
    StopCommand,
    ThresholdCommand,
    history_json,
    image_json,
)
from clickmask.server.services import Services
from clickmask.server.volumes.opened import OpenVolume
from clickmask.store.values import Edit, Origin, Outcome, StoredImage, StoredObject

ANSWERED_LATER = ("click", "box", "scribble", "lasso", "remove_prompt", "activate", "try_threshold")
"""Commands whose masks do not follow their ack at once."""
NEEDS_MASK = ("finish", "accept", "paint", "polygon", "wand", "select", "shape", "split", "combine")
"""Commands that go on from the mask, so they wait for the model's answer to the prompts before."""
BEGINNING = ("click", "box", "scribble", "lasso", "paint", "polygon", "wand", "select", "reopen")
"""Commands whose object takes over."""
SECONDS_HELD = 60.0
"""How long an image stays in memory after it was asked for, so that there are never two of one."""


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
        size_hw = image.facts.size_hw
        self._board = Board(image.id, image.path, image.kind, size_hw, image.rev, {o.id: o for o in objects})
        self._board.judged = image.review is not None
        self._board.plane = image.plane
        self._services = services
        self._steps = steps
        self._used = time.monotonic()
        self._lock = asyncio.Lock()
        self._retired = False
        self._edits = EditMaker(size_hw, services.classes, lambda: services.policy)
        self._answers = Answers(services, self._board)
        self._previews = Previews(self._look_ahead)
        self._carrying = Carrying(services, self._board, self._answers.others, self.take_if_same)
        self._active: dict[str, int | None] = {}
        self._seqs: dict[str, int] = {}
        self._revs: dict[str, int] = {}
        self._told: list[dict[str, Any]] = []

    @property
    def size_hw(self) -> tuple[int, int]:
        """(height, width) of the image."""
        return self._board.size_hw

    @property
    def kind(self) -> str:
        """The image's medium."""
        return self._board.kind

    @property
    def path(self) -> str:
        """Where the file lies in the folder."""
        return self._board.path

    @property
    def rev(self) -> int:
        """The image's revision."""
        return self._board.rev

    @property
    def objects(self) -> Mapping[int, StoredObject]:
        """The objects by number, as they are shown."""
        return self._board.objects

    @property
    def peers(self) -> Sequence[Peer]:
        """Those who look on."""
        return self._board.peers

    def touch(self) -> None:
        """Note that somebody is about to use it."""
        self._used = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether anybody looks at it, has just asked for it, or anything is under way."""
        if time.monotonic() - self._used < SECONDS_HELD:
            return True
        return bool(self.peers) or self._lock.locked() or self._answers.busy or self._carrying.busy

    async def last_seq(self, client: str) -> int:
        """Newest stored command of a client."""
        if client not in self._seqs:
            store = self._services.store
            self._seqs[client] = await self._services.in_store(store.last_seq, self._board.image_id, client)
        return self._seqs[client]

    def history(self) -> dict[str, Any]:
        """What undo and redo would do."""
        return history_json(*self._steps)

    def people(self) -> list[dict[str, Any]]:
        """Who looks at the image, and the object that each works on."""
        names = self._services.people
        return [
            {"client": p.client, "name": names.get(p.client, ""), "active": self._active.get(p.client)}
            for p in self.peers
        ]

    def tell_presence(self) -> None:
        """Let everybody know who is here, if that has changed."""
        people = self.people()
        if people != self._told and max(len(people), len(self._told)) > 1:
            self.tell({"type": "presence", "people": people})
        self._told = people

    def join(self, peer: Peer) -> int | None:
        """Let somebody look on; returns its active object. Answers still owed from before a crash are asked for."""
        self._active[peer.client] = self._first_active(peer.client)
        self._board.peers.append(peer)
        self._answers.ask_for(self.objects.values())
        return self._active[peer.client]

    async def rename(self, client: str, name: str) -> None:
        """Keep the name of who works in a client, and let the others know."""
        await self._services.set_person(client, name)
        self.tell_presence()

    def leave(self, peer: Peer) -> None:
        """Forget somebody."""
        self._board.peers = [p for p in self.peers if p is not peer]
        self._previews.forget(peer.client)
        self.tell_presence()

    def follow(self, path: str) -> None:
        """The file lies elsewhere now."""
        self._board.path = path

    def prepare(self) -> None:
        """Begin to make what the first click needs."""
        self._answers.prepare()

    async def apply(self, command: Command, client: str, *, strict: bool = False) -> Ack:
        """Carry out a command; everybody is told before this returns.

        Args:
            command: what to do.
            client: who asks.
            strict: every later revision makes the command stale, the client's own too.

        Raises:
            ClickmaskError: the command had no effect.
        """
        async with self._turn():
            if command.seq and command.seq <= await self.last_seq(client):
                ack = self._ack(command.seq, client, self._active.get(client), (), ())
                self._publish(ack, client, with_masks=False)
                return ack
            if isinstance(command, PingCommand):
                return self._ack(command.seq, client, None, (), ())
            self._check_fits(command)
            if isinstance(command, SimpleCommand) and command.type == "activate":
                ack = self._activate(command, client)
            elif isinstance(command, ThresholdCommand):
                ack = await self._threshold(command, client, strict)
            elif isinstance(command, NextMaskCommand):
                ack = await self._next_mask(command, client, strict)
            elif isinstance(command, PropagateCommand | StopCommand):
                ack = await self._propagate(command, client, strict)
            elif isinstance(command, StepCommand | JumpCommand):
                ack = await self._step(command, client, strict)
            else:
                ack = await self._edit(command, client, strict)
            self._publish(ack, client, with_masks=command.type not in ANSWERED_LATER)
        await self._tell_if_unjudged()
        self.tell_presence()
        self._answers.ask_for(ack.objects)
        return ack

    def _check_fits(self, command: Command) -> None:
        """Refuse a command that makes no sense on this kind of medium."""
        medium = MEDIA.get(self.kind)
        if command.type not in medium.commands:
            known = ", ".join(sorted(medium.commands))
            raise InputError(f"'{command.type}' is not for {medium.title}. Commands for them: {known}.")

    async def set_mask(self, object_id: int, mask: RunLengthMask, client: str, rev: int | None) -> Ack:
        """Give an object in progress a mask from a file."""
        async with self._turn():
            target = self._pick(object_id)
            self._check_fresh(target, rev, client, strict=True)
            ack = await self._commit(self._edits.set_mask(self.objects, target, mask), Origin(client))
            self._publish(ack, client, with_masks=True)
        return ack

    async def take_if_same(self, seen: StoredObject, edit: Edit, client: str) -> None:
        """Take a step that was worked out in the background, if its object is still as it was seen then.

        Raises:
            ConflictError: it has been changed or removed in the meantime.
        """
        async with self._turn():
            now = self.objects.get(seen.id)
            if now is None or now.rev != seen.rev:
                text = "Object #{object} was changed in the meantime, so nothing was taken over."
                raise ConflictError(words("refused.changedMeanwhile", text, object=seen.id))
            self._publish(await self._commit(edit, Origin(client)), client, with_masks=True)

    async def add_finished(self, make: Callable[[Mapping[int, StoredObject]], Edit], client: str) -> Ack:
        """Take a step that adds finished objects: an import.

        Args:
            make: makes the step, given the objects at the moment it is taken; called in a thread.
            client: who asks.
        """
        async with self._turn():
            edit = await asyncio.to_thread(make, dict(self.objects))
            ack = await self._commit(edit, Origin(client))
            self._publish(ack, client, with_masks=True)
        return ack

    async def settled(self, object_id: int) -> None:
        """Wait until the model has answered every prompt of an object; raises what it failed with."""
        await self._answers.wait(object_id)

    async def uncertainty(self, object_id: int) -> tuple[StoredObject, MaskUncertainty, float]:
        """The object, what the model is not sure of about it, and the IoU that it expects.

        Raises:
            ClickmaskError: the model failed, or was not asked about this mask.
        """
        await self.settled(object_id)
        stored = self._pick(object_id)
        return stored, *await self._answers.uncertainty(stored)

    def judged(self, image: StoredImage) -> None:
        """Somebody has judged the image, or taken that back; everybody is told elsewhere."""
        self._board.judged = image.review is not None
        self._board.plane = image.plane

    async def _tell_if_unjudged(self) -> None:
        """Let everybody know that a step has taken the image's judgement away."""
        if not self._board.judged:
            return
        image = await self._services.image(self._board.image_id)
        self._board.judged = image.review is not None
        self._board.plane = image.plane
        if not self._board.judged:
            self.tell({"type": "image", "image": image_json(image)})

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to everybody."""
        self._board.tell(message)

    def preview(self, message: HoverMessage | CancelMessage, peer: Peer) -> None:
        """Look ahead for one who thinks of clicking, or stop."""
        if isinstance(message, CancelMessage):
            self._previews.forget(peer.client)
        else:
            click = check_click(Click(message.x, message.y, message.positive, message.reach), self.size_hw)
            self._previews.want(Wish(peer, message.seq, click))

    async def _look_ahead(self, client: str, click: Click) -> tuple[int, int, RunLengthMask]:
        active = self._active.get(client)
        target = None if active is None else self.objects.get(active)
        mask = None
        if click.positive or target is not None:
            mask = await self._answers.look_ahead(target, click)
        shown = RunLengthMask.empty(self.size_hw) if mask is None else mask
        return 0 if target is None else target.id, self.rev, shown

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One step at a time; ConflictError once the image has been retired."""
        async with self._lock:
            if self._retired:
                raise ConflictError("The volume is cut along another plane now. Open it again.")
            yield

    async def retire(self, change: Callable[[], Awaitable[None]]) -> None:
        """Change what the sizes of masks follow from; whoever looks on has to open the image again.

        Raises:
            ConflictError: there are objects, whose masks would fit no more.
        """
        async with self._turn():
            if self.objects:
                raise ConflictError("There are objects on this volume. Its plane is chosen before the first click.")
            await change()
            self._retired = True
        self.tell({"type": "plane"})
        await self.close()

    async def close(self) -> None:
        """Stop asking the model."""
        await self._previews.close()
        await self._carrying.close()
        await self._answers.close()

    def _pick(self, object_id: int) -> StoredObject:
        """The object with this number; NotFoundError if it does not exist."""
        if object_id not in self.objects:
            raise no_object(object_id)
        return self.objects[object_id]

    def _target(self, command: Command, client: str) -> StoredObject | None:
        """The object a command names, else the client's active one, None without one."""
        named: int | None = getattr(command, "object_id", None)
        wanted = self._active.get(client) if named is None else named
        return None if wanted is None else self._pick(wanted)

    def _activate(self, command: SimpleCommand, client: str) -> Ack:
        self._active[client] = None
        if command.object_id is not None:
            self._active[client] = edits.in_progress(self._pick(command.object_id)).id
        return self._ack(command.seq, client, self._active[client], (), ())

    async def _edit(self, command: Command, client: str, strict: bool) -> Ack:
        target = self._target(command, client)
        if target is not None:
            self._check_fresh(target, command.rev, client, strict)
        if command.type in NEEDS_MASK and target is not None:
            for number in (target.id, *getattr(command, "others", ())):
                await self.settled(number)
            target = self._pick(target.id)
        medium = MEDIA.get(self.kind)
        opened = await self._answers.picture() if command.type in medium.looking else None
        bench = medium.bench(opened)
        edit = await asyncio.to_thread(self._edits.make, command, self.objects, target, opened, bench)
        edit = edits.signed(edit, self._services.people.get(client, ""))
        ack = await self._commit(edit, Origin(client, command.seq or None))
        self._active[client] = self._next_active(command.type, ack, client)
        return replace(ack, active=self._active[client])

    async def _next_mask(self, command: NextMaskCommand, client: str, strict: bool) -> Ack:
        """Show another of the masks that the prompts may mean."""
        target = await self._answered(command, client, strict)
        newest = target.value.prompts.items[-1]
        if isinstance(newest, MaskPrompt):
            text = "The mask of object #{object} was painted, so the model offers no other."
            raise ConflictError(words("refused.noOtherMask", text, object=target.id))
        answer, name, threshold = await self._answers.next_mask(target)
        return await self._commit(
            self._edits.next_mask(target, answer, name, threshold), Origin(client, command.seq or None)
        )

    async def _propagate(self, command: PropagateCommand | StopCommand, client: str, strict: bool) -> Ack:
        """Begin to carry a mask along the slices of a volume, or end it; what comes of it is told later."""
        if isinstance(command, StopCommand):
            self._carrying.stop()
            return self._ack(command.seq, client, self._active.get(client), (), ())
        target = await self._answered(command, client, strict)
        opened = cast(OpenVolume, await self._answers.picture())
        self._carrying.start(target, command, opened, Origin(client, command.seq or None))
        return self._ack(command.seq, client, target.id, (), ())

    async def _answered(self, command: Command, client: str, strict: bool) -> StoredObject:
        """The object in progress that a command means, once the model has answered its prompts."""
        target = self._target(command, client)
        if target is None:
            text = "No object is in progress, so there is no {command} of it. Click to begin one."
            raise ConflictError(words("refused.noneInProgress", text, command=command.type))
        self._check_fresh(target, command.rev, client, strict)
        await self.settled(edits.in_progress(target).id)
        return self._pick(target.id)

    async def _threshold(self, command: ThresholdCommand, client: str, strict: bool) -> Ack:
        """Show the object at another threshold; stored only when the person has decided."""
        target = await self._answered(command, client, strict)
        keep = command.type == "threshold"
        answer = await self._answers.at_threshold(target, command.value, keep)
        if keep:
            edit = self._edits.threshold(command, target, answer, MEDIA.get(self.kind).bench(None).unit)
            return await self._commit(edit, Origin(client, command.seq or None))
        shown = replace(target, value=replace(target.value, mask=answer.mask, ghosts=answer.ghosts))
        for peer in self.peers:
            for frame in records(shown, command.seq) if peer.client == client else ():
                peer.send(frame)
        return self._ack(command.seq, client, target.id, (), ())

    async def _step(self, command: StepCommand | JumpCommand, client: str, strict: bool) -> Ack:
        others = max((rev for name, rev in self._revs.items() if strict or name != client), default=0)
        if command.rev is not None and others > command.rev:
            text = "Somebody else changed the image at revision {rev}; look before you {command}."
            raise StaleError(words("refused.staleImage", text, rev=others, command=command.type))
        origin = Origin(client, command.seq or None)
        outcome, steps = await self._services.in_store(
            StepKind.of(command).take, self._services.store, self._board.image_id, origin
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
            return store.apply(self._board.image_id, edit, origin), store.next_steps(self._board.image_id)

        outcome, steps = await self._services.in_store(write)
        self._take(outcome, steps, origin.client, origin.seq)
        touched = [o.id for o in outcome.objects] + list(outcome.removed)
        return self._ack(origin.seq or 0, origin.client, touched[0], outcome.objects, outcome.removed)

    def _take(
        self, outcome: Outcome, steps: tuple[str | None, str | None], client: str, seq: int | None = None
    ) -> None:
        """Make an outcome of the store the state in memory."""
        for stored in outcome.objects:
            self._answers.expect(stored, Origin(client, seq))
        for object_id in outcome.removed:
            self._board.objects.pop(object_id, None)
        self._board.rev, self._steps, self._revs[client] = outcome.rev, steps, outcome.rev
        if seq is not None:
            self._seqs[client] = seq

    def _check_fresh(self, target: StoredObject, rev: int | None, client: str, strict: bool) -> None:
        foreign = strict or target.changed_by != client
        if rev is not None and target.rev > rev and foreign:
            text = "Object #{object} was changed at revision {rev}, after the {seen} you have seen. Look and try again."
            raise StaleError(words("refused.stale", text, object=target.id, rev=target.rev, seen=rev), target)

    def _first_active(self, client: str) -> int | None:
        others = {p.client for p in self.peers if p.client != client}
        open_ones = [o for o in self.objects.values() if o.value.phase == "in_progress"]
        own = [o for o in open_ones if o.changed_by == client]
        free = own or [o for o in open_ones if o.changed_by not in others]
        return max(free, key=lambda o: o.rev).id if free else None

    def _next_active(self, kind: str, ack: Ack, client: str) -> int | None:
        """Where clicks go after a command: a new or re-opened object takes over, a finished one steps back."""
        if kind in BEGINNING and ack.objects and ack.objects[0].value.phase == "in_progress":
            return ack.objects[0].id
        active = self._active.get(client)
        stands = None if active is None else self.objects.get(active)
        return active if stands is not None and stands.value.phase == "in_progress" else None

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
                for frame in records(stored, ack.seq if own else 0):
                    peer.send(frame)
