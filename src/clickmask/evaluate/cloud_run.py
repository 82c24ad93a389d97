"""The measuring loop on clouds: the robot clicks, the model answers, IoU over all points; one record per click."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.data.cloud_sample import CloudDataset, Scan
from clickmask.evaluate.cloud_protocol import CloudProtocol
from clickmask.predict.cloud_predictor import CloudPipeline, CloudState, advance
from clickmask.predict.clouds import CloudClick, CloudFrame, blank_answer
from clickmask.simulate.cloud_clicks import deepest_error
from clickmask.simulate.cloud_clusters import cluster_clicks

Labels = NDArray[np.int32]
Flags = NDArray[np.bool_]

TOGETHER = "all"
"""Object of records that are about all objects of a scan."""


@dataclass(frozen=True, slots=True)
class CloudRecord:
    """What one click did.

    Attributes:
        dataset, image, object: what identifies the object; `image` is the scan.
        clicks: made so far; per object where several are measured together.
        xyz: of the click, metres of the file.
        label: the object that it is for, 0 for none; 1 and 0 where one object is measured.
        iou: after the click.
        seconds: from the click to the labels of all points.
        mask: run lengths of the last answer with an object's last click, beginning with points outside it.
    """

    dataset: str
    image: str
    object: str
    clicks: float
    xyz: tuple[float, float, float]
    label: int
    iou: float
    seconds: float
    mask: tuple[int, ...] | None = None

    def to_line(self) -> str:
        """One line of JSON."""
        x, y, z = (round(v, 4) for v in self.xyz)
        values: dict[str, Any] = {"dataset": self.dataset, "image": self.image, "object": self.object}
        values |= {"click": self.clicks, "x": x, "y": y, "z": z, "label": self.label, "positive": self.label > 0}
        values |= {"iou": self.iou, "seconds": round(self.seconds, 6)}
        if self.mask is not None:
            values["runs"] = list(self.mask)
        return json.dumps(values, separators=(",", ":"))

    @staticmethod
    def from_line(line: str) -> CloudRecord:
        """Inverse of `to_line`; ValueError, KeyError or TypeError for anything else."""
        v = json.loads(line)
        runs = tuple(v["runs"]) if "runs" in v else None
        place = (v["x"], v["y"], v["z"])
        return CloudRecord(
            v["dataset"], v["image"], v["object"], v["click"], place, v["label"], v["iou"], v["seconds"], runs
        )


CloudRecords = tuple[CloudRecord, ...]
Key = tuple[str, str, str]


def key_of(record: CloudRecord) -> Key:
    """What identifies the object of a record."""
    return (record.dataset, record.image, record.object)


def read_records(path: Path) -> dict[Key, CloudRecords]:
    """Records of the objects that are complete; a last line that was cut off is dropped.

    Raises:
        FormatError: any other line that cannot be read.
    """
    finished: dict[Key, CloudRecords] = {}
    open_objects: dict[Key, list[CloudRecord]] = {}
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = CloudRecord.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise FormatError(
                f"Line {number} of {path} is not a click record ({error!r}). Move the file away."
            ) from error
        open_objects.setdefault(key_of(record), []).append(record)
        if record.mask is not None:
            finished[key_of(record)] = tuple(open_objects.pop(key_of(record)))
    return finished


def curves_of(objects: Sequence[CloudRecords], max_clicks: int) -> NDArray[np.float64]:
    """(N, max_clicks) IoU after k clicks, per object on average where several are measured together."""
    table = np.zeros((len(objects), max_clicks))
    for row, records in zip(table, objects, strict=True):
        clicks = np.array([record.clicks for record in records])
        values = np.array([record.iou for record in records])
        place = np.searchsorted(clicks, np.arange(1, max_clicks + 1) + 1e-9, side="right") - 1
        row[:] = np.where(place >= 0, values[np.maximum(place, 0)], 0.0)
    return table


@dataclass(frozen=True, eq=False)
class Opened:
    """A scan made ready: its points, the truth, and the rows that may be clicked."""

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8] | None
    truth: Labels
    clickable: NDArray[np.int64]
    objects: tuple[int, ...]
    up_xyz: tuple[float, float, float] | None

    def frame(self, pipeline: CloudPipeline) -> CloudFrame:
        """The points as the model takes them."""
        return CloudFrame.of(self.xyz, self.rgb, pipeline.options, up_xyz=self.up_xyz)

    def column(self, number: int, edge: float, spacing: float) -> Opened:
        """Only the column of `edge` metres round the middle of an object's box in x and y."""
        mine = self.xyz[self.truth == number][:, :2]
        middle = (mine.min(axis=0) + mine.max(axis=0)) / 2
        beside = np.abs(self.xyz[:, :2] - middle) < edge / 2
        kept = beside[:, 0] & beside[:, 1]
        xyz = self.xyz[kept]
        rgb = None if self.rgb is None else self.rgb[kept]
        return Opened(xyz, rgb, self.truth[kept], clickable_rows(xyz, spacing), (number,), self.up_xyz)


def open_scan(scan: Scan, spacing: float) -> Opened:
    """Read a scan."""
    cloud = scan.load()
    truth = np.asarray(cloud.instance, dtype=np.int32)
    objects = scan.objects or tuple(int(n) for n in np.unique(truth) if n > 0)
    there = tuple(number for number in objects if (truth == number).any())
    return Opened(cloud.xyz, cloud.rgb, truth, clickable_rows(cloud.xyz, spacing), there, scan.up_xyz)


def clickable_rows(xyz: NDArray[np.float32], spacing: float) -> NDArray[np.int64]:
    """Rows of the first point of each voxel of edge `spacing`."""
    cells = np.floor(xyz / spacing).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return first


def objects_of(
    dataset: CloudDataset, protocol: CloudProtocol, limit: int | None
) -> Iterator[tuple[Scan, Opened, list[str]]]:
    """Each scan with the objects to measure; `limit` objects of the data set at most."""
    left = limit
    for scan in dataset.scans:
        if left is not None and left <= 0:
            return
        opened = open_scan(scan, dataset.spacing)
        names = [str(n) for n in opened.objects] if protocol.kind == "single" else [TOGETHER] * bool(opened.objects)
        if left is not None:
            names = names[:left]
            left -= len(names)
        yield scan, opened, names


def measure_object(
    pipeline: CloudPipeline, protocol: CloudProtocol, opened: Opened, key: Key, spacing: float
) -> CloudRecords:
    """All clicks on one object."""
    number = int(key[2])
    if protocol.column is not None:
        opened = opened.column(number, protocol.column, spacing)
    truth, rows = opened.truth == number, opened.clickable
    started = time.perf_counter()
    frame = opened.frame(pipeline)
    preparation = time.perf_counter() - started
    state, mask = CloudState(), np.zeros(len(truth), dtype=bool)
    if protocol.start == "answer":
        mask = blank_answer(pipeline.backend, pipeline.options, frame) > 0
    records: list[CloudRecord] = []
    while len(records) < protocol.max_clicks:
        found = deepest_error(opened.xyz[rows], truth[rows], mask[rows])
        if found is None:
            break
        place = _place(opened, int(rows[found.index]))
        started = time.perf_counter() - (0 if records else preparation)
        state = advance(pipeline, frame, state, 1, CloudClick(*place, found.positive))
        mask = state.labels(len(truth)) == 1
        seconds = time.perf_counter() - started
        records.append(CloudRecord(*key, len(records) + 1, place, int(found.positive), iou(mask, truth), seconds))
    return _closed(records, key, mask, truth)


def measure_together(pipeline: CloudPipeline, protocol: CloudProtocol, opened: Opened, key: Key) -> CloudRecords:
    """All clicks on the objects of one scan."""
    truth = np.where(np.isin(opened.truth, opened.objects), opened.truth, 0).astype(np.int32)
    rows, count = opened.clickable, len(opened.objects)
    frame = opened.frame(pipeline)
    state, labels = CloudState(), np.zeros(len(truth), dtype=np.int32)
    records: list[CloudRecord] = []
    made = 0
    while made < protocol.max_clicks * count:
        clicks = cluster_clicks(opened.xyz[rows], truth[rows], labels[rows], first=not records)
        if not clicks:
            break
        started = time.perf_counter()
        for click in clicks:
            place = _place(opened, int(rows[click.index]))
            number, positive = _addressee(click.label, int(labels[rows[click.index]]))
            state = advance(pipeline, frame, state, number, CloudClick(*place, positive))
        labels = state.labels(len(truth))
        seconds = (time.perf_counter() - started) / len(clicks)
        made += len(clicks)
        value = float(np.mean([iou(labels == n, truth == n) for n in opened.objects]))
        records.append(CloudRecord(*key, made / count, place, clicks[-1].label, value, seconds))
    return _closed(records, key, labels > 0, truth > 0)


def _addressee(true: int, given: int) -> tuple[int, bool]:
    """Which object a click is for: its own, or a negative one for the object that wrongly claims the place."""
    return (true, True) if true > 0 else (given, False)


def _place(opened: Opened, row: int) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in opened.xyz[row])
    return (x, y, z)


def _closed(records: list[CloudRecord], key: Key, mask: Flags, truth: Flags) -> CloudRecords:
    """With the last mask in the last record; an object that needs no click gets one record of its own."""
    if not records:
        return (CloudRecord(*key, 1, (0.0, 0.0, 0.0), 0, iou(mask, truth), 0.0, run_lengths(mask)),)
    last = records[-1]
    values = {name: getattr(last, name) for name in CloudRecord.__slots__}
    return (*records[:-1], CloudRecord(**{**values, "mask": run_lengths(mask)}))


def iou(mask: Flags, truth: Flags) -> float:
    """Intersection over union; 1 if both are empty."""
    union = int((mask | truth).sum())
    return float((mask & truth).sum() / union) if union else 1.0


def run_lengths(mask: Flags) -> tuple[int, ...]:
    """Lengths of runs, the first of points outside the mask."""
    changes = np.flatnonzero(np.diff(mask.astype(np.int8))) + 1
    ends = (
        np.concatenate([[0], changes, [len(mask)]]) if not mask[0] else np.concatenate([[0], [0], changes, [len(mask)]])
    )
    return tuple(int(n) for n in np.diff(ends))


def from_run_lengths(runs: Sequence[int]) -> Flags:
    """Inverse of `run_lengths`."""
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, np.array(runs, dtype=np.int64))


Progress = Callable[[int, CloudRecords | None], None]
"""Called with the objects done and the newest records."""


def measure_dataset(
    pipeline: CloudPipeline,
    protocol: CloudProtocol,
    dataset: CloudDataset,
    known: Mapping[Key, CloudRecords],
    limit: int | None = None,
) -> Iterator[tuple[CloudRecords, bool]]:
    """The records of every object in order, and whether they are new."""
    for scan, opened, names in objects_of(dataset, protocol, limit):
        for name in names:
            key = (dataset.name, scan.scan_id, name)
            if key in known:
                yield known[key], False
            elif protocol.kind == "multi":
                yield measure_together(pipeline, protocol, opened, key), True
            else:
                yield measure_object(pipeline, protocol, opened, key, dataset.spacing), True
