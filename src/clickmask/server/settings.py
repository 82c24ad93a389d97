"""What `create_app` can be told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
"""Where the build hook puts the client."""


def _new_secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Settings:
    """Settings of one server.

    Attributes:
        host: address that the server listens on.
        port: its port; names the cookie, because browsers share cookies between ports.
        token: lets in whoever knows it; a fresh one each start.
        session: value of the cookie that the token is exchanged for.
        model: name of the model to begin with.
        static_folder: the built client.
        names: further names by which clients may address the server, lower case.
        only_path: work on this image alone, by path relative to the folder; None for all.
        max_upload_bytes: largest import.
        max_body_bytes: largest body of any other request.
        max_unpacked_bytes: largest sum of the files in an imported zip.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str = field(default_factory=_new_secret)
    session: str = field(default_factory=_new_secret)
    model: str = "default"
    static_folder: Path = STATIC_FOLDER
    names: tuple[str, ...] = ()
    only_path: str | None = None
    max_upload_bytes: int = 512 * 2**20
    max_body_bytes: int = 64 * 2**20
    max_unpacked_bytes: int = 2 * 2**30

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"clickmask_{self.port}"
