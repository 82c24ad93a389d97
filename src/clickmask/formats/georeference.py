"""Where the pixels of an image lie on the earth: the tags of a GeoTIFF, kept as they are.

The layout is that of OGC GeoTIFF 1.1 (OGC 19-008r4). A place is given by ModelPixelScale and one ModelTiepoint, or by
ModelTransformation; files that give ground control points alone have no such plain place and count as without one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from clickmask.core.errors import FormatError

SCALE, TIEPOINT, TRANSFORMATION = 33550, 33922, 34264
KEYS, DOUBLES, TEXTS = 34735, 34736, 34737
TAG_TYPES = {SCALE: "d", TIEPOINT: "d", TRANSFORMATION: "d", KEYS: "H", DOUBLES: "d", TEXTS: "s"}
"""The tags of a GeoTIFF and the kind of their values: float64, uint16 or text."""
TIFF_SUFFIXES = (".tif", ".tiff")
USER_DEFINED = 32767
_RASTER_TYPE, _GEODETIC, _PROJECTED = 1025, 2048, 3072
_PIXEL_IS_POINT = 2
_ORIENTATION = 274
_MOST_VALUES = 100_000

Value = tuple[float, ...] | str


@dataclass(frozen=True)
class Georeference:
    """The place of an image on the earth.

    Attributes:
        tags: values of the tags in TAG_TYPES, by their number.

    Raises:
        FormatError: the tags give no place that pixels can be taken to and back.
    """

    tags: Mapping[int, Value]

    def __post_init__(self) -> None:
        matrix = self.affine
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:, :2])) == 0:
            raise FormatError(
                "The georeference takes all pixels to one line, so it gives no place. Write the file again."
            )

    @property
    def affine(self) -> NDArray[np.float64]:
        """(2, 3) float64: world = affine @ (x, y, 1), for x and y in pixels with the origin at the image's corner."""
        if TRANSFORMATION in self.tags:
            matrix = np.array(_numbers(self.tags, TRANSFORMATION, 16)).reshape(4, 4)[:2, [0, 1, 3]]
        else:
            scale, tie = _numbers(self.tags, SCALE, 3), _numbers(self.tags, TIEPOINT, 6)
            (sx, sy), (i, j), (x, y) = scale[:2], tie[:2], tie[3:5]
            matrix = np.array([[sx, 0.0, x - i * sx], [0.0, -sy, y + j * sy]])
        if self._key(_RASTER_TYPE) == _PIXEL_IS_POINT:  # the file's (0, 0) is the centre of the first pixel
            matrix[:, 2] -= matrix[:, :2].sum(axis=1) / 2
        return matrix

    @property
    def epsg(self) -> int | None:
        """Number of the coordinate reference system; None where the file has one of its own or names none."""
        found = self._key(_PROJECTED) or self._key(_GEODETIC)
        return found if found not in (0, USER_DEFINED) else None

    def to_world(self, points_xy: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 2) pixels, origin at the image's corner, as (N, 2) coordinates of the file's system."""
        return np.asarray(points_xy @ self.affine[:, :2].T + self.affine[:, 2])

    def to_pixels(self, points_xy: NDArray[Any]) -> NDArray[np.float64]:
        """The way back; what lies within a millionth of a whole pixel is a whole pixel."""
        inverse = np.linalg.inv(self.affine[:, :2])
        return np.asarray(np.round((points_xy - self.affine[:, 2]) @ inverse.T, 6))

    def to_json(self) -> dict[str, Any]:
        """The tags for a JSON file."""
        return {str(code): v if isinstance(v, str) else list(v) for code, v in self.tags.items()}

    def extratags(self) -> list[tuple[int, str, int, Any, bool]]:
        """The tags for `tifffile`."""
        return [
            (code, TAG_TYPES[code], 0 if isinstance(value, str) else len(value), _written(code, value), True)
            for code, value in sorted(self.tags.items())
        ]

    def _key(self, wanted: int) -> int:
        """A GeoKey whose value is a short; 0 if it is not there."""
        keys = self.tags.get(KEYS, ())
        if isinstance(keys, str):
            return 0
        entries = (keys[at : at + 4] for at in range(4, len(keys) - 3, 4))
        return next((int(e[3]) for e in entries if e[0] == wanted and e[1] == 0), 0)


def georeference_of(tags: Mapping[int, Value]) -> Georeference | None:
    """From the tags of a file; None where they give no place.

    Raises:
        FormatError: the tags are damaged.
    """
    tie = tags.get(TIEPOINT, ())
    if TRANSFORMATION not in tags and not (SCALE in tags and len(tie) == 6):
        return None
    return Georeference(tags)


def from_json(value: Mapping[str, Any], where: str) -> Georeference:
    """What `to_json` wrote.

    Raises:
        FormatError: it is something else.
    """
    tags: dict[int, Value] = {}
    for code, known in value.items():
        if code not in map(str, TAG_TYPES):
            raise FormatError(f"{where}: there is no GeoTIFF tag {str(code)[:20]!r}.")
        tags[int(code)] = _checked(int(code), known, where)
    found = georeference_of(tags)
    if found is None:
        raise FormatError(f"{where} gives no place: a scale with one tie point, or a transformation, is needed.")
    return found


def read_georeference(file: str | os.PathLike[str] | BinaryIO, name: str = "") -> Georeference | None:
    """The georeference of a TIFF file; None for other files, and where the file has none.

    A file whose orientation turns it has none either: its tags speak of the pixels before they are turned.

    Args:
        file: path, or an open file.
        name: for messages; the path if not given.

    Raises:
        FormatError: the file is damaged.
    """
    if isinstance(file, str | os.PathLike) and Path(file).suffix.lower() not in TIFF_SUFFIXES:
        return None
    where = name or str(file)
    try:
        with tifffile.TiffFile(file) as opened:
            page: Any = opened.pages[0]
            turned = _ORIENTATION in page.tags and page.tags[_ORIENTATION].value != 1
            found = {code: page.tags[code].value for code in TAG_TYPES if code in page.tags}
    except Exception as error:  # a damaged file makes tifffile raise nearly anything
        raise FormatError(f"{where}: its TIFF tags cannot be read ({error}). Copy the file again.") from error
    if turned:
        return None
    return georeference_of({code: _checked(code, value, where) for code, value in found.items()})


def _checked(code: int, value: Any, where: str) -> Value:
    if TAG_TYPES[code] == "s":
        if not isinstance(value, str) or not value.isascii() or len(value) > _MOST_VALUES:
            raise FormatError(f"{where}: GeoTIFF tag {code} must be a text in ASCII.")
        return value
    items = value if isinstance(value, tuple | list) else (value,)
    whole = TAG_TYPES[code] == "H"
    good = len(items) <= _MOST_VALUES and all(_is_short(n) if whole else _is_number(n) for n in items)
    if not good:
        kind = "whole numbers from 0 to 65535" if whole else "finite numbers"
        raise FormatError(f"{where}: GeoTIFF tag {code} must be {kind}.")
    return tuple(int(n) if whole else float(n) for n in items)


def _is_short(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(tags: Mapping[int, Value], code: int, count: int) -> tuple[float, ...]:
    value = tags.get(code, ())
    if isinstance(value, str) or len(value) < count:
        raise FormatError(f"GeoTIFF tag {code} must have {count} numbers, got {len(value)}.")
    return value


def _written(code: int, value: Value) -> Any:
    return value if isinstance(value, str) else tuple(int(v) if TAG_TYPES[code] == "H" else v for v in value)
