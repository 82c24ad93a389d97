"""JSON whose long lists are parsed one item at a time: of a large file only its text and one item lie in memory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, overload

from clickmask.core.errors import FormatError
from clickmask.formats.files import json_errors, read_text

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class Items(Sequence[Any]):
    """The items of a JSON list, parsed again at each access.

    Args:
        text: of the whole file.
        spans: where each item begins and ends in it.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]]) -> None:
        self._text = text
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Items: ...
    def __getitem__(self, place: int | slice) -> Any:
        """One item, or a part of the list."""
        if isinstance(place, slice):
            return Items(self._text, self._spans[place])
        start, end = self._spans[place]
        return json.loads(self._text[start:end])

    def __iter__(self) -> Iterator[Any]:
        for start, end in self._spans:
            yield json.loads(self._text[start:end])


def read_items(path: str | os.PathLike[str], keys: Collection[str]) -> Any:
    """Content of a JSON file; lists under `keys` of its top object, or the top list itself, as Items.

    Raises:
        FormatError: as `read_json`.
    """
    text = read_text(path, "JSON")
    with json_errors(path):
        start = _after_space(text, 0)
        value: Any
        if text.startswith("[", start):
            value, end = _list(text, start)
        elif text.startswith("{", start):
            value, end = _object(text, start, keys)
        else:
            value, end = _DECODER.raw_decode(text, start)
        if _after_space(text, end) != len(text):
            raise json.JSONDecodeError("Extra data", text, _after_space(text, end))
    return value


def items(value: Any, where: str) -> Sequence[Any]:
    """A list, or Items."""
    if not isinstance(value, list | Items):
        raise FormatError(f"{where} must be a list [...], got {type(value).__name__}.")
    return value


def _object(text: str, start: int, keys: Collection[str]) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}

    def entry(place: int) -> int:
        key, end = _DECODER.raw_decode(text, place)
        colon = _after_space(text, end)
        if not isinstance(key, str) or not text.startswith(":", colon):
            raise json.JSONDecodeError("Expecting a name and ':'", text, place)
        place = _after_space(text, colon + 1)
        lazy = key in keys and text.startswith("[", place)
        found[key], end = _list(text, place) if lazy else _DECODER.raw_decode(text, place)
        return end

    return found, _through(text, start, "}", entry)


def _list(text: str, start: int) -> tuple[Items, int]:
    spans: list[tuple[int, int]] = []

    def entry(place: int) -> int:
        _, end = _DECODER.raw_decode(text, place)
        spans.append((place, end))
        return end

    return Items(text, spans), _through(text, start, "]", entry)


def _through(text: str, start: int, closing: str, entry: Callable[[int], int]) -> int:
    """Go through what stands between commas; returns the place after the closing bracket."""
    place = _after_space(text, start + 1)
    if text.startswith(closing, place):
        return place + 1
    while True:
        place = _after_space(text, entry(place))
        if text.startswith(closing, place):
            return place + 1
        if not text.startswith(",", place):
            raise json.JSONDecodeError(f"Expecting ',' or '{closing}'", text, place)
        place = _after_space(text, place + 1)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()
