from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clickmask.api import build_pipeline
from clickmask.cli.main import app
from clickmask.core.errors import InputError
from clickmask.core.frames import Frame
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.predict.predictor import advance
from clickmask.store.project import open_project
from clickmask.store.values import Edit, FileStamp, ImageFacts, ModelRun, ObjectValue, Origin, Settled

CLICK = Click(20.5, 20.5)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photograph with an object that the model `flood` answered, and one that was painted."""
    pixels = np.full((48, 64, 3), 60, dtype=np.uint8)
    pixels[10:30, 10:40] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    flood = build_pipeline("flood")
    state = advance(flood, Frame.of(pixels), ObjectState(), CLICK)
    mask = state.run_lengths((48, 64), flood.threshold_logit)
    project = open_project(tmp_path)
    store, stamp = project.store, FileStamp(1, 1.0)
    image = store.add_images({"a.png": stamp})[0].id
    store.set_image_facts(image, ImageFacts("digest", (48, 64), 1), stamp)
    empty = RunLengthMask.empty((48, 64))
    asked = ObjectValue(1, empty, Prompts((CLICK,)), settled=False)
    number = store.apply(image, Edit("click", "positive click 1", ((None, asked),)), Origin("ann")).objects[0].id
    store.settle(number, asked.prompts, Settled(mask), ModelRun("flood", 1.0))
    store.apply(image, Edit("paint", "brush", ((None, ObjectValue(1, mask)),)), Origin("ann"))
    project.close()
    return tmp_path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.output


def test_the_answers_come_back_to_the_bit(photos: Path) -> None:
    said = run(photos)
    assert "a.png #1: 1 of 1 answers the same\n" in said
    assert "a.png #2: nothing to ask, 1 by hand\n" in said
    assert said.endswith("1 of 1 answers are the same to the bit.\n")
    assert run(photos / ".clickmask", "--image", "a.png") == said


def test_another_model_is_compared_with_what_was_kept(photos: Path) -> None:
    lines = [json.loads(line) for line in run(photos, "--model", "fast", "--json").splitlines()]
    (answer,) = lines[0]["answers"]
    assert (answer["model"], answer["asked"], answer["identical"]) == ("flood", "fast", False)
    assert answer["reason"] == "answered by 'flood' then, by 'fast' now"
    assert lines[-1] == {"answers": 1, "identical": 0}


def test_images_that_cannot_be_replayed_are_named(photos: Path) -> None:
    with pytest.raises(InputError, match=r"no image 'b.png'"):
        run(photos, "--image", "b.png")
    Image.new("RGB", (5, 5)).save(photos / "a.png")
    assert "a.png: left out, because the file was replaced" in run(photos)
    (photos / "a.png").unlink()
    assert "a.png: left out. The file a.png is gone" in run(photos)
