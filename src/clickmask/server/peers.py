"""Those who look at an image, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from clickmask.server.schemas import history_json, object_json
from clickmask.store.values import StoredObject


class Peer(Protocol):
    """Somebody who looks at an image."""

    @property
    def client(self) -> str:
        """The name it gave itself."""
        ...

    def send(self, frame: str | bytes) -> None:
        """Queue a text or binary frame."""
        ...


@dataclass(frozen=True)
class Ack:
    """What a command did, as told to the one who gave it."""

    seq: int
    rev: int
    object_id: int | None
    active: int | None
    objects: tuple[StoredObject, ...]
    removed: tuple[int, ...]
    undo: str | None
    redo: str | None

    def json(self) -> dict[str, Any]:
        """As in the protocol, 5.3."""
        return {"type": "ack", "seq": self.seq, "object": self.object_id, "active": self.active, **self.change()}

    def change(self) -> dict[str, Any]:
        """The part that everybody gets."""
        return {
            "rev": self.rev,
            "objects": [object_json(o) for o in self.objects],
            "removed": list(self.removed),
            "history": history_json(self.undo, self.redo),
        }
