"""`clickmask models`: what can be given to --model."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from clickmask.zoo import catalog
from clickmask.zoo.spec import ModelSpec


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", autocompletion=known_models, help="Tell all about this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models, or tell all about one: method, licence, input, capabilities, hash, training, results.

    For example:

    clickmask models

    clickmask models default --json
    """
    specs = [catalog.find(each)[0] for each in ([name] if name else catalog.names())]
    if as_json:
        values = [asdict(spec) for spec in specs]
        typer.echo(json.dumps(values[0] if name else values, indent=2))
    elif name:
        typer.echo("\n".join(details(specs[0])))
    else:
        typer.echo("\n".join(table(specs)))


def known_models(incomplete: str) -> list[str]:
    """Names that complete what was typed."""
    return [name for name in catalog.names() if name.startswith(incomplete)]


def table(specs: list[ModelSpec]) -> list[str]:
    """One line per model under a head, columns aligned."""
    rows = [("NAME", "METHOD", "LICENCE", "INPUT", "SUMMARY")]
    rows += [(s.name, s.method, s.licence, _size(s), s.summary) for s in specs]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join([*(cell.ljust(w) for cell, w in zip(row[:4], widths, strict=True)), row[4]]) for row in rows]


def details(spec: ModelSpec) -> list[str]:
    """One field per line; nested values indented below their name."""
    lines = [f"{spec.name}: {spec.summary}", ""]
    fields: dict[str, Any] = {
        "method": spec.method,
        "licence": spec.licence,
        "input": _size(spec),
        "runtime": spec.runtime,
        "capabilities": ", ".join(spec.capabilities) or "clicks only",
        "threshold": spec.threshold,
        "weights": spec.weights or "none",
        "sha256": spec.sha256 or "none",
        "training": spec.training,
        "results": spec.results,
    }
    for key, value in fields.items():
        lines += _field(key, value, 0)
    return lines


def _field(key: str, value: Any, depth: int) -> list[str]:
    """`key value`, or the key with what is in the value below it."""
    indent = "  " * depth
    if isinstance(value, dict):
        inner = [line for k, v in value.items() for line in _field(str(k), v, depth + 1)]
        return [f"{indent}{key}", *inner] if inner else []
    if isinstance(value, list):
        value = ", ".join(str(v) for v in value)
    return [f"{indent}{key:<{max(14 - len(indent), len(key))}} {value}"]


def _size(spec: ModelSpec) -> str:
    height, width = spec.input_hw
    return f"{width} x {height}"
