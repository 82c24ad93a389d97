"""All figures of a run as one JSON value, made from the records alone."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import clickmask
from clickmask.data import Dataset
from clickmask.evaluate import metrics
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.records import ObjectRecords
from clickmask.evaluate.run import Subject

IOU_CLICKS = (1, 2, 3, 5, 10, 20)


def percent(target: float) -> str:
    """0.9 -> ``"90"``; 0.925 -> ``"92.5"``."""
    return f"{target * 100:.6g}"


def summarize(
    protocol: EvalProtocol,
    subject: Subject,
    measured: Sequence[tuple[Dataset, Sequence[ObjectRecords]]],
    command: str,
    jobs: int,
) -> dict[str, Any]:
    """The content of `summary.json`.

    Args:
        protocol: how it was measured.
        subject: what was measured.
        measured: each data set with the records of its objects.
        command: as typed.
        jobs: number of processes.
    """
    return {
        "clickmask": clickmask.__version__,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": command,
        "protocol": protocol.to_json(),
        "model": {"name": subject.name, **subject.facts},
        "machine": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cpu_count": os.cpu_count(),
            "jobs": jobs,
        },
        "datasets": {dataset.name: _figures(dataset, objects, protocol) for dataset, objects in measured},
    }


def _figures(dataset: Dataset, objects: Sequence[ObjectRecords], protocol: EvalProtocol) -> dict[str, Any]:
    """All figures of one data set; see docs/evaluation.md for each name."""
    curves = metrics.iou_curves(objects, protocol.max_clicks)
    boundary = metrics.boundary_curves(objects, protocol.max_clicks)
    clicks = [k for k in IOU_CLICKS if k <= protocol.max_clicks]
    return {
        **_counts(dataset, objects),
        **_clicks_to_targets(curves, protocol.iou_targets),
        **{f"IoU@{k}": metrics.mean_iou_at(curves, k) for k in clicks},
        **{f"boundary_IoU@{k}": metrics.mean_iou_at(boundary, k) for k in clicks},
        **_corrections(objects),
        "AuC": metrics.auc(curves),
        "SPC": metrics.seconds_per_click(objects),
    }


def _corrections(objects: Sequence[ObjectRecords]) -> dict[str, Any]:
    """What corrections destroyed, in scored pixels, and how good the masks were that objects began with."""
    figures: dict[str, Any] = {}
    initial = [records[0].initial_iou for records in objects]
    known = [value for value in initial if value is not None]
    if known and len(known) == len(initial):
        figures["initial_IoU"] = sum(known) / len(known)
    lost = [(metrics.destroyed(records), records) for records in objects]
    counted = [(pixels, records) for pixels, records in lost if pixels is not None]
    clicks = sum(len(metrics.corrections(records)) for records in objects)
    if len(counted) < len(objects) or not clicks:
        return figures
    total = sum(pixels for pixels, _ in counted)
    worst, at = max(counted, key=lambda pair: pair[0])
    return {
        **figures,
        "destroyed_per_correction": total / clicks,
        "destroyed_per_object": total / len(objects),
        "destroyed_worst": {"pixels": worst, "image": at[0].key.image, "object": at[0].key.object},
    }


def _counts(dataset: Dataset, objects: Sequence[ObjectRecords]) -> dict[str, Any]:
    return {
        "root": str(dataset.root),
        "images": len({records[0].key.image for records in objects}),
        "objects": len(objects),
        "objects_in_folder": len(dataset.samples),
        "objects_published": dataset.published_objects,
        "clicks": sum(len(records) for records in objects),
        "notes": [*dataset.notes, *_count_notes(dataset, len(objects))],
    }


def _count_notes(dataset: Dataset, measured: int) -> list[str]:
    notes = []
    if measured < len(dataset.samples):
        notes.append(f"Only {measured} of {len(dataset.samples)} objects were measured.")
    if dataset.published_objects is not None and len(dataset.samples) != dataset.published_objects:
        notes.append(
            f"This copy has {len(dataset.samples)} objects, published figures are over {dataset.published_objects}: "
            "not comparable."
        )
    return notes


def _clicks_to_targets(curves: metrics.Curves, targets: Sequence[float]) -> Mapping[str, Any]:
    figures: dict[str, Any] = {}
    for target in targets:
        name = percent(target)
        figures[f"NoC@{name}"] = metrics.noc(curves, target)
        figures[f"NoC@{name}_interval"] = list(metrics.interval(curves, partial(metrics.noc, target=target)))
        figures[f"NoF@{name}"] = metrics.nof(curves, target)
        figures[f"NoF@{name}_as_published"] = metrics.nof_at_limit(curves, target)
    return figures
