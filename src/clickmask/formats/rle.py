"""COCO's run lengths: column by column over the whole image, beginning with zeros; plain list or packed text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import EMPTY_BOX, RunLengthMask

Counts = NDArray[np.int64]

_MORE, _SIGN, _LOW, _FIRST_CHARACTER = 0x20, 0x10, 0x1F, 48


def counts_of(mask: RunLengthMask) -> Counts:
    """(N,) int64 run lengths of the whole image in column order, the first counting zeros."""
    height, width = mask.size_hw
    if not mask:
        return np.array([height * width], dtype=np.int64)
    x0, y0, _, _ = mask.box_xyxy
    crop = mask.decode_crop().T  # (w, h): one column per row
    edges = np.diff(np.pad(crop, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    columns, rows = np.nonzero(edges)  # starts and ends alternate within each column
    positions = (columns + x0) * height + rows + y0
    starts, ends = positions[0::2], positions[1::2]
    separate = ends[:-1] != starts[1:]  # a run that fills a column goes on in the next
    bounds = np.empty(2 * (int(separate.sum()) + 1), dtype=np.int64)
    bounds[0::2] = starts[np.concatenate(([True], separate))]
    bounds[1::2] = ends[np.concatenate((separate, [True]))]
    rest = [] if bounds[-1] == height * width else [height * width]
    return np.diff(np.concatenate(([0], bounds, rest))).astype(np.int64)


def mask_of(counts: Counts, size_hw: tuple[int, int]) -> RunLengthMask:
    """The mask behind run lengths in column order.

    Raises:
        FormatError: a run is negative or the runs do not fill the image.
    """
    height, width = size_hw
    if (counts < 0).any() or int(counts.sum()) != height * width:
        raise FormatError(
            f"Run lengths sum to {int(counts.sum())}, but an image {height} high and {width} wide has "
            f"{height * width} pixels. "
            "The file is damaged, or its 'size' is given as width, height instead of height, width."
        )
    bounds = np.cumsum(counts)
    starts, ends = bounds[:-1:2], bounds[1::2]
    filled = ends > starts
    if not filled.any():
        return RunLengthMask.empty(size_hw)
    left, right = int(starts[filled][0]) // height, int(ends[filled][-1] - 1) // height + 1
    edges = np.clip(bounds, left * height, right * height)
    values = np.arange(len(counts)) % 2 == 1
    lengths = np.diff(np.concatenate(([left * height], edges)))
    columns = np.repeat(values, lengths).reshape(right - left, height).T
    mask = RunLengthMask.encode(columns, (left, 0), size_hw)
    return mask if mask.box_xyxy != EMPTY_BOX else RunLengthMask.empty(size_hw)


def pack(counts: Counts) -> str:
    """The packed text: each number five bits at a time, lowest first; from the fourth on, differences to two before."""
    left = counts.astype(np.int64)
    left[3:] = counts[3:] - counts[1:-2]
    characters: list[NDArray[np.int64]] = []
    used: list[NDArray[np.bool_]] = []
    going = np.ones(len(left), dtype=bool)
    while going.any():
        chunk = left & _LOW
        left = left >> 5
        more = left != np.where(chunk & _SIGN, -1, 0)
        characters.append(chunk + _MORE * more + _FIRST_CHARACTER)
        used.append(going)
        going = going & more
    return np.stack(characters, 1)[np.stack(used, 1)].astype(np.uint8).tobytes().decode("ascii")


def unpack(text: str | bytes) -> Counts:
    """Run lengths behind packed text.

    Raises:
        FormatError: a character outside the alphabet, a number too large, or an end in the middle of a number.
    """
    data = text.encode("latin-1", "replace") if isinstance(text, str) else text
    chunks = np.frombuffer(data, dtype=np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if chunks.size == 0:
        return np.zeros(0, dtype=np.int64)
    if chunks.min() < 0 or chunks.max() > 63 or chunks[-1] & _MORE:
        raise FormatError("Packed run lengths are damaged: a character outside '0'..'o', or an unfinished number.")
    last = (chunks & _MORE) == 0
    first = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    digits = np.arange(len(chunks)) - np.repeat(first, np.diff(np.append(first, len(chunks))))
    if digits.max() > 11:
        raise FormatError("Packed run lengths are damaged: a number of more than 60 bits.")
    numbers = np.add.reduceat((chunks & _LOW) << (5 * digits), first)
    negative = (chunks[last] & _SIGN) != 0
    numbers -= np.where(negative, 1 << (5 * (digits[last] + 1)), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
