"""Classes as rows. Used inside a transaction of `sql.SqlStore`."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from clickmask.core.errors import ConflictError, InputError
from clickmask.core.words import words
from clickmask.store import schema
from clickmask.store.sql_objects import inserted
from clickmask.store.values import StoredClass

OKABE_ITO = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Colours that stay apart for colour-blind people (Okabe and Ito, 2008), without black."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LONGEST_NAME = 200


def palette(index: int) -> str:
    """Colour of the class with this index: Okabe-Ito first, then hues a golden angle apart."""
    if index < len(OKABE_ITO):
        return OKABE_ITO[index]
    red, green, blue = colorsys.hsv_to_rgb(index * 0.381966 % 1, 0.75, 0.9)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def check_colour(colour: str) -> str:
    """The colour in lower case; InputError unless it is ``#rrggbb``."""
    if not _COLOUR.fullmatch(colour):
        raise InputError(f"A colour is written #rrggbb, for example #e69f00; got {colour!r}.")
    return colour.lower()


def read_classes(connection: Connection, class_id: int | None = None) -> list[StoredClass]:
    """Classes that are not deleted, oldest first."""
    table, objects, versions = schema.object_class, schema.object_, schema.version
    used = select(versions.c.class_id, func.count()).join(objects, objects.c.version_id == versions.c.id)
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(used.group_by(versions.c.class_id))}
    query = select(table).where(~table.c.deleted).order_by(table.c.id)
    if class_id is not None:
        query = query.where(table.c.id == class_id)
    rows = connection.execute(query).all()
    return [StoredClass(r.id, r.name, r.colour, r.key, counts.get(r.id, 0)) for r in rows]


def add(connection: Connection, name: str, colour: str | None, key: int | None) -> int:
    """A new class, or a deleted one with that name brought back."""
    table = schema.object_class
    name = _free_name(connection, name, None)
    total = connection.scalar(select(func.count()).select_from(table)) or 0
    shown = check_colour(colour) if colour else palette(total)
    values = {"name": name, "colour": shown, "key": _take_key(connection, key)}
    gone = connection.scalar(select(table.c.id).where(table.c.name == name, table.c.deleted))
    if gone is None:
        return inserted(connection, insert(table).values(**values, deleted=False))
    connection.execute(update(table).where(table.c.id == gone).values(**values, deleted=False))
    return int(gone)


def change(connection: Connection, class_id: int, changes: Mapping[str, Any]) -> None:
    """Change name, colour or key."""
    values: dict[str, Any] = {}
    if "name" in changes:
        values["name"] = _free_name(connection, changes["name"], class_id)
    if "colour" in changes:
        values["colour"] = check_colour(changes["colour"])
    if "key" in changes:
        values["key"] = _take_key(connection, changes["key"])
    if values:
        connection.execute(update(schema.object_class).where(schema.object_class.c.id == class_id).values(**values))


def remove(connection: Connection, class_id: int) -> None:
    """Mark a class as deleted; undo of an object that carries it brings it back."""
    everything = read_classes(connection)
    found = next(c for c in everything if c.id == class_id)
    if found.objects:
        text = "{count} objects carry the class '{name}'. Give them another class first."
        raise ConflictError(words("refused.classInUse", text, count=found.objects, name=found.name))
    if len(everything) == 1:
        text = "'{name}' is the last class. Add another one first, or rename it."
        raise ConflictError(words("refused.lastClass", text, name=found.name))
    row = update(schema.object_class).where(schema.object_class.c.id == class_id)
    connection.execute(row.values(deleted=True, key=None))


def _free_name(connection: Connection, name: str, own_id: int | None) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        text = "A class name has 1 to {most} printable characters, got '{name}'."
        raise InputError(words("refused.className", text, most=_LONGEST_NAME, name=name[:50]))
    table = schema.object_class
    other = connection.scalar(select(table.c.id).where(table.c.name == name, ~table.c.deleted))
    if other is not None and other != own_id:
        text = "There is a class '{name}' already. Choose another name."
        raise InputError(words("refused.classTaken", text, name=name))
    return name


def _take_key(connection: Connection, key: int | None) -> int | None:
    if key is None:
        return None
    if not 1 <= key <= 9:
        raise InputError(f"A class key is a digit from 1 to 9 or null, got {key}.")
    connection.execute(update(schema.object_class).where(schema.object_class.c.key == key).values(key=None))
    return key
