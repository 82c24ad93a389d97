"""`clickmask train` and `clickmask export`, from a person's files to a model that clicks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

pytest.importorskip("torch", reason="training needs the train extra")

import clickmask
from clickmask.cli.paths import spread_paths
from clickmask.cli.train import BarReport, PlainLines, duration, parse_settings, reporter
from clickmask.core.errors import RecipeError
from clickmask.train.progress import Progress
from clickmask.train.recipes import find_recipe

from .made_up import SIZE_HW, coco_document, write_folder, write_shard

TINY = ["--set", "phases=[[32, 4, 2]]", "--set", "validation_objects=1", "--set", "validation_clicks=2", "--threads", 1]


@pytest.fixture
def command(clickmask_command: Any) -> Any:
    """`clickmask` in this process."""
    return clickmask_command


def test_from_a_folder_of_images_and_masks_to_a_model_that_clicks(command: Any, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", 5)
    ran = command("train", "smoke", "--data", folder, "-o", tmp_path / "run", *TINY, "--json")
    assert ran.status == 0, ran.err
    outcome = json.loads(ran.out)
    assert (outcome["recipe"], outcome["steps"], outcome["training"], outcome["validation"]) == ("smoke", 2, 4, 1)
    assert "step 2/2" in ran.err and "validation at step 2: iou@1" in ran.err
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"recipe.json", "data.json", "log.jsonl", "curves.svg", "checkpoint.pt"}

    ran = command("export", tmp_path / "run", "-o", tmp_path / "models/mine", "--side", 32)
    assert ran.status == 0, ran.err
    assert "mine: 32 x 32 px, 2 steps of smoke" in ran.out
    predictor = clickmask.load(str(tmp_path / "models/mine"))
    predictor.set_image(np.asarray(Image.open(folder / "images/photo-0.jpg")))
    assert predictor.add_click(48, 36).shape == SIZE_HW
    spec = json.loads((tmp_path / "models/mine/spec.json").read_text())
    assert spec["name"] == "mine" and spec["training"]["steps"] == 2

    # the second round starts from the model just made, on a COCO file beside its images
    labels = folder / "images/labels.json"
    entry = {"id": 1, "file_name": "photo-0.jpg", "height": SIZE_HW[0], "width": SIZE_HW[1]}
    square = {"image_id": 1, "segmentation": [[10, 20, 40, 20, 40, 50, 10, 50]]}
    labels.write_text(json.dumps(coco_document([entry], [square])))
    again = command(
        "train", "finetune", "--data", labels, "-o", tmp_path / "next", "--from", tmp_path / "models/mine", *TINY
    )
    assert again.status == 0, again.err
    assert "2 steps on 1 photograph in" in again.out and f"clickmask export {tmp_path / 'next'}" in again.out


def test_a_model_is_written_again_for_another_size(command: Any, tmp_path: Path) -> None:
    write_folder(tmp_path / "mine", 3)
    assert command("train", "smoke", "--data", tmp_path / "mine", "-o", tmp_path / "run", *TINY).status == 0
    assert command("export", tmp_path / "run", "-o", tmp_path / "small", "--side", 32).status == 0
    ran = command("export", tmp_path / "small", "-o", tmp_path / "large", "--side", 64, "--json")
    assert ran.status == 0, ran.err
    small, large = (json.loads((tmp_path / name / "spec.json").read_text()) for name in ("small", "large"))
    assert json.loads(ran.out)["name"] == "large" and large["input_hw"] == [64, 64]
    assert large["torch_sha256"] == small["torch_sha256"] and large["training"] == small["training"]
    image = np.asarray(Image.open(tmp_path / "mine/images/photo-0.jpg"))
    answers = []
    for name in ("small", "large"):
        predictor = clickmask.load(str(tmp_path / name))
        predictor.set_image(image)
        predictor.add_click(48, 36)
        assert predictor.logits is not None
        answers.append(predictor.logits.values.shape)
    assert answers == [(32, 32), (64, 64)]
    ran = command("export", tmp_path / "small", "-o", tmp_path / "odd", "--side", 50)
    assert ran.status == 2 and "The side must be a multiple of 32 for compact, got 50" in ran.err


def test_several_paths_after_one_option(command: Any, tmp_path: Path) -> None:
    shards = [write_shard(tmp_path / f"{i}.tar", 2, first_seed=10 * i) for i in range(3)]
    ran = command("train", "smoke", "--data", *shards[:2], "--val", shards[2], "-o", tmp_path / "run", *TINY, "--json")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["training"] == 4
    assert json.loads((tmp_path / "run/data.json").read_text())["validation"]["photographs"] == 2


@pytest.mark.parametrize(
    ("given", "spread"),
    [
        (["train", "r", "--data", "a", "b", "-o", "c"], ["train", "r", "--data", "a", "--data", "b", "-o", "c"]),
        (["train", "--data", "a", "--data", "b", "c"], ["train", "--data", "a", "--data", "b", "--data", "c"]),
        (["train", "--val", "v", "w", "--data", "a"], ["train", "--val", "v", "--val", "w", "--data", "a"]),
        (["evaluate", "--data", "a", "b"], ["evaluate", "--data", "a", "b"]),
        ([], []),
    ],
)
def test_paths_are_spread_over_repeated_options(given: list[str], spread: list[str]) -> None:
    assert spread_paths(given) == spread


def test_list_tells_every_recipe(command: Any) -> None:
    ran = command("train", "--list")
    assert ran.status == 0
    for name in ("compact", "compact-gpu", "compact-iterative", "finetune", "smoke"):
        assert f"{name}\n" in ran.out
    table = json.loads(command("train", "--list", "--json").out)
    assert next(row for row in table if row["name"] == "finetune")["start"] == "default"


def test_a_side_that_the_network_cannot_take_is_refused(command: Any, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(find_recipe("smoke").to_json())
    ran = command("export", str(tmp_path), "-o", str(tmp_path / "model"), "--side", "100")
    assert ran.status == 2 and "The input side must be a multiple of 32, at least 32; got 100" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train"], "Which recipe"),
        (["train", "smoke"], "-o runs/first"),
        (["train", "smoke", "-o", "run"], "--data"),
        (["train", "smok", "-o", "run", "--data", "."], "Did you mean 'smoke'"),
        (["train", "smoke", "-o", "run", "--data", "nowhere"], "no training data nowhere"),
        (["train", "smoke", "-o", "run", "--data", ".", "--set", "seed"], "FIELD=VALUE"),
        (["train", "smoke", "-o", "run", "--data", ".", "--set", "seed=x"], "JSON"),
        (["export", "nowhere", "-o", "model"], "no run folder nowhere, nor a model of that name"),
        (["export", "flood", "-o", "model"], "has no weights"),
        (["export", ".", "-o", "model"], "no training run: it has no recipe.json"),
    ],
)
def test_refusals_say_what_to_type(
    command: Any, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command(*arguments)
    assert ran.status == 2 and says in ran.err and "Traceback" not in ran.err
    assert not list(tmp_path.iterdir()), "nothing was written"


def test_export_without_checkpoint_says_to_train(command: Any, tmp_path: Path) -> None:
    ran = command("export", tmp_path, "-o", tmp_path / "model")
    assert ran.status == 2 and "train first" in ran.err
    (tmp_path / "file").write_text("")
    ran = command("export", tmp_path, "-o", tmp_path / "file")
    assert ran.status == 2 and "is a file" in ran.err


@pytest.mark.parametrize("arguments", [["train", "--list"], ["export", "run", "-o", "model"]])
def test_without_torch_the_install_command_is_given(
    command: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("clickmask.train", "clickmask.nn"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = command(*arguments)
    assert ran.status == 2 and "pip install 'clickmask[train]'" in ran.err


def test_settings_are_split_at_the_first_equals_sign() -> None:
    assert parse_settings(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(RecipeError, match="=1"):
        parse_settings(["=1"])


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def progress(step: int, validation: dict[str, float] | None = None) -> Progress:
    return Progress(step, 10, 64, 0.5, 0.8, 12.3, 75.0, validation)


def test_terminal_gets_a_bar_with_speed_and_time_left() -> None:
    console = Console(force_terminal=True, width=140, record=True)
    with reporter(console) as report:
        assert isinstance(report, BarReport)
        report(progress(4))
        report(progress(5, {"iou@1": 0.7}))
    text = console.export_text()
    assert "validation at step 5: iou@1 0.700" in text
    for part in ("5/10", "loss 0.500", "IoU 0.800", "12.3 samples/s", "1 min 15 s left", "64 px"):
        assert part in text


def test_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("clickmask.cli.train.time.monotonic", lambda: now[0])
    lines = PlainLines()
    for step in range(1, 11):
        lines(progress(step))
        now[0] += 8
    shown = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    assert shown == ["1/10", "5/10", "9/10", "10/10"]
