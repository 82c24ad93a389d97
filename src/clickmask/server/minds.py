"""What a question about an object is, what an answer is, and how they come together on each kind of medium.

States of objects are kept by their prompts, so that the next click continues where the last one ended and an
undone click costs nothing when it is given again. A state that is not kept any more is rebuilt from the
stored mask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from clickmask.core.edit import EditRules
from clickmask.core.frames import LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, Prompts
from clickmask.store.values import Settled

STATE_BYTES_KEPT = 256 * 2**20
"""A state holds logits of up to a few megabytes, after a correction at the full resolution of the object."""


@dataclass(frozen=True)
class Question:
    """What to ask the model about one object.

    Attributes:
        object_id: the object; keeps states apart.
        prompts: all its prompts; not empty.
        known: an earlier part of the prompts with the mask that answered it, which counts where no state is kept.
        rules: of the session; None for a bare prediction.
        guess_id: number under which states of looks ahead are kept while the object has no number; 0 without any.
        rivals: positive clicks of the other objects, for models that answer for several objects at once.
    """

    object_id: int
    prompts: Prompts
    known: tuple[Prompts, RunLengthMask] | None = None
    rules: EditRules | None = None
    guess_id: int = 0
    rivals: tuple[Click, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A mask, the model that gave it, the milliseconds it took, and what it would change as well."""

    mask: RunLengthMask
    model: str
    milliseconds: float
    ghosts: RunLengthMask | None = None
    waiting: bool = False

    @property
    def settled(self) -> Settled:
        """As it is kept."""
        return Settled(self.mask, self.ghosts, self.waiting)


class HasPrompts(Protocol):
    """A state of an object."""

    @property
    def prompts(self) -> Prompts:
        """What it answers."""
        ...


S = TypeVar("S", bound=HasPrompts)


class StateCache(Generic[S]):
    """The newest object states by object and prompts. Safe from any thread.

    Args:
        bytes_of: what a state keeps in memory.
        limit_bytes: of all states together.
    """

    def __init__(self, bytes_of: Callable[[S], int], limit_bytes: int = STATE_BYTES_KEPT) -> None:
        self._states: OrderedDict[tuple[int, Prompts], S] = OrderedDict()
        self._bytes_of = bytes_of
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._lock = Lock()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._states.clear()
            self._bytes = 0

    def keep(self, object_id: int, state: S) -> None:
        """Keep a state, dropping the oldest ones while all together are too large."""
        key = (object_id, state.prompts)
        with self._lock:
            if key in self._states:
                self._bytes -= self._bytes_of(self._states.pop(key))
            self._states[key] = state
            self._bytes += self._bytes_of(state)
            while self._bytes > self._limit_bytes and len(self._states) > 1:
                self._bytes -= self._bytes_of(self._states.popitem(last=False)[1])

    def longest(self, object_id: int, prompts: Prompts) -> S | None:
        """The kept state with the most of these prompts, from the first on."""
        with self._lock:
            for length in range(len(prompts), 0, -1):
                state = self._states.get((object_id, Prompts(prompts.items[:length])))
                if state is not None:
                    return state
        return None

    def before(self, question: Question) -> S | None:
        """The kept state that a question goes on from, of the object or of a look ahead."""
        kept = self.longest(question.object_id, question.prompts)
        if kept is None and question.guess_id:
            kept = self.longest(question.guess_id, question.prompts)
        return kept


class Mind(Protocol):
    """Answers the annotator's questions on one kind of medium.

    All methods are called in the model's one thread, with the model in use and what the medium's `open` gave. States
    belong to the model that made them.
    """

    def prepare(self, model: Any, opened: Any) -> None:
        """Make what the first question about a file needs, before it comes."""
        ...

    def answer(self, model: Any, opened: Any, question: Question) -> Answer:
        """The mask for the prompts of an object. PromptError: a prompt does not fit."""
        ...

    def rethreshold(self, model: Any, opened: Any, question: Question, keep: bool) -> Answer:
        """The mask at the threshold of the question's rules, from the kept answer where there is one.

        Args:
            model: in use.
            opened: the file.
            question: about an object whose prompts have been answered.
            keep: whether the next prompts go on from here.
        """
        ...

    def logits(self, model: Any, opened: Any, question: Question) -> tuple[LogitMap, float]:
        """What the model itself says to prompts that have been answered, kept or asked again; and the expected IoU.

        Args:
            model: in use.
            opened: the file, of pictures; other media refuse with a ConflictError.
            question: about an object whose newest prompt is not a mask.
        """
        ...

    def alternatives(self, model: Any, opened: Any, question: Question) -> list[Answer]:
        """What the prompts of an object may mean: part, object, whole. At least one if they have been answered."""
        ...
