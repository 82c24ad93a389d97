"""The tables. A change here needs a new migration as well; `tests/store` holds both to the same result.

An object's row points at its newest `version`, an immutable row with everything an edit can change. An
`action` is one step of an image's history; its `change` rows say which version each object had before and
has after, so undo and redo only move pointers. `event` is the append-only log of everything that was asked.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

project = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created", Float, nullable=False),
    Column("folder", Text, nullable=False),
    Column("policy", String(16), nullable=False, server_default="yield"),
)

image = Table(
    "image",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("kind", String(16), nullable=False, server_default="photo"),
    Column("status", String(16), nullable=False),
    Column("problem", Text),
    Column("bytes", Integer),
    Column("modified", Float),
    Column("digest", String(64), index=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("orientation", Integer),
    Column("rev", Integer, nullable=False, default=0),
    Column("review", String(16)),  # NULL: nobody has judged it as it is
    Column("reviewer", Text, nullable=False, server_default=""),
    Column("plane", String(16), nullable=False, server_default=""),  # of a volume; empty: as it was recorded
    # The newest applied action, and what redo would do when nothing is applied.
    Column("head_action", Integer),
    Column("first_action", Integer),
    sqlite_autoincrement=True,  # the number of a dropped entry must not come back as another image
)

object_class = Table(
    "class",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("colour", String(7), nullable=False),
    Column("key", Integer),
    Column("deleted", Boolean, nullable=False, default=False),
    CheckConstraint("key IS NULL OR (key >= 1 AND key <= 9)", name="key_is_a_digit"),
)

mask = Table(
    "mask",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("x0", Integer, nullable=False),
    Column("y0", Integer, nullable=False),
    Column("x1", Integer, nullable=False),
    Column("y1", Integer, nullable=False),
    Column("codec", String(16), nullable=False),
    Column("runs", LargeBinary, nullable=False),
)

object_ = Table(
    "object",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("version_id", Integer),  # NULL: the object does not exist at this point of the history
    Column("rev", Integer, nullable=False),
    Column("changed_by", Text, nullable=False),
)

version = Table(
    "version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("object_id", ForeignKey("object.id"), nullable=False),
    Column("class_id", ForeignKey("class.id"), nullable=False),
    Column("mask_id", ForeignKey("mask.id"), nullable=False),
    Column("prompts", Text, nullable=False),
    Column("colour", String(7)),
    Column("hidden", Boolean, nullable=False),
    Column("z", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("reopened", Boolean, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("locked", Boolean, nullable=False, server_default=false()),
    Column("ghosts_id", Integer),  # the mask of what the model would change as well, NULL for nothing
    Column("waiting", Boolean, nullable=False, server_default=false()),
    Column("threshold", Float),  # NULL: the model's own
    Column("ignored", Boolean, nullable=False, server_default=false()),
    Column("review", String(16)),  # NULL: nobody has judged it as it is
    Column("reviewer", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Index("version_by_object", "object_id", "settled"),
)

action = Table(
    "action",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("parent_id", Integer),  # the action before it, NULL for the first
    Column("next_id", Integer),  # the newest action after it: what redo does
    Column("kind", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("words", Text),  # the label as a key of the catalogues with its values, JSON; NULL for old steps
    Column("at", Float, nullable=False),
)

change = Table(
    "change",
    metadata,
    Column("action_id", ForeignKey("action.id"), primary_key=True),
    Column("object_id", ForeignKey("object.id"), primary_key=True),
    Column("before_id", ForeignKey("version.id")),
    Column("after_id", ForeignKey("version.id")),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id")),
    Column("object_id", Integer),
    Column("action_id", Integer),
    Column("at", Float, nullable=False),
    Column("client", Text, nullable=False),
    Column("client_seq", Integer),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("image_id", "client", "client_seq", name="once_per_client_seq"),
)

person = Table(
    "person",
    metadata,
    Column("client", Text, primary_key=True),
    Column("name", Text, nullable=False),
)
"""The names that people have given the windows they work in."""
