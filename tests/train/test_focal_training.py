"""FocalClick's two networks through the whole way: a few steps, going on, a model that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

import clickmask
from clickmask.train.command import TrainOptions, export, train
from clickmask.train.run_folder import CHECKPOINT, log_entries

from .made_up import write_shard

STEPS = {"phases": "[[64, 4, 3, 1e-3, 1e-3]]", "check_every": "2", "average": "0.5", "validation_objects": "0"}
TINY = {
    "focalclick_segformer_b0_s1": {"network.encoder": "segformer_tiny"},
}


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shard(tmp_path_factory.mktemp("shards") / "a.tar", 12)


def options(name: str, shard: Path, folder: Path, **further: Any) -> TrainOptions:
    return TrainOptions(name, [shard], folder, overrides={**STEPS, **TINY[name]}, threads=1, **further)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    average: dict[str, torch.Tensor] = torch.load(folder / CHECKPOINT, weights_only=True)["average"]
    return average


@pytest.mark.parametrize("name", TINY)
def test_a_few_steps_make_a_model_that_answers(name: str, shard: Path, tmp_path: Path) -> None:
    run, model = tmp_path / "run", tmp_path / "model"
    train(options(name, shard, run))
    losses = [entry["loss"] for entry in log_entries(run)]
    assert len(losses) == 3 and np.isfinite(losses).all()
    export(run, model, side=64)
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    masks = []
    for backend in ("onnx", "torch"):
        predictor = clickmask.load(str(model), backend=backend)
        predictor.set_image(image)
        predictor.add_click(40, 30)
        masks.append(predictor.add_click(70, 50, positive=False))
    assert masks[0].shape == image.shape[:2]
    assert np.mean(masks[0] != masks[1]) < 0.02


def test_windows_are_drawn_again_alike_when_a_run_goes_on(shard: Path, tmp_path: Path) -> None:
    name = "focalclick_segformer_b0_s1"

    def stop(progress: Any) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    train(options(name, shard, tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(options(name, shard, tmp_path / "cut"), stop)
    train(options(name, shard, tmp_path / "cut", resume=True))
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
