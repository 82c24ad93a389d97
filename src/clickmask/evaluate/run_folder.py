"""The folder of one run: what is measured how, and the records so far. Only the same question continues."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from clickmask.core.errors import InputError, StorageError
from clickmask.data import Dataset, ReadOptions
from clickmask.evaluate.initial import InitialMask
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.records import ObjectKey, ObjectRecords, lines_of, read_finished, rewrite
from clickmask.evaluate.run import Subject, SubjectBuilder, Task, measure

RUN_FILE = "run.json"
RECORDS_FILE = "records.jsonl"
SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with `run.json` (the question) and `records.jsonl` (the answers so far)."""

    path: Path

    @property
    def records(self) -> Path:
        """The click records."""
        return self.path / RECORDS_FILE

    def prepare(
        self, protocol: EvalProtocol, subject: Subject, datasets: Sequence[Dataset], options: ReadOptions
    ) -> None:
        """Create the folder, or check that it asks the same question.

        Raises:
            InputError: records of another protocol, model or data are there; the text names the difference.
            StorageError: the folder cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; -o names the folder of the run.")
        question = _question(protocol, subject, datasets, options)
        file = self.path / RUN_FILE
        if file.is_file():
            question = _merged(self.path, _read(file), question)
        elif self.records.exists():
            raise InputError(f"{self.path} holds {RECORDS_FILE} without {RUN_FILE}. Choose another folder with -o.")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            replace_text(file, json.dumps(question, indent=2) + "\n")

    def finished(self) -> dict[ObjectKey, ObjectRecords]:
        """Records of the objects measured before; cleans up after a write that was cut off."""
        finished = read_finished(self.records)
        if self.records.exists():
            with writing(self.records):
                rewrite(self.records, finished.values())
        return finished

    def measure_rest(
        self,
        tasks: Sequence[Task],
        build: SubjectBuilder,
        protocol: EvalProtocol,
        jobs: int = 1,
        finished: Mapping[ObjectKey, ObjectRecords] | None = None,
    ) -> Iterator[ObjectRecords]:
        """Measure the tasks that are not finished, and keep each object's records before yielding them.

        Args:
            tasks: in order.
            build: makes the subject.
            protocol: how to measure.
            jobs: number of processes.
            finished: from `finished`.
        """
        with writing(self.records):
            file = self.records.open("ab", buffering=0)
        with file:
            for records in measure(tasks, build, protocol, jobs, finished):
                with writing(self.records):
                    _append(file, lines_of(records).encode())
                yield records


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}. What was measured so far is kept; make room or choose "
            "another folder with -o, and run the same command again."
        ) from error


def replace_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def tasks_of(
    datasets: Sequence[Dataset], limit: int | None = None, initial: Mapping[str, InitialMask] | None = None
) -> list[Task]:
    """One task per object, at most `limit` per data set, in the data sets' order; `initial` is by data set's name."""
    makers = initial or {}
    return [
        Task(ObjectKey(dataset.name, sample.image_id, sample.object_id), sample, makers.get(dataset.name))
        for dataset in datasets
        for sample in dataset.samples[:limit]
    ]


def _append(file: FileIO, data: bytes) -> None:
    """Write all of it, so that nothing waits in a buffer; OSError if not everything fits."""
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _question(
    protocol: EvalProtocol, subject: Subject, datasets: Sequence[Dataset], options: ReadOptions
) -> dict[str, Any]:
    read_as = {"split": options.split, "mask_values": options.mask_values}
    return {
        "protocol": protocol.to_json(),
        "model": {"name": subject.name, **subject.facts},
        "datasets": {dataset.name: {"root": str(dataset.root.resolve()), **read_as} for dataset in datasets},
    }


def _merged(folder: Path, before: Mapping[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Both questions' data sets, if the questions agree in everything else."""
    old_hash, new_hash = before["protocol"]["hash"], now["protocol"]["hash"]
    if old_hash != new_hash:
        raise _refusal(
            folder, f"protocol '{before['protocol']['name']}' ({old_hash})", f"'{now['protocol']['name']}' ({new_hash})"
        )
    for key in sorted(before["model"].keys() | now["model"].keys()):
        old, new = before["model"].get(key), now["model"].get(key)
        if json.loads(json.dumps(old)) != json.loads(json.dumps(new)):
            raise _refusal(folder, f"model {key} {old!r}", f"{new!r}")
    for name in before["datasets"].keys() & now["datasets"].keys():
        if before["datasets"][name] != now["datasets"][name]:
            raise _refusal(folder, f"{name} as {before['datasets'][name]}", f"{now['datasets'][name]}")
    return {**now, "datasets": {**before["datasets"], **now["datasets"]}}


def _refusal(folder: Path, before: str, now: str) -> InputError:
    return InputError(
        f"{folder} holds a run with {before}, now it is {now}. Records of both must not mix: "
        "choose another folder with -o, or remove that one to measure anew."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return {key: values[key] for key in ("protocol", "model", "datasets")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is not the description of a run ({error}). Choose another folder with -o.") from error
