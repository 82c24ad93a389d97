"""One registry class, one table per kind of thing.

Entries are ``"package.module:attribute"`` strings that are resolved when used, so that listing
names imports nothing. Third parties join through the entry point group ``clickmask.<kind>``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from clickmask.core.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind, each standing for something that is imported on first use.

    Args:
        kind: singular noun for messages, e.g. ``"stage"``.
        targets: name -> ``"module:attribute"``.
    """

    def __init__(self, kind: str, targets: Mapping[str, str]) -> None:
        self.kind = kind
        self._targets = dict(targets)
        self._plugins_read = False

    def register(self, name: str, target: str) -> None:
        """Add one entry; a name that is taken already is refused with ValueError."""
        self._read_plugins()
        if name in self._targets:
            raise ValueError(f"The {self.kind} '{name}' is registered already, as {self._targets[name]}.")
        self._targets[name] = target

    def names(self) -> list[str]:
        """All names, sorted."""
        self._read_plugins()
        return sorted(self._targets)

    def target(self, name: str) -> str:
        """The ``"module:attribute"`` string behind a name; UnknownNameError lists the nearest names."""
        self._read_plugins()
        if name not in self._targets:
            raise UnknownNameError(unknown_name(self.kind, name, self.names()))
        return self._targets[name]

    def get(self, name: str) -> T:
        """Import and return what the name stands for."""
        module, _, attribute = self.target(name).partition(":")
        return cast(T, getattr(import_module(module), attribute))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _read_plugins(self) -> None:
        if self._plugins_read:
            return
        self._plugins_read = True
        for entry in entry_points(group=f"clickmask.{self.kind}"):
            self._targets.setdefault(entry.name, entry.value)


def unknown_name(kind: str, name: str, known: list[str]) -> str:
    """Text for an unknown name: the nearest known ones, else all of them."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else f"Known: {', '.join(known) or 'none'}."
    return f"Unknown {kind} '{name}'. {hint}"
