"""From what a request says of its image to the image: nothing is opened or fetched that was not allowed beforehand.

Accepted: `data:` addresses, images sent before (by their id), files below one folder, and http(s) addresses of hosts
that were named when the server was started. Redirections are not followed, for they could lead anywhere.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import http.client
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from clickmask.core.errors import ImageError, InputError
from clickmask.core.frames import Frame
from clickmask.formats.image_file import decode_image, is_image_name
from clickmask.server.errors import ImageMissingError, NotFoundError, TooLargeError
from clickmask.server.serving.settings import ServingSettings

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, eq=False)
class Sent:
    """An image: its id, which is the digest of its file, and its pixels."""

    id: str
    frame: Frame


class Sources:
    """Images of requests, the newest ones kept decoded. Belongs to the event loop."""

    def __init__(self, settings: ServingSettings) -> None:
        self._settings = settings
        self._folder = None if settings.images_folder is None else settings.images_folder.resolve()
        self._kept: OrderedDict[str, Sent] = OrderedDict()

    async def add(self, data: bytes, name: str = "the image") -> Sent:
        """An image from the bytes of its file.

        Raises:
            ImageError: it is no image, damaged or too large.
        """
        number = hashlib.blake2b(data, digest_size=16).hexdigest()
        if number not in self._kept:
            pixels = await asyncio.to_thread(decode_image, data, name)
            self._kept[number] = Sent(number, await asyncio.to_thread(Frame.of, pixels))
            self._drop_old()
        self._kept.move_to_end(number)
        return self._kept[number]

    def get(self, number: str) -> Sent:
        """An image that was sent before; NotFoundError if it is not kept any more."""
        if number not in self._kept:
            raise NotFoundError(f"There is no image {number[:64]!r} any more. Send it again: POST /api/v1/images.")
        self._kept.move_to_end(number)
        return self._kept[number]

    async def open(self, reference: str, headers: Mapping[str, str] | None = None) -> Sent:
        """The image that a text means: an id, a `data:` address, an http(s) address, or a path below the folder.

        Args:
            reference: as the request has it.
            headers: sent along when the image is fetched.

        Raises:
            InputError: a kind of address that is not accepted, or one that was not allowed.
            ImageMissingError: there is no such file, or the host does not give it.
            ImageError: it is no image, damaged or too large.
        """
        if reference in self._kept:
            return self.get(reference)
        if reference.startswith("data:"):
            return await self.add(from_data_address(reference), "the image in the request")
        if "://" in reference:
            data = await asyncio.to_thread(self._fetch, reference, dict(headers or {}))
            return await self.add(data, reference[:200])
        path = self.file(reference)
        return await self.add(await asyncio.to_thread(path.read_bytes), path.name)

    def allows(self, address: str) -> bool:
        """Whether images of an http(s) address may be fetched."""
        try:
            parts = urlsplit(address)
            host, port = (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme)
        except ValueError:
            return False
        usual = port == PORTS.get(parts.scheme)
        wanted = {f"{host}:{port}", *([host] if usual else [])}
        return parts.scheme in PORTS and parts.username is None and bool(wanted & self._settings.image_hosts)

    def file(self, path: str) -> Path:
        """A file below the folder; ImageMissingError for anything else, told apart by nobody."""
        if self._folder is None:
            raise InputError(f"The image '{path[:200]}' is a file, but this server was started without --images DIR.")
        missing = ImageMissingError(f"There is no image '{path[:200]}' in the folder that --images names.")
        try:
            found = (self._folder / path).resolve()
            usable = found.is_relative_to(self._folder) and is_image_name(found) and found.is_file()
        except (OSError, ValueError) as error:
            raise missing from error
        if not usable:
            raise missing
        return found

    def _fetch(self, address: str, headers: dict[str, str]) -> bytes:
        if not self.allows(address):
            raise InputError(
                f"Images of '{address[:200]}' are not fetched. Start the server with --allow-host HOST[:PORT] to allow "
                "that host, or send the image itself."
            )
        try:
            return _get(urlsplit(address), headers, self._settings)
        except (OSError, http.client.HTTPException) as error:
            raise ImageMissingError(f"'{address[:200]}' cannot be fetched: {error}.") from error

    def _drop_old(self) -> None:
        sizes = {number: sent.frame.nbytes for number, sent in self._kept.items()}
        while sum(sizes.values()) > self._settings.most_frame_bytes and len(sizes) > 1:
            oldest, _ = self._kept.popitem(last=False)
            del sizes[oldest]


def from_data_address(address: str) -> bytes:
    """The bytes in `data:image/png;base64,...`; ImageError if they are none."""
    head, comma, body = address.partition(",")
    if not comma:
        raise ImageError("A data address is data:image/png;base64,... with a comma; this one has none.")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    return from_base64(body)


def from_base64(text: str) -> bytes:
    """Bytes from base64 text; ImageError if it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"The image is not valid base64 ({error}).") from error


def _get(parts: SplitResult, headers: dict[str, str], settings: ServingSettings) -> bytes:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=settings.fetch_seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "image/*", **headers})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ImageMissingError(f"'{parts.geturl()[:200]}' answers with status {answer.status}; 200 is needed.")
        data = answer.read(settings.max_body_bytes + 1)
    finally:
        connection.close()
    if len(data) > settings.max_body_bytes:
        raise TooLargeError(f"'{parts.geturl()[:200]}' is above the limit of {settings.max_body_bytes / 2**20:.0f} MB.")
    return data
