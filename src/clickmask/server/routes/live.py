"""The WebSocket of an open image."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from clickmask.core.errors import ClickmaskError, ImageError, InputError
from clickmask.server.deps import Number, TheHub, TheServices
from clickmask.server.errors import Refusal, refusal
from clickmask.server.hub import preparing_json
from clickmask.server.live import LiveImage
from clickmask.server.records import records
from clickmask.server.schemas import (
    PingCommand,
    image_json,
    object_json,
    parse_command,
    parse_name,
    parse_open,
    parse_preview,
)
from clickmask.server.services import Services
from clickmask.server.volumes.opened import OpenVolume
from clickmask.store.values import StoredImage

CLOSE_BAD_FRAME, CLOSE_NO_IMAGE, CLOSE_REPLACED, CLOSE_DAMAGED = 4400, 4404, 4409, 4422
FRAMES_WAITING = 10_000
"""A client that lets more frames pile up than this is cut off; it finds everything again when it comes back."""

FRAME_BYTES = 64 * 1024
"""Mask records of an opened image go out together until they are as long as this."""

router = APIRouter(prefix="/api/v1/images")


class SocketPeer:
    """A connected browser: frames are queued here and sent by one task, so that a slow one holds nobody up."""

    def __init__(self, socket: WebSocket, client: str) -> None:
        self.client = client
        self._socket = socket
        self._frames: asyncio.Queue[str | bytes | int] = asyncio.Queue()

    def send(self, frame: str | bytes) -> None:
        """Queue a frame."""
        if self._frames.qsize() < FRAMES_WAITING:
            self._frames.put_nowait(frame)
        else:
            self.close(1013)

    def close(self, code: int) -> None:
        """Close after what is queued."""
        self._frames.put_nowait(code)

    async def send_all(self) -> None:
        """Send what is queued until the socket closes."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the other side may be gone at any frame
            while True:
                frame = await self._frames.get()
                if isinstance(frame, int):
                    await self._socket.close(frame)
                    return
                if isinstance(frame, str):
                    await self._socket.send_text(frame)
                else:
                    await self._socket.send_bytes(frame)


@router.websocket("/{image_id}/live")
async def live(socket: WebSocket, image_id: Number, services: TheServices, hub: TheHub) -> None:
    """One browser on one image."""
    await socket.accept()
    try:
        greeting = parse_open(await _message(socket))
        client = greeting.client
        image = await services.image(image_id)
        done = await services.prepare(image)
        opened = await hub.open(image_id)
        await opened.last_seq(client)
        await services.set_person(client, greeting.name)
    except WebSocketDisconnect:
        return
    except ClickmaskError as error:
        await _reject(socket, refusal(error))
        return
    peer = SocketPeer(socket, client)
    for old in [p for p in opened.peers if p.client == client and isinstance(p, SocketPeer)]:
        opened.leave(old)
        old.close(CLOSE_REPLACED)
    sender = asyncio.create_task(peer.send_all())
    try:
        await _greet(peer, opened, await services.image(image_id), services)
        if done < 1:
            peer.send(json.dumps(preparing_json(done)))
        opened.prepare()
        await _prefetch_next(services, image)
        await _listen(socket, peer, opened)
    finally:
        opened.leave(peer)
        sender.cancel()


async def _greet(peer: SocketPeer, opened: LiveImage, image: StoredImage, services: Services) -> None:
    """Say how things stand, and only then whatever changes."""
    volume = await _volume(image, services)
    last_seq = await opened.last_seq(peer.client)
    active = opened.join(peer)
    objects = sorted(opened.objects.values(), key=lambda o: (o.value.z, o.id))
    ready = {
        "type": "ready", "image": image_json(image), "rev": opened.rev, "objects": [object_json(o) for o in objects],
        "active": active, "history": opened.history(), "last_seq": last_seq,
        "model": services.thinker(image.kind).status.name, "people": opened.people(),
    }  # fmt: skip
    peer.send(json.dumps(ready if volume is None else {**ready, "volume": volume}))
    for frame in joined(records(stored) for stored in objects if stored.value.mask):
        peer.send(frame)
    opened.tell_presence()


async def _volume(image: StoredImage, services: Services) -> dict[str, Any] | None:
    """What the page needs to show slices; None for other media, and while the file is gone."""
    if image.kind != "volume":
        return None
    try:
        opened = await services.opened(image)
    except ImageError:
        return None
    return await asyncio.to_thread(opened.description) if isinstance(opened, OpenVolume) else None


def joined(parts: Iterable[list[bytes]]) -> Iterator[bytes]:
    """Mask records in frames of a bearable size, so that ten thousand objects are not ten thousand frames."""
    frame: list[bytes] = []
    for part in parts:
        frame += part
        if sum(map(len, frame)) > FRAME_BYTES:
            yield b"".join(frame)
            frame = []
    if frame:
        yield b"".join(frame)


async def _listen(socket: WebSocket, peer: SocketPeer, opened: LiveImage) -> None:
    """Carry out commands one after the other until the browser goes."""
    while socket.client_state is WebSocketState.CONNECTED:
        try:
            data = await _message(socket)
        except WebSocketDisconnect:
            return
        except InputError:
            peer.close(CLOSE_BAD_FRAME)
            return
        try:
            if data.get("type") in ("hover", "cancel"):
                opened.preview(parse_preview(data), peer)
                continue
            if data.get("type") == "name":
                await opened.rename(peer.client, parse_name(data))
                continue
            command = parse_command(data)
            if isinstance(command, PingCommand):
                peer.send(json.dumps({"type": "pong", "seq": command.seq}))
            else:
                await opened.apply(command, peer.client)
        except ClickmaskError as error:
            seq = data.get("seq")
            known = {"type": "error", "seq": seq if isinstance(seq, int) else 0, "rev": opened.rev}
            peer.send(json.dumps({**known, **refusal(error).json()}))


async def _message(socket: WebSocket) -> dict[str, Any]:
    """The next text frame as a JSON object; InputError for anything else."""
    frame = await socket.receive()
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", 1005))
    try:
        data = json.loads(frame.get("text") or "")
    except (ValueError, RecursionError) as error:
        raise InputError("A frame that is not JSON text.") from error
    if not isinstance(data, dict):
        raise InputError("A frame that is not a JSON object.")
    return data


async def _reject(socket: WebSocket, answer: Refusal) -> None:
    """Say why, and close."""
    codes = {"image_missing": CLOSE_NO_IMAGE, "not_found": CLOSE_NO_IMAGE, "image_damaged": CLOSE_DAMAGED}
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_text(json.dumps({"type": "error", "seq": 0, "rev": 0, **answer.json()}))
        await socket.close(codes.get(answer.code, CLOSE_BAD_FRAME))


async def _prefetch_next(services: Services, image: StoredImage) -> None:
    """Open the image after this one, which is the likeliest to come."""
    images = await services.in_store(services.store.images)
    numbers = [i.id for i in images]
    after = numbers.index(image.id) + 1 if image.id in numbers else len(images)
    if after < len(images) and images[after].status in ("new", "ok"):
        services.pictures.prefetch(images[after].path, images[after].kind)
