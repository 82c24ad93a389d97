"""A whole run: measure what is not measured yet, then write the figures and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickmask.data import Dataset, ReadOptions
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.records import ObjectKey, ObjectRecords
from clickmask.evaluate.report import render
from clickmask.evaluate.run import SubjectBuilder
from clickmask.evaluate.run_folder import REPORT_FILE, SUMMARY_FILE, RunFolder, replace_text, tasks_of, writing
from clickmask.evaluate.summary import summarize

Progress = Callable[[int, int, ObjectRecords | None], None]
"""Called with the objects done, all objects, and the newest records (None at the start)."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be measured.

    Attributes:
        build: makes the model.
        protocol: how to measure.
        datasets: on what.
        options: how the data sets were read.
        limit: only so many objects of each data set; None for all.
        jobs: number of processes.
        command: as typed, for the report.
    """

    build: SubjectBuilder
    protocol: EvalProtocol
    datasets: Sequence[Dataset]
    options: ReadOptions = field(default_factory=ReadOptions)
    limit: int | None = None
    jobs: int = 1
    command: str = ""


def answer(question: Question, output: Path, progress: Progress) -> dict[str, Any]:
    """Measure into the folder `output`, which may hold a part of the same run already; returns the summary.

    Raises:
        InputError: the folder holds another run, or a sample cannot be used.
        StorageError: the folder cannot be written.
    """
    subject = question.build()
    folder = RunFolder(output)
    folder.prepare(question.protocol, subject, question.datasets, question.options)
    # one process: what is loaded serves; several: each builds its own
    build = (lambda: subject) if question.jobs == 1 else question.build
    records = _measure(folder, question, build, progress)
    measured = [(dataset, _objects(dataset, question.limit, records)) for dataset in question.datasets]
    summary = summarize(question.protocol, subject, measured, question.command, question.jobs)
    report = render(summary, measured)
    with writing(output):
        replace_text(output / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")
        replace_text(output / REPORT_FILE, report)
    return summary


def _measure(
    folder: RunFolder, question: Question, build: SubjectBuilder, progress: Progress
) -> dict[ObjectKey, ObjectRecords]:
    records = folder.finished()
    tasks = tasks_of(question.datasets, question.limit)
    rest = [task for task in tasks if task.key not in records]
    done = len(tasks) - len(rest)
    progress(done, len(tasks), None)
    for measured in folder.measure_rest(rest, build, question.protocol, question.jobs):
        records[measured[0].key] = measured
        done += 1
        progress(done, len(tasks), measured)
    return records


def _objects(dataset: Dataset, limit: int | None, records: dict[ObjectKey, ObjectRecords]) -> list[ObjectRecords]:
    return [records[task.key] for task in tasks_of([dataset], limit)]
