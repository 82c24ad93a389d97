"""What an object looked like after each step, as rows. Used inside a transaction of `sql.SqlStore`."""

from __future__ import annotations

from sqlalchemy import Connection, select

from clickmask.core.masks import RunLengthMask
from clickmask.store import schema
from clickmask.store.sql_history import history, said
from clickmask.store.sql_objects import MaskShelf, value_columns, value_of
from clickmask.store.values import ObjectValue, ObjectVersion, Step

IMPORT_KIND = "import"


def read_versions(connection: Connection, shelf: MaskShelf, object_id: int) -> list[ObjectVersion]:
    """The object after each step that changed it, oldest first; steps that removed it are left out."""
    change, action, version = schema.change, schema.action, schema.version
    query = (
        select(
            action.c.id, action.c.kind, action.c.label, action.c.words, action.c.at, version.c.mask_id, version.c.phase
        )
        .join(change, change.c.action_id == action.c.id)
        .join(version, version.c.id == change.c.after_id)
        .where(change.c.object_id == object_id)
        .order_by(action.c.id)
    )
    rows = connection.execute(query).all()
    return [ObjectVersion(r.id, r.kind, said(r), r.at, r.phase, shelf.load(connection, r.mask_id)) for r in rows]


def read_steps(connection: Connection, shelf: MaskShelf, image_id: int) -> list[Step]:
    """The steps that made the objects of an image what they are, oldest first, with what each one made of them."""
    change, version = schema.change, schema.version
    applied = [entry for entry in history(connection, image_id) if entry.applied]
    changes: dict[int, list[tuple[int, ObjectValue | None]]] = {entry.action: [] for entry in applied}
    query = (
        select(change.c.action_id, change.c.object_id, change.c.after_id, *value_columns())
        .join(version, version.c.id == change.c.after_id, isouter=True)
        .where(change.c.action_id.in_(select(schema.action.c.id).where(schema.action.c.image_id == image_id)))
        .order_by(change.c.object_id)
    )
    for row in connection.execute(query).all():
        if row.action_id in changes:
            after = None if row.after_id is None else value_of(connection, shelf, row)
            changes[row.action_id].append((row.object_id, after))
    return [Step(e.action, e.kind, e.label, tuple(changes[e.action])) for e in applied]


def read_imported(connection: Connection, shelf: MaskShelf, image_id: int) -> dict[int, RunLengthMask]:
    """Masks as they were imported, by the number of the object; only objects that exist now."""
    change, action, version, object_ = schema.change, schema.action, schema.version, schema.object_
    query = (
        select(change.c.object_id, version.c.mask_id)
        .join(action, change.c.action_id == action.c.id)
        .join(version, version.c.id == change.c.after_id)
        .join(object_, object_.c.id == change.c.object_id)
        .where(action.c.image_id == image_id, action.c.kind == IMPORT_KIND, object_.c.version_id.is_not(None))
    )
    return {row.object_id: shelf.load(connection, row.mask_id) for row in connection.execute(query).all()}
