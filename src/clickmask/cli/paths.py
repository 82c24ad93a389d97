"""Options of `clickmask train` that take several paths, as a shell's wildcard gives them."""

from __future__ import annotations

from collections.abc import Sequence

_PATH_OPTIONS = ("--data", "--val")
_COMMAND = "train"


def spread_paths(arguments: Sequence[str]) -> list[str]:
    """`train R --data a b` as `train R --data a --data b`, which is how options are repeated."""
    if not arguments or arguments[0] != _COMMAND:
        return list(arguments)
    result: list[str] = []
    option: str | None = None
    for number, argument in enumerate(arguments):
        if argument.startswith("-"):
            option = argument if argument in _PATH_OPTIONS else None
        elif option and arguments[number - 1] != option:
            result.append(option)
        result.append(argument)
    return result
