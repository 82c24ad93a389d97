from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickmask.core.errors import WeightsError
from clickmask.zoo.spec import FORMAT_VERSION, SPEC_FILE, ModelSpec

FULL = ModelSpec(
    name="mine",
    method="compact",
    summary="Trained on my own photographs.",
    licence="CC-BY-4.0",
    input_hw=(192, 256),
    encoding="disk_distance",
    encoding_options={"radius": 3.0},
    capabilities=("box", "previous_mask"),
    threshold=0.4,
    zoom_in={"expansion": 1.3},
    weights="model.onnx",
    sha256="ab" * 32,
    training={"data": ["a", "b"], "steps": 10},
    results={"NoC@90": 2.5},
)


def written(folder: Path, text: str) -> Path:
    (folder / SPEC_FILE).write_text(text, encoding="utf-8")
    return folder


def changed(folder: Path, **fields: Any) -> Path:
    values = json.loads(FULL.to_json())
    values.update(fields)
    return written(folder, json.dumps({key: value for key, value in values.items() if value != "gone"}))


def test_a_spec_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert ModelSpec.read(written(tmp_path, FULL.to_json())) == FULL


def test_fields_with_defaults_may_be_missing(tmp_path: Path) -> None:
    values = {"format_version": FORMAT_VERSION, "name": "a", "method": "b", "summary": "c", "licence": "d"}
    assert ModelSpec.read(written(tmp_path, json.dumps(values))) == ModelSpec("a", "b", "c", "d")


def test_a_folder_without_a_spec(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"No model in .*: spec.json is missing. `clickmask export` writes one"):
        ModelSpec.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[]", '"spec"', "12", "null"])
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(WeightsError, match=r"spec.json cannot be read as a model description"):
        ModelSpec.read(written(tmp_path, text))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / SPEC_FILE).write_bytes(b"\xff\xfe{")
    with pytest.raises(WeightsError, match="cannot be read as a model description"):
        ModelSpec.read(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format_version": 2}, "format version 2; this clickmask reads version 1. Update clickmask"),
        ({"format_version": "gone"}, "format version None"),
        ({"magic": 1, "luck": 2}, "unknown fields: luck, magic"),
        ({"method": "gone", "licence": "gone"}, "lacks the fields licence, method"),
        ({"input_hw": 256}, "input_hw must be two whole numbers above 0, height and width, got 256"),
        ({"input_hw": [256, 256, 3]}, r"got \[256, 256, 3\]"),
        ({"input_hw": [256, 0]}, r"got \[256, 0\]"),
        ({"input_hw": [256.5, 1]}, "input_hw"),
        ({"capabilities": "box"}, "capabilities must be a list of names, got 'box'"),
        ({"stages": "flip"}, "stages must be a list of names, got 'flip'"),
    ],
)
def test_fields_that_do_not_fit(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        ModelSpec.read(changed(tmp_path, **fields))
