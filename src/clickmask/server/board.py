"""What is known in memory about one open image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from clickmask.server.peers import Peer
from clickmask.store.values import StoredObject


@dataclass
class Board:
    """Objects as they are shown, and who looks at them. Belongs to the event loop."""

    image_id: int
    path: str
    kind: str
    size_hw: tuple[int, int]
    rev: int
    objects: dict[int, StoredObject]
    peers: list[Peer] = field(default_factory=list)
    judged: bool = False
    plane: str = ""

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to everybody."""
        text = json.dumps(message)
        for peer in self.peers:
            peer.send(text)
