"""`SessionStore` on SQLAlchemy core: SQLite in the project folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, cast

from sqlalchemy import Connection, Engine, Row, bindparam, create_engine, delete, func, insert, literal, select, update
from sqlalchemy import event as engine_events
from sqlalchemy.exc import DatabaseError

from clickmask.core.errors import StorageError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Prompts
from clickmask.store import migrations, schema, sql_classes, sql_history, sql_images, sql_versions
from clickmask.store.sql_objects import MaskShelf, prompts_text, read_objects
from clickmask.store.values import (
    Edit,
    FileStamp,
    HistoryEntry,
    ImageFacts,
    ImageStatus,
    LoggedEvent,
    ModelRun,
    ObjectVersion,
    Origin,
    Outcome,
    Policy,
    Review,
    Settled,
    Step,
    StoredClass,
    StoredImage,
    StoredObject,
)

MODEL = Origin("model")
"""The model's answers stand in the log under this name."""


_SETTLE = (
    update(schema.version)
    .where(
        schema.version.c.object_id == bindparam("number"),
        ~schema.version.c.settled,
        schema.version.c.prompts == bindparam("asked"),
    )
    .values(mask_id=bindparam("mask"), ghosts_id=bindparam("ghosts"), waiting=bindparam("waits"), settled=literal(True))
)
_IMAGE_OF = select(schema.object_.c.image_id).where(schema.object_.c.id == bindparam("number"))


def sqlite_engine(path: str) -> Engine:
    """An engine that flushes to the disk on every commit.

    WAL alone already survives `kill -9`, because committed pages are in the operating system's hands. With
    ``synchronous=FULL`` they are also flushed before the commit returns, so that an acknowledged click
    survives a power cut too; it costs one flush per action, a few milliseconds on an SSD. Transactions with the
    option ``recomputable`` (the model's answers) go without: after a power cut the model is asked again.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})

    @engine_events.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own transactions would leave reads outside
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @engine_events.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        level = "NORMAL" if connection.get_execution_options().get("recomputable") else "FULL"
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.exec_driver_sql("BEGIN")

    return engine


def images_folder_of(path: str) -> Path:
    """The folder of images that a project's database was last opened with; StorageError if it cannot be read."""
    engine = sqlite_engine(path)
    try:
        with engine.connect() as connection:
            return Path(str(connection.scalar(select(schema.project.c.folder))))
    except DatabaseError as error:
        raise StorageError(storage_problem(str(error.orig))) from error
    finally:
        engine.dispose()


class SqlStore:
    """See `protocol.SessionStore`. One process at a time; `project.open_project` sees to that."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self._engine = engine
        self._lock = RLock()
        self._shelf = MaskShelf()
        with self._transaction() as connection:
            migrations.migrate(connection)
            _set_up_project(connection, folder)

    def images(self) -> list[StoredImage]:
        """All images, in natural order of their paths."""
        with self._transaction() as connection:
            return sql_images.read_images(connection)

    def image(self, image_id: int) -> StoredImage | None:
        """One image, None if there is none."""
        with self._transaction() as connection:
            return next(iter(sql_images.read_images(connection, image_id)), None)

    def add_images(self, files: Mapping[str, FileStamp], kind: str = "photo") -> list[StoredImage]:
        """Add files of one kind by relative path; known paths are left alone."""
        with self._transaction() as connection:
            added = set(sql_images.add_images(connection, files, kind))
            return [i for i in sql_images.read_images(connection) if i.id in added]

    def set_image_status(self, image_id: int, status: ImageStatus, problem: str | None = None) -> None:
        """Say that an image is there, gone or damaged."""
        with self._transaction() as connection:
            sql_images.set_status(connection, image_id, status, problem)

    def set_image_facts(self, image_id: int, facts: ImageFacts, stamp: FileStamp) -> None:
        """Keep what was seen when the image was read."""
        with self._transaction() as connection:
            sql_images.set_facts(connection, image_id, facts, stamp)

    def move_image(self, image_id: int, path: str, stamp: FileStamp) -> None:
        """The same image has another path now."""
        with self._transaction() as connection:
            sql_images.move(connection, image_id, path, stamp)

    def classes(self) -> list[StoredClass]:
        """All classes that are not deleted, oldest first."""
        with self._transaction() as connection:
            return sql_classes.read_classes(connection)

    def add_class(self, name: str, colour: str | None, key: int | None, origin: Origin) -> StoredClass:
        """A new class; InputError if the name is taken or the key is not 1-9."""
        with self._transaction() as connection:
            class_id = sql_classes.add(connection, name, colour, key)
            payload = {"class": class_id, "name": name, "colour": colour, "key": key}
            sql_history.log(connection, origin, "add_class", payload)
            return sql_classes.read_classes(connection, class_id)[0]

    def change_class(self, class_id: int, changes: Mapping[str, Any], origin: Origin) -> StoredClass | None:
        """Change ``name``, ``colour`` or ``key``; None if there is no such class."""
        with self._transaction() as connection:
            if not sql_classes.read_classes(connection, class_id):
                return None
            sql_classes.change(connection, class_id, changes)
            sql_history.log(connection, origin, "change_class", {"class": class_id, **changes})
            return sql_classes.read_classes(connection, class_id)[0]

    def delete_class(self, class_id: int, origin: Origin) -> None:
        """Delete a class; ConflictError while objects carry it or if it is the last."""
        with self._transaction() as connection:
            sql_classes.remove(connection, class_id)
            sql_history.log(connection, origin, "delete_class", {"class": class_id})

    def objects(self, image_id: int) -> list[StoredObject]:
        """The objects of an image, lowest z first."""
        with self._transaction() as connection:
            return read_objects(connection, self._shelf, schema.object_.c.image_id == image_id)

    def find_object(self, object_id: int) -> StoredObject | None:
        """One object, None if it does not exist (any more)."""
        with self._transaction() as connection:
            return next(iter(read_objects(connection, self._shelf, schema.object_.c.id == object_id)), None)

    def apply(self, image_id: int, edit: Edit, origin: Origin) -> Outcome:
        """Take one step."""
        with self._transaction() as connection:
            return sql_history.apply_edit(connection, self._shelf, image_id, edit, origin)

    def undo(self, image_id: int, origin: Origin) -> Outcome | None:
        """One step back, None if there is none."""
        with self._transaction() as connection:
            return sql_history.step_back(connection, self._shelf, image_id, origin)

    def redo(self, image_id: int, origin: Origin) -> Outcome | None:
        """One step forth, None if there is none."""
        with self._transaction() as connection:
            return sql_history.step_forth(connection, self._shelf, image_id, origin)

    def jump(self, image_id: int, action: int, origin: Origin) -> Outcome | None:
        """Make `action` (0 = none) the newest applied step; None if it is not within reach."""
        with self._transaction() as connection:
            return sql_history.jump_to(connection, self._shelf, image_id, action, origin)

    def history(self, image_id: int) -> list[HistoryEntry]:
        """All steps within reach of undo and redo, oldest first."""
        with self._transaction() as connection:
            return sql_history.history(connection, image_id)

    def next_steps(self, image_id: int) -> tuple[str | None, str | None]:
        """Labels of what undo and redo would do."""
        with self._transaction() as connection:
            return sql_history.next_steps(connection, image_id)

    def policy(self) -> Policy:
        """Who gets contested pixels."""
        with self._transaction() as connection:
            return cast(Policy, connection.scalar(select(schema.project.c.policy)))

    def set_policy(self, policy: Policy, origin: Origin) -> None:
        """Decide who gets contested pixels from now on."""
        with self._transaction() as connection:
            connection.execute(update(schema.project).values(policy=policy))
            sql_history.log(connection, origin, "set_policy", {"policy": policy})

    def set_image_review(self, image_id: int, review: Review | None, reviewer: str, origin: Origin) -> None:
        """Keep what somebody thinks of an image as it is."""
        with self._transaction() as connection:
            sql_images.set_review(connection, image_id, review, reviewer)
            sql_history.log(connection, origin, "review_image", {"review": review, "by": reviewer}, image_id)

    def set_plane(self, image_id: int, plane: str, size_hw: tuple[int, int], origin: Origin) -> None:
        """Work on a volume without objects in another plane."""
        with self._transaction() as connection:
            sql_images.set_plane(connection, image_id, plane, size_hw)
            sql_history.log(connection, origin, "set_plane", {"plane": plane}, image_id)

    def people(self) -> dict[str, str]:
        """Names of people by the client they work in."""
        with self._transaction() as connection:
            rows = connection.execute(select(schema.person.c.client, schema.person.c.name))
            return {row.client: row.name for row in rows}

    def set_person(self, client: str, name: str) -> None:
        """Keep the name of who works in a client; an empty one takes it away."""
        with self._transaction() as connection:
            connection.execute(delete(schema.person).where(schema.person.c.client == client))
            if name:
                connection.execute(insert(schema.person).values(client=client, name=name))

    def settle(self, object_id: int, prompts: Prompts, answer: Settled, run: ModelRun) -> None:
        """Keep the model's answer for every version that waits with exactly these prompts."""
        with self._transaction(recomputable=True) as connection:
            answered = {
                "number": object_id,
                "asked": prompts_text(connection, self._shelf, prompts),
                "mask": self._shelf.save(connection, answer.mask),
                "ghosts": None if answer.ghosts is None else self._shelf.save(connection, answer.ghosts),
                "waits": answer.waiting,
            }
            connection.execute(_SETTLE, answered)
            image_id = connection.scalar(_IMAGE_OF, {"number": object_id})
            payload = {"model": run.model, "milliseconds": round(run.milliseconds, 2), "prompts": len(prompts)}
            sql_history.log(connection, MODEL, "model_run", payload, image_id, object_id)

    def last_seq(self, image_id: int, client: str) -> int:
        """Greatest sequence number stored for a client on an image, 0 without one."""
        table = schema.event
        query = select(func.max(table.c.client_seq)).where(table.c.image_id == image_id, table.c.client == client)
        with self._transaction() as connection:
            return connection.scalar(query) or 0

    def events(self, image_id: int | None = None) -> Sequence[LoggedEvent]:
        """The log, oldest first."""
        query = select(schema.event).order_by(schema.event.c.id)
        if image_id is not None:
            query = query.where(schema.event.c.image_id == image_id)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return [_logged(row) for row in rows]

    def versions(self, object_id: int) -> list[ObjectVersion]:
        """An object after each step that changed it, oldest first."""
        with self._transaction() as connection:
            return sql_versions.read_versions(connection, self._shelf, object_id)

    def steps(self, image_id: int) -> list[Step]:
        """The steps that made the objects of an image what they are, oldest first; undone ones are left out."""
        with self._transaction() as connection:
            return sql_versions.read_steps(connection, self._shelf, image_id)

    def imported(self, image_id: int) -> dict[int, RunLengthMask]:
        """Masks of an image's objects as they were imported, by the number of the object."""
        with self._transaction() as connection:
            return sql_versions.read_imported(connection, self._shelf, image_id)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, recomputable: bool = False) -> Iterator[Connection]:
        """One transaction at a time; whatever the database says against it becomes a StorageError."""
        engine = self._engine.execution_options(recomputable=True) if recomputable else self._engine
        try:
            with self._lock, engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise StorageError(storage_problem(str(error.orig))) from error


def storage_problem(reason: str) -> str:
    """What to do about a database error."""
    lower = reason.lower()
    if "full" in lower:
        remedy = "Free some space on the disk and try again; everything acknowledged before is saved."
    elif "readonly" in lower or "unable to open" in lower:
        remedy = "Make the project folder writable, or choose another with --project DIR; what is saved stays readable."
    elif "malformed" in lower or "not a database" in lower:
        remedy = "The file project.db is damaged: move it away and restore a copy, or start anew."
    else:
        remedy = "Check the disk and the project folder; everything acknowledged before is saved."
    return f"The project cannot be read or written ({reason}). {remedy}"


def _logged(row: Row[Any]) -> LoggedEvent:
    payload = json.loads(row.payload)
    return LoggedEvent(row.id, row.image_id, row.object_id, row.at, row.client, row.client_seq, row.kind, payload)


def _set_up_project(connection: Connection, folder: str) -> None:
    """First row and first class of a new project; the folder of an old one."""
    if connection.scalar(select(schema.project.c.id)) is None:
        connection.execute(insert(schema.project).values(id=1, created=time.time(), folder=folder))
        sql_classes.add(connection, "object", None, 1)
        return
    if connection.scalar(select(schema.project.c.folder)) != folder:
        connection.execute(update(schema.project).values(folder=folder))
