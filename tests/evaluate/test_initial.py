from __future__ import annotations

import json
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image as Pillow
from typer.testing import CliRunner, Result

from clickmask.cli.evaluate import build_subject, evaluate, find_initial_masks
from clickmask.core.errors import InputError, UnknownNameError
from clickmask.core.masks import iou
from clickmask.data import Truth, open_dataset
from clickmask.evaluate import metrics
from clickmask.evaluate.initial import Corrupted, FirstAnswer, FromFolder
from clickmask.evaluate.records import ObjectKey, read_finished

from .made_up import write_folder

APP = typer.Typer()
APP.command()(evaluate)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos", 3)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(APP, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def key_of(image_id: str, dataset: str = "folder") -> ObjectKey:
    return ObjectKey(dataset, image_id, "1")


def test_each_object_is_measured_from_nothing_and_from_its_mask(photos: Path, tmp_path: Path) -> None:
    run(f"folder={photos}", "--model", "flood", "--initial-masks", "erosion", "--max-clicks", 4, "-o", tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert list(summary["datasets"]) == ["folder", "folder from erosion"]
    plain, corrected = summary["datasets"].values()
    assert "initial_IoU" not in plain
    assert 0.7 < corrected["initial_IoU"] < 0.9
    assert summary["protocol"]["initial_mask"].endswith("by erosion (seed 0)")
    assert summary["protocol"]["name"] == "published, 4 clicks, masks from erosion"
    assert {"destroyed_per_correction", "destroyed_per_object", "destroyed_worst"} <= corrected.keys()
    report = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "Objects began with masks of mean IoU" in report and "A correction destroyed" in report


def test_what_is_counted_as_destroyed(photos: Path, tmp_path: Path) -> None:
    """Against the masks themselves: with one click the initial and the last mask are known."""
    run(
        f"folder={photos}", "--model", "flood", "--initial-masks", "dilation", "--max-clicks", 1, "-o", tmp_path / "run"
    )
    records = read_finished(tmp_path / "run/records.jsonl")
    samples = {sample.image_id: sample for sample in open_dataset("folder", photos).samples}
    checked = 0
    for key, (record,) in records.items():
        if key.dataset != "folder from dilation":
            continue
        image, truth = samples[key.image].load()
        before = Corrupted("dilation")(key, image, truth)
        assert record.initial_iou == pytest.approx(iou(before, truth.mask, truth.ignore))
        assert record.mask is not None
        after = record.mask.decode()
        assert record.destroyed == ((before == truth.mask) & (after != truth.mask)).sum()
        assert metrics.corrections((record,)) == (record,)
        checked += 1
    assert checked == 3


def test_a_stopped_run_goes_on(photos: Path, tmp_path: Path) -> None:
    command = [f"folder={photos}", "--model", "flood", "--initial-masks", "superpixels", "--max-clicks", 3]
    run(*command, "-o", tmp_path / "whole")
    run(*command, "-o", tmp_path / "parts", "--limit", 1)
    run(*command, "-o", tmp_path / "parts")
    whole, parts = (read_finished(tmp_path / name / "records.jsonl") for name in ("whole", "parts"))
    assert {k: [r.iou for r in v] for k, v in whole.items()} == {k: [r.iou for r in v] for k, v in parts.items()}


def test_other_initial_masks_are_another_run(photos: Path, tmp_path: Path) -> None:
    run(f"folder={photos}", "--model", "flood", "--initial-masks", "erosion", "--limit", 1, "-o", tmp_path / "run")
    with pytest.raises(InputError, match=r"another folder with -o"):
        run(f"folder={photos}", "--model", "flood", "--initial-masks", "dilation", "--limit", 1, "-o", tmp_path / "run")


def test_a_mask_depends_on_the_object_and_the_seed_alone(photos: Path) -> None:
    image, truth = open_dataset("folder", photos).samples[0].load()
    same = [Corrupted("superpixels")(key_of("a", name), image, truth) for name in ("folder", "another")]
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], Corrupted("superpixels")(key_of("b"), image, truth))
    assert not np.array_equal(same[0], Corrupted("superpixels", seed=1)(key_of("a"), image, truth))


def test_masks_from_a_folder(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:9, 4:20] = True
    Pillow.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "cat.png")
    Pillow.fromarray((~mask).astype(np.uint8) * 255).save(tmp_path / "dog_1.png")
    image, truth = np.zeros((20, 30, 3), np.uint8), Truth(mask)
    given = FromFolder(tmp_path)
    assert np.array_equal(given(key_of("cat"), image, truth), mask)
    assert np.array_equal(given(key_of("dog"), image, truth), ~mask)
    with pytest.raises(
        InputError, match=r"No initial mask for object '1' of image 'cow': expected cow_1.png or cow.png"
    ):
        given(key_of("cow"), image, truth)


def test_another_network_s_first_answer(photos: Path) -> None:
    image, truth = open_dataset("folder", photos).samples[0].load()
    made = FirstAnswer("flood", partial(build_subject, "flood", (), 1))
    mask = made(key_of("a"), image, truth)
    assert mask.any() and mask.shape == truth.mask.shape
    assert np.array_equal(pickle.loads(pickle.dumps(made))(key_of("a"), image, truth), mask)


def test_what_can_be_named(tmp_path: Path) -> None:
    assert find_initial_masks("superpixels", None) == Corrupted("superpixels")
    assert find_initial_masks(str(tmp_path), None) == FromFolder(tmp_path)
    assert find_initial_masks("model:flood", 1).label == "flood"
    with pytest.raises(UnknownNameError, match="Did you mean 'erosion'"):
        find_initial_masks("erosoin", None)
    with pytest.raises(UnknownNameError, match="flood"):
        find_initial_masks("model:flod", None)


def test_a_perfect_mask_is_confirmed_with_one_click(photos: Path, tmp_path: Path) -> None:
    masks = photos / "masks"
    run(f"folder={photos}", "--model", "flood", "--initial-masks", masks, "--max-clicks", 3, "-o", tmp_path / "run")
    figures = json.loads((tmp_path / "run/summary.json").read_text())["datasets"]["folder from masks"]
    assert figures["initial_IoU"] == 1 and figures["NoC@95"] >= 1
