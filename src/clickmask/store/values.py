"""What the store takes and gives: frozen values, no rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import MaskPrompt, Prompts

ImageStatus = Literal["new", "ok", "missing", "damaged"]
ObjectPhase = Literal["in_progress", "finished"]
Review = Literal["accepted", "rejected"]
"""What somebody thinks of an object or image as it is; a change of it asks for a new judgement."""
Policy = Literal["yield", "take", "overlap"]
"""Who gets a pixel that a new object and a finished one both want: the finished one, the new one, or both."""


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells cheaply that a file is still the same: bytes and modification time (seconds)."""

    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known once an image has been looked at.

    Attributes:
        digest: blake2b of the file's bytes, hexadecimal.
        size_hw: after EXIF orientation.
        orientation: EXIF value 1-8 that was applied.
    """

    digest: str
    size_hw: tuple[int, int]
    orientation: int


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of the project; `path` is relative to its folder, with forward slashes, `kind` names its medium.

    `plane` is the one in which a volume is worked on, empty for that in which it was recorded.
    """

    id: int
    path: str
    status: ImageStatus
    problem: str | None
    stamp: FileStamp | None
    facts: ImageFacts | None
    rev: int
    finished: int = 0
    in_progress: int = 0
    kind: str = "photo"
    accepted: int = 0
    rejected: int = 0
    review: Review | None = None
    reviewer: str = ""
    plane: str = ""


@dataclass(frozen=True, slots=True)
class StoredClass:
    """A class of objects; `key` is 1-9 or None, `objects` counts those that carry it."""

    id: int
    name: str
    colour: str
    key: int | None
    objects: int = 0


@dataclass(frozen=True)
class ObjectValue:
    """Everything about an object that an edit can change. Undo is the earlier value.

    Attributes:
        class_id: its class.
        mask: what is shown.
        prompts: the truth that the mask follows from.
        colour: ``#rrggbb``, None for the class's.
        hidden: not drawn.
        z: higher is nearer to the person.
        phase: whether it is being clicked or finished.
        reopened: in progress on top of a finished mask, so its pixels stay protected.
        settled: the model has answered every prompt; else `mask` is an earlier answer.
        locked: nobody changes it until it is unlocked.
        ghosts: what the model would change as well; xor with `mask` takes it. None for nothing.
        waiting: the newest prompt's own change is so large that it is among the ghosts.
        threshold: probability above which a pixel belongs to the answer; None for the model's own.
        ignored: its pixels are neither right nor wrong for whoever learns or measures: an ignore region.
        review: what somebody thinks of it as it is, None for not judged.
        reviewer: who that was, by the name of the person; empty without a name.
        note: said about it, for people.
    """

    class_id: int
    mask: RunLengthMask
    prompts: Prompts = field(default_factory=Prompts)
    colour: str | None = None
    hidden: bool = False
    z: int = 0
    phase: ObjectPhase = "in_progress"
    reopened: bool = False
    settled: bool = True
    locked: bool = False
    ghosts: RunLengthMask | None = None
    waiting: bool = False
    threshold: float | None = None
    ignored: bool = False
    review: Review | None = None
    reviewer: str = ""
    note: str = ""

    @property
    def protects(self) -> bool:
        """Whether other objects must leave its pixels alone."""
        return self.phase == "finished" or self.reopened

    @property
    def base(self) -> RunLengthMask | None:
        """The mask that a correction under way began with, None for a new or finished object."""
        if not self.reopened:
            return None
        begun = [p.mask for p in self.prompts if isinstance(p, MaskPrompt) and not p.painted]
        return begun[-1] if begun else None


@dataclass(frozen=True)
class StoredObject:
    """An object as it stands: its value, and when (image revision) and by which client it last changed."""

    id: int
    image_id: int
    rev: int
    changed_by: str
    value: ObjectValue


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for something: a client's name and its sequence number, None where it has none."""

    client: str
    seq: int | None = None


@dataclass(frozen=True)
class Edit:
    """One step of an image's history.

    Attributes:
        kind: machine name, e.g. ``"click"``.
        label: name for people; ``{object}`` stands for the object's number, which a new object gets only now.
        changes: (object id, new value) pairs; id None makes a new object, value None removes one.
        payload: what the client said, for the log.
    """

    kind: str
    label: str
    changes: tuple[tuple[int | None, ObjectValue | None], ...]
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a step did: the image's new revision, the objects that changed, and the ids that are gone."""

    rev: int
    objects: tuple[StoredObject, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A step that undo or redo can reach; `at` in seconds since 1970, `by` the person's name, empty without one."""

    action: int
    kind: str
    label: str
    at: float
    applied: bool
    by: str = ""


@dataclass(frozen=True)
class ObjectVersion:
    """An object as one step of the history left it; `at` in seconds since 1970."""

    action: int
    kind: str
    label: str
    at: float
    phase: ObjectPhase
    mask: RunLengthMask


@dataclass(frozen=True)
class Step:
    """A step of an image's history with what it made of objects; None for one that it removed."""

    action: int
    kind: str
    label: str
    changes: tuple[tuple[int, ObjectValue | None], ...]


@dataclass(frozen=True)
class Settled:
    """An answer as it is kept: see the attributes of ObjectValue."""

    mask: RunLengthMask
    ghosts: RunLengthMask | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class ModelRun:
    """Which model answered, and how long it took in milliseconds."""

    model: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the append-only log."""

    id: int
    image_id: int | None
    object_id: int | None
    at: float
    client: str
    seq: int | None
    kind: str
    payload: Mapping[str, Any]
