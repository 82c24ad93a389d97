"""Label Studio's brush run lengths: a stream of bits, highest first, of four equal channels per pixel, row by row.

Head: 32 bits number of values; 5 bits word size - 1; four times 4 bits, a width of run lengths - 1. Then records:
1 bit (run or literals), 2 bits that choose a width, that many bits for the length - 1, one word for a run or a word
for each literal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import BoolMask

WIDTHS = (3, 4, 8, 16)
"""Bits of run lengths that are written; readers take them from the head."""
WORD = 8
CHANNELS = 4
INSIDE = 128
"""A pixel whose last channel reaches this belongs to the mask."""

_LONGEST = 1 << WIDTHS[-1]


def encode(mask: BoolMask) -> list[int]:
    """Bytes of an (H, W) mask."""
    flat = mask.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], changes, [flat.size]))
    lengths, values = np.diff(bounds) * CHANNELS, flat[bounds[:-1]].astype(np.int64) * 255
    pieces = -(-lengths // _LONGEST)
    values = np.repeat(values, pieces)
    last = np.cumsum(pieces) - 1
    short = np.full(len(values), _LONGEST, dtype=np.int64)
    short[last] = lengths - (pieces - 1) * _LONGEST
    return _packed(mask.size * CHANNELS, short, values)


def _packed(count: int, lengths: NDArray[np.int64], values: NDArray[np.int64]) -> list[int]:
    """Head and records as bytes; one zero byte follows where the last record ends with a byte, as readers expect."""
    choice = np.searchsorted([1 << w for w in WIDTHS], lengths)
    width = np.array(WIDTHS)[choice]
    codes = ((((4 | choice) << width) | (lengths - 1)) << WORD) | values
    head = WORD - 1
    for one in WIDTHS:
        head = (head << 4) | (one - 1)
    codes = np.concatenate(([count, head], codes))
    sizes = np.concatenate(([32, 21], 3 + width + WORD))
    ends = np.cumsum(sizes)
    place = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    bits = (np.repeat(codes, sizes) >> (np.repeat(sizes, sizes) - 1 - place)) & 1
    return [*np.packbits(bits.astype(np.uint8)).tolist(), *([] if ends[-1] % 8 else [0])]


def decode(data: Sequence[int], size_hw: tuple[int, int]) -> BoolMask:
    """(H, W) mask behind bytes; what follows the last record is ignored.

    Raises:
        FormatError: no bytes, made for another size, or cut short.
    """
    height, width = size_hw
    try:
        stream = _Bits(bytes(data))
    except (ValueError, TypeError) as error:
        raise FormatError(f"Brush run lengths must be bytes, whole numbers from 0 to 255 ({error}).") from error
    count = stream.take(32)
    if count != height * width * CHANNELS:
        raise FormatError(
            f"Brush run lengths hold {count} values, but an image of {width} x {height} pixels has "
            f"{height * width * CHANNELS} (four channels). They belong to another image, or the file is damaged."
        )
    word = stream.take(5) + 1
    widths = [stream.take(4) + 1 for _ in range(4)]
    lengths, values, left = [], [], count
    while left > 0:
        same = stream.take(1)
        length = stream.take(widths[stream.take(2)]) + 1
        left -= length
        if same:
            lengths.append(length)
            values.append(stream.take(word))
        else:
            lengths += [1] * length
            values += [stream.take(word) for _ in range(length)]
    return _last_channel(np.array(lengths), np.array(values) >= INSIDE, count).reshape(size_hw)


def _last_channel(lengths: NDArray[np.int64], inside: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Of each pixel the last of its values, without spreading all of them."""
    ends = np.minimum(np.cumsum(lengths), count)
    pixels = np.diff(ends // CHANNELS, prepend=0)
    return np.asarray(np.repeat(inside, pixels), dtype=bool)


class _Bits:
    """Takes numbers from a stream of bits."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, count: int) -> int:
        """The next `count` bits as a number; FormatError at the end."""
        start, self._place = self._place, self._place + count
        if self._place > 8 * len(self._data):
            raise FormatError("Brush run lengths end too early. The file is damaged.")
        window = self._data[start // 8 : (self._place + 7) // 8]
        return (int.from_bytes(window, "big") >> (-self._place % 8)) & ((1 << count) - 1)
