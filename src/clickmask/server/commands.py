"""From a command to an edit: checks against the image and the classes, then the rules of `edits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clickmask.core.check import check_box, check_click
from clickmask.core.errors import ConflictError, InputError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click
from clickmask.server import edits
from clickmask.server.errors import NotFoundError
from clickmask.server.schemas import (
    BoxCommand,
    ClickCommand,
    Command,
    JumpCommand,
    PatchCommand,
    RemovePromptCommand,
    SimpleCommand,
    StepCommand,
)
from clickmask.store.protocol import SessionStore
from clickmask.store.values import Edit, ObjectValue, Origin, Outcome, StoredClass, StoredObject

Steps = tuple[str | None, str | None]


class EditMaker:
    """Makes edits for one image.

    Args:
        size_hw: of the image.
        classes: asked for each new object, so it must be the mapping that is kept up to date.
    """

    def __init__(self, size_hw: tuple[int, int], classes: Mapping[int, StoredClass]) -> None:
        self._size_hw = size_hw
        self._classes = classes

    def make(self, command: Command, objects: edits.Objects, target: StoredObject | None) -> Edit:
        """The edit that a command asks for, with the command in its log entry.

        Raises:
            InputError: the command does not fit the image or the classes.
            ConflictError: it does not fit the state of the object.
        """
        payload = command.model_dump(mode="json", by_alias=True, exclude={"seq"}, exclude_unset=True)
        return replace(self._make(command, objects, target), payload=payload)

    def _make(self, command: Command, objects: edits.Objects, target: StoredObject | None) -> Edit:
        if isinstance(command, ClickCommand | BoxCommand):
            return self._prompt(command, objects, target)
        if target is None:
            raise ConflictError(f"No object is in progress, so there is nothing to {command.type}. Click to begin one.")
        name = self._name(target.value.class_id)
        if isinstance(command, RemovePromptCommand):
            return edits.remove_prompt(target, command.index, name)
        if isinstance(command, PatchCommand):
            changes = command.changes()
            return edits.patch(
                target, changes, self._name(self._check_class(changes.get("class_id", target.value.class_id)))
            )
        if isinstance(command, SimpleCommand) and command.type == "finish":
            return edits.finish(objects, target, name)
        simple = {"discard": edits.discard, "reopen": edits.reopen, "delete": edits.delete}
        if command.type not in simple:
            raise InputError(f"The command '{command.type}' changes no object.")
        return simple[command.type](target, name)

    def set_mask(self, objects: edits.Objects, target: StoredObject, mask: RunLengthMask) -> Edit:
        """The edit that gives an object a mask from a file."""
        return edits.set_mask(objects, target, mask, self._name(target.value.class_id))

    def _prompt(self, command: ClickCommand | BoxCommand, objects: edits.Objects, target: StoredObject | None) -> Edit:
        prompt: Click | Box
        if isinstance(command, ClickCommand):
            prompt = check_click(Click(command.x, command.y, command.positive), self._size_hw)
        else:
            prompt = check_box(Box(command.x0, command.y0, command.x1, command.y1), self._size_hw)
        fresh = self._fresh(objects, command.class_id)
        class_id = fresh.class_id if target is None else target.value.class_id
        return edits.add_prompt(objects, target, prompt, fresh, self._name(class_id))

    def _fresh(self, objects: edits.Objects, class_id: int | None) -> ObjectValue:
        """A new object: on top, with the class asked for, else that of the newest object, else the first."""
        if class_id is None:
            newest = max(objects.values(), key=lambda o: o.id, default=None)
            class_id = min(self._classes) if newest is None else newest.value.class_id
        top = max((o.value.z for o in objects.values()), default=0) + 1
        return ObjectValue(self._check_class(class_id), RunLengthMask.empty(self._size_hw), z=top)

    def _check_class(self, class_id: int) -> int:
        if class_id not in self._classes:
            raise NotFoundError(f"There is no class number {class_id}. GET /api/v1/classes lists them.")
        return class_id

    def _name(self, class_id: int) -> str:
        found = self._classes.get(class_id)
        return "object" if found is None else found.name


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
                raise NotFoundError(f"Step {self.action} is not within reach of undo and redo.")
        else:
            outcome = store.undo(image_id, origin) if self.kind == "undo" else store.redo(image_id, origin)
            if outcome is None:
                raise ConflictError(f"There is nothing to {self.kind} on this image.")
        return outcome, store.next_steps(image_id)
