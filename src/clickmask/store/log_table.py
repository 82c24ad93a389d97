"""The interaction log as a table: one row for everything that was asked, with who, when and on what."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from clickmask.store.protocol import SessionStore

FIELDS = ("id", "at", "image", "object", "person", "client", "seq", "kind", "payload")


def log_rows(store: SessionStore) -> Iterator[dict[str, Any]]:
    """Rows with the FIELDS, oldest first; `at` is UTC, `payload` what the client or the model said."""
    paths, people = {i.id: i.path for i in store.images()}, store.people()
    for event in store.events():
        at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds")
        image = None if event.image_id is None else paths.get(event.image_id)
        who = (people.get(event.client, ""), event.client, event.seq)
        values = (event.id, at, image, event.object_id, *who, event.kind, dict(event.payload))
        yield dict(zip(FIELDS, values, strict=True))


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """For a spreadsheet; the payload as JSON."""
    text = io.StringIO()
    out = csv.DictWriter(text, FIELDS)
    out.writeheader()
    for row in rows:
        out.writerow({**row, "payload": json.dumps(row["payload"], separators=(",", ":"))})
    return text.getvalue()


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
