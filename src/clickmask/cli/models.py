"""`clickmask models`: what can be given to --model."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import Enum
from typing import Annotated, Any

import typer

from clickmask.zoo import catalog
from clickmask.zoo.methods import METHODS, MethodLine, method_line
from clickmask.zoo.sam import SAM_LINES, sam_line
from clickmask.zoo.spec import ModelSpec


class Runtime(Enum):
    """What can be given to --backend."""

    onnx = "onnx"
    torch = "torch"


BackendOption = Annotated[
    Runtime | None,
    typer.Option(help="What the network runs on; torch needs the torch extra. Without it, what the model is made for."),
]


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", autocompletion=known_models, help="Tell all about this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models, or tell all about one: method, licence, input, capabilities, hash, training, results.

    Below the models that can be used at once come the methods that wait for training or for their authors' weights.

    For example:

    clickmask models

    clickmask models default --json
    """
    if name:
        one_model(name, as_json)
        return
    specs = [catalog.find(each)[0] for each in catalog.names()]
    ready = {name for spec in specs for name in (spec.name, spec.method)}
    waiting = [line for line in (*METHODS, *SAM_LINES) if line.name not in ready]
    clouds = [found[0] for found in map(catalog.find_cloud, catalog.cloud_names()) if found is not None]
    if as_json:
        values = [{**asdict(spec), "ready": True} for spec in specs]
        values += [{**asdict(spec), "kind": "cloud", "ready": True} for spec in clouds]
        typer.echo(json.dumps([*values, *({**asdict(line), "ready": False} for line in waiting)], indent=2))
        return
    typer.echo("\n".join(table(specs)))
    if clouds:
        typer.echo("\nFor point clouds:\n")
        typer.echo("\n".join(f"{spec.name:<15}{spec.licence}  {spec.summary}" for spec in clouds))
    if waiting:
        typer.echo("\nMethods without weights here; `clickmask models NAME` says how to get some:\n")
        typer.echo("\n".join(method_table(waiting)))


def one_model(name: str, as_json: bool) -> None:
    """Everything about a model, or about a method that has no weights yet."""
    line = method_line(name) or sam_line(name)
    if line is not None and name not in catalog.names():
        told = json.dumps({**asdict(line), "ready": False}, indent=2) if as_json else "\n".join(method_details(line))
        typer.echo(told)
        return
    cloud = catalog.find_cloud(name)
    if cloud is not None:
        values = {**asdict(cloud[0]), "kind": "cloud", "ready": True}
        text = json.dumps(values, indent=2)
        typer.echo(
            text if as_json else "\n".join(line for key, value in values.items() for line in _field(key, value, 0))
        )
        return
    spec = catalog.find(name)[0]
    typer.echo(json.dumps({**asdict(spec), "ready": True}, indent=2) if as_json else "\n".join(details(spec)))


def known_models(incomplete: str) -> list[str]:
    """Names that complete what was typed."""
    return [name for name in [*catalog.names(), *catalog.cloud_names()] if name.startswith(incomplete)]


def table(specs: list[ModelSpec]) -> list[str]:
    """One line per model under a head, columns aligned."""
    rows = [("NAME", "METHOD", "LICENCE", "INPUT", "SUMMARY")]
    rows += [(s.name, s.method, s.licence, _size(s), s.summary) for s in specs]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join([*(cell.ljust(w) for cell, w in zip(row[:4], widths, strict=True)), row[4]]) for row in rows]


def method_table(lines: list[MethodLine]) -> list[str]:
    """One line per method under a head, columns aligned."""
    rows = [("NAME", "FAMILY", "PAPER", "CODE", "SUMMARY")]
    rows += [(m.name, m.family, f"{m.paper}, {m.year}", m.licence, m.summary) for m in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join([*(cell.ljust(w) for cell, w in zip(row[:4], widths, strict=True)), row[4]]) for row in rows]


def method_details(line: MethodLine) -> list[str]:
    """What the catalogue knows about a method, and how to get weights."""
    lines = [f"{line.name}: {line.summary}", ""]
    for key, value in (("family", line.family), ("paper", f"{line.paper}, {line.year}"), ("code", line.licence)):
        lines += _field(key, value, 0)
    for file in line.published:
        size = f", {file.megabytes:g} MB" if file.megabytes else ""
        lines += _field("published", f"{file.file} ({file.trained_on}{size}; {file.licence})", 0)
    return [*lines, "", catalog.how_to_get(line.name)]


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
