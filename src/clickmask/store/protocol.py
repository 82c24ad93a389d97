"""What the annotator needs from a store, whatever the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Prompts
from clickmask.store.values import (
    Edit,
    FileStamp,
    HistoryEntry,
    ImageFacts,
    ImageStatus,
    LoggedEvent,
    ModelRun,
    ObjectVersion,
    Origin,
    Outcome,
    Policy,
    Review,
    Settled,
    Step,
    StoredClass,
    StoredImage,
    StoredObject,
)


class SessionStore(Protocol):
    """Images, classes, objects and their history. Every method is one transaction, on disk when it returns.

    All methods may be called from any thread, and raise StorageError if the project cannot be read or written.
    """

    def images(self) -> list[StoredImage]:
        """All images, in natural order of their paths."""
        ...

    def image(self, image_id: int) -> StoredImage | None:
        """One image, None if there is none."""
        ...

    def add_images(self, files: Mapping[str, FileStamp], kind: str = "photo") -> list[StoredImage]:
        """Add files of one kind by relative path; known paths are left alone."""
        ...

    def set_image_status(self, image_id: int, status: ImageStatus, problem: str | None = None) -> None:
        """Say that an image is there, gone or damaged."""
        ...

    def set_image_facts(self, image_id: int, facts: ImageFacts, stamp: FileStamp) -> None:
        """Keep what was seen when the image was read; its status becomes ``ok``."""
        ...

    def move_image(self, image_id: int, path: str, stamp: FileStamp) -> None:
        """The same image has another path now; an unused entry with that path is dropped."""
        ...

    def classes(self) -> list[StoredClass]:
        """All classes that are not deleted, oldest first."""
        ...

    def add_class(self, name: str, colour: str | None, key: int | None, origin: Origin) -> StoredClass:
        """A new class; InputError if the name is taken or the key is not 1-9."""
        ...

    def change_class(self, class_id: int, changes: Mapping[str, Any], origin: Origin) -> StoredClass | None:
        """Change ``name``, ``colour`` or ``key``; None if there is no such class."""
        ...

    def delete_class(self, class_id: int, origin: Origin) -> None:
        """Delete a class; ConflictError while objects carry it or if it is the last."""
        ...

    def objects(self, image_id: int) -> list[StoredObject]:
        """The objects of an image, lowest z first."""
        ...

    def find_object(self, object_id: int) -> StoredObject | None:
        """One object, None if it does not exist (any more)."""
        ...

    def apply(self, image_id: int, edit: Edit, origin: Origin) -> Outcome:
        """Take one step; what could have been redone stays in the log but not in reach of redo."""
        ...

    def undo(self, image_id: int, origin: Origin) -> Outcome | None:
        """One step back, None if there is none."""
        ...

    def redo(self, image_id: int, origin: Origin) -> Outcome | None:
        """One step forth, None if there is none."""
        ...

    def jump(self, image_id: int, action: int, origin: Origin) -> Outcome | None:
        """Make `action` (0 = none) the newest applied step; None if it is not within reach."""
        ...

    def history(self, image_id: int) -> list[HistoryEntry]:
        """All steps within reach of undo and redo, oldest first."""
        ...

    def next_steps(self, image_id: int) -> tuple[str | None, str | None]:
        """Labels of what undo and redo would do."""
        ...

    def policy(self) -> Policy:
        """Who gets contested pixels."""
        ...

    def set_policy(self, policy: Policy, origin: Origin) -> None:
        """Decide who gets contested pixels from now on."""
        ...

    def set_image_review(self, image_id: int, review: Review | None, reviewer: str, origin: Origin) -> None:
        """Keep what somebody thinks of an image as it is; the next step that changes an object takes it away."""
        ...

    def set_plane(self, image_id: int, plane: str, size_hw: tuple[int, int], origin: Origin) -> None:
        """Work on a volume in another plane, in which its masks are of another size.

        It must have no object; what was undone stays in the log but not in reach of redo.
        """
        ...

    def people(self) -> dict[str, str]:
        """Names of people by the client they work in."""
        ...

    def set_person(self, client: str, name: str) -> None:
        """Keep the name of who works in a client; an empty one takes it away."""
        ...

    def settle(self, object_id: int, prompts: Prompts, answer: Settled, run: ModelRun) -> None:
        """Keep the model's answer for every version of the object that waits with exactly these prompts."""
        ...

    def last_seq(self, image_id: int, client: str) -> int:
        """Greatest sequence number stored for a client on an image, 0 without one."""
        ...

    def events(self, image_id: int | None = None) -> Sequence[LoggedEvent]:
        """The log, oldest first."""
        ...

    def versions(self, object_id: int) -> list[ObjectVersion]:
        """An object after each step that changed it, oldest first."""
        ...

    def steps(self, image_id: int) -> list[Step]:
        """The steps that made the objects of an image what they are, oldest first; undone ones are left out."""
        ...

    def imported(self, image_id: int) -> dict[int, RunLengthMask]:
        """Masks of an image's objects as they were imported, by the number of the object."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
