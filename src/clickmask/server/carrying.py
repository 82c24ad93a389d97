"""Carrying a mask along the slices of a volume: in the background, told as it goes, one step of the history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clickmask.core.errors import ClickmaskError, ConflictError, PromptError
from clickmask.core.layers import layer_of, with_layers
from clickmask.core.masks import RunLengthMask, combined
from clickmask.core.words import OBJECT, Words, words
from clickmask.predict.propagate import BORDER, LIMIT, REASONS, Carried, Ended, Looks, StopRules, reason_to_stop
from clickmask.predict.volume_predictor import ways
from clickmask.server.board import Board
from clickmask.server.edits import difference, with_mask
from clickmask.server.errors import NoChangeError, refusal
from clickmask.server.schemas import PropagateCommand
from clickmask.server.services import Services
from clickmask.server.volumes.mind import VolumeMind
from clickmask.server.volumes.opened import OpenVolume
from clickmask.store.values import Edit, Origin, StoredObject

Commit = Callable[[StoredObject, Edit, str], Coroutine[Any, Any, None]]
"""Take a step if the object is still as it was; ConflictError otherwise."""
Others = Callable[[int], list[RunLengthMask]]
"""Masks that an object must leave alone."""


@dataclass
class Job:
    """One mask on its way.

    Attributes:
        target: the object as it was at the beginning.
        start: the slice that its mask is carried from.
        at_end: the reason to end if nothing else ends it.
        opened: the volume.
        origin: who asked.
        layers: what has been carried so far, by slice.
        ended: why each direction ended.
    """

    target: StoredObject
    start: int
    at_end: str
    opened: OpenVolume
    origin: Origin
    layers: dict[int, RunLengthMask] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)


class Carrying:
    """At most one mask of an image is carried at a time. Belongs to the event loop.

    Args:
        services: shared parts.
        board: of the image.
        others: what an object must leave alone.
        commit: takes the step.
    """

    def __init__(self, services: Services, board: Board, others: Others, commit: Commit) -> None:
        self._services = services
        self._board = board
        self._others = others
        self._commit = commit
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether a mask is being carried."""
        return self._task is not None and not self._task.done()

    def start(self, target: StoredObject, command: PropagateCommand, opened: OpenVolume, origin: Origin) -> None:
        """Begin to carry the mask of an object.

        Raises:
            ConflictError: another one is being carried.
            PromptError: the object has no mask on the slice, or the last slice lies elsewhere.
        """
        if self.busy:
            text = "A mask is being carried along already. Stop it, or wait until it is done."
            raise ConflictError(words("refused.carrying", text))
        if command.slice >= opened.slicing.count or not layer_of(target.value.mask, command.slice, opened.rows):
            text = "Object #{object} has no mask on slice {slice}. Click there first."
            raise PromptError(words("refused.noMaskOnSlice", text, object=target.id, slice=command.slice + 1))
        ahead = list(ways(opened.slicing.count, command.slice, command.direction, command.to))
        job = Job(target, command.slice, BORDER if command.to is None else LIMIT, opened, origin)
        self._stopped = False
        self._task = asyncio.get_running_loop().create_task(self._run(job, ahead))

    def stop(self) -> None:
        """Carry no further; what has been carried stays."""
        self._stopped = True

    async def close(self) -> None:
        """Stop at once, and keep nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, job: Job, ahead: list[range]) -> None:
        try:
            for way in ahead:
                await self._along(job, way)
            await self._keep(job)
        except ClickmaskError as error:
            refused = refusal(error).json()
            self._board.tell({"type": "error", "seq": job.origin.seq or 0, "rev": self._board.rev, **refused})
        finally:
            self._board.tell({"type": "busy", "object": job.target.id, "stage": "idle"})

    async def _along(self, job: Job, way: range) -> None:
        """Carry in one direction until the object ends."""
        mask, before = layer_of(job.target.value.mask, job.start, job.opened.rows), job.start
        first = Looks.of(job.opened.frame(job.start), mask)
        for index in way:
            if self._stopped:
                return
            looks = first.and_also(Looks.of(job.opened.frame(before), mask))
            carried = await self._carried(job.opened, looks, mask, index)
            carried = replace(carried, mask=self._left_by_others(job, carried.mask, index))
            reason = reason_to_stop(carried, StopRules())
            if reason is not None:
                job.ended.append(Ended(reason, index))
                return
            job.layers[index] = mask = carried.mask
            before = index
            told = {"stage": "propagating", "slice": index, "slices": len(job.layers)}
            self._board.tell({"type": "busy", "object": job.target.id, **told})
        job.ended.append(Ended(job.at_end, before))

    async def _carried(self, opened: OpenVolume, looks: Looks, mask: RunLengthMask, index: int) -> Carried:
        def ask(model: Any, mind: Any) -> Carried:
            assert isinstance(mind, VolumeMind)  # noqa: S101 - the command is one of volumes
            return mind.carry(model, opened, looks, mask, index)

        return await self._services.thinker(self._board.kind).ask(ask)

    def _left_by_others(self, job: Job, mask: RunLengthMask, index: int) -> RunLengthMask:
        for other in self._others(job.target.id):
            layer = layer_of(other, index, job.opened.rows)
            if layer:
                mask = combined(mask, layer, np.greater)
        return mask

    async def _keep(self, job: Job) -> None:
        """Make one step of the history of what was carried."""
        target = job.target
        if not job.layers:
            text = "Object #{object} was carried to no other slice: {reason}."
            raise NoChangeError(words("refused.carriedNowhere", text, object=target.id, reason=_reasons(job.ended)))
        mask = await asyncio.to_thread(with_layers, target.value.mask, job.layers, job.opened.rows)
        if mask == target.value.mask:
            text = "The slices round it hold just these masks of object #{object} already."
            raise NoChangeError(words("refused.carriedAlready", text, object=target.id))
        slices = sorted(job.layers)
        label = _label(len(slices), difference(target.value.mask, mask), self._class_name(target))
        ended = [{"slice": e.index, "reason": e.reason, "text": e.sentence} for e in job.ended]
        payload = {"type": "propagate", "slice": job.start, "slices": slices, "ended": ended}
        edit = Edit("propagate", label, ((target.id, with_mask(target.value, mask)),), payload)
        await self._commit(target, edit, job.origin.client)
        told = {"slices": [slices[0], slices[-1]], "count": len(slices), "ended": ended}
        self._board.tell({"type": "propagated", "object": target.id, **told})

    def _class_name(self, target: StoredObject) -> str:
        found = self._services.classes.get(target.value.class_id)
        return "object" if found is None else found.name


def _label(slices: int, voxels: str, class_name: str) -> Words:
    """What the step is called."""
    text = "carried to {count} slices, {pixels} {unit} on {class} #{object}"
    unit = words("unit.voxels", "voxels")
    return words("step.carry", text, count=slices, pixels=voxels, unit=unit, object=OBJECT, **{"class": class_name})


def _reasons(ended: list[Ended]) -> Words:
    """Why a mask got nowhere; in both directions if it was to go both ways."""
    if not ended:
        return words("carried.stopped", "it was stopped")
    said = [
        words("carried.ended", "ended at slice {slice}: {reason}", slice=e.index + 1, reason=_reason(e)) for e in ended
    ]
    return said[0] if len(said) == 1 else words("step.and", "{first}; {second}", first=said[0], second=said[1])


def _reason(ended: Ended) -> Words:
    return words(f"carried.{ended.reason}", REASONS[ended.reason])
