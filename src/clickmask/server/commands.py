"""From a command to an edit: checks against the image and the classes, then the rules of `edits`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clickmask.core.check import check_box, check_click, check_line
from clickmask.core.errors import ConflictError, InputError, PromptError
from clickmask.core.frames import Frame
from clickmask.core.lines import PointXy, loop_box, loop_mask, stroke_box, stroke_mask
from clickmask.core.masks import BoxXyxy, RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, Scribble
from clickmask.core.shaping import like_colour
from clickmask.core.words import UNIT, Words, words
from clickmask.server import edits, painting
from clickmask.server.benches import Bench
from clickmask.server.errors import NotFoundError
from clickmask.server.media.medium import Opened
from clickmask.server.ownership import Objects
from clickmask.server.schemas import (
    AcceptCommand,
    BoxCommand,
    ClickCommand,
    CombineCommand,
    Command,
    JumpCommand,
    LineCommand,
    PaintCommand,
    PatchCommand,
    PolygonCommand,
    RemovePromptCommand,
    SelectCommand,
    ShapeCommand,
    SimpleCommand,
    SplitCommand,
    StepCommand,
    ThresholdCommand,
    WandCommand,
)
from clickmask.store.protocol import SessionStore
from clickmask.store.runs import from_varints
from clickmask.store.values import Edit, ObjectValue, Origin, Outcome, Policy, Settled, StoredClass, StoredObject

WAND_REACH = 2048
"""Pixels that the wand goes from its click in each direction on an image that is shown in tiles."""

Steps = tuple[str | None, str | None]


class EditMaker:
    """Makes edits for one image.

    Args:
        size_hw: of the image.
        classes: asked for each new object, so it must be the mapping that is kept up to date.
        policy: tells who gets contested pixels.
    """

    def __init__(
        self, size_hw: tuple[int, int], classes: Mapping[int, StoredClass], policy: Callable[[], Policy]
    ) -> None:
        self._size_hw = size_hw
        self._classes = classes
        self._policy = policy

    def make(
        self, command: Command, objects: Objects, target: StoredObject | None, opened: Opened | None, bench: Bench
    ) -> Edit:
        """The edit that a command asks for, with the command in its log entry.

        Args:
            command: what to do.
            objects: on the image.
            target: the object meant, None without one.
            opened: the file's content, for commands that look at it.
            bench: the medium's.

        Raises:
            InputError: the command does not fit the image or the classes.
            ConflictError: it does not fit the state of the object.
        """
        edit = edits.judged_anew(self._make(command, objects, target, opened, bench), objects)
        return replace(edit, label=_counted(edit.label, bench.unit), payload=_payload(command))

    def _make(
        self, command: Command, objects: Objects, target: StoredObject | None, opened: Opened | None, bench: Bench
    ) -> Edit:
        if isinstance(command, ClickCommand | BoxCommand | LineCommand):
            return self._prompt(command, objects, target)
        if isinstance(command, PaintCommand | WandCommand | PolygonCommand | SelectCommand):
            return self._draw(command, objects, target, opened)
        if target is None:
            text = "No object is in progress, so there is nothing to {command}. Click to begin one."
            raise ConflictError(words("refused.nothingInProgress", text, command=command.type))
        name = self._name(target.value.class_id)
        if isinstance(command, ShapeCommand):
            return painting.shape(objects, target, (command.operation, command.amount), bench, name, self._policy())
        if isinstance(command, SplitCommand):
            return painting.split(objects, target, command.line, bench, name)
        if isinstance(command, CombineCommand):
            others = [_found(objects, number) for number in command.others]
            return painting.combine(objects, target, others, command.operation, name, self._policy())
        return self._about(command, objects, target, bench, name)

    def _about(self, command: Command, objects: Objects, target: StoredObject, bench: Bench, name: str) -> Edit:
        """Commands about an object as such."""
        if isinstance(command, RemovePromptCommand):
            return edits.remove_prompt(target, command.index, name)
        if isinstance(command, AcceptCommand):
            return edits.accept_ghosts(target, command.at_xy, bench, name)
        if isinstance(command, PatchCommand):
            changes = command.changes()
            return edits.patch(
                target, changes, self._name(self._check_class(changes.get("class_id", target.value.class_id)))
            )
        if isinstance(command, SimpleCommand) and command.type == "finish":
            return edits.finish(objects, target, name, self._policy())
        simple = {"discard": edits.discard, "reopen": edits.reopen, "delete": edits.delete}
        if command.type not in simple:
            raise InputError(f"The command '{command.type}' changes no object.")
        return simple[command.type](target, name)

    def set_mask(self, objects: Objects, target: StoredObject, mask: RunLengthMask) -> Edit:
        """The edit that gives an object a mask from a file."""
        return edits.set_mask(objects, target, mask, self._name(target.value.class_id), self._policy())

    def threshold(self, command: ThresholdCommand, target: StoredObject, answer: Settled, unit: str) -> Edit:
        """The edit that shows an object at another threshold."""
        name = self._name(target.value.class_id)
        edit = edits.set_threshold(target, command.value, answer, name)
        return replace(edit, label=_counted(edit.label, unit), payload=_payload(command))

    def next_mask(self, target: StoredObject, answer: Settled, name: str, threshold: float | None) -> Edit:
        """The edit that shows another of the masks that the prompts may mean."""
        return edits.other_mask(target, answer, name, threshold, self._name(target.value.class_id))

    def _prompt(
        self, command: ClickCommand | BoxCommand | LineCommand, objects: Objects, target: StoredObject | None
    ) -> Edit:
        prompt: Click | Box | Scribble | Lasso
        if isinstance(command, ClickCommand):
            prompt = check_click(Click(command.x, command.y, command.positive, command.reach), self._size_hw)
        elif isinstance(command, BoxCommand):
            prompt = check_box(Box(command.x0, command.y0, command.x1, command.y1), self._size_hw)
        else:
            kind = Scribble if command.type == "scribble" else Lasso
            prompt = check_line(kind(tuple(command.points), command.positive), self._size_hw)
        fresh = self._fresh(objects, command.class_id)
        class_id = fresh.class_id if target is None else target.value.class_id
        return edits.add_prompt(objects, target, prompt, fresh, self._name(class_id), self._policy())

    def _draw(
        self,
        command: PaintCommand | WandCommand | PolygonCommand | SelectCommand,
        objects: Objects,
        target: StoredObject | None,
        opened: Opened | None,
    ) -> Edit:
        fresh = self._fresh(objects, command.class_id)
        name = self._name(fresh.class_id if target is None else target.value.class_id)
        if isinstance(command, PaintCommand):
            drawn = self._stroke(command)
            tool = words("tool.brush", "brush stroke") if command.positive else words("tool.eraser", "eraser stroke")
        elif isinstance(command, WandCommand):
            drawn, tool = self._like_colour(command, opened), words("tool.wand", "wand")
        elif isinstance(command, SelectCommand):
            drawn, tool = self._selected(command), words("tool.selection", "selection")
        elif command.before is not None and target is not None:
            before, after = self._loops(command.before), self._loops(command.loops)
            return painting.redraw(objects, target, before, after, name, self._policy())
        else:
            drawn, tool = self._loops(command.loops), words("tool.polygon", "polygon")
        names = (command.type, tool, name)
        return painting.draw(objects, target, drawn, command.positive, fresh, names, self._policy())

    def _stroke(self, command: PaintCommand) -> RunLengthMask:
        box = stroke_box(command.points, command.radius, self._size_hw)
        return RunLengthMask.encode(stroke_mask(command.points, command.radius, box), box[:2], self._size_hw)

    def _loops(self, loops: Sequence[Sequence[PointXy]]) -> RunLengthMask:
        box = loop_box(loops, self._size_hw)
        return RunLengthMask.encode(loop_mask(loops, box), box[:2], self._size_hw)

    def _like_colour(self, command: WandCommand, opened: Opened | None) -> RunLengthMask:
        place = check_click(Click(command.x, command.y), self._size_hw)
        if not isinstance(opened, Frame):
            raise InputError("The wand looks at the pixels of a picture, and here is none.")
        x, y = int(place.x), int(place.y)
        box = (0, 0, self._size_hw[1], self._size_hw[0]) if opened.in_memory else _about(x, y, self._size_hw)
        seen = like_colour(opened.look(box)[:, :], y - box[1], x - box[0], command.tolerance)
        return RunLengthMask.encode(seen, box[:2], self._size_hw)

    def _selected(self, command: SelectCommand) -> RunLengthMask:
        height, width = self._size_hw
        try:
            runs = from_varints(base64.b64decode(command.runs, validate=True))
        except ValueError as error:
            raise PromptError(f"runs: not base64 of run lengths as varints ({error}).") from error
        given, count = sum(runs), height * width
        if given > count:
            raise PromptError(f"runs: they sum to {given}, but there are {count} cells.")
        values = np.arange(len(runs) + 1) % 2 == 1
        values[-1] = False
        cells = np.repeat(values, np.array([*runs, count - given], dtype=np.int64))
        return RunLengthMask.encode(cells.reshape(height, width))

    def _fresh(self, objects: Objects, class_id: int | None) -> ObjectValue:
        """A new object: on top, with the class asked for, else that of the newest object, else the first."""
        if class_id is None:
            newest = max(objects.values(), key=lambda o: o.id, default=None)
            class_id = min(self._classes) if newest is None else newest.value.class_id
        top = max((o.value.z for o in objects.values()), default=0) + 1
        return ObjectValue(self._check_class(class_id), RunLengthMask.empty(self._size_hw), z=top)

    def _check_class(self, class_id: int) -> int:
        if class_id not in self._classes:
            text = "There is no class number {number}. GET /api/v1/classes lists them."
            raise NotFoundError(words("refused.noClass", text, number=class_id))
        return class_id

    def _name(self, class_id: int) -> str:
        found = self._classes.get(class_id)
        return "object" if found is None else found.name


def _about(x: int, y: int, size_hw: tuple[int, int]) -> BoxXyxy:
    """What the wand sees of an image that does not lie in memory."""
    by = WAND_REACH
    return max(x - by, 0), max(y - by, 0), min(x + by, size_hw[1]), min(y + by, size_hw[0])


def _counted(label: str, unit: str) -> str:
    """The name of a step with what masks are counted in."""
    return label.filled(UNIT, words(f"unit.{unit}", unit)) if isinstance(label, Words) else label


def no_object(object_id: int) -> NotFoundError:
    """What is said when an object is not there."""
    text = "There is no object #{object} on this image (any more)."
    return NotFoundError(words("refused.noObject", text, object=object_id))


def _found(objects: Objects, object_id: int) -> StoredObject:
    if object_id not in objects:
        raise no_object(object_id)
    return objects[object_id]


def _payload(command: Command) -> dict[str, Any]:
    """The command as it stands in the log."""
    return command.model_dump(mode="json", by_alias=True, exclude={"seq"}, exclude_unset=True)


@dataclass(frozen=True)
class StepKind:
    """Undo, redo or jump, as one thing to do in the store's thread."""

    kind: str
    action: int = 0

    @staticmethod
    def of(command: StepCommand | JumpCommand) -> StepKind:
        """The step a command asks for."""
        return StepKind(command.type, command.action if isinstance(command, JumpCommand) else 0)

    def take(self, store: SessionStore, image_id: int, origin: Origin) -> tuple[Outcome, Steps]:
        """Take the step; ConflictError or NotFoundError if it cannot be taken."""
        if self.kind == "jump":
            outcome = store.jump(image_id, self.action, origin)
            if outcome is None:
                text = "Step {step} is not within reach of undo and redo."
                raise NotFoundError(words("refused.noStep", text, step=self.action))
        else:
            outcome = store.undo(image_id, origin) if self.kind == "undo" else store.redo(image_id, origin)
            if outcome is None:
                text = f"There is nothing to {self.kind} on this image."
                raise ConflictError(words(f"refused.nothingTo.{self.kind}", text))
        return outcome, store.next_steps(image_id)
