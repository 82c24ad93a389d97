"""A whole run on clouds: measure what is not measured yet, then write the figures and the report."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import clickmask
from clickmask.core.errors import InputError
from clickmask.data.cloud_sample import CloudDataset
from clickmask.evaluate import metrics, published_clicks
from clickmask.evaluate.cloud_protocol import CloudProtocol
from clickmask.evaluate.cloud_report import render
from clickmask.evaluate.cloud_run import CloudRecords, Key, Progress, curves_of, key_of, measure_dataset, read_records
from clickmask.evaluate.run_folder import RECORDS_FILE, REPORT_FILE, RUN_FILE, SUMMARY_FILE, replace_text, writing
from clickmask.evaluate.summary import percent
from clickmask.predict.cloud_predictor import CloudPipeline

IOU_CLICKS = (1, 2, 3, 5, 10, 15, 20)


@dataclass(frozen=True, eq=False)
class CloudQuestion:
    """What is to be measured.

    Attributes:
        pipeline: the model.
        protocol: how.
        datasets: on what.
        limit: only so many objects of each data set; None for all.
        command: as typed.
    """

    pipeline: CloudPipeline
    protocol: CloudProtocol
    datasets: Sequence[CloudDataset]
    limit: int | None = None
    command: str = ""

    def facts(self) -> dict[str, Any]:
        """What makes two runs the same question."""
        model = {"name": self.pipeline.name, "weights_sha256": self.pipeline.sha256}
        return {"protocol": self.protocol.to_json(), "model": model}


def answer_clouds(question: CloudQuestion, output: Path, progress: Progress) -> dict[str, Any]:
    """Measure into a folder, which may hold a part of the same run already; returns the summary.

    Raises:
        InputError: the folder holds another run, or a scan cannot be used.
        StorageError: the folder cannot be written.
    """
    _claim(question, output)
    known = read_records(output / RECORDS_FILE)
    with writing(output):
        replace_text(output / RECORDS_FILE, "".join(r.to_line() + "\n" for rs in known.values() for r in rs))
    measured = [(dataset, _measured(question, dataset, known, output, progress)) for dataset in question.datasets]
    summary = _summary(question, measured)
    with writing(output):
        replace_text(output / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")
        replace_text(output / REPORT_FILE, render(summary, measured))
    return summary


def _claim(question: CloudQuestion, output: Path) -> None:
    """Create the folder, or check that it asks the same question."""
    file = output / RUN_FILE
    facts = json.loads(json.dumps(question.facts()))
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        if before != facts:
            raise InputError(
                f"{output} holds a run of another model, protocol or kind of data. Records must not mix: choose "
                "another folder with -o, or remove that one to measure anew."
            )
    elif output.exists() and (not output.is_dir() or (output / RECORDS_FILE).exists()):
        raise InputError(f"{output} is no folder of a run. Choose another one with -o.")
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        replace_text(file, json.dumps(facts, indent=2) + "\n")


def _measured(
    question: CloudQuestion, dataset: CloudDataset, known: Mapping[Key, CloudRecords], output: Path, progress: Progress
) -> list[CloudRecords]:
    found: list[CloudRecords] = []
    with writing(output), (output / RECORDS_FILE).open("a", encoding="utf-8") as file:
        for records, new in measure_dataset(question.pipeline, question.protocol, dataset, known, question.limit):
            if new:
                file.write("".join(record.to_line() + "\n" for record in records))
                file.flush()
            found.append(records)
            progress(len(found), records)
    if not found:
        raise InputError(f"The data set '{dataset.name}' in {dataset.root} holds no labelled object.")
    return found


def _summary(
    question: CloudQuestion, measured: Sequence[tuple[CloudDataset, Sequence[CloudRecords]]]
) -> dict[str, Any]:
    machine = {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpu_count": os.cpu_count(),
        "jobs": 1,
    }
    return {
        "clickmask": clickmask.__version__,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": question.command,
        **question.facts(),
        "machine": machine,
        "datasets": {dataset.name: _figures(dataset, objects, question.protocol) for dataset, objects in measured},
    }


def _figures(dataset: CloudDataset, objects: Sequence[CloudRecords], protocol: CloudProtocol) -> dict[str, Any]:
    limit = protocol.max_clicks
    curves = curves_of(objects, limit)
    steps = {"/".join(key_of(records[0])): _steps(records, limit) for records in objects}
    figures: dict[str, Any] = {
        "root": str(dataset.root),
        "images": len({records[0].image for records in objects}),
        "objects": len(objects),
        "clicks": sum(len(records) for records in objects),
        "notes": list(dataset.notes),
    }
    for target in protocol.iou_targets:
        name = percent(target)
        figures[f"NoC@{name}"] = published_clicks.noc(steps, target, limit)
        figures[f"NoC@{name}_interval"] = list(metrics.interval(curves, partial(metrics.noc, target=target)))
        figures[f"NoF@{name}"] = metrics.nof(curves, target)
    figures |= {f"IoU@{k}": metrics.mean_iou_at(curves, k) for k in IOU_CLICKS if k <= limit}
    seconds = [record.seconds for records in objects for record in records]
    return {**figures, "AuC": metrics.auc(curves), "SPC": float(np.mean(seconds))}


def _steps(records: CloudRecords, limit: int) -> list[tuple[float, float]]:
    """Clicks and IoU, with the last IoU standing to the limit."""
    steps = [(record.clicks, record.iou) for record in records]
    return steps if steps[-1][0] >= limit else [*steps, (float(limit), steps[-1][1])]
