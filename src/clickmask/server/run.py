"""Running the application until it is told to stop."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from clickmask.core.errors import InputError, StorageError

LARGEST_FRAME = 2**20
"""Bytes of a WebSocket message from a browser; commands are far smaller."""
SECONDS_TO_FINISH = 3
"""How long open connections may take when the server stops."""


def listen(host: str, port: int, alternatives: int) -> socket.socket:
    """A listening socket on `port`, or on one of the next `alternatives` ports, or on any free one.

    Args:
        host: name or address.
        port: 0 for any free one.
        alternatives: how many further ports to try; with 0 a port in use is an error.

    Raises:
        InputError: the host is not one of this machine, or the port is in use or not allowed.
    """
    tried = [port, *(port + n for n in range(1, alternatives + 1)), *([0] if alternatives else [])]
    for number in tried:
        try:
            return _bound(host, number)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES) or number == tried[-1]:
                raise InputError(_port_problem(host, number, error)) from error
    raise InputError(f"No free port from {port} on.")


def serve(app: Any, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until interrupted; `on_ready` is called once requests are answered.

    Raises:
        StorageError: the application could not start.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=SECONDS_TO_FINISH,
        ws_max_size=LARGEST_FRAME, ws_per_message_deflate=False,
    )  # fmt: skip
    server = _Server(config, on_ready)
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
    if not server.started:
        raise StorageError("The server could not start; the log above says why.")


def address(host: str, port: int) -> str:
    """What a browser on this machine types for a listening address."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def _port_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Give another one with --port, or leave --port out."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is not allowed. Ports below 1024 belong to the system; give another --port."
    return f"Cannot listen on {host}:{port}: {error.strerror or error}. --host takes an address of this machine."
