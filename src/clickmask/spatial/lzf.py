"""LZF, the compression of PCD files: short runs of literal bytes and references to what came before.

The format is that of LibLZF (Marc Lehmann), described in its header comments; written from that description.
"""

from __future__ import annotations

from clickmask.core.errors import FormatError

WINDOW = 1 << 13
LONGEST = 264
LITERALS = 32


def decompress(data: bytes, size: int) -> bytes:
    """`size` bytes out of compressed ones; FormatError where they do not fit together."""
    out = bytearray()
    place = 0
    try:
        while place < len(data):
            control = data[place]
            place += 1
            if control < LITERALS:
                out += data[place : place + control + 1]
                place += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[place]
                place += 1
            start = len(out) - ((control & 31) << 8 | data[place]) - 1
            place += 1
            _repeat(out, start, length + 2)
    except IndexError:
        raise FormatError("The compressed data end in the middle of a reference: the file is cut short.") from None
    if len(out) != size:
        raise FormatError(f"The compressed data hold {len(out)} bytes where {size} are promised: the file is damaged.")
    return bytes(out)


def _repeat(out: bytearray, start: int, length: int) -> None:
    """Append `length` bytes from `start` on, those among them that are only now written included."""
    if start < 0:
        raise FormatError("The compressed data refer to before their start: the file is damaged.")
    distance = len(out) - start
    if distance >= length:
        out += out[start : start + length]
        return
    piece = bytes(out[start:])
    out += (piece * (length // distance + 1))[:length]


def compress(data: bytes) -> bytes:
    """Compressed bytes that `decompress` and other LZF readers take; greedy, three bytes decide a match."""
    out = bytearray()
    seen: dict[bytes, int] = {}
    literal, place, end = 0, 0, len(data)
    while place < end:
        key = data[place : place + 3]
        before = seen.get(key, -1) if len(key) == 3 else -1
        seen[key] = place
        distance = place - before - 1
        if before < 0 or distance >= WINDOW:
            place += 1
            continue
        length = 3
        most = min(LONGEST, end - place)
        while length < most and data[before + length] == data[place + length]:
            length += 1
        _literals(out, data, literal, place)
        code = length - 2
        if code < 7:
            out += bytes((code << 5 | distance >> 8, distance & 255))
        else:
            out += bytes((7 << 5 | distance >> 8, code - 7, distance & 255))
        place += length
        literal = place
    _literals(out, data, literal, end)
    return bytes(out)


def _literals(out: bytearray, data: bytes, start: int, end: int) -> None:
    for first in range(start, end, LITERALS):
        piece = data[first : min(first + LITERALS, end)]
        out.append(len(piece) - 1)
        out += piece
