"""How much work an annotation took: objects, clicks and seconds, by image and by class, from the log.

Seconds are those between a person's steps on one image; a longer pause than PAUSE_SECONDS counts as that much, because
nobody knows whether the person was thinking or at lunch. The time before a step belongs to the object of that step.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clickmask.core.masks import RunLengthMask, iou
from clickmask.store.values import LoggedEvent, StoredClass, StoredImage, StoredObject

PAUSE_SECONDS = 30.0
NOBODY = frozenset({"model", "rest"})
"""Clients of the log behind which there is no person at a page."""
NO_WORK = frozenset({"import", "undo", "redo", "jump"})
"""Kinds of steps that are about more than one object; their time counts for the next step."""


@dataclass
class Effort:
    """What went into one object, or several."""

    clicks: int = 0
    steps: int = 0
    seconds: float = 0.0

    def add(self, other: Effort) -> None:
        """Take another one's work in."""
        self.clicks += other.clicks
        self.steps += other.steps
        self.seconds += other.seconds

    def json(self) -> dict[str, Any]:
        """As it goes out."""
        return {"clicks": self.clicks, "steps": self.steps, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True)
class ImageRecord:
    """All that is known of one image."""

    image: StoredImage
    objects: list[StoredObject]
    events: list[LoggedEvent]
    imported: Mapping[int, RunLengthMask]


@dataclass(frozen=True)
class ObjectRow:
    """One line of the table: an object with its work, and how much of an imported mask is left (IoU)."""

    image: str
    image_id: int
    object_id: int
    class_id: int
    phase: str
    area: int
    effort: Effort
    imported_iou: float | None


def efforts(events: Iterable[LoggedEvent]) -> dict[int, Effort]:
    """Work by the number of the object, from one image's log, oldest event first."""
    found: dict[int, Effort] = defaultdict(Effort)
    last: dict[str, float] = {}
    for event in events:
        if event.client in NOBODY:
            continue
        before = last.get(event.client)
        if event.kind not in NO_WORK:
            last[event.client] = event.at
        if event.object_id is None or event.kind in NO_WORK:
            continue
        effort = found[event.object_id]
        effort.steps += 1
        effort.clicks += event.kind == "click"
        if before is not None:
            effort.seconds += min(max(event.at - before, 0.0), PAUSE_SECONDS)
    return dict(found)


def rows(records: Iterable[ImageRecord]) -> list[ObjectRow]:
    """One row for every object that exists."""
    found = []
    for record in records:
        work = efforts(record.events)
        for stored in record.objects:
            value = stored.value
            before = record.imported.get(stored.id)
            kept = None if before is None else mask_iou(before, value.mask)
            effort = work.get(stored.id, Effort())
            place = (record.image.path, record.image.id, stored.id, value.class_id)
            found.append(ObjectRow(*place, value.phase, value.mask.area, effort, kept))
    return found


def mask_iou(first: RunLengthMask, second: RunLengthMask) -> float:
    """Intersection over union; 1 for two empty masks, 0 for masks of images of different sizes."""
    if first == second:
        return 1.0
    return iou(first.decode(), second.decode()) if first.size_hw == second.size_hw else 0.0


def summary(images: Iterable[StoredImage], table: list[ObjectRow], classes: Iterable[StoredClass]) -> dict[str, Any]:
    """The whole project in numbers, as it goes out."""
    all_images = list(images)
    return {
        "pause_seconds": PAUSE_SECONDS,
        "images": {
            "all": len(all_images),
            "annotated": len({row.image_id for row in table}),
            "finished": len(_finished_images(table)),
        },
        "total": _group(table),
        "classes": [
            {"id": c.id, "name": c.name, "colour": c.colour, **_group([r for r in table if r.class_id == c.id])}
            for c in classes
        ],
        "by_image": [
            {"id": image.id, "name": image.path, **_group(mine)}
            for image in all_images
            if (mine := [r for r in table if r.image_id == image.id])
        ],
    }


def as_csv(table: list[ObjectRow], names: Mapping[int, str]) -> str:
    """One line per object, for a spreadsheet."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["image", "object", "class", "phase", "area", "clicks", "steps", "seconds", "imported_iou"])
    for row in table:
        kept = "" if row.imported_iou is None else f"{row.imported_iou:.4f}"
        work = (row.effort.clicks, row.effort.steps, f"{row.effort.seconds:.1f}")
        out.writerow([row.image, row.object_id, names.get(row.class_id, ""), row.phase, row.area, *work, kept])
    return text.getvalue()


def _group(table: list[ObjectRow]) -> dict[str, Any]:
    work = Effort()
    for row in table:
        work.add(row.effort)
    kept = [row.imported_iou for row in table if row.imported_iou is not None]
    return {
        "objects": len(table),
        "finished": sum(row.phase == "finished" for row in table),
        **work.json(),
        "imported": len(kept),
        "imported_iou": round(sum(kept) / len(kept), 4) if kept else None,
    }


def _finished_images(table: list[ObjectRow]) -> set[int]:
    """Images with objects, all of them finished."""
    return {r.image_id for r in table} - {r.image_id for r in table if r.phase != "finished"}
