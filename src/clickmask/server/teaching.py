"""Training that is begun in the browser: `clickmask train` and `clickmask export` in processes of their own.

The server needs no torch for it and goes on answering clicks. When it ends, however it ends, the training ends too.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from clickmask.core.errors import ConflictError, InputError
from clickmask.core.words import words, words_json
from clickmask.formats.annotation import AnnotationSet
from clickmask.server.lesson_data import write_lesson
from clickmask.server.training_process import run_command
from clickmask.zoo.methods import METHOD_TARGETS
from clickmask.zoo.spec import ModelSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
RECIPE = "finetune"
STEPS = 300
"""What the recipe does unless told otherwise."""
SECONDS_BETWEEN_NEWS = 0.25
"""Steps are told no more often."""

LessonState = Literal["preparing", "training", "exporting", "done", "failed", "stopped"]
RUNNING: frozenset[LessonState] = frozenset({"preparing", "training", "exporting"})


@dataclass(frozen=True)
class Teaching:
    """How trainings are run.

    Attributes:
        folder: of the project; runs are kept in `runs` below it.
        models: folder that the menu of models reads.
        command: begins a clickmask command.
        needs: modules that it needs beside the light install.
        threads: of the processor; the others are left to clicks.
    """

    folder: Path
    models: Path
    command: tuple[str, ...] = (sys.executable, "-m", "clickmask")
    needs: tuple[str, ...] = ("torch",)
    threads: int = field(default_factory=lambda: max((os.cpu_count() or 2) - 1, 1))

    @property
    def problem(self) -> str | None:
        """Why there can be no training here; None if there can be."""
        if all(find_spec(module) for module in self.needs):
            return None
        text = (
            "Training needs torch, which is not installed here. Install it with: {command} - and start clickmask again."
        )
        return words("refused.teaching.missing", text, command="pip install 'clickmask[train]'")


@dataclass(frozen=True)
class Wish:
    """What is to be learned.

    Attributes:
        name: of the new model.
        start: name or folder of the model to begin with.
        steps: of training.
        lesson: to learn from.
    """

    name: str
    start: str
    steps: int
    lesson: AnnotationSet


@dataclass(frozen=True)
class Lesson:
    """One training and how far it is.

    Attributes:
        name: of the model that it makes.
        state: `done` once the model stands in the menu.
        objects, images: learned from.
        step, steps: done and planned.
        samples: seen so far.
        samples_per_second, seconds_left, loss, iou: at the last step; None before it.
        first, last: mean IoU after so many clicks (`iou@1`, ...) on photographs that are held out, before and after;
            empty without any.
        problem: why it failed.
        at: when this was so, in seconds since 1970; what arrives late is known by it.
    """

    name: str
    state: LessonState
    objects: int
    images: int
    step: int = 0
    steps: int = 0
    samples: int = 0
    samples_per_second: float | None = None
    seconds_left: float | None = None
    loss: float | None = None
    iou: float | None = None
    first: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None
    at: float = 0.0

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.state in RUNNING

    def json(self) -> dict[str, Any]:
        """As the protocol has it."""
        figures = ("samples_per_second", "seconds_left", "loss", "iou")
        rounded = {key: None if (value := getattr(self, key)) is None else round(value, 4) for key in figures}
        counts = {key: getattr(self, key) for key in ("name", "state", "objects", "images", "step", "steps", "samples")}
        checks = {key: {k: round(v, 4) for k, v in getattr(self, key).items()} for key in ("first", "last")}
        said = None if self.problem is None else words_json(self.problem)
        return {**counts, **rounded, **checks, "problem": self.problem, "words": said, "at": self.at}


class Teacher:
    """One training at a time. All methods belong to the event loop.

    Args:
        teaching: how; None for a server without.
        specs: the models of images that are there.
    """

    def __init__(self, teaching: Teaching | None, specs: Callable[[], Mapping[str, ModelSpec]]) -> None:
        self._teaching = teaching
        self._specs = specs
        self._task: asyncio.Task[None] | None = None
        self._told = 0.0
        self.lesson: Lesson | None = None
        self.on_change: Callable[[], None] = lambda: None

    @property
    def problem(self) -> str | None:
        """Why nothing can be learned here; None if it can."""
        if self._teaching is None:
            return words("refused.teaching.none", "This server was started without training.")
        return self._teaching.problem

    @property
    def starts(self) -> list[str]:
        """Models that can go on learning."""
        return [name for name, spec in self._specs().items() if spec.method in METHOD_TARGETS]

    @property
    def free_name(self) -> str:
        """A name that no model has."""
        known = self._specs()
        names = ("mine", *(f"mine-{n}" for n in range(2, 10_000)))
        return next(name for name in names if name not in known and not self._has_model(name))

    async def begin(self, name: str, start: str, steps: int, read: Callable[[], Awaitable[AnnotationSet]]) -> Lesson:
        """Begin a training.

        Args:
            name: of the new model.
            start: name of the model to begin with, one of `starts`.
            steps: of training.
            read: gives what is to be learned from.

        Raises:
            ConflictError: torch is missing, the server was started without training, or one is running already.
            InputError: the name cannot be one or is taken, no training can begin so, or nothing is finished.
        """
        teaching = self._teaching
        if teaching is None or self.problem is not None:
            raise ConflictError(self.problem)
        self._refuse_second()
        self._check_names(name, start)
        lesson = await read()
        if not lesson.images:
            text = (
                "No object on a photograph is finished, so there is nothing to learn from. Finish some first (Enter)."
            )
            raise InputError(words("refused.teaching.nothing", text))
        self._refuse_second()  # somebody may have been quicker while the objects were read
        counted = sum(not a.ignored for image in lesson.images for a in image.annotations)
        begun = self._tell(Lesson(name, "preparing", counted, len(lesson.images), steps=steps))
        own = teaching.models / start
        wish = Wish(name, str(own) if own.is_dir() else start, steps, lesson)
        self._task = asyncio.create_task(self._teach(teaching, wish))
        return begun

    def _check_names(self, name: str, start: str) -> None:
        if not NAME.fullmatch(name):
            text = (
                "A model's name has up to 40 letters, digits, - and _, and begins with a letter or digit; got '{name}'."
            )
            raise InputError(words("refused.teaching.name", text, name=name[:60]))
        if name in self._specs() or self._has_model(name):
            raise InputError(words("refused.teaching.taken", "There is a model '{name}' already.", name=name))
        if start not in self.starts:
            text = "A training cannot begin with the model '{name}', but with one of these: {known}."
            raise InputError(words("refused.teaching.start", text, name=start[:60], known=", ".join(self.starts)))

    async def stop(self) -> Lesson:
        """End the training that is running.

        Raises:
            ConflictError: none is.
        """
        if self.lesson is None or not self.lesson.running or self._task is None:
            raise ConflictError(words("refused.teaching.idle", "No training is running."))
        await self.close()
        return self.lesson

    async def close(self) -> None:
        """End whatever is running and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def _refuse_second(self) -> None:
        if self.lesson is not None and self.lesson.running:
            text = "The model '{name}' is being taught. Wait for it, or stop it first."
            raise ConflictError(words("refused.teaching.running", text, name=self.lesson.name))

    def _has_model(self, name: str) -> bool:
        return self._teaching is not None and (self._teaching.models / name).exists()

    async def _teach(self, teaching: Teaching, wish: Wish) -> None:
        try:
            await self._make_model(teaching, wish)
            self._change(state="done", seconds_left=0.0)
        except asyncio.CancelledError:
            self._change(state="stopped")
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the person waits to hear of it
            self._change(state="failed", problem=getattr(error, "args", ("",))[0] or type(error).__name__)

    async def _make_model(self, teaching: Teaching, wish: Wish) -> None:
        """The training, the model of it, and its place in the menu."""
        run = teaching.folder / "runs" / wish.name
        data, fresh = run / "project.json", run / "model"
        await asyncio.to_thread(_emptied, run)
        await asyncio.to_thread(write_lesson, wish.lesson, data)
        self._change(state="training")
        options = ("-o", str(run), "--from", wish.start, "--threads", str(teaching.threads))
        lasting = ("--set", f"phases.0.steps={wish.steps}", "--supervised")
        await run_command((*teaching.command, "train", RECIPE, "--data", str(data), *options, *lasting), self._hear)
        self._change(state="exporting")
        export = ("export", str(run), "-o", str(fresh), "--name", wish.name)
        await run_command((*teaching.command, *export), self._hear)
        await asyncio.to_thread(_moved, fresh, teaching.models / wish.name)

    def _hear(self, line: bytes) -> None:
        """Take over what a training says of a step, or of its end."""
        lesson = self.lesson
        said = _parsed(line)
        if lesson is None:
            return
        if isinstance(outcome := said.get("outcome"), dict):
            self._change(first=outcome["first"], last=outcome["last"])
        if not isinstance(progress := said.get("progress"), dict):
            return
        keys = ("step", "steps", "samples", "loss", "iou", "samples_per_second", "seconds_left")
        early = time.monotonic() - self._told < SECONDS_BETWEEN_NEWS
        self._tell(replace(lesson, **{key: progress[key] for key in keys}), quietly=early)

    def _change(self, **values: Any) -> None:
        if self.lesson is not None:
            self._tell(replace(self.lesson, **values))

    def _tell(self, lesson: Lesson, quietly: bool = False) -> Lesson:
        self.lesson = told = replace(lesson, at=time.time())
        if not quietly:
            self._told = time.monotonic()
            self.on_change()
        return told


def _parsed(line: bytes) -> dict[str, Any]:
    """A line of a training; empty for what a library printed in between."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _emptied(run: Path) -> None:
    """Remove what an earlier training under this name left."""
    if run.exists():
        shutil.rmtree(run)


def _moved(fresh: Path, target: Path) -> None:
    """Put a finished model where the menu finds it, in one move."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(target)
