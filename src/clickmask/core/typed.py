"""Values parsed from JSON as the types that the code declares: settings, recipes, sizes of networks."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from clickmask.core.errors import RecipeError
from clickmask.core.registry import unknown_name


def typed(kind: Any, value: Any, where: str) -> Any:
    """`value`, parsed from JSON, as `kind`: dataclasses from objects or lists of their fields, tuples from lists.

    Raises:
        RecipeError: it is something else; the text begins with `where`.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return _typed_fields(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where} must be a list such as [1, 2], got {json.dumps(value)}.")
        inner = get_args(kind)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) != len(value):
            raise RecipeError(f"{where} must be a list of {len(kinds)}, got {json.dumps(value)}.")
        return tuple(typed(k, v, f"{where}.{i}") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise RecipeError(f"{where} must be {_KIND_NAMES[kind]}, got {json.dumps(value)}.")
    return value


_KIND_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _typed_fields(kind: type, value: Any, where: str) -> Any:
    names = [f.name for f in fields(kind)]
    if isinstance(value, list) and len(value) <= len(names):
        value = dict(zip(names, value, strict=False))
    if not isinstance(value, dict):
        raise RecipeError(f"{where} must be an object or a list with {', '.join(names)}, got {json.dumps(value)}.")
    for name in value:
        if name not in names:
            raise RecipeError(f"{unknown_name(f'field of {where}', name, names)}")
    hints = get_type_hints(kind)
    try:
        return kind(**{name: typed(hints[name], item, f"{where}.{name}") for name, item in value.items()})
    except TypeError as error:
        raise RecipeError(f"{where} is incomplete: {error}.") from error
