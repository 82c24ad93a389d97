"""The description that travels with weights: listing models and showing licences runs no network code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from clickmask.core.errors import WeightsError

T = TypeVar("T")

FORMAT_VERSION = 1
SPEC_FILE = "spec.json"


@dataclass(frozen=True)
class ModelSpec:
    """One model.

    Attributes:
        name: what a person types after ``--model``.
        method: the published idea or our own name for it.
        summary: one sentence.
        licence: of the weights, SPDX where there is one.
        runtime: name in the backend table that runs it.
        input_hw: network input in pixels.
        encoding: name in the encoding table, None if the backend needs no maps.
        encoding_options: keyword arguments of the encoding.
        capabilities: what the backend offers, e.g. ``previous_mask``, ``box``.
        threshold: probability above which a pixel belongs to the mask.
        zoom_in: settings of the zoom-in stage that the model was chosen with; None for no zoom-in.
        stages: named stages that the model was chosen with; those that a person asks for come on top.
        views: settings of `clickmask.predict.views` with which it gives several masks; None if it gives one.
        quality: calibration of the expected IoU, see `clickmask.predict.quality`; None if it was not calibrated.
        weights: file name beside the spec, None for a model without weights.
        sha256: of the weights file.
        torch_weights: file for the torch runtime beside that of another `runtime`; None where there is none.
        torch_sha256: of that file.
        parts: further files of the runtime, name -> SHA-256, e.g. the graph of a refiner.
        config: sizes of the network where they differ from the method's own, by field.
        training: what it was trained on and how (data sets, licences, steps, command), for the card.
        results: measured numbers with protocol and hash, for the card.
    """

    name: str
    method: str
    summary: str
    licence: str
    runtime: str = "onnx"
    input_hw: tuple[int, int] = (256, 256)
    encoding: str | None = None
    encoding_options: dict[str, Any] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    threshold: float = 0.5
    zoom_in: dict[str, float] | None = None
    stages: tuple[str, ...] = ()
    views: dict[str, Any] | None = None
    quality: dict[str, float] | None = None
    weights: str | None = None
    sha256: str | None = None
    torch_weights: str | None = None
    torch_sha256: str | None = None
    parts: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Text of the spec file."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"

    @staticmethod
    def read(folder: Path) -> ModelSpec:
        """Read ``spec.json`` of a model folder; WeightsError if it is missing, damaged or of a newer version."""
        path = folder / SPEC_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise WeightsError(
                f"No model in {folder}: {SPEC_FILE} is missing. `clickmask export` writes one."
            ) from error
        except (OSError, ValueError) as error:
            raise WeightsError(f"{path} cannot be read as a model description: {error}.") from error
        if not isinstance(values, dict):
            raise WeightsError(f"{path} cannot be read as a model description: expected an object with fields.")
        version = values.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise WeightsError(
                f"{path} has format version {version}; this clickmask reads version {FORMAT_VERSION}. "
                "Update clickmask, or export the model again."
            )
        return _spec_of(values, path)


def _spec_of(values: dict[str, Any], path: Path) -> ModelSpec:
    known = {f.name for f in fields(ModelSpec)}
    required = {f.name for f in fields(ModelSpec) if f.default is MISSING and f.default_factory is MISSING}
    unknown = set(values) - known
    if unknown:
        raise WeightsError(f"{path} holds unknown fields: {', '.join(sorted(unknown))}.")
    missing = required - set(values)
    if missing:
        raise WeightsError(f"{path} lacks the fields {', '.join(sorted(missing))}.")
    size = values.get("input_hw", [1, 1])
    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(v, int) and v > 0 for v in size)):
        raise WeightsError(f"{path}: input_hw must be two whole numbers above 0, height and width, got {size!r}.")
    for name in ("capabilities", "stages"):
        if not isinstance(values.get(name, []), list):
            raise WeightsError(f"{path}: {name} must be a list of names, got {values[name]!r}.")
    tuples = ("input_hw", "capabilities", "stages")
    arguments: dict[str, Any] = {key: tuple(value) if key in tuples else value for key, value in values.items()}
    return ModelSpec(**arguments)


def made(spec: ModelSpec, field_name: str, kind: Callable[..., T], options: Mapping[str, Any]) -> T:
    """`kind` with the options that a spec gives in one of its fields; WeightsError for options it does not have."""
    try:
        return kind(**options)
    except TypeError as error:
        raise WeightsError(
            f"The model '{spec.name}' has settings in '{field_name}' that do not exist: {error}."
        ) from error
