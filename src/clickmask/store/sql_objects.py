"""Objects, their versions and masks as rows, and back. Used inside a transaction of `sql.SqlStore`."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, bindparam, insert, select, update

from clickmask.core.errors import StorageError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompt, Prompts, Scribble
from clickmask.store import runs, schema
from clickmask.store.values import ObjectValue, Origin, StoredObject

RUNS_KEPT = 3_000_000
"""Runs of the masks kept decoded, about 36 bytes each, so that a full image is not read again and again."""


ROWS_AT_ONCE = 500


# Statements of every click are built once: building them again costs more than running them.
_ADD_MASK = insert(schema.mask)
_ADD_VERSION = insert(schema.version)
_BY_DIGEST = select(schema.mask.c.id).where(schema.mask.c.digest == bindparam("wanted"))
_VERSION_OF = select(schema.object_.c.version_id).where(schema.object_.c.id == bindparam("number"))
_POINT_AT = (
    update(schema.object_)
    .where(schema.object_.c.id == bindparam("number"))
    .values(version_id=bindparam("version"), rev=bindparam("revision"), changed_by=bindparam("client"))
)
_CLASS_OF = select(schema.version.c.class_id).where(schema.version.c.id == bindparam("number")).scalar_subquery()
_BRING_CLASS_BACK = (
    update(schema.object_class)
    .where(schema.object_class.c.id == _CLASS_OF, schema.object_class.c.deleted)
    .values(deleted=False)
)


class MaskShelf:
    """Masks by row number and row numbers by digest, bounded. Safe from any thread."""

    def __init__(self) -> None:
        self._masks: OrderedDict[int, RunLengthMask] = OrderedDict()
        self._runs = 0
        self._lock = Lock()

    def load(self, connection: Connection, mask_id: int) -> RunLengthMask:
        """The mask of a row."""
        with self._lock:
            if mask_id in self._masks:
                self._masks.move_to_end(mask_id)
                return self._masks[mask_id]
        mask = _mask_of(connection.execute(select(schema.mask).where(schema.mask.c.id == mask_id)).one())
        self._keep(mask_id, mask)
        return mask

    def fetch(self, connection: Connection, mask_ids: Iterable[int]) -> None:
        """Read many masks that will be loaded next, a few hundred in one query."""
        with self._lock:
            missing = sorted({i for i in mask_ids if i not in self._masks})
        for first in range(0, len(missing), ROWS_AT_ONCE):
            some = schema.mask.c.id.in_(missing[first : first + ROWS_AT_ONCE])
            for row in connection.execute(select(schema.mask).where(some)).all():
                self._keep(row.id, _mask_of(row))

    def save(self, connection: Connection, mask: RunLengthMask) -> int:
        """The row number of a mask; equal masks share a row."""
        packed = runs.pack(mask)
        known = connection.scalar(_BY_DIGEST, {"wanted": packed.digest})
        if known is not None:
            return int(known)
        x0, y0, x1, y1 = mask.box_xyxy
        height, width = mask.size_hw
        row = {
            "digest": packed.digest, "height": height, "width": width, "x0": x0, "y0": y0, "x1": x1, "y1": y1,
            "codec": packed.codec, "runs": packed.blob,
        }  # fmt: skip
        return inserted(connection, _ADD_MASK, row)

    def _keep(self, mask_id: int, mask: RunLengthMask) -> None:
        with self._lock:
            if mask_id not in self._masks:
                self._masks[mask_id] = mask
                self._runs += len(mask.runs)
            while self._runs > RUNS_KEPT and len(self._masks) > 1:
                self._runs -= len(self._masks.popitem(last=False)[1].runs)


def _mask_of(row: Row[Any]) -> RunLengthMask:
    box_xyxy = (row.x0, row.y0, row.x1, row.y1)
    return RunLengthMask((row.height, row.width), box_xyxy, runs.unpack(row.codec, row.runs))


def inserted(connection: Connection, statement: Any, row: Mapping[str, Any] | None = None) -> int:
    """Run an INSERT, of a row where the statement names none, and return the new row's number."""
    return int(connection.execute(statement, row).inserted_primary_key[0])  # type: ignore[index]


def prompts_text(connection: Connection, shelf: MaskShelf, prompts: Prompts) -> str:
    """The prompts as JSON; equal prompts give equal text. Masks are named by row number."""
    items: list[list[object]] = []
    for prompt in prompts:
        if isinstance(prompt, Click):
            reach = [] if prompt.reach is None else [prompt.reach]
            items.append(["click", prompt.x, prompt.y, prompt.positive, *reach])
        elif isinstance(prompt, Box):
            items.append(["box", *prompt.xyxy])
        elif isinstance(prompt, MaskPrompt):
            items.append(["mask", shelf.save(connection, prompt.mask), *([True] if prompt.painted else [])])
        else:
            kind = "scribble" if isinstance(prompt, Scribble) else "lasso"
            items.append([kind, prompt.positive, [list(point) for point in prompt.points_xy]])
    return json.dumps(items, separators=(",", ":"))


def read_prompts(text: str, load_mask: Callable[[int], RunLengthMask]) -> Prompts:
    """Inverse of `prompts_text`."""
    return Prompts(tuple(_prompt(kind, rest, load_mask) for kind, *rest in json.loads(text)))


def _prompt(kind: str, rest: list[Any], load_mask: Callable[[int], RunLengthMask]) -> Prompt:
    if kind == "click":
        return Click(*rest)
    if kind == "box":
        return Box(*rest)
    if kind == "mask":
        return MaskPrompt(load_mask(rest[0]), *rest[1:])
    if kind in ("scribble", "lasso"):
        points = tuple((float(x), float(y)) for x, y in rest[1])
        return Scribble(points, rest[0]) if kind == "scribble" else Lasso(points, rest[0])
    raise StorageError(f"A stored prompt is of kind '{kind}', which this clickmask does not know. Install a newer one.")


def write_version(connection: Connection, shelf: MaskShelf, object_id: int, value: ObjectValue) -> int:
    """Keep a value of an object; returns the version's number."""
    row = {
        "object_id": object_id,
        "class_id": value.class_id,
        "mask_id": shelf.save(connection, value.mask),
        "prompts": prompts_text(connection, shelf, value.prompts),
        "colour": value.colour,
        "hidden": value.hidden,
        "z": value.z,
        "phase": value.phase,
        "reopened": value.reopened,
        "settled": value.settled,
        "locked": value.locked,
        "ghosts_id": None if value.ghosts is None else shelf.save(connection, value.ghosts),
        "waiting": value.waiting,
        "threshold": value.threshold,
        "ignored": value.ignored,
        "review": value.review,
        "reviewer": value.reviewer,
        "note": value.note,
    }
    return inserted(connection, _ADD_VERSION, row)


def new_object(connection: Connection, image_id: int, origin: Origin) -> int:
    """A row for an object that does not exist yet at any point of the history."""
    row = insert(schema.object_).values(image_id=image_id, version_id=None, rev=0, changed_by=origin.client)
    return inserted(connection, row)


def current_version(connection: Connection, object_id: int) -> int | None:
    """Number of the object's version, None if it does not exist now."""
    found = connection.scalar(_VERSION_OF, {"number": object_id})
    return None if found is None else int(found)


def point_at(connection: Connection, object_id: int, version_id: int | None, rev: int, origin: Origin) -> None:
    """Make a version the object's current one; a deleted class that it needs comes back."""
    row = {"number": object_id, "version": version_id, "revision": rev, "client": origin.client}
    connection.execute(_POINT_AT, row)
    if version_id is not None:
        connection.execute(_BRING_CLASS_BACK, {"number": version_id})


def read_objects(connection: Connection, shelf: MaskShelf, *conditions: Any) -> list[StoredObject]:
    """Existing objects that meet the conditions, lowest z first."""
    rows = connection.execute(_joined().where(*conditions).order_by(schema.version.c.z, schema.object_.c.id)).all()
    shelf.fetch(connection, (row.mask_id for row in rows))
    return [_stored(connection, shelf, row) for row in rows]


def read_some(connection: Connection, shelf: MaskShelf, ids: Iterable[int]) -> tuple[StoredObject, ...]:
    """Those of the given objects that exist now."""
    return tuple(read_objects(connection, shelf, schema.object_.c.id.in_(list(ids))))


def value_columns() -> tuple[Column[Any], ...]:
    """What `value_of` wants of a version."""
    versions = schema.version
    return (
        versions.c.class_id, versions.c.mask_id, versions.c.prompts, versions.c.colour, versions.c.hidden,
        versions.c.z, versions.c.phase, versions.c.reopened, versions.c.settled, versions.c.locked,
        versions.c.ghosts_id, versions.c.waiting, versions.c.threshold,
        versions.c.ignored, versions.c.review, versions.c.reviewer, versions.c.note,
    )  # fmt: skip


def _joined() -> Select[Any]:
    objects, versions = schema.object_, schema.version
    columns = (objects.c.id, objects.c.image_id, objects.c.rev, objects.c.changed_by, *value_columns())
    return select(*columns).join(versions, objects.c.version_id == versions.c.id)


def _stored(connection: Connection, shelf: MaskShelf, row: Row[Any]) -> StoredObject:
    return StoredObject(row.id, row.image_id, row.rev, row.changed_by, value_of(connection, shelf, row))


def value_of(connection: Connection, shelf: MaskShelf, row: Row[Any]) -> ObjectValue:
    """The object that a row with `value_columns` describes."""
    return ObjectValue(
        class_id=row.class_id,
        mask=shelf.load(connection, row.mask_id),
        prompts=read_prompts(row.prompts, lambda mask_id: shelf.load(connection, mask_id)),
        colour=row.colour,
        hidden=row.hidden,
        z=row.z,
        phase=row.phase,
        reopened=row.reopened,
        settled=row.settled,
        locked=row.locked,
        ghosts=None if row.ghosts_id is None else shelf.load(connection, row.ghosts_id),
        waiting=row.waiting,
        threshold=row.threshold,
        ignored=row.ignored,
        review=row.review,
        reviewer=row.reviewer,
        note=row.note,
    )
