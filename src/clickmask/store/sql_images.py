"""Images as rows. Used inside a transaction of `sql.SqlStore`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from clickmask.store import schema
from clickmask.store.values import FileStamp, ImageFacts, ImageStatus, Review, StoredImage

_DIGITS = re.compile(r"(\d+)")


def natural_key(path: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``2.jpg`` before ``10.jpg``."""
    parts = _DIGITS.split(path.casefold())
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p]


def read_images(connection: Connection, image_id: int | None = None) -> list[StoredImage]:
    """All images or one, in natural order."""
    query = select(schema.image)
    if image_id is not None:
        query = query.where(schema.image.c.id == image_id)
    counts = _phase_counts(connection, image_id)
    images = [_stored(row, counts) for row in connection.execute(query).all()]
    return sorted(images, key=lambda i: natural_key(i.path))


def add_images(connection: Connection, files: Mapping[str, FileStamp], kind: str) -> list[int]:
    """Rows for files that have none yet."""
    known = set(connection.scalars(select(schema.image.c.path)))
    rows = [
        {"path": path, "kind": kind, "status": "new", "rev": 0, "bytes": stamp.size, "modified": stamp.modified}
        for path, stamp in files.items()
        if path not in known
    ]
    if rows:
        connection.execute(insert(schema.image), rows)
    added = {row["path"] for row in rows}
    return [i for i, path in connection.execute(select(schema.image.c.id, schema.image.c.path)) if path in added]


def set_status(connection: Connection, image_id: int, status: ImageStatus, problem: str | None) -> None:
    """Say how the file is."""
    _update(connection, image_id, status=status, problem=problem)


def set_facts(connection: Connection, image_id: int, facts: ImageFacts, stamp: FileStamp) -> None:
    """Keep what was seen when the file was read."""
    height, width = facts.size_hw
    _update(
        connection, image_id, status="ok", problem=None, bytes=stamp.size, modified=stamp.modified,
        digest=facts.digest, width=width, height=height, orientation=facts.orientation,
    )  # fmt: skip


def set_review(connection: Connection, image_id: int, review: Review | None, reviewer: str) -> None:
    """Keep what somebody thinks of the image as it is."""
    _update(connection, image_id, review=review, reviewer=reviewer if review else "")


def set_plane(connection: Connection, image_id: int, plane: str, size_hw: tuple[int, int]) -> None:
    """Another plane for a volume without objects; steps on masks of the old size are out of reach of undo and redo."""
    height, width = size_hw
    rev = connection.scalar(select(schema.image.c.rev).where(schema.image.c.id == image_id))
    values = {"plane": plane, "height": height, "width": width, "head_action": None, "first_action": None}
    _update(connection, image_id, rev=(rev or 0) + 1, **values)


def move(connection: Connection, image_id: int, path: str, stamp: FileStamp) -> None:
    """Another path for the same image; the entry without objects that had it goes."""
    connection.execute(delete(schema.image).where(schema.image.c.path == path, schema.image.c.rev == 0))
    _update(connection, image_id, path=path, status="ok", problem=None, bytes=stamp.size, modified=stamp.modified)


def _update(connection: Connection, image_id: int, **values: Any) -> None:
    connection.execute(update(schema.image).where(schema.image.c.id == image_id).values(**values))


def _phase_counts(connection: Connection, image_id: int | None) -> dict[tuple[int, str], int]:
    objects, versions = schema.object_, schema.version
    query = select(objects.c.image_id, versions.c.phase, func.count()).join(
        versions, objects.c.version_id == versions.c.id
    )
    if image_id is not None:
        query = query.where(objects.c.image_id == image_id)
    counts = {(i, phase): n for i, phase, n in connection.execute(query.group_by(objects.c.image_id, versions.c.phase))}
    judged = query.with_only_columns(objects.c.image_id, versions.c.review, func.count()).where(
        versions.c.review.is_not(None)
    )
    rows = connection.execute(judged.group_by(objects.c.image_id, versions.c.review))
    return {**counts, **{(image, review): count for image, review, count in rows}}


def _stored(row: Row[Any], counts: dict[tuple[int, str], int]) -> StoredImage:
    facts = None
    if row.digest is not None:
        facts = ImageFacts(row.digest, (row.height, row.width), row.orientation)
    stamp = None if row.modified is None else FileStamp(row.bytes, row.modified)
    names = ("finished", "in_progress", "accepted", "rejected")
    finished, in_progress, accepted, rejected = (counts.get((row.id, name), 0) for name in names)
    known = (row.status, row.problem, stamp, facts, row.rev)
    judged = (accepted, rejected, row.review, row.reviewer, row.plane)
    return StoredImage(row.id, row.path, *known, finished, in_progress, row.kind, *judged)
