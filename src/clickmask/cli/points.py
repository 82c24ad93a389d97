"""Points and boxes as people type them: X,Y and X0,Y0,X1,Y1 in image pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clickmask.core.errors import PromptError
from clickmask.core.prompts import Box, Click

_POINT_OPTIONS = ("--positive", "--negative")
_LOOKS_LIKE_A_POINT = re.compile(r"-?[\d.]+,-?[\d.]+(,-?[\d.]+)?$")


def parse_click(text: str, positive: bool) -> Click:
    """A click at X,Y."""
    option = "--positive" if positive else "--negative"
    x, y = _numbers(text, f"{option} X,Y", f"{option} 320,240")
    return Click(x, y, positive)


def parse_box(text: str) -> Box:
    """A box X0,Y0,X1,Y1."""
    x0, y0, x1, y1 = _numbers(text, "--box X0,Y0,X1,Y1", "--box 100,50,420,300")
    return Box(x0, y0, x1, y1)


def spread_points(arguments: Sequence[str]) -> list[str]:
    """`--positive 1,2 3,4` as `--positive 1,2 --positive 3,4`, which is how options are repeated."""
    result: list[str] = []
    option: str | None = None
    for number, argument in enumerate(arguments):
        if argument in _POINT_OPTIONS:
            option = argument
        elif option and _LOOKS_LIKE_A_POINT.match(argument):
            if arguments[number - 1] != option:
                result.append(option)
        else:
            option = None
        result.append(argument)
    return result


def _numbers(text: str, form: str, example: str) -> list[float]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    expected = form.count(",") + 1
    if len(numbers) != expected:
        raise PromptError(
            f"'{text}' is no {form}: {expected} numbers with commas and without spaces are needed, in image pixels "
            f"from the top left corner. For example: {example}"
        )
    return numbers
