"""What others may rely on. Adding to a list is fine; taking away needs a deprecated release first."""

from __future__ import annotations

import importlib

import pytest

import clickmask
from clickmask.api import STAGES
from clickmask.cli.main import COMMANDS, SUMMARIES
from clickmask.formats import FORMATS

PUBLIC = [
    "Box",
    "Click",
    "ClickmaskError",
    "CloudPredictor",
    "InputError",
    "LabelVolume",
    "Predictor",
    "RunLengthMask",
    "Segment",
    "Volume",
    "VolumePredictor",
    "__version__",
    "cloud_models",
    "load",
    "load_cloud",
    "load_volume",
    "models",
    "read_cloud",
    "read_image",
    "read_labels",
    "read_volume",
    "write_cloud",
    "write_labels",
]
PREDICTOR = [
    "add_box",
    "add_click",
    "forget_sequence",
    "frame",
    "logits",
    "mask",
    "next_object",
    "predict",
    "redo",
    "reset",
    "restore",
    "run_length_mask",
    "score",
    "set_image",
    "set_mask",
    "size_hw",
    "state",
    "uncertainty",
    "undo",
]


def test_the_package() -> None:
    assert sorted(clickmask.__all__) == PUBLIC
    assert all(hasattr(clickmask, name) for name in PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        clickmask.lode  # noqa: B018


def test_the_predictor() -> None:
    assert [name for name in dir(clickmask.Predictor) if not name.startswith("_")] == PREDICTOR


def test_the_registries() -> None:
    assert set(FORMATS) >= {"coco", "labelme", "png"}
    assert set(STAGES) >= {"flip"}
    assert (
        set(COMMANDS)
        == set(SUMMARIES)
        == {
            "annotate",
            "serve",
            "segment",
            "segment-volume",
            "evaluate",
            "train",
            "export",
            "models",
            "convert",
            "convert-weights",
            "import-sam",
            "log",
            "replay",
        }
    )


@pytest.mark.parametrize("registry", [FORMATS, STAGES, COMMANDS], ids=lambda r: r.kind)
def test_every_entry_leads_somewhere(registry: clickmask.core.registry.Registry[object]) -> None:
    for name in registry:
        module, _, attribute = registry.target(name).partition(":")
        assert hasattr(importlib.import_module(module), attribute), name
