"""DIOS, ITIS, FCA-Net and EdgeFlow through the whole way: a few steps of training, resumed, exported, clicked with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.api import load
from clickmask.nn.method import find_method
from clickmask.train.command import TrainOptions, export, train
from clickmask.train.run_folder import log_entries

from .made_up import shapes, write_shard

TINY = {
    "dios_small": '{"widths": [4, 4, 8, 8, 8], "depths": [1, 1, 1, 1, 1], "head": 8}',
    "itis_small": '{"depth": 18, "width": 8, "stem": 8, "fusion": "conv1e"}',
    "fca_small": '{"blocks": [1, 1, 1], "width": 8, "first": [8, 8], "head": 8, "skip": 8}',
    "edgeflow_hrnet18s": '{"width": 4, "small": true, "ocr": 4, "stem": 8, "edge": 4, "fine": 4}',
}
SETTINGS = {"phases": "[[64, 2, 3]]", "validation_objects": "2", "validation_clicks": "2", "objects": "4"}


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shard(tmp_path_factory.mktemp("data") / "shapes.tar")


@pytest.mark.training
@pytest.mark.parametrize("name", TINY)
def test_from_photographs_to_a_model(name: str, shard: Path, tmp_path: Path) -> None:
    overrides = {**SETTINGS, "network": TINY[name]}
    outcome = train(TrainOptions(name, [shard], tmp_path / "run", overrides=overrides, threads=1))
    losses = [entry["loss"] for entry in log_entries(tmp_path / "run") if "loss" in entry]
    assert outcome.steps == 3 and np.isfinite(losses).all()
    assert 0 <= outcome.last["iou@2"] <= 1
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (recipe["method"], recipe["loss"], recipe["clicks"]) == (name, "own", find_method(name).training.schedule)
    spec = export(tmp_path / "run", tmp_path / "model", side=64)
    assert spec.runtime == "onnx" and set(spec.capabilities) == find_method(name).capabilities
    predictor = load(str(tmp_path / "model"), threads=1)
    predictor.set_image(shapes(0)[0])
    first = predictor.logits
    predictor.add_click(30, 30)
    second = predictor.add_click(60, 20, positive=False)
    assert first is None and second.shape == predictor.size_hw
    assert np.array_equal(predictor.redo(), second)
    predictor.undo()
    assert np.array_equal(predictor.add_click(60, 20, positive=False), second), "undo brings back all that was seen"
