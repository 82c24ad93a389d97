"""Fields of parsed JSON with the type that they must have, and a message that says where they stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.formats.polygons import Ring

MOST_PIXELS = 2**31
"""Larger image sizes in an annotation file are taken for damage."""


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise FormatError(f"{where} must be an object {{...}}, got {_short(value)}.")
    return value


def items(value: Any, where: str) -> list[Any]:
    """A JSON list."""
    if not isinstance(value, list):
        raise FormatError(f"{where} must be a list [...], got {_short(value)}.")
    return value


def text(owner: Mapping[str, Any], key: str, where: str) -> str:
    """A text that is not empty."""
    value = owner.get(key)
    if not isinstance(value, str) or not value:
        raise FormatError(f"{where}: '{key}' must be a text, got {_short(value)}.")
    return writable(value, f"{where}: '{key}'")


def writable(value: str, where: str) -> str:
    """A text that UTF-8 can hold; JSON can also spell halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"{where} holds half a character (a lone surrogate): {value!r}.") from error
    return value


def whole(owner: Mapping[str, Any], key: str, where: str) -> int:
    """A whole number; 3.0 counts as one."""
    value = owner.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(f"{where}: '{key}' must be a whole number, got {_short(value)}.")
    return value


def number(owner: Mapping[str, Any], key: str, where: str) -> float:
    """A finite number."""
    value = owner.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise FormatError(f"{where}: '{key}' must be a finite number, got {_short(value)}.")
    return float(value)


def maybe_whole(owner: Mapping[str, Any], key: str) -> int | None:
    """A whole number, None for anything else."""
    value = owner.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def size_hw(owner: Mapping[str, Any], keys_hw: tuple[str, str], where: str) -> tuple[int, int]:
    """(height, width) of an image, each at least 1."""
    height, width = whole(owner, keys_hw[0], where), whole(owner, keys_hw[1], where)
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise FormatError(f"{where}: {width} x {height} pixels is no size of an image.")
    return height, width


def others(name: str, entry: Mapping[str, Any], known: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """What `entry` holds besides the `known` keys, as attributes of the format `name`."""
    rest = {key: value for key, value in entry.items() if key not in known}
    return {name: rest} if rest else {}


def own(name: str, attributes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the format `name` once put into attributes."""
    return attributes.get(name, {})


def ring(numbers: Any, where: str) -> Ring:
    """(N, 2) points from a flat list x0, y0, x1, y1, ... or from a list of pairs; N >= 1, all finite."""
    try:
        points = np.array(numbers, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{where}: points must be numbers, got {_short(numbers)}.") from error
    flat = points.ravel()
    paired = points.ndim == 1 or (points.ndim == 2 and points.shape[1] == 2)
    if not paired or flat.size == 0 or flat.size % 2 or not math.isfinite(float(np.abs(flat).sum())):
        raise FormatError(f"{where}: points must be pairs of finite numbers, got {_short(numbers)}.")
    return flat.reshape(-1, 2)


def _short(value: Any) -> str:
    shown = repr(value)
    return "nothing" if value is None else shown if len(shown) <= 60 else shown[:57] + "..."
