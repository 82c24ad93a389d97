"""A line to the server that can be held up."""

from __future__ import annotations

from playwright.sync_api import Page, WebSocketRoute


class Line:
    """All WebSockets that the page opens from now on. While it is held, what the server says waits."""

    def __init__(self, page: Page, *, held: bool = False) -> None:
        self.held = held
        self._waiting: list[tuple[WebSocketRoute, str | bytes]] = []
        page.route_web_socket("**/live", self._connect)

    def let_go(self) -> None:
        """Deliver what has waited, and hold nothing any more."""
        self.held = False
        for page_side, message in self._waiting:
            page_side.send(message)
        self._waiting.clear()

    def _connect(self, page_side: WebSocketRoute) -> None:
        server_side = page_side.connect_to_server()

        def to_page(message: str | bytes) -> None:
            if self.held:
                self._waiting.append((page_side, message))
            else:
                page_side.send(message)

        def to_server(message: str | bytes) -> None:
            server_side.send(message)

        page_side.on_message(to_server)
        server_side.on_message(to_page)
