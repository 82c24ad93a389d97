"""Any method's network through the whole way: training, going on, export, fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

import clickmask
from clickmask.core.errors import WeightsError
from clickmask.nn.guided import GuidedHRNetConfig
from clickmask.train.command import TrainOptions, export, train
from clickmask.train.recipes import read_recipe
from clickmask.train.run_folder import CHECKPOINT, log_entries
from clickmask.zoo.spec import ModelSpec

from .made_up import write_shard

TINY = {"network.width": "4", "network.ocr": "4", "network.stem": "8"}
STEPS = {"phases": "[[64, 4, 4, 1e-3, 1e-3]]", "check_every": "2", "average": "0.5"}
NOT_JUDGED = {"validation_objects": "0"}


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shard(tmp_path_factory.mktemp("shards") / "a.tar", 12)


def run(shard: Path, folder: Path, recipe: str = "ritm_hrnet18s", **options: Any) -> dict[str, torch.Tensor]:
    overrides = {**STEPS, **NOT_JUDGED, **(TINY if recipe.startswith("ritm") else {}), **options.pop("overrides", {})}
    train(TrainOptions(recipe, [shard], folder, overrides=overrides, threads=1, **options))
    average: dict[str, torch.Tensor] = torch.load(folder / CHECKPOINT, weights_only=True)["average"]
    return average


@pytest.fixture(scope="module")
def trained(shard: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("runs") / "ritm"
    return folder, run(shard, folder)


def test_it_learns_with_its_statistics(trained: tuple[Path, dict[str, torch.Tensor]]) -> None:
    folder, average = trained
    losses = [entry["loss"] for entry in log_entries(folder)]
    assert len(losses) == 4 and np.isfinite(losses).all()
    counted = [value for name, value in average.items() if name.endswith("num_batches_tracked")]
    assert {int(value) for value in counted} == {4}, "rehearsals must not move the statistics"


def test_a_run_that_was_cut_off_ends_the_same(
    shard: Path, trained: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    """Dropout included: what it drops is decided by seed and step."""

    def stop(progress: Any) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    options = TrainOptions("ritm_hrnet18s", [shard], tmp_path, overrides={**STEPS, **NOT_JUDGED, **TINY}, threads=1)
    with pytest.raises(KeyboardInterrupt):
        train(options, stop)
    again = run(shard, tmp_path, resume=True)
    assert again.keys() == trained[1].keys()
    assert all(torch.equal(again[name], trained[1][name]) for name in again)


@pytest.fixture(scope="module")
def model(trained: tuple[Path, dict[str, torch.Tensor]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "mine"
    export(trained[0], folder, side=64)
    return folder


def test_it_is_exported_with_what_it_is(model: Path) -> None:
    spec = ModelSpec.read(model)
    assert (spec.method, spec.runtime, spec.input_hw) == ("ritm_hrnet18s", "onnx", (64, 64))
    assert spec.config == {"width": 4, "ocr": 4, "stem": 8}
    assert spec.training["start"] == "scratch" and spec.encoding == "disk_mask"


def test_it_clicks_on_either_runtime_alike(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    answers = []
    for backend in ("onnx", "torch"):
        predictor = clickmask.load(str(model), backend=backend)
        assert predictor.pipeline.spec.runtime == backend
        assert ("gradients" in predictor.pipeline.backend.capabilities) == (backend == "torch")
        predictor.set_image(image)
        predictor.add_click(40, 30)
        assert predictor.pipeline.backend.capabilities >= {"previous_mask"}
        answers.append(predictor.score)
    assert answers[0] == pytest.approx(answers[1], abs=1e-3)


def test_fine_tuning_goes_on_with_the_model_s_own_network(shard: Path, model: Path, tmp_path: Path) -> None:
    few = {"phases": "[[64, 2, 1, 1e-4, 1e-4]]", "groups": "2"}
    run(shard, tmp_path / "run", "finetune", start=str(model), overrides=few)
    recipe = read_recipe(tmp_path / "run")
    assert (recipe.name, recipe.method, recipe.loss) == ("finetune", "ritm_hrnet18s", "own")
    assert recipe.network == GuidedHRNetConfig(width=4, ocr=4, stem=8)
    assert (recipe.start, recipe.input_side) == (str(model), 64)


def test_another_network_s_weights_are_refused(shard: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has no ritm_resnet34 network of this size to start from"):
        train(
            TrainOptions("ritm_resnet34", [shard], tmp_path / "run", overrides=NOT_JUDGED, start=str(model), threads=1)
        )


def test_the_list_tells_methods_too(clickmask_command: Any) -> None:
    table = json.loads(clickmask_command("train", "--list", "--json").out)
    row = next(row for row in table if row["name"] == "ritm_hrnet18s")
    assert row["start"] == "scratch" and row["steps"] > 0 and row["summary"].endswith(".")
