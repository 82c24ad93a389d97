"""The smoke recipe learns something in two minutes."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import mean

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.train.command import TrainOptions, train
from clickmask.train.run_folder import log_entries

from .made_up import write_shard


def training_data(folder: Path, repository: Path) -> tuple[list[Path], list[Path]]:
    """Training and validation shards: real photographs where they are at hand, else coloured shapes."""
    shared = Path(os.environ.get("CLICKMASK_SHARED", repository.parent / "shared")) / "data/train"
    if shared.is_dir():
        return [shared / "train-000.tar"], [shared / "val-000.tar"]
    shards = [write_shard(folder / f"{name}.tar", 60, seed) for name, seed in (("train", 0), ("val", 1000))]
    return shards[:1], shards[1:]


@pytest.mark.training
@pytest.mark.slow
def test_smoke_recipe_improves(tmp_path: Path, repository: Path) -> None:
    data, validation = training_data(tmp_path, repository)
    outcome = train(TrainOptions("smoke", data, tmp_path / "run", validation=validation, threads=1))
    ious = [entry["iou"] for entry in log_entries(tmp_path / "run") if "iou" in entry]
    assert mean(ious[-20:]) > mean(ious[:10]) + 0.15, "the masks fit their targets better"
    assert outcome.last["iou@1"] > outcome.first["iou@1"] + 0.1, "one click does more on photographs not seen before"
    assert outcome.last["iou@3"] > outcome.first["iou@3"] + 0.1
