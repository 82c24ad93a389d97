"""The description that travels with weights of a model for point clouds."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from clickmask.core.errors import WeightsError

FORMAT_VERSION = 1
CLOUD_SPEC_FILE = "cloud_spec.json"


@dataclass(frozen=True)
class CloudSpec:
    """One model for clouds.

    Attributes:
        name: what a person types after ``--model``.
        method: the published idea or our own name for it.
        summary: one sentence.
        licence: of the weights.
        weights: file name beside the spec.
        sha256: of that file.
        options: how it looks at clouds, fields of `clickmask.predict.clouds.CloudOptions`.
        training: what it was trained on and how, for the card.
        results: measured numbers with their protocol, for the card.
    """

    name: str
    method: str
    summary: str
    licence: str
    weights: str
    sha256: str
    options: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Text of the spec file."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"

    @staticmethod
    def read(folder: Path) -> CloudSpec:
        """Read the spec of a model folder; WeightsError if it is missing, damaged or of a newer version."""
        path = folder / CLOUD_SPEC_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WeightsError(f"{path} cannot be read as the description of a model for clouds: {error}.") from error
        if not isinstance(values, dict):
            raise WeightsError(f"{path} holds no object with fields.")
        version = values.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise WeightsError(f"{path} has format version {version}; this clickmask reads version {FORMAT_VERSION}.")
        known = {f.name for f in fields(CloudSpec)}
        required = {f.name for f in fields(CloudSpec) if f.default is MISSING and f.default_factory is MISSING}
        if set(values) - known or required - set(values):
            wrong = ", ".join(sorted((set(values) - known) | (required - set(values))))
            raise WeightsError(f"{path} does not fit this clickmask; unknown or missing: {wrong}.")
        return CloudSpec(**values)
