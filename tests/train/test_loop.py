"""The loop: the same seed gives the same losses, and a killed run ends with the weights of an unbroken one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

from clickmask.core.errors import RecipeError, StorageError, UnknownNameError, WeightsError
from clickmask.nn.losses import LOSSES
from clickmask.nn.method import Phase
from clickmask.train.command import TrainOptions, train
from clickmask.train.held_out import split
from clickmask.train.loop import Trainer
from clickmask.train.progress import Clock, Progress, pixels_between
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import RECIPES, find_recipe
from clickmask.train.run_folder import CHECKPOINT, LOG, log_entries
from clickmask.train.sources import read_sources

from .made_up import write_shard

PHASES = "[[32, 4, 5, 1e-3, 1e-3], [64, 2, 3, 1e-3, 1e-4]]"
SETTINGS = {
    "phases": PHASES,
    "groups": "2",
    "check_every": "4",
    "warmup": "2",
    "validate_every": "5",
    "average": "0.5",
    "validation_objects": "1",
    "validation_clicks": "2",
}

CHILD = """
import sys
from pathlib import Path
from clickmask.train.command import TrainOptions, train

def show(progress):
    print(progress.step, flush=True)

settings = dict(pair.split("=", 1) for pair in sys.argv[3:])
train(TrainOptions("smoke", [Path(sys.argv[1])], Path(sys.argv[2]), overrides=settings, threads=1), show)
"""


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shard(tmp_path_factory.mktemp("shards") / "a.tar", 12)


def run(shard: Path, folder: Path, *, resume: bool = False, **settings: str) -> dict[str, Any]:
    train(TrainOptions("smoke", [shard], folder, overrides={**SETTINGS, **settings}, resume=resume, threads=1))
    return checkpoint(folder)


def checkpoint(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / CHECKPOINT, weights_only=True)
    return state


@pytest.fixture(scope="module")
def unbroken(shard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that was left alone."""
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    run(shard, folder)
    return folder


def assert_same(left: Any, right: Any, where: str = "") -> None:
    """Equal to the bit, however nested."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            if key != "seconds":
                assert_same(left[key], right[key], f"{where}/{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for number, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_same(a, b, f"{where}/{number}")
    else:
        assert left == right, where


def story(folder: Path) -> list[dict[str, Any]]:
    """The log without times."""
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in log_entries(folder)]


def test_one_seed_gives_the_same_losses_another_seed_others(shard: Path, unbroken: Path, tmp_path: Path) -> None:
    again = run(shard, tmp_path / "again")
    assert_same(again, checkpoint(unbroken))
    assert story(tmp_path / "again") == story(unbroken)
    run(shard, tmp_path / "other", seed="1", phases="[[32, 4, 3]]")
    ours, theirs = ([e["loss"] for e in story(f) if "loss" in e][:3] for f in (unbroken, tmp_path / "other"))
    assert not set(ours) & set(theirs)


@pytest.mark.parametrize("killed_at", [2, 7], ids=["before the first checkpoint", "after the second phase began"])
def test_killed_run_ends_with_the_weights_of_an_unbroken_one(
    shard: Path, unbroken: Path, tmp_path: Path, killed_at: int
) -> None:
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    command = [sys.executable, "-c", CHILD, str(shard), str(tmp_path / "run"), *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == killed_at:
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    end = run(shard, tmp_path / "run", resume=True)
    assert_same(end, checkpoint(unbroken))
    assert story(tmp_path / "run") == story(unbroken), "its log reads like an unbroken one"


def test_run_resumes_within_a_phase_and_at_its_end(shard: Path, unbroken: Path, tmp_path: Path) -> None:
    recipe, (photos, _) = find_recipe("smoke", SETTINGS), _photos(shard)
    for before, step in pairwise((0, 1, 4, 5, 6, 8)):  # 5 ends the first phase
        trainer = Trainer(recipe, photos, tmp_path, resume=True)
        assert trainer.step == before
        trainer.run(until=step)
    assert_same(checkpoint(tmp_path), checkpoint(unbroken))


def test_finished_run_can_be_resumed_and_stays_as_it_is(shard: Path, unbroken: Path) -> None:
    before = (unbroken / LOG).read_text()
    assert_same(run(shard, unbroken, resume=True), checkpoint(unbroken))
    assert (unbroken / LOG).read_text() == before


def test_iterative_training_runs_and_resumes(shard: Path, tmp_path: Path) -> None:
    settings = {"clicks": "iterative", "phases": "[[32, 3, 5]]", "check_every": "2", "validate_every": "0"}
    whole = run(shard, tmp_path / "whole", **settings)
    photos, _ = _photos(shard)
    part = Trainer(find_recipe("smoke", {**SETTINGS, **settings}), photos, tmp_path / "part")
    part.run(until=3)
    assert_same(run(shard, tmp_path / "part", resume=True, **settings), whole)


def _photos(shard: Path) -> tuple[Any, Any]:
    return split(read_sources([shard]), None, 1)


def test_log_and_progress_tell_the_same(shard: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    outcome = train(TrainOptions("smoke", [shard], tmp_path, overrides=SETTINGS, threads=1), seen.append)
    entries = log_entries(tmp_path)
    steps = [e for e in entries if "loss" in e]
    assert [p.step for p in seen] == [e["step"] for e in steps] == list(range(1, 9))
    assert [p.loss for p in seen] == [e["loss"] for e in steps]
    assert [e["side"] for e in steps] == [32] * 5 + [64] * 3
    checks = {e["step"]: e["validation"] for e in entries if "validation" in e}
    assert list(checks) == [0, 5, 8], "before the first step, every fifth, at the end"
    assert {p.step: p.validation for p in seen if p.validation} == {k: v for k, v in checks.items() if k}
    assert outcome.first == checks[0] and outcome.last == checks[8]
    assert all(0 <= v <= 1 for k, v in outcome.last.items() if k.startswith("iou@"))
    assert seen[-1].seconds_left == 0 and all(p.samples_per_second > 0 for p in seen)
    rates = [e["rate"] for e in steps]
    assert rates[0] == pytest.approx(5e-4), "half of the warm-up of two steps"
    assert rates[-1] == pytest.approx(1e-4)


def test_time_left_goes_by_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("r", phases=(Phase(64, 4, 10), Phase(128, 4, 10)))
    assert pixels_between(recipe, 0, 20) == 10 * 4 * (64**2 + 128**2)
    assert pixels_between(recipe, 10, 15) == 5 * 4 * 128**2
    now = [100.0]
    monkeypatch.setattr("clickmask.train.progress.time.monotonic", lambda: now[0])
    clock = Clock(recipe, 5, 20, 7.0)
    now[0] += 2
    speed, left = clock.tick(4, 64)
    assert speed == pytest.approx(2.0) and left == pytest.approx(2 * (4 + 10 * 4))
    now[0] += 50
    clock.skip()  # a validation
    now[0] += 2
    assert clock.tick(4, 64)[0] == pytest.approx(2.0)
    assert clock.seconds == pytest.approx(7 + 54)


# Refusals


def test_folder_with_a_run_is_not_overwritten(shard: Path, unbroken: Path) -> None:
    before = (unbroken / CHECKPOINT).read_bytes()
    with pytest.raises(RecipeError, match="--resume"):
        run(shard, unbroken)
    with pytest.raises(RecipeError, match="other settings"):
        run(shard, unbroken, resume=True, seed="5")
    with pytest.raises(RecipeError, match=r"recipe 'smoke', not of 'compact'"):
        train(TrainOptions("compact", [shard], unbroken, resume=True))
    assert (unbroken / CHECKPOINT).read_bytes() == before


def test_resuming_with_other_photographs_is_refused(unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"data\.json.*--from"):
        run(write_shard(tmp_path / "b.tar", 13), unbroken, resume=True)


def test_damaged_data_description_is_named(shard: Path, unbroken: Path, tmp_path: Path) -> None:
    for name in ("recipe.json", CHECKPOINT):
        (tmp_path / name).write_bytes((unbroken / name).read_bytes())
    for text in ("{", "[]", '{"sources": {}}'):
        (tmp_path / "data.json").write_text(text)
        with pytest.raises(RecipeError, match=r"data\.json .*Remove it"):
            run(shard, tmp_path, resume=True)


def test_resumed_run_remembers_settings_and_data(unbroken: Path) -> None:
    outcome = train(TrainOptions("smoke", [], unbroken, resume=True, threads=1))
    assert outcome.steps == 8 and outcome.training == 11


def test_data_description(unbroken: Path, shard: Path) -> None:
    data = json.loads((unbroken / "data.json").read_text())
    assert data["sources"] == {"training": [str(shard)], "validation": [], "masks": "binary"}
    assert data["training"]["photographs"] == 11 and data["training"]["sets"] == {"shapes": 11}
    assert data["validation"]["photographs"] == 1 and data["validation"]["objects"] == 1


def test_damaged_checkpoint_is_named(shard: Path, unbroken: Path, tmp_path: Path) -> None:
    for name in ("recipe.json", "data.json"):
        (tmp_path / name).write_bytes((unbroken / name).read_bytes())
    (tmp_path / CHECKPOINT).write_bytes((unbroken / CHECKPOINT).read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is damaged"):
        run(shard, tmp_path, resume=True)


def test_folder_that_cannot_be_made_is_a_storage_error(shard: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        run(shard, tmp_path / "file" / "run")


def test_full_disk_keeps_the_last_checkpoint(
    shard: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, _ = _photos(shard)
    recipe = find_recipe("smoke", SETTINGS)
    Trainer(recipe, photos, tmp_path).run(until=2)
    good = (tmp_path / CHECKPOINT).read_bytes()

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clickmask.train.run_folder.torch.save", full)
    with pytest.raises(StorageError, match=r"No space left.*--resume"):
        Trainer(recipe, photos, tmp_path, resume=True).run()
    assert (tmp_path / CHECKPOINT).read_bytes() == good


def test_data_are_needed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--data"):
        train(TrainOptions("smoke", [], tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_missing_device_is_said(shard: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No CUDA device"):
        train(TrainOptions("smoke", [shard], tmp_path, device="cuda"))
    with pytest.raises(RecipeError, match="Accepted: cpu, cuda"):
        train(TrainOptions("smoke", [shard], tmp_path, device="tpu"))


# Starting from other weights


def test_run_starts_from_the_weights_of_another_run(shard: Path, unbroken: Path, tmp_path: Path) -> None:
    options = TrainOptions(
        "smoke", [shard], tmp_path / "next", overrides={**SETTINGS, "phases": "[[32, 2, 1, 0, 0]]"}, threads=1
    )
    train(replace(options, start=str(unbroken)))
    ours, theirs = checkpoint(tmp_path / "next")["average"], checkpoint(unbroken)["average"]
    assert_same(ours, theirs)  # the learning rate is 0
    saved = json.loads((tmp_path / "next/recipe.json").read_text())
    assert saved["start"] == str(unbroken) and saved["pretrained"] is False


def test_starting_from_what_has_no_network_is_refused(shard: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="flood"):
        train(TrainOptions("smoke", [shard], tmp_path / "run", start="flood"))
    with pytest.raises(UnknownNameError, match="nothing-like-this"):
        train(TrainOptions("smoke", [shard], tmp_path / "run", start="nothing-like-this"))
    assert not (tmp_path / "run").exists()


# Losses


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_losses_are_chosen_by_name(loss: str, tmp_path: Path, shard: Path, unbroken: Path) -> None:
    photos, _ = _photos(shard)
    losses: list[float] = []
    recipe = find_recipe("smoke", {**SETTINGS, "loss": loss, "phases": "[[32, 4, 6, 1e-3, 1e-3]]"})
    Trainer(recipe, photos, tmp_path).run(lambda p: losses.append(p.loss), until=1)
    standard = next(e["loss"] for e in log_entries(unbroken) if "loss" in e)
    assert (losses[0] == standard) == (loss == RECIPES["smoke"].loss)


def test_later_clicks_weigh_what_the_recipe_says(shard: Path, tmp_path: Path) -> None:
    photos, _ = _photos(shard)
    losses: dict[str, list[float]] = {"even": [], "none": []}
    for name, weights in (("even", "[1.0]"), ("none", "[0.0, 1.0]")):
        recipe = find_recipe("smoke", {**SETTINGS, "click_weights": weights})
        note: Callable[[Progress], None] = lambda p, name=name: losses[name].append(p.loss)  # noqa: E731
        Trainer(recipe, photos, tmp_path / name).run(note, until=1)
    assert losses["even"][0] > 0 and losses["none"] == [0.0], "the first step sees fresh samples alone"
