"""The model behind the annotator: loaded in the background, asked in one worker thread.

States of objects are kept by their prompts, so that the next click continues where the last one ended and an
undone click costs nothing when it is given again. A state that is not kept any more is rebuilt from the
stored mask.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Literal, TypeVar

import numpy as np

from clickmask.core.edit import EditRules
from clickmask.core.errors import ClickmaskError, InputError
from clickmask.core.frames import Frame, LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.editing import MEMO, EditMemo, edit
from clickmask.predict.predictor import Pipeline, advance, candidates, expected_iou
from clickmask.server.errors import ModelError
from clickmask.store.values import Settled

T = TypeVar("T")

STATE_BYTES_KEPT = 256 * 2**20
"""A state holds logits of up to a few megabytes, after a correction at the full resolution of the object."""

LoadState = Literal["loading", "ready", "failed"]
BuildPipeline = Callable[[str], Pipeline]


@dataclass(frozen=True)
class ModelStatus:
    """The model in use and how it is; `problem` says why it failed."""

    name: str
    state: LoadState
    problem: str | None = None


@dataclass(frozen=True)
class Question:
    """What to ask the model about one object.

    Attributes:
        object_id: the object; keeps states apart.
        prompts: all its prompts; not empty.
        known: an earlier part of the prompts with the mask that answered it, which counts where no state is kept.
        rules: of the session; None for a bare prediction.
        guess_id: number under which states of looks ahead are kept while the object has no number; 0 without any.
    """

    object_id: int
    prompts: Prompts
    known: tuple[Prompts, RunLengthMask] | None = None
    rules: EditRules | None = None
    guess_id: int = 0


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


class StateCache:
    """The newest object states by object and prompts. Safe from any thread."""

    def __init__(self, limit_bytes: int = STATE_BYTES_KEPT) -> None:
        self._states: OrderedDict[tuple[int, Prompts], ObjectState] = OrderedDict()
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._lock = Lock()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._states.clear()
            self._bytes = 0

    def keep(self, object_id: int, state: ObjectState) -> None:
        """Keep a state, dropping the oldest ones while all together are too large."""
        key = (object_id, state.prompts)
        with self._lock:
            if key in self._states:
                self._bytes -= _bytes_of(self._states.pop(key))
            self._states[key] = state
            self._bytes += _bytes_of(state)
            while self._bytes > self._limit_bytes and len(self._states) > 1:
                self._bytes -= _bytes_of(self._states.popitem(last=False)[1])

    def longest(self, object_id: int, prompts: Prompts) -> ObjectState | None:
        """The kept state with the most of these prompts, from the first on."""
        with self._lock:
            for length in range(len(prompts), 0, -1):
                state = self._states.get((object_id, Prompts(prompts.items[:length])))
                if state is not None:
                    return state
        return None


class ModelHost:
    """One model at a time. All methods belong to the event loop; the work happens in one worker thread.

    Args:
        build: makes the pipeline of a model; runs in the worker thread.
    """

    def __init__(self, build: BuildPipeline) -> None:
        self._build = build
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._states = StateCache()
        self._pipeline: Pipeline | None = None
        self._loading: asyncio.Task[None] | None = None
        self.status = ModelStatus("", "failed", "No model was chosen.")
        self.on_change: Callable[[], None] = lambda: None

    def choose(self, name: str) -> None:
        """Begin to load a model; questions wait until it is there."""
        self._pipeline = None
        self._set(ModelStatus(name, "loading"))
        self._loading = asyncio.get_running_loop().create_task(self._load(name, self._loading))

    async def answer(self, frame: Frame, question: Question) -> Answer:
        """The mask for the prompts of an object.

        Raises:
            ModelError: the model could not be loaded, or failed.
            PromptError: a prompt does not fit the image.
        """
        return await self._ask(self._answer, frame, question)

    async def rethreshold(self, frame: Frame, question: Question, keep: bool) -> Answer:
        """The mask at the threshold of the question's rules, from the kept answer where there is one.

        Args:
            frame: the image.
            question: about an object whose prompts have been answered.
            keep: whether the next prompts go on from here.
        """
        return await self._ask(self._rethreshold, frame, question, keep)

    async def alternatives(self, frame: Frame, question: Question) -> list[Answer]:
        """What the prompts may mean: part, object, whole. At least one if they have been answered.

        Args:
            frame: the image.
            question: about an object whose prompts have been answered.
        """
        pipeline = await self._ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._alternatives, pipeline, frame, question)

    async def logits(self, frame: Frame, question: Question) -> tuple[LogitMap, float]:
        """What the model itself says to prompts that have been answered, kept or asked again; and the expected IoU.

        Args:
            frame: the image.
            question: about an object whose newest prompt is not a mask.
        """
        pipeline = await self._ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._logits, pipeline, frame, question)

    async def _ask(self, work: Callable[..., Answer], frame: Frame, question: Question, *more: bool) -> Answer:
        pipeline = await self._ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, work, pipeline, frame, question, *more)

    async def run(self, function: Callable[[Pipeline], T]) -> T:
        """What a function makes of the pipeline, in the worker thread; for callers that keep their own states.

        Raises:
            ModelError: the model could not be loaded, or failed.
            InputError: as the function raises it.
        """
        pipeline = await self._ready()
        return await asyncio.get_running_loop().run_in_executor(self._worker, _watched, function, pipeline)

    def close(self) -> None:
        """Let the worker go once its present question is answered."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _ready(self) -> Pipeline:
        while self._pipeline is None and self._loading is not None and not self._loading.done():
            await asyncio.shield(self._loading)
        if self._pipeline is None:
            raise ModelError(f"The model '{self.status.name}' is not available: {self.status.problem}")
        return self._pipeline

    async def _load(self, name: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        loop = asyncio.get_running_loop()
        try:
            pipeline = await loop.run_in_executor(self._worker, _build_and_warm, self._build, name)
        except (ClickmaskError, OSError, RuntimeError) as error:
            if self.status.name == name:
                self._set(ModelStatus(name, "failed", str(error)))
            return
        if self.status.name == name:
            self._states.clear()
            self._pipeline = pipeline
            self._set(ModelStatus(name, "ready"))

    def _set(self, status: ModelStatus) -> None:
        self.status = status
        self.on_change()

    def _answer(self, pipeline: Pipeline, frame: Frame, question: Question) -> Answer:
        """In the worker thread."""
        start = time.perf_counter()
        ask = partial(follow, frame=frame, state=self._start(question), prompts=question.prompts, rules=question.rules)
        state = _watched(ask, pipeline)
        if pipeline is self._pipeline:
            self._states.keep(question.object_id, state)
        return _answer_of(state, frame, pipeline, (time.perf_counter() - start) * 1000)

    def _rethreshold(self, pipeline: Pipeline, frame: Frame, question: Question, keep: bool) -> Answer:
        """In the worker thread."""
        start = time.perf_counter()
        kept = self._states.longest(question.object_id, question.prompts)
        memo = None if kept is None or kept.prompts != question.prompts else kept.memo.get(MEMO)
        if kept is None or not isinstance(memo, EditMemo) or question.rules is None:
            return self._answer(pipeline, frame, replace(question, known=None))
        request = Request(frame, question.prompts, memo.base, kept.memo, question.rules)
        result = edit(request, Result(memo.raw, kept.memo), question.rules, pipeline.threshold_logit)
        state = ObjectState(question.prompts, result.logits, result.memo)
        if keep and pipeline is self._pipeline:
            self._states.keep(question.object_id, state)
        return _answer_of(state, frame, pipeline, (time.perf_counter() - start) * 1000)

    def _alternatives(self, pipeline: Pipeline, frame: Frame, question: Question) -> list[Answer]:
        """In the worker thread."""
        start = time.perf_counter()
        ask = partial(follow, frame=frame, state=ObjectState(), prompts=question.prompts, rules=question.rules)
        state = _watched(ask, pipeline)
        found = _watched(lambda model: candidates(model, frame, state), pipeline)
        memo = state.memo.get(MEMO)
        rules = question.rules or EditRules()
        request = Request(frame, question.prompts, memo.base if isinstance(memo, EditMemo) else None, state.memo, rules)
        results = [edit(request, Result(c.logits, state.memo), rules, pipeline.threshold_logit) for c in found]
        states = [ObjectState(question.prompts, result.logits, result.memo) for result in results]
        spent = (time.perf_counter() - start) * 1000
        return [_answer_of(one, frame, pipeline, spent) for one in states]

    def _logits(self, pipeline: Pipeline, frame: Frame, question: Question) -> tuple[LogitMap, float]:
        """In the worker thread."""
        state = self._states.longest(question.object_id, question.prompts)
        if state is None or state.prompts != question.prompts or not isinstance(state.memo.get(MEMO), EditMemo):
            ask = partial(
                follow, frame=frame, state=ObjectState(), prompts=question.prompts, rules=question.rules or EditRules()
            )
            state = _watched(ask, pipeline)
        memo = state.memo.get(MEMO)
        logits = memo.raw if isinstance(memo, EditMemo) else state.logits
        if logits is None:
            raise ModelError(f"The model '{pipeline.name}' gave no answer. Click on the object again.")
        return logits, expected_iou(pipeline, frame, ObjectState(question.prompts, logits, state.memo))

    def _start(self, question: Question) -> ObjectState:
        kept = self._states.longest(question.object_id, question.prompts)
        if kept is None and question.guess_id:
            kept = self._states.longest(question.guess_id, question.prompts)
        if question.known is not None and _contradicts(kept, question.known):
            prompts, mask = question.known
            if question.prompts.items[: len(prompts)] == prompts.items and len(prompts):
                return ObjectState(prompts, LogitMap.of_mask(mask))
        return ObjectState() if kept is None else kept


def _contradicts(kept: ObjectState | None, known: tuple[Prompts, RunLengthMask]) -> bool:
    """Whether the mask that is known must be gone on from, not the kept state.

    Another threshold or mask, and undo of either, leave a state whose mask is not the one on the screen;
    the next prompt goes on from what is on the screen.
    """
    if kept is None:
        return True
    memo = kept.memo.get(MEMO)
    return kept.prompts == known[0] and isinstance(memo, EditMemo) and memo.mask != known[1]


def _answer_of(state: ObjectState, frame: Frame, pipeline: Pipeline, milliseconds: float) -> Answer:
    memo = state.memo.get(MEMO)
    if isinstance(memo, EditMemo):
        return Answer(memo.mask, pipeline.name, milliseconds, memo.ghosts or None, memo.waiting)
    return Answer(state.run_lengths(frame.size_hw, pipeline.threshold_logit), pipeline.name, milliseconds)


def follow(
    pipeline: Pipeline, frame: Frame, state: ObjectState, prompts: Prompts, rules: EditRules | None = None
) -> ObjectState:
    """The state after all of `prompts`, of which `state` has the first ones.

    Prompts that came faster than the model are answered in one run. Corrections of a mask go one by one,
    because each changes only what is connected to its own click.
    """
    rest = prompts.items[len(state.prompts) :]
    masks = [i for i, p in enumerate(rest) if isinstance(p, MaskPrompt)]
    if masks:
        before = Prompts(prompts.items[: len(state.prompts) + masks[-1]])
        state = advance(pipeline, frame, ObjectState(before), rest[masks[-1]])
        rest = rest[masks[-1] + 1 :]
    if state.prompts.initial_mask is None and len(rest) > 1:
        state = ObjectState(Prompts(prompts.items[:-1]), state.logits, state.memo)
        rest = rest[-1:]
    for prompt in rest:
        state = advance(pipeline, frame, state, prompt, rules)
    return state


def _watched(function: Callable[[Pipeline], T], pipeline: Pipeline) -> T:
    try:
        return function(pipeline)
    except InputError:
        raise
    except Exception as error:  # a runtime may raise anything; the person must hear of it and go on working
        raise ModelError(f"The model '{pipeline.name}' failed: {error}") from error


def _bytes_of(state: ObjectState) -> int:
    memo = state.memo.get(MEMO)
    maps = [state.logits, *((memo.raw, memo.base) if isinstance(memo, EditMemo) else ())]
    remembered = sum(int(getattr(value, "nbytes", 0)) for value in state.memo.values())
    return 1000 + remembered + sum({id(m): int(m.values.nbytes) for m in maps if m is not None}.values())


def _build_and_warm(build: BuildPipeline, name: str) -> Pipeline:
    """Build and ask once: the first run of a network is several times slower than the second."""
    pipeline = build(name)
    grey = Frame.of(np.full((64, 64, 3), 128, dtype=np.uint8))
    advance(pipeline, grey, ObjectState(), Click(32.0, 32.0))
    return pipeline
