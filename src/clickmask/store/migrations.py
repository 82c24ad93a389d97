"""Numbered steps from an empty database to today's tables. Applied ones are never edited, only followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Column, Connection, Float, Integer, MetaData, Table, Text, insert, inspect, select
from sqlalchemy.schema import CreateColumn

from clickmask.core.errors import StorageError
from clickmask.store import schema

applied_table = Table(
    "migration",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("at", Float, nullable=False),
)


def _first_tables(connection: Connection) -> None:
    names = ("project", "image", "class", "mask", "object", "version", "action", "change", "event")
    schema.metadata.create_all(connection, [schema.metadata.tables[name] for name in names])


def _editing(connection: Connection) -> None:
    """Locks, ghosts, thresholds and the policy on contested pixels. A new database has them from the first step."""
    _add_columns(connection, {"version": ("locked", "ghosts_id", "waiting", "threshold"), "project": ("policy",)})


def _kinds(connection: Connection) -> None:
    """What kind of thing an image is; all that were there before are photographs."""
    _add_columns(connection, {"image": ("kind",)})


def _people(connection: Connection) -> None:
    """Reviews, ignore regions, names of people, and steps that can be told in other languages."""
    schema.person.create(connection, checkfirst=True)
    columns = {
        "version": ("ignored", "review", "reviewer", "note"), "image": ("review", "reviewer"), "action": ("words",),
    }  # fmt: skip
    _add_columns(connection, columns)


def _planes(connection: Connection) -> None:
    """The plane in which a volume is worked on; those that were there before are in the one they were recorded in."""
    _add_columns(connection, {"image": ("plane",)})


def _add_columns(connection: Connection, wanted: Mapping[str, Sequence[str]]) -> None:
    """Columns of today's tables that are missing."""
    for name, columns in wanted.items():
        table = schema.metadata.tables[name]
        present = {column["name"] for column in inspect(connection).get_columns(name)}
        for column in columns:
            if column not in present:
                text = CreateColumn(table.c[column]).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {text}")


Migration = tuple[int, str, Callable[[Connection], None]]

MIGRATIONS: tuple[Migration, ...] = (
    (1, "first tables", _first_tables),
    (2, "locks, ghosts, thresholds, policy", _editing),
    (3, "kinds of images", _kinds),
    (4, "reviews, ignore regions, people, words", _people),
    (5, "planes of volumes", _planes),
)


def migrate(connection: Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[int]:
    """Apply what is missing, in order, inside the caller's transaction; returns the numbers applied.

    Raises:
        StorageError: the database is newer than this clickmask.
    """
    applied_table.create(connection, checkfirst=True)
    done = set(connection.scalars(select(applied_table.c.number)))
    newest = max(number for number, _, _ in migrations)
    if done and max(done) > newest:
        raise StorageError(
            f"The project was written by a newer clickmask (its tables are at step {max(done)}, "
            f"this version knows {newest}). Install a newer clickmask: pip install -U clickmask"
        )
    missing = [m for m in migrations if m[0] not in done]
    for number, name, apply in missing:
        apply(connection)
        connection.execute(insert(applied_table).values(number=number, name=name, at=time.time()))
    return [number for number, _, _ in missing]
