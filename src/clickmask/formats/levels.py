"""An image that is too large for memory as a pyramid of levels on disk, each half as large as the one before.

Every level is one file of plain RGB rows, so that a part of it is read without decoding anything, and written once
from the top to the bottom in the memory of a few rows. A level's pixel is the mean of two by two of the level before;
where a side is odd, its last row or column counts twice. `levels.json` is written last: without it the pyramid is not
complete.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import cv2
import numpy as np

from clickmask.core.errors import StorageError
from clickmask.core.frames import Image, bounds

LAST_SIDE = 1024
"""The last level is the first one whose longer side is at most so many pixels."""
FREE_BYTES_LEFT = 2**30
"""A pyramid is not begun if it would leave less free space on the disk than this."""
_VERSION = 1
_HEAD = "levels.json"


def level_sizes(size_hw: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """(height, width) of every level, the image itself first."""
    sizes = [size_hw]
    while max(sizes[-1]) > LAST_SIDE:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return tuple(sizes)


@dataclass(frozen=True)
class StoredLevel:
    """A level in a file of plain rows.

    Attributes:
        file: (rows, W, 3) uint8, row by row; more rows may follow while it is being written.
        size_hw: size of the whole level.
    """

    file: Path
    size_hw: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        return (*self.size_hw, 3)

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices.

        Raises:
            StorageError: the file is gone or shorter than it should be.
        """
        (top, bottom), (left, right) = bounds(rows_columns, self.shape)
        width = self.size_hw[1]
        try:
            # Mapped for this one read, so that the pages that were looked at do not stay with the process.
            rows = np.memmap(self.file, np.uint8, "r", offset=top * width * 3, shape=(bottom - top, width, 3))
            return np.array(rows[:, left:right])
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{self.file} is gone or damaged ({error}). Open the image again, and it is made anew."
            ) from error


def open_levels(folder: Path, size_hw: tuple[int, int], first: int = 0) -> tuple[StoredLevel, ...] | None:
    """The levels of a complete pyramid from number `first` on; None if there is none for an image of this size."""
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if head != _head(size_hw, first):
        return None
    return partial_levels(folder, size_hw, first)


def partial_levels(folder: Path, size_hw: tuple[int, int], first: int = 0) -> tuple[StoredLevel, ...]:
    """The same while they are being written: only rows that are there can be read."""
    sizes = level_sizes(size_hw)
    return tuple(StoredLevel(_file(folder, n), sizes[n]) for n in range(first, len(sizes)))


def write_levels(
    folder: Path,
    size_hw: tuple[int, int],
    bands: Iterable[Image],
    on_rows: Callable[[int], None],
    first: int = 0,
) -> None:
    """Write a pyramid from bands of rows.

    Args:
        folder: of its own; made if it is not there.
        size_hw: of the image.
        bands: (n, W, 3) uint8 RGB of level `given_level(first)`, from the top to the bottom.
        on_rows: told how many of these rows are on the disk, with what follows from them.
        first: number of the first level that is written; those before it are read from the image's own file.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    sizes = level_sizes(size_hw)
    check_space(folder, sum(3 * h * w for h, w in sizes[first:]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _HEAD).unlink(missing_ok=True)
        with ExitStack() as files:
            numbers = range(given_level(first), len(sizes))
            outs = [
                files.enter_context(_file(folder, n).open("wb", buffering=0)) if n >= first else None for n in numbers
            ]
            _write_all([_Writer(out) for out in outs], bands, on_rows)
        (folder / _HEAD).write_text(json.dumps(_head(size_hw, first)), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}. Free some space on the disk.") from error


def _write_all(writers: list[_Writer], bands: Iterable[Image], on_rows: Callable[[int], None]) -> None:
    for writer, after in itertools.pairwise(writers):
        writer.after = after
    done = 0
    for band in bands:
        writers[0].add(band)
        done += len(band)
        on_rows(done)
    for writer in writers:
        writer.finish()


def given_level(first: int) -> int:
    """Number of the level that a pyramid from level `first` on is made from."""
    return max(first - 1, 0)


def check_space(folder: Path, needed: int) -> None:
    """StorageError if so many bytes more would fill the disk of a folder."""
    existing = next(f for f in (folder, *folder.parents) if f.exists())
    free = shutil.disk_usage(existing).free
    if free < needed + FREE_BYTES_LEFT:
        raise StorageError(
            f"A copy of the image for quick views takes {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free "
            f"where {folder} lies. Free some space, or keep the project elsewhere with --project DIR."
        )


def halved_rows(rows: Image) -> Image:
    """(2n, W, 3) as (n, ceil(W / 2), 3): means of two by two, an odd last column counts twice."""
    if rows.shape[1] % 2:
        rows = np.concatenate((rows, rows[:, -1:]), axis=1)
    size_wh = rows.shape[1] // 2, rows.shape[0] // 2
    return np.asarray(cv2.resize(rows, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class _Writer:
    """Writes the rows of one level and hands them on to the next, two by two."""

    def __init__(self, out: FileIO | None) -> None:
        self._out = out
        self._odd: Image | None = None
        self.after: _Writer | None = None

    def add(self, rows: Image) -> None:
        if self._out is not None:
            self._out.write(np.ascontiguousarray(rows).data)
        if self.after is None:
            return
        if self._odd is not None:
            rows = np.concatenate((self._odd, rows))
        even = len(rows) // 2 * 2
        self._odd = np.array(rows[even:]) if even < len(rows) else None
        if even:
            self.after.add(halved_rows(np.ascontiguousarray(rows[:even])))

    def finish(self) -> None:
        """The last row has no other below it."""
        if self._odd is not None and self.after is not None:
            self.after.add(halved_rows(np.repeat(self._odd, 2, axis=0)))
            self._odd = None


def _head(size_hw: tuple[int, int], first: int) -> dict[str, object]:
    return {"version": _VERSION, "size_hw": list(size_hw), "first": first}


def _file(folder: Path, number: int) -> Path:
    return folder / f"level-{number}.rgb"
