"""Steps of an image's history as rows. Used inside a transaction of `sql.SqlStore`.

Actions form a tree: each knows the one before it, and which of the ones after it was newest. Undo follows
the first pointer, redo the second. A branch that was left by undo and a new edit stays in the tables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from clickmask.core.words import OBJECT, Words, words_json
from clickmask.store import schema
from clickmask.store.sql_objects import (
    MaskShelf,
    current_version,
    inserted,
    new_object,
    point_at,
    read_some,
    write_version,
)
from clickmask.store.values import Edit, HistoryEntry, Origin, Outcome, StoredObject

# Statements of every click are built once: building them again costs more than running them.
_ADD_EVENT = insert(schema.event)
_ADD_CHANGE = insert(schema.change)
_ADD_ACTION = insert(schema.action)
_SET_NEXT = update(schema.action).where(schema.action.c.id == bindparam("number")).values(next_id=bindparam("next"))
_NEXT = select(schema.action.c.next_id).where(schema.action.c.id == bindparam("number"))
_LABEL = select(schema.action.c.label, schema.action.c.words).where(schema.action.c.id == bindparam("number"))
_HEAD = select(schema.image.c.rev, schema.image.c.head_action).where(schema.image.c.id == bindparam("number"))
_SET_HEAD = (
    update(schema.image)
    .where(schema.image.c.id == bindparam("number"))
    .values(head_action=bindparam("action"), rev=bindparam("revision"))
)


_FORGET_REVIEW = (
    update(schema.image)
    .where(schema.image.c.id == bindparam("number"), schema.image.c.review.is_not(None))
    .values(review=None, reviewer="")
)
_LOGGED = select(schema.event.c.action_id, schema.person.c.name).join(
    schema.person, schema.person.c.client == schema.event.c.client
)
KEEPS_REVIEW = frozenset(
    f"patch_{name}" for name in ("hidden", "colour", "z", "locked", "review", "note", "review_note")
)
"""Kinds of steps after which a judgement of the whole image still stands."""


def apply_edit(connection: Connection, shelf: MaskShelf, image_id: int, edit: Edit, origin: Origin) -> Outcome:
    """Take a step and log it."""
    rev, head = _head(connection, image_id)
    ids = [new_object(connection, image_id, origin) if known is None else known for known, _ in edit.changes]
    label = _named(edit.label, ids[0] if ids else 0)
    action = _add_action(connection, image_id, head, edit.kind, label)
    stored: list[StoredObject] = []
    for object_id, (_, value) in zip(ids, edit.changes, strict=True):
        before = current_version(connection, object_id)
        after = None if value is None else write_version(connection, shelf, object_id, value)
        point_at(connection, object_id, after, rev + 1, origin)
        row = {"action_id": action, "object_id": object_id, "before_id": before, "after_id": after}
        connection.execute(_ADD_CHANGE, row)
        if value is not None:
            stored.append(StoredObject(object_id, image_id, rev + 1, origin.client, value))
    _set_head(connection, image_id, action, rev + 1)
    if edit.kind not in KEEPS_REVIEW:
        connection.execute(_FORGET_REVIEW, {"number": image_id})
    log(connection, origin, edit.kind, edit.payload, image_id, ids[0] if ids else None, action)
    kept = {s.id for s in stored}
    return Outcome(rev + 1, tuple(stored), tuple(i for i in ids if i not in kept))


def step_back(connection: Connection, shelf: MaskShelf, image_id: int, origin: Origin) -> Outcome | None:
    """Undo."""
    _, head = _head(connection, image_id)
    if head is None:
        return None
    return _move(connection, shelf, image_id, [(head, False)], origin, "undo")


def step_forth(connection: Connection, shelf: MaskShelf, image_id: int, origin: Origin) -> Outcome | None:
    """Redo."""
    following = _next_action(connection, image_id)
    if following is None:
        return None
    return _move(connection, shelf, image_id, [(following, True)], origin, "redo")


def jump_to(connection: Connection, shelf: MaskShelf, image_id: int, action: int, origin: Origin) -> Outcome | None:
    """Undo or redo until `action` is the newest applied one."""
    entries = history(connection, image_id)
    numbers = [0] + [e.action for e in entries]
    if action not in numbers:
        return None
    here, there = sum(e.applied for e in entries), numbers.index(action)
    if there < here:
        steps = [(number, False) for number in reversed(numbers[there + 1 : here + 1])]
    else:
        steps = [(number, True) for number in numbers[here + 1 : there + 1]]
    return _move(connection, shelf, image_id, steps, origin, "jump")


def history(connection: Connection, image_id: int) -> list[HistoryEntry]:
    """Steps in reach, oldest first."""
    table = schema.action
    rows = {row.id: row for row in connection.execute(select(table).where(table.c.image_id == image_id))}
    _, head = _head(connection, image_id)
    applied: list[Row[Any]] = []
    at = head
    while at is not None:
        applied.append(rows[at])
        at = rows[at].parent_id
    logged = connection.execute(_LOGGED.where(schema.event.c.image_id == image_id))
    people = {row.action_id: row.name for row in logged}
    entries = [_entry(row, True, people) for row in reversed(applied)]
    at = _next_action(connection, image_id)
    while at is not None:
        entries.append(_entry(rows[at], False, people))
        at = rows[at].next_id
    return entries


def next_steps(connection: Connection, image_id: int) -> tuple[str | None, str | None]:
    """Labels of what undo and redo would do."""
    _, head = _head(connection, image_id)
    return _label(connection, head), _label(connection, _next_action(connection, image_id))


def log(
    connection: Connection,
    origin: Origin,
    kind: str,
    payload: Mapping[str, Any],
    image_id: int | None = None,
    object_id: int | None = None,
    action_id: int | None = None,
) -> None:
    """Add a line to the append-only log."""
    row = {
        "image_id": image_id, "object_id": object_id, "action_id": action_id, "at": time.time(),
        "client": origin.client, "client_seq": origin.seq, "kind": kind,
        "payload": json.dumps(dict(payload), separators=(",", ":")),
    }  # fmt: skip
    connection.execute(_ADD_EVENT, row)


def _move(
    connection: Connection, shelf: MaskShelf, image_id: int, steps: list[tuple[int, bool]], origin: Origin, kind: str
) -> Outcome:
    """Point objects at the versions before (False) or after (True) each action, in turn."""
    rev, head = _head(connection, image_id)
    touched: dict[int, None] = {}
    for action, forth in steps:
        for row in connection.execute(select(schema.change).where(schema.change.c.action_id == action)).all():
            target = row.after_id if forth else row.before_id
            point_at(connection, row.object_id, target, rev + 1, origin)
            touched[row.object_id] = None
        head = action if forth else _parent(connection, action)
    _set_head(connection, image_id, head, rev + 1)
    connection.execute(_FORGET_REVIEW, {"number": image_id})
    log(connection, origin, kind, {"actions": [number for number, _ in steps]}, image_id)
    stored = read_some(connection, shelf, touched)
    kept = {s.id for s in stored}
    return Outcome(rev + 1, stored, tuple(i for i in touched if i not in kept))


def _add_action(connection: Connection, image_id: int, head: int | None, kind: str, label: str) -> int:
    kept = words_json(label)
    row = {
        "image_id": image_id, "parent_id": head, "kind": kind, "label": str(label), "at": time.time(),
        "words": None if kept is None else json.dumps(kept, separators=(",", ":")),
    }  # fmt: skip
    action = inserted(connection, _ADD_ACTION, row)
    if head is None:
        connection.execute(update(schema.image).where(schema.image.c.id == image_id).values(first_action=action))
    else:
        connection.execute(_SET_NEXT, {"number": head, "next": action})
    return action


def _head(connection: Connection, image_id: int) -> tuple[int, int | None]:
    """The image's revision and its newest applied action."""
    row = connection.execute(_HEAD, {"number": image_id}).one()
    return row.rev, row.head_action


def _set_head(connection: Connection, image_id: int, action: int | None, rev: int) -> None:
    connection.execute(_SET_HEAD, {"number": image_id, "action": action, "revision": rev})


def _next_action(connection: Connection, image_id: int) -> int | None:
    _, head = _head(connection, image_id)
    if head is None:
        return connection.scalar(select(schema.image.c.first_action).where(schema.image.c.id == image_id))
    return connection.scalar(_NEXT, {"number": head})


def _parent(connection: Connection, action: int) -> int | None:
    return connection.scalar(select(schema.action.c.parent_id).where(schema.action.c.id == action))


def _label(connection: Connection, action: int | None) -> str | None:
    if action is None:
        return None
    row = connection.execute(_LABEL, {"number": action}).one()
    return said(row)


def _entry(row: Row[Any], applied: bool, people: Mapping[int, str]) -> HistoryEntry:
    return HistoryEntry(row.id, row.kind, said(row), row.at, applied, people.get(row.id, ""))


def said(row: Any) -> str:
    """The name of a step, with its words where they were kept."""
    return Words.restored(row.label, None if row.words is None else json.loads(row.words))


def _named(label: str, object_id: int) -> str:
    return label.filled(OBJECT, object_id) if isinstance(label, Words) else label.replace(OBJECT, str(object_id))
