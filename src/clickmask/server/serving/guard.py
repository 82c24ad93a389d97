"""Who may talk to the server of other tools: as for the annotator, and the token in the ways that those tools know.

Beside `Authorization: Bearer TOKEN` that is HTTP Basic with the token as password (Label Studio), and the token as the
first part of the path (tools that know nothing but an address).
"""

from __future__ import annotations

import base64
import binascii
import hmac

from clickmask.server.guard import Guard, Receive, Scope, Send
from clickmask.server.serving.settings import ServingSettings


class ServingGuard(Guard):
    """ASGI middleware round the whole application."""

    unauthorised = (
        "The token is missing or wrong. Send 'Authorization: Bearer TOKEN', or HTTP Basic with the token as password, "
        "or use the address with the token that `clickmask serve` printed."
    )
    page_without_token = None
    open_paths = ("/health",)
    _settings: ServingSettings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or refuse it."""
        first, _, rest = str(scope.get("path", "")).removeprefix("/").partition("/")
        known = scope["type"] == "http" and _same(first, self._settings.token)
        inner = {**scope, "clickmask.token": known}
        if known:
            inner["path"] = f"/{rest}"
            inner.pop("raw_path", None)
        await super().__call__(inner, receive, send)

    def _knows_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        if not self._settings.token_needed or scope.get("clickmask.token"):
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = _password(given)
        return scheme.lower() in ("bearer", "basic") and _same(given.strip(), self._settings.token)


def _password(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
