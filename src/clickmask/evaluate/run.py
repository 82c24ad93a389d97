"""The measuring loop: robot clicks, model answers, IoU; one object at a time, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from clickmask.core.errors import WorkerError
from clickmask.core.frames import Frame
from clickmask.core.masks import BoolMask, RunLengthMask, iou
from clickmask.core.prompts import MaskPrompt, Prompt
from clickmask.core.protocols import ObjectState
from clickmask.data import Sample, Truth
from clickmask.evaluate.initial import InitialMask
from clickmask.evaluate.metrics import boundary_band, boundary_iou, boundary_width
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.records import ClickRecord, ObjectKey, ObjectRecords
from clickmask.predict.predictor import Pipeline, advance, next_object
from clickmask.simulate import ROBOTS


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured.

    Attributes:
        name: for tables.
        advance: the state after one more prompt; pure.
        facts: whatever identifies it, as JSON types, e.g. the sha256 of its weights. Runs continue only
            with equal facts.
        next_object: (image, state of a finished object) -> the state that the next object of the data set begins
            with; None where objects have nothing to do with one another.
    """

    name: str
    advance: Callable[[Frame, ObjectState, Prompt], ObjectState]
    facts: Mapping[str, Any] = field(default_factory=dict)
    next_object: Callable[[Frame, ObjectState], ObjectState] | None = None

    @staticmethod
    def of(pipeline: Pipeline, **facts: Any) -> Subject:
        """A model of clickmask, with further facts about how it was loaded."""
        spec = pipeline.spec
        known = {
            "method": spec.method,
            "licence": spec.licence,
            "runtime": spec.runtime,
            "input_hw": list(pipeline.backend.input_hw),
            "weights_sha256": spec.sha256,
        }
        following = partial(next_object, pipeline) if pipeline.carries else None
        return Subject(spec.name, partial(advance, pipeline), {**known, **facts}, following)


SubjectBuilder = Callable[[], Subject]
"""Builds the subject in whichever process measures; must be picklable for more than one job."""


@dataclass(frozen=True, slots=True)
class Task:
    """One object to measure.

    Attributes:
        key: of its records.
        sample: image and truth.
        initial: makes the mask that the clicks correct; None to begin with nothing.
    """

    key: ObjectKey
    sample: Sample
    initial: InitialMask | None = None


def measure(
    tasks: Sequence[Task],
    build: SubjectBuilder,
    protocol: EvalProtocol,
    jobs: int = 1,
    finished: Mapping[ObjectKey, ObjectRecords] | None = None,
) -> Iterator[ObjectRecords]:
    """Yield the records of each task that is not finished, in the tasks' order whatever the number of jobs.

    Args:
        tasks: the objects.
        build: makes the subject, once per process.
        protocol: how to measure.
        jobs: number of processes; with 1 everything happens in this one.
        finished: records of tasks that were measured before. A subject that learns from object to object makes their
            clicks again, unscored, so that it goes on as if it had not been stopped.
    """
    known = finished or {}
    if jobs == 1:
        subject = build()
        one_by_one = _measure_sequence if subject.next_object is not None else _measure_each
        yield from one_by_one(tasks, subject, protocol, known)
        return
    tasks = [task for task in tasks if task.key not in known]
    context = multiprocessing.get_context("spawn")  # a forked onnxruntime session hangs
    executor = ProcessPoolExecutor(min(jobs, len(tasks)) or 1, context, _start_worker, (build, protocol))
    try:
        yield from executor.map(_work, tasks)
    except BrokenProcessPool as error:
        raise WorkerError(
            "A measuring process died, most likely for want of memory. Finished objects are kept: "
            "run the same command with fewer --jobs."
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _measure_each(
    tasks: Sequence[Task], subject: Subject, protocol: EvalProtocol, known: Mapping[ObjectKey, ObjectRecords]
) -> Iterator[ObjectRecords]:
    for task in tasks:
        if task.key not in known:
            yield measure_object(task, subject, protocol)


def _measure_sequence(
    tasks: Sequence[Task], subject: Subject, protocol: EvalProtocol, known: Mapping[ObjectKey, ObjectRecords]
) -> Iterator[ObjectRecords]:
    """One data set after the other, each object beginning with what those before it taught."""
    start, dataset = ObjectState(), ""
    for task in tasks:
        if task.key.dataset != dataset:
            start, dataset = ObjectState(), task.key.dataset
        frame, state = Frame.of(task.sample.image()), start
        if task.key in known:
            if task.initial is not None:
                mask = task.initial(task.key, *task.sample.load())
                state = subject.advance(frame, state, MaskPrompt(RunLengthMask.encode(mask)))
            for record in known[task.key]:
                state = subject.advance(frame, state, record.click)
        else:
            records, state = click_through(task, subject, protocol, start)
            yield records
        if subject.next_object is not None:
            start = subject.next_object(frame, state)


def measure_object(task: Task, subject: Subject, protocol: EvalProtocol) -> ObjectRecords:
    """All clicks on one object."""
    return click_through(task, subject, protocol, ObjectState())[0]


def click_through(
    task: Task, subject: Subject, protocol: EvalProtocol, start: ObjectState
) -> tuple[ObjectRecords, ObjectState]:
    """All clicks on one object that begins with a state, and the state after the last."""
    image, truth = task.sample.load()
    scorer = _Scorer(truth)
    rng = np.random.default_rng([protocol.seed, zlib.crc32("/".join(task.key).encode())])
    robot = ROBOTS.get(protocol.robot)
    started = time.perf_counter()
    frame = Frame.of(image)
    preparation = time.perf_counter() - started
    state, mask, initial_iou = start, np.zeros(truth.mask.shape, dtype=bool), 0.0
    if task.initial is not None:
        mask = task.initial(task.key, image, truth)
        initial_iou = iou(mask, truth.mask, truth.ignore)
        state = subject.advance(frame, state, MaskPrompt(RunLengthMask.encode(mask)))
    records: list[ClickRecord] = []
    while len(records) < protocol.max_clicks:
        click = robot(truth.mask, mask, truth.ignore, [record.click for record in records], rng)
        if click is None and not records:  # an initial mask without an error: a person confirms it with a click
            click = robot(truth.mask, np.zeros_like(mask), truth.ignore, (), rng)
        if click is None:
            break
        started = time.perf_counter() - (0 if records else preparation)
        state = subject.advance(frame, state, click)
        before, mask = mask, _mask_of(state, frame, protocol)
        seconds = time.perf_counter() - started
        scores = *scorer.score(mask), seconds
        record = ClickRecord(task.key, len(records) + 1, click, *scores)
        records.append(replace(record, destroyed=scorer.destroyed(before, mask)))
    if task.initial is not None:
        records[0] = replace(records[0], initial_iou=initial_iou)
    return (*records[:-1], replace(records[-1], mask=RunLengthMask.encode(mask))), state


def _mask_of(state: ObjectState, frame: Frame, protocol: EvalProtocol) -> BoolMask:
    if state.logits is None:
        return np.zeros(frame.size_hw, dtype=bool)
    return state.logits.mask(frame.size_hw, protocol.threshold_logit)


class _Scorer:
    """Compares masks with one truth, whose boundary band is made once."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        size_hw = truth.mask.shape[0], truth.mask.shape[1]
        self.band = boundary_band(truth.mask, boundary_width(size_hw))

    def score(self, mask: BoolMask) -> tuple[float, float]:
        """(IoU, boundary IoU)."""
        return iou(mask, self.truth.mask, self.truth.ignore), boundary_iou(mask, self.band, self.truth.ignore)

    def destroyed(self, before: BoolMask, after: BoolMask) -> int:
        """Scored pixels that were right before a click and are wrong after it."""
        lost = (before == self.truth.mask) & (after != self.truth.mask)
        return int(np.count_nonzero(lost if self.truth.ignore is None else lost & ~self.truth.ignore))


@dataclass(frozen=True, eq=False)
class _Worker:
    subject: Subject
    protocol: EvalProtocol


_worker: _Worker | None = None
"""What a worker process measures with: set once when the process starts, since sessions cannot be pickled."""


def _start_worker(build: SubjectBuilder, protocol: EvalProtocol) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process hears it and ends this one in order
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _worker = _Worker(build(), protocol)


def _end_with_parent() -> None:
    """Leave no orphan that waits for work for ever when the main process is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Task) -> ObjectRecords:
    if _worker is None:
        raise RuntimeError("A worker process must be started with _start_worker.")
    return measure_object(task, _worker.subject, _worker.protocol)
