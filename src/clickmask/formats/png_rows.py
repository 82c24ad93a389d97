"""A large PNG a band of rows at a time, in the memory of one band.

The data are inflated piece by piece. A band of filtered rows, with the plain row before it, is a small PNG of its own
whose filters OpenCV undoes; that PNG has a kind of pixel with as many bytes as those of the large one, so its bytes
come back as they are. Bytes become colours here. Source of the layout: PNG Specification, third edition (W3C, 2023).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import ImageError
from clickmask.core.frames import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_STAND_INS = {1: (8, _GREY), 2: (16, _GREY), 3: (8, _RGB), 4: (8, _RGBA), 6: (16, _RGB), 8: (16, _RGBA)}
"""(bits per channel, kind of colour) of the small PNG, by bytes per pixel."""
_PIECE = 1 << 20


@dataclass(frozen=True)
class PngHead:
    """What the chunks before the data say.

    Attributes:
        size_hw: of the image.
        depth: bits per channel or palette index.
        colour: kind of colour, as in the file.
        interlaced: in seven passes, so that no row is complete before the end.
        palette: (N, 3) uint8, None without one.
        transparent: content of the chunk tRNS, empty without one.
        data_at: where the first chunk of data begins.
    """

    size_hw: tuple[int, int]
    depth: int
    colour: int
    interlaced: bool
    palette: NDArray[np.uint8] | None
    transparent: bytes
    data_at: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row without its filter."""
        return (self.size_hw[1] * _CHANNELS[self.colour] * self.depth + 7) // 8

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel as filters count them: at least one."""
        return max(_CHANNELS[self.colour] * self.depth // 8, 1)


def read_head(path: Path) -> PngHead:
    """The head of a PNG file; ImageError if it is damaged."""
    with path.open("rb") as file:
        if file.read(8) != SIGNATURE:
            raise ImageError(f"{path} is not a PNG file.")
        head, palette, transparent = b"", None, b""
        while True:
            at = file.tell()
            length, kind = _chunk_head(file, path)
            if kind == b"IDAT":
                break
            content = file.read(length) if kind in (b"IHDR", b"PLTE", b"tRNS") else b""
            if kind == b"IHDR":
                head = content
            elif kind == b"PLTE":
                palette = np.frombuffer(content[: length // 3 * 3], dtype=np.uint8).reshape(-1, 3)
            elif kind == b"tRNS":
                transparent = content
            file.seek(at + 12 + length)
    try:
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
        found = PngHead((height, width), depth, colour, bool(interlaced), palette, transparent, at)
        known = (depth, colour) if colour in _CHANNELS and depth in (1, 2, 4, 8, 16) else None
    except struct.error:
        known = None
    if known is None or (colour == _PALETTE and palette is None):
        raise ImageError(f"{path} is damaged: its head makes no sense. Copy or export the file again.")
    return found


def read_bands(path: Path, rows: int) -> Iterator[Image]:
    """Bands of up to `rows` rows as (n, W, 3) uint8 RGB, from the top to the bottom.

    16-bit values are stretched from the range that the image uses, for which it is read twice.

    Raises:
        ImageError: it is damaged, truncated or interlaced.
    """
    head = read_head(path)
    if head.interlaced:
        raise ImageError(f"{path} is interlaced, so it cannot be read row by row. Save it without interlacing.")
    low, high = 0, 255
    if head.depth == 16:
        ranges = [_range_16(band, head) for band in _plain_bands(path, head, rows)]
        low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    for band in _plain_bands(path, head, rows):
        yield _as_rgb(band, head, (low, high))


def _plain_bands(path: Path, head: PngHead, rows: int) -> Iterator[NDArray[np.uint8]]:
    """(n, row_bytes) uint8: the rows as they were before they were filtered."""
    line = head.row_bytes + 1
    before: NDArray[np.uint8] | None = None
    left = head.size_hw[0]
    with path.open("rb") as file:
        file.seek(head.data_at)
        inflated = _Inflated(file, path)
        while left > 0:
            count = min(rows, left)
            filtered = np.frombuffer(inflated.read(count * line), dtype=np.uint8).reshape(count, line)
            plain = _unfiltered(filtered, before, head, path)
            before = plain[-1:]
            left -= count
            yield plain


class _Inflated:
    """The inflated data of consecutive IDAT chunks."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._inflate = zlib.decompressobj()
        self._chunk_left = 0

    def read(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count > 0:
            compressed = self._inflate.unconsumed_tail or self._piece()
            try:
                part = self._inflate.decompress(compressed, count)
            except zlib.error as error:
                raise ImageError(f"{self._path} is damaged ({error}). Copy or export the file again.") from error
            if not part and self._inflate.eof:
                raise ImageError(f"{self._path} ends before its last row. Copy or export the file again.")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _piece(self) -> bytes:
        while self._chunk_left == 0:
            length, kind = _chunk_head(self._file, self._path)
            if kind != b"IDAT":
                raise ImageError(f"{self._path} ends before its last row. Copy or export the file again.")
            self._chunk_left = length
        piece = self._file.read(min(self._chunk_left, _PIECE))
        self._chunk_left -= len(piece)
        if self._chunk_left == 0:
            self._file.read(4)  # the checksum: the inflated data carry one of their own
        if not piece:
            raise ImageError(f"{self._path} is truncated. Copy or export the file again.")
        return piece


def _chunk_head(file: BinaryIO, path: Path) -> tuple[int, bytes]:
    head = file.read(8)
    if len(head) < 8:
        raise ImageError(f"{path} is truncated. Copy or export the file again.")
    length, kind = struct.unpack(">I4s", head)
    return int(length), bytes(kind)


def _unfiltered(
    filtered: NDArray[np.uint8], before: NDArray[np.uint8] | None, head: PngHead, path: Path
) -> NDArray[np.uint8]:
    """Plain bytes of filtered rows, of which the first may refer to the row `before`."""
    if before is not None:
        unfiltered = np.zeros((1, filtered.shape[1]), dtype=np.uint8)
        unfiltered[:, 1:] = before
        filtered = np.concatenate((unfiltered, filtered))
    depth, colour = _STAND_INS[head.pixel_bytes]
    small = _small_png(filtered, head.row_bytes // head.pixel_bytes, depth, colour)
    pixels = cv2.imdecode(np.frombuffer(small, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError(f"{path} is damaged: its rows cannot be decoded. Copy or export the file again.")
    if pixels.ndim == 3:
        pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
    plain = np.ascontiguousarray(pixels, dtype=">u2" if depth == 16 else np.uint8).view(np.uint8)
    return plain.reshape(len(filtered), head.row_bytes)[0 if before is None else 1 :]


def _small_png(filtered: NDArray[np.uint8], width: int, depth: int, colour: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, len(filtered), depth, colour, 0, 0, 0)
    data = zlib.compress(np.ascontiguousarray(filtered).data, 0)
    return SIGNATURE + b"".join(_chunk(k, c) for k, c in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _samples(plain: NDArray[np.uint8], head: PngHead) -> NDArray[Any]:
    """(n, W, channels) values as they are in the file."""
    rows, width = len(plain), head.size_hw[1]
    if head.depth < 8:
        bits = np.unpackbits(plain, axis=1)[:, : width * head.depth].reshape(rows, width, head.depth)
        weights = 1 << np.arange(head.depth)[::-1]
        return np.asarray((bits * weights.astype(np.uint8)).sum(axis=2, dtype=np.uint8))[:, :, None]
    values = plain.view(">u2") if head.depth == 16 else plain
    return values.reshape(rows, width, _CHANNELS[head.colour])


def _range_16(plain: NDArray[np.uint8], head: PngHead) -> tuple[int, int]:
    samples = _samples(plain, head)
    colours = samples[:, :, : samples.shape[2] // 2 * 2 - 1] if head.colour in (_GREY_ALPHA, _RGBA) else samples
    return int(colours.min()), int(colours.max())


def _as_rgb(plain: NDArray[np.uint8], head: PngHead, range_16: tuple[int, int]) -> Image:
    """(n, W, 3) uint8, alpha laid over white."""
    samples, alpha = _samples(plain, head), None
    if head.colour in (_GREY_ALPHA, _RGBA):
        alpha = samples[:, :, -1].astype(np.float32) / (2**head.depth - 1)
        samples = samples[:, :, :-1]
    elif head.transparent and head.colour in (_GREY, _RGB):  # one colour stands for nothing
        key = np.frombuffer(head.transparent, dtype=">u2")[: samples.shape[2]]
        alpha = (samples != key).any(axis=2).astype(np.float32)
    if head.colour == _PALETTE and head.palette is not None:
        opaque = np.frombuffer(head.transparent, dtype=np.uint8)
        indices = np.minimum(samples[:, :, 0], len(head.palette) - 1)
        if opaque.size:
            whole = np.full(256, 255, dtype=np.uint8)
            whole[: opaque.size] = opaque
            alpha = whole[indices].astype(np.float32) / 255
        samples = head.palette[indices]
    elif head.depth == 16:
        low, high = range_16
        samples = np.round((samples.astype(np.float64) - low) * 255 / max(high - low, 1)).astype(np.uint8)
    elif head.depth < 8:
        samples = samples * np.uint8(255 // (2**head.depth - 1))
    rgb = np.broadcast_to(samples, (*samples.shape[:2], 3))
    if alpha is None:
        return np.ascontiguousarray(rgb)
    return np.asarray(np.round(rgb * alpha[:, :, None] + 255 * (1 - alpha[:, :, None])), dtype=np.uint8)
