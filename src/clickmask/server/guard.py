"""Who may talk to the server: Host, Origin, token and body size, and the headers of every answer."""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clickmask.server.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_IMPORT_PATH = "/api/v1/import"
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")

_ASK_FOR_TOKEN = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>clickmask</title>
<h1>clickmask</h1><p>Open the address that <code>clickmask annotate</code> printed: its token lets you in.</p>
"""


@dataclass(frozen=True)
class Denial:
    """Why a request is not let through."""

    status: int
    code: str
    message: str


class BodyTooLargeError(Exception):
    """More bytes came than the limit allows."""


class Guard:
    """ASGI middleware round the whole application."""

    unauthorised = "The cookie or token is missing or wrong. Open the address that `clickmask annotate` printed."
    page_without_token: bytes | None = _ASK_FOR_TOKEN
    open_paths: tuple[str, ...] = ("/api/v1/health", "/static/")

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        denial = self._denial(scope, headers)
        if scope["type"] == "websocket":
            await (self._app(scope, receive, send) if denial is None else _close(denial, receive, send))
        elif denial is not None:
            await _refuse(denial, scope, _with_headers(send), self.page_without_token)
        elif scope["path"] == "/" and (token := _query_token(scope)) and _same(token, self._settings.token):
            await self._let_in(_with_headers(send))
        else:
            await self._limited(scope, headers, receive, _with_headers(send))

    def _denial(self, scope: Scope, headers: dict[str, str]) -> Denial | None:
        host = headers.get("host", "")
        if not self._known_host(host):
            text = f"The host '{host[:100]}' is not one that this server answers to."
            return Denial(403, "bad_host", f"{text} Use the printed address, or --host for another one.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Denial(403, "bad_origin", f"Pages of '{origin[:100]}' may not use this server.")
        if not scope["path"].startswith(self.open_paths) and not self._knows_token(scope, headers):
            return Denial(401, "unauthorised", self.unauthorised)
        return None

    def _known_host(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "") if _parses(host) else ""
        if name in (*_LOCAL_NAMES, self._settings.host.lower(), *self._settings.names):
            return True
        # Listening everywhere: plain addresses cannot be rebound to another machine's name, names can.
        return self._settings.host in _ANY_ADDRESS and (_is_address(name) or name == socket.gethostname().lower())

    def _knows_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        settings = self._settings
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(bearer.strip(), settings.token):
            return True
        if _same(_cookie(headers.get("cookie", ""), settings.cookie), settings.session):
            return True
        return scope["type"] == "http" and scope["path"] == "/" and _same(_query_token(scope), settings.token)

    async def _let_in(self, send: Send) -> None:
        """Exchange the token in the address for a cookie, so that it does not stay in the history."""
        cookie = f"{self._settings.cookie}={self._settings.session}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _limited(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """Pass on, but stop reading a body above the limit."""
        settings = self._settings
        limit = settings.max_upload_bytes if scope["path"] == _IMPORT_PATH else settings.max_body_bytes
        denial = Denial(413, "too_large", f"The request's body is above the limit of {limit / 2**20:.0f} MB.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            await _refuse(denial, scope, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise BodyTooLargeError
            return message

        async def sending(message: Message) -> None:
            if read <= limit:
                await send(message)

        with contextlib.suppress(BodyTooLargeError):
            await self._app(scope, counted, sending)
        if read > limit:  # whatever the application made of the broken body, this is the answer
            await _refuse(denial, scope, send)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _cookie(header: str, name: str) -> str:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else str(morsel.value)


def _query_token(scope: Scope) -> str:
    return str(parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0])


def _parses(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname is not None
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return sending


async def _refuse(denial: Denial, scope: Scope, send: Send, page: bytes | None = None) -> None:
    if page is not None and scope["path"] == "/" and denial.status == 401:
        body, kind = page, b"text/html; charset=utf-8"
    else:
        error = {"error": {"code": denial.code, "message": denial.message}}
        body, kind = json.dumps(error).encode(), b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": denial.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _close(denial: Denial, receive: Receive, send: Send) -> None:
    """Accept and close at once: only so does the browser's script learn the code."""
    await receive()
    await send({"type": "websocket.accept"})
    code = 4401 if denial.status == 401 else 4403
    await send({"type": "websocket.close", "code": code, "reason": denial.code})
