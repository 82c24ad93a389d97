"""Sentences for people that can be said in another language: English text with the key and values it is made of.

A `Words` is the English sentence itself, so code that knows nothing of languages shows and logs it like any string. A
client that has a catalogue looks up `key` there and fills in `values`, which may hold further words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

OBJECT = "{object}"
"""Stands for the number of an object that has none yet."""
UNIT = "{unit}"
"""Stands for what a mask is counted in until the medium is known: pixels, points."""


class Words(str):
    """An English sentence with the key and the values of its translation."""

    __slots__ = ("key", "values")
    key: str
    values: dict[str, Any]

    def __new__(cls, text: str, key: str, values: Mapping[str, Any]) -> Words:
        """The sentence as it stands in English."""
        made = super().__new__(cls, text)
        made.key, made.values = key, dict(values)
        return made

    def filled(self, place: str, value: int | Words) -> Words:
        """The same sentence with a value in a place that was left open: OBJECT or UNIT."""
        values = {k: _filled(v, place, value) for k, v in self.values.items()}
        return Words(self.replace(place, str(value)), self.key, values)

    def json(self) -> dict[str, Any]:
        """Key and values, nested words alike."""
        return {"key": self.key, "values": {k: _plain(v) for k, v in self.values.items()}}

    @staticmethod
    def restored(text: str, kept: Mapping[str, Any] | None) -> str:
        """A sentence from its English text and what `json` gave; the text alone if nothing was kept."""
        return text if kept is None else Words(text, str(kept["key"]), cast(Mapping[str, Any], kept["values"]))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies keep what makes the sentence."""
        return Words, (str(self), self.key, self.values)


def words(key: str, template: str, /, **values: Any) -> Words:
    """A sentence from a template with places such as `{name}`; the catalogues hold the template under `key`."""
    return Words(template.format_map({k: str(v) for k, v in values.items()}), key, values)


def words_json(text: str) -> dict[str, Any] | None:
    """Key and values of a sentence; None for plain text."""
    return text.json() if isinstance(text, Words) else None


def _filled(kept: Any, place: str, value: int | Words) -> Any:
    if isinstance(kept, Words):
        return kept.filled(place, value)
    return value if kept == place else kept


def _plain(value: Any) -> Any:
    if isinstance(value, Words):
        return value.json()
    # A mapping comes from `restored`: the words of a part, whose text stands in the whole.
    return value if isinstance(value, int | float | str | Mapping) else str(value)
