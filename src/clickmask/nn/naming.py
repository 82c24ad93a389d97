"""Names in published checkpoints -> ours: parts of names replaced, one pair after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

Pairs = Sequence[tuple[str, str]]
"""What to replace, and by what."""


def renamed(name: str, pairs: Pairs) -> str:
    """A name with parts replaced."""
    for theirs, ours in pairs:
        name = name.replace(theirs, ours)
    return name


def renamed_state(state: Mapping[str, Tensor], pairs: Pairs, unused: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """A state dictionary under other names; entries whose names begin with one of `unused` are left out."""
    return {renamed(name, pairs): value for name, value in state.items() if not name.startswith(unused)}
