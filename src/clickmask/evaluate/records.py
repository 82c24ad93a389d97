"""One value per click, kept as JSON lines. A killed run continues where its last whole object ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click


class ObjectKey(NamedTuple):
    """What identifies an object in a run."""

    dataset: str
    image: str
    object: str


@dataclass(frozen=True, slots=True)
class ClickRecord:
    """What one click did.

    Attributes:
        key: the object.
        number: of the click, from 1.
        click: in image pixels.
        iou: with the truth after the click, ignored pixels left out.
        boundary_iou: the same for bands along the outlines, see `clickmask.evaluate.metrics.boundary_iou`.
        seconds: from the click to the mask at the image's resolution; the robot and the scoring are not in it.
        mask: the last mask, with an object's last click only; None before.
        destroyed: scored pixels that were right before the click and are wrong after it; None in records of versions
            that did not count them.
        initial_iou: IoU of the mask that the object began with, with its first click only; None for none.
    """

    key: ObjectKey
    number: int
    click: Click
    iou: float
    boundary_iou: float
    seconds: float
    mask: RunLengthMask | None = None
    destroyed: int | None = None
    initial_iou: float | None = None

    def to_line(self) -> str:
        """One line of JSON, without the newline."""
        values: dict[str, Any] = {
            **self.key._asdict(),
            "click": self.number,
            "x": self.click.x,
            "y": self.click.y,
            "positive": self.click.positive,
            "iou": self.iou,
            "boundary_iou": self.boundary_iou,
            "seconds": round(self.seconds, 6),
            **({} if self.destroyed is None else {"destroyed": self.destroyed}),
            **({} if self.initial_iou is None else {"initial_iou": self.initial_iou}),
        }
        if self.mask is not None:
            mask = self.mask
            values["mask"] = {"size_hw": mask.size_hw, "box_xyxy": mask.box_xyxy, "runs": mask.runs}
        return json.dumps(values, separators=(",", ":"))

    @staticmethod
    def from_line(line: str) -> ClickRecord:
        """Inverse of `to_line`; ValueError, KeyError or TypeError for anything else."""
        values = json.loads(line)
        key = ObjectKey(values["dataset"], values["image"], values["object"])
        click = Click(values["x"], values["y"], values["positive"])
        mask = _mask_from_json(values["mask"]) if "mask" in values else None
        measured = values["iou"], values["boundary_iou"], values["seconds"]
        counted = values.get("destroyed"), values.get("initial_iou")
        return ClickRecord(key, values["click"], click, *measured, mask, *counted)


def _mask_from_json(values: dict[str, Any]) -> RunLengthMask:
    height, width = values["size_hw"]
    x0, y0, x1, y1 = values["box_xyxy"]
    return RunLengthMask((height, width), (x0, y0, x1, y1), tuple(values["runs"]))


ObjectRecords = tuple[ClickRecord, ...]
"""The records of one finished object, in order of clicks; the last one has the mask."""


def read_finished(path: Path) -> dict[ObjectKey, ObjectRecords]:
    """Records of the objects that are complete, in file order; nothing if there is no file.

    A last line that was cut off and objects without their last click are dropped. Any other line that
    cannot be read raises FormatError.
    """
    finished: dict[ObjectKey, ObjectRecords] = {}
    open_objects: dict[ObjectKey, list[ClickRecord]] = {}
    for record in _records(path):
        open_objects.setdefault(record.key, []).append(record)
        if record.mask is not None:
            finished[record.key] = tuple(open_objects.pop(record.key))
    return finished


def rewrite(path: Path, objects: Iterable[ObjectRecords]) -> None:
    """Make the file hold exactly these objects, in one step.

    A file that does so already is left alone: another process may be adding to it.
    """
    text = "".join(map(lines_of, objects))
    if path.read_text(encoding="utf-8", errors="replace") == text:
        return
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def lines_of(records: ObjectRecords) -> str:
    """The records as lines."""
    return "".join(record.to_line() + "\n" for record in records)


def _records(path: Path) -> Iterator[ClickRecord]:
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            yield ClickRecord.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):  # no newline after it: a write that was cut off
                return
            raise FormatError(
                f"Line {number} of {path} is not a click record ({error!r}). Move the file away to measure anew."
            ) from error
