"""A model in use: loaded in the background, asked in one worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from clickmask.core.errors import ClickmaskError
from clickmask.core.frames import LogitMap
from clickmask.core.words import words
from clickmask.predict.predictor import Pipeline
from clickmask.server.errors import ModelError
from clickmask.server.minds import Answer, Mind, Question


class Model(Protocol):
    """Something with a name that was built by it."""

    @property
    def name(self) -> str:
        """As it was asked for."""
        ...


M = TypeVar("M", bound=Model)
T = TypeVar("T")

LoadState = Literal["loading", "ready", "failed"]
BuildPipeline = Callable[[str], Pipeline]


@dataclass(frozen=True)
class ModelStatus:
    """The model in use and how it is; `problem` says why it failed."""

    name: str
    state: LoadState
    problem: str | None = None


class ModelHost(Generic[M]):
    """One model at a time. All methods belong to the event loop; the work happens in one worker thread.

    Args:
        build: makes a model; runs in the worker thread.
        warm: asks it once; runs there too.
    """

    def __init__(self, build: Callable[[str], M], warm: Callable[[M], None]) -> None:
        self._build = build
        self._warm = warm
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._model: M | None = None
        self._loading: asyncio.Task[None] | None = None
        self.status = ModelStatus("", "failed", "No model was chosen.")
        self.on_change: Callable[[], None] = lambda: None

    def choose(self, name: str) -> None:
        """Begin to load a model; questions wait until it is there."""
        self._model = None
        self._set(ModelStatus(name, "loading"))
        self._loading = asyncio.get_running_loop().create_task(self._load(name, self._loading))

    async def run(self, function: Callable[[M], T]) -> T:
        """What a function makes of the model, in the worker thread.

        Raises:
            ModelError: the model could not be loaded, or failed.
            InputError: as the function raises it.
        """
        model = await self._ready()
        return await asyncio.get_running_loop().run_in_executor(self._worker, _watched, function, model)

    def close(self) -> None:
        """Let the worker go once its present question is answered."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _ready(self) -> M:
        while self._model is None and self._loading is not None and not self._loading.done():
            await asyncio.shield(self._loading)
        if self._model is None:
            text = (
                "The model '{name}' is not available: {problem} "
                "Choose it again to try once more, or choose another; every click is kept."
            )
            raise ModelError(words("refused.noModel", text, name=self.status.name, problem=self.status.problem or ""))
        return self._model

    async def _load(self, name: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        loop = asyncio.get_running_loop()
        try:
            model = await loop.run_in_executor(self._worker, self._build_and_warm, name)
        except Exception as error:  # noqa: BLE001 - a runtime may raise anything, and nobody may wait for ever
            if self.status.name == name:
                self._set(ModelStatus(name, "failed", str(error) or type(error).__name__))
            return
        if self.status.name == name:
            self._model = model
            self._set(ModelStatus(name, "ready"))

    def _set(self, status: ModelStatus) -> None:
        self.status = status
        self.on_change()

    def _build_and_warm(self, name: str) -> M:
        model = self._build(name)
        self._warm(model)
        return model


class Thinker:
    """Asks the model in use about one kind of medium; see `minds.Mind`. Belongs to the event loop.

    Raises:
        ModelError: from every question, if the model could not be loaded, or failed.
    """

    def __init__(self, host: ModelHost[Any], mind: Mind) -> None:
        self._host = host
        self._mind = mind

    @property
    def status(self) -> ModelStatus:
        """The model in use and how it is."""
        return self._host.status

    async def prepare(self, opened: Any) -> None:
        """Make what the first question about a file needs."""
        await self._host.run(lambda model: self._mind.prepare(model, opened))

    async def answer(self, opened: Any, question: Question) -> Answer:
        """The mask for the prompts of an object."""
        return await self._host.run(lambda model: self._mind.answer(model, opened, question))

    async def rethreshold(self, opened: Any, question: Question, keep: bool) -> Answer:
        """The mask at the threshold of the question's rules."""
        return await self._host.run(lambda model: self._mind.rethreshold(model, opened, question, keep))

    async def alternatives(self, opened: Any, question: Question) -> list[Answer]:
        """What the prompts may mean."""
        return await self._host.run(lambda model: self._mind.alternatives(model, opened, question))

    async def ask(self, function: Callable[[Any, Any], T]) -> T:
        """What a function makes of the model and of the mind, in the model's thread; for what one medium alone can."""
        return await self._host.run(lambda model: function(model, self._mind))

    async def logits(self, opened: Any, question: Question) -> tuple[LogitMap, float]:
        """What the model itself says to prompts that have been answered, and the IoU that it expects."""
        return await self._host.run(lambda model: self._mind.logits(model, opened, question))


def _watched(function: Callable[[M], T], model: M) -> T:
    try:
        return function(model)
    except ClickmaskError:
        raise
    except Exception as error:  # a runtime may raise anything; the person must hear of it and go on working
        text = "The model '{name}' failed: {problem}"
        raise ModelError(words("refused.modelFailed", text, name=model.name, problem=str(error))) from error
