"""Looks ahead: what a click would give, before it is made. Nothing of it is stored, logged or told to others.

The browser asks while the pointer rests, and again when a button goes down. The model's state is kept by its
prompts, so the click itself, when it comes, finds its answer ready. One question is under way at a time and the
newest wish wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from clickmask.core.errors import ClickmaskError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click
from clickmask.server.peers import Peer
from clickmask.server.records import PREVIEW, mask_record

Ask = Callable[[str, Click], Awaitable[tuple[int, int, RunLengthMask]]]
"""From a client and a click to (object or 0, revision of the image, mask); empty if this is no moment to look ahead."""


@dataclass(frozen=True)
class Wish:
    """Who wants to see what."""

    peer: Peer
    seq: int
    click: Click


class Previews:
    """The wishes of those who look at one image. Belongs to the event loop.

    Args:
        ask: asks the model.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._wishes: dict[str, Wish] = {}
        self._task: asyncio.Task[None] | None = None

    def want(self, wish: Wish) -> None:
        """Take a wish in place of the client's one before."""
        self._wishes[wish.peer.client] = wish
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    def forget(self, client: str) -> None:
        """The client does not want to see anything any more."""
        self._wishes.pop(client, None)

    async def close(self) -> None:
        """Stop looking ahead."""
        self._wishes.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while self._wishes:
            wish = next(iter(self._wishes.values()))
            answer = await self._try(wish)
            if self._wishes.get(wish.peer.client) is not wish:
                continue  # overtaken by a newer wish, or not wanted any more
            del self._wishes[wish.peer.client]
            if answer is not None:
                object_id, rev, mask = answer
                wish.peer.send(mask_record(object_id, rev, mask, seq=wish.seq, settled=True, kind=PREVIEW))

    async def _try(self, wish: Wish) -> tuple[int, int, RunLengthMask] | None:
        try:
            return await self._ask(wish.peer.client, wish.click)
        except ClickmaskError:
            return None  # the click itself tells what is wrong
