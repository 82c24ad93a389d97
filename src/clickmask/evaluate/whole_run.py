"""A whole run: measure what is not measured yet, then write the figures and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clickmask.core.errors import InputError
from clickmask.data import Dataset, ReadOptions
from clickmask.evaluate.initial import InitialMask
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.records import ObjectKey, ObjectRecords
from clickmask.evaluate.report import render
from clickmask.evaluate.run import SubjectBuilder, Task
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
        initial: makes masks to correct; each object is then measured from nothing and from its mask.
        limit: only so many objects of each data set; None for all.
        jobs: number of processes.
        command: as typed, for the report.
    """

    build: SubjectBuilder
    protocol: EvalProtocol
    datasets: Sequence[Dataset]
    options: ReadOptions = field(default_factory=ReadOptions)
    initial: InitialMask | None = None
    limit: int | None = None
    jobs: int = 1
    command: str = ""

    @property
    def all_datasets(self) -> list[Dataset]:
        """The data sets, and each once more under another name where its objects begin with masks."""
        if self.initial is None:
            return list(self.datasets)
        label = self.initial.label
        return [
            d for dataset in self.datasets for d in (dataset, replace(dataset, name=f"{dataset.name} from {label}"))
        ]

    def tasks(self, datasets: Sequence[Dataset]) -> list[Task]:
        """The objects of some of `all_datasets`."""
        own = {dataset.name for dataset in self.datasets}
        makers = {} if self.initial is None else {d.name: self.initial for d in datasets if d.name not in own}
        return tasks_of(datasets, self.limit, makers)


def answer(question: Question, output: Path, progress: Progress) -> dict[str, Any]:
    """Measure into the folder `output`, which may hold a part of the same run already; returns the summary.

    Raises:
        InputError: the folder holds another run, or a sample cannot be used.
        StorageError: the folder cannot be written.
    """
    subject = question.build()
    if subject.next_object is not None and question.jobs > 1:
        raise InputError(
            f"'{subject.name}' with these stages learns from one object after the other, which several processes "
            "cannot do together. Leave out --jobs."
        )
    folder, datasets = RunFolder(output), question.all_datasets
    folder.prepare(question.protocol, subject, datasets, question.options)
    # one process: what is loaded serves; several: each builds its own
    build = (lambda: subject) if question.jobs == 1 else question.build
    records = _measure(folder, question, build, progress)
    measured = [(dataset, [records[task.key] for task in question.tasks([dataset])]) for dataset in datasets]
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
    tasks = question.tasks(question.all_datasets)
    done = sum(task.key in records for task in tasks)
    progress(done, len(tasks), None)
    for measured in folder.measure_rest(tasks, build, question.protocol, question.jobs, dict(records)):
        records[measured[0].key] = measured
        done += 1
        progress(done, len(tasks), measured)
    return records
