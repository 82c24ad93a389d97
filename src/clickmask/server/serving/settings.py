"""What `create_serving_app` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clickmask.server.settings import Settings


@dataclass(frozen=True)
class ServingSettings(Settings):
    """Settings of a server for other tools.

    Attributes:
        images_folder: files that requests may name, None for none.
        image_hosts: hosts from which images are fetched, as `host` (its usual port) or `host:port`, lower case.
        token_needed: False lets in whoever reaches the port, for clients that cannot send a token.
        most_frame_bytes: memory for decoded images that clients may ask about again.
        fetch_seconds: longest wait for an image of another host.
    """

    images_folder: Path | None = None
    image_hosts: frozenset[str] = frozenset()
    token_needed: bool = True
    most_frame_bytes: int = 1024 * 2**20
    fetch_seconds: float = 20.0
