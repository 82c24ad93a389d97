"""What the values of a mask file mean.

| reading | 0 | other values |
|---|---|---|
| `binary` | background | exactly one other value per file: the object |
| `nonzero` | background | all of them together are one object |
| `threshold` | background | above 127: the object (masks with soft edges) |
| `trimap` | background | above 128: the object; exactly 128: ignore (GrabCut) |
| `instances` | background | each value is one object |
| `instances-void` | background | each value is one object; the greatest of the type (255 or 65535): ignore |
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.data.files import read_values
from clickmask.data.sample import Truth

IGNORED_GREY = 128


@dataclass(frozen=True, slots=True)
class ValuesTruth:
    """Truth from a mask file whose values mean what `reading` says; `value` picks the object of an instance file."""

    path: Path
    reading: str
    value: int | None = None

    def load(self) -> Truth:
        """Read the file."""
        values = read_values(self.path)
        if self.value is not None:
            return Truth(np.asarray(values == self.value), _void(values, self.reading))
        if self.reading == "trimap":
            return Truth(np.asarray(values > IGNORED_GREY), _or_none(np.asarray(values == IGNORED_GREY)))
        if self.reading == "threshold":
            return Truth(np.asarray(values > 127))
        return Truth(np.asarray(values != 0))


def sources_in(path: Path, reading: str) -> list[tuple[str, ValuesTruth]]:
    """(object id, source) of every object in a mask file; an empty list where it shows none.

    Raises:
        FormatError: the file holds values that the reading does not know.
    """
    values = read_values(path)
    if reading.startswith("instances"):
        return [(str(value), ValuesTruth(path, reading, value)) for value in instance_values(values, reading)]
    if reading == "binary":
        _check_binary(values, path)
    source = ValuesTruth(path, reading)
    return [("1", source)] if source.load().scored.any() else []


def instance_values(values: NDArray[np.integer], reading: str) -> list[int]:
    """The object values in an instance map, ascending, without background and void."""
    void = _void_value(values) if reading == "instances-void" else None
    return [int(value) for value in np.unique(values) if value not in (0, void)]


def _check_binary(values: NDArray[np.integer], path: Path) -> None:
    others = [int(value) for value in np.unique(values) if value != 0]
    if len(others) > 1:
        shown = ", ".join(map(str, others[:6])) + (" …" if len(others) > 6 else "")
        raise FormatError(
            f"The mask {path} holds the values {shown} besides 0, a binary mask has one. If each value is one object, "
            "read it as 'instances' ('instances-void' if 255 or 65535 means ignore); if 128 means ignore, as 'trimap'; "
            "if its edges are soft, as 'threshold'; if all values are one object, as 'nonzero'."
        )


def _void(values: NDArray[np.integer], reading: str) -> NDArray[np.bool_] | None:
    return _or_none(np.asarray(values == _void_value(values))) if reading == "instances-void" else None


def _void_value(values: NDArray[np.integer]) -> int:
    return 255 if values.dtype.itemsize == 1 else 65535


def _or_none(ignore: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    return ignore if ignore.any() else None
