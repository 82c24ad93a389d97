from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clickmask
from clickmask.api import STAGES, build_pipeline, load, models
from clickmask.core.errors import InputError, UnknownNameError, WeightsError
from clickmask.core.frames import Frame
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt
from clickmask.core.protocols import ObjectState
from clickmask.predict.predictor import advance
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

IMAGE = np.zeros((40, 60, 3), np.uint8)
IMAGE[10:30, 20:50] = (200, 30, 30)


def exported(folder: Path, **fields: object) -> str:
    """A model folder with a spec alone."""
    spec = ModelSpec("mine", "toy", "For tests.", "Apache-2.0", runtime="flood")
    (folder / SPEC_FILE).write_text(replace(spec, **fields).to_json(), encoding="utf-8")  # type: ignore[arg-type]
    return str(folder)


def test_from_a_click_to_a_mask() -> None:
    predictor = clickmask.load("flood")
    predictor.set_image(IMAGE)
    mask = predictor.add_click(30, 20)
    assert mask[20, 30] and not mask[2, 2]


def test_every_model_is_listed() -> None:
    assert "flood" in models() == clickmask.models()


def test_an_unknown_model_and_an_unknown_stage() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown model 'flod'. Did you mean 'flood'\?"):
        load("flod")
    with pytest.raises(UnknownNameError, match=r"Unknown stage 'flp'. Did you mean 'flip'\?"):
        load("flood", stages=["flp"])


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    assert build_pipeline(exported(tmp_path)).name == "mine"


@pytest.mark.parametrize("name", list(STAGES))
def test_every_stage_can_be_asked_for(name: str) -> None:
    predictor = load("flood", stages=[name])
    predictor.set_image(IMAGE)
    assert predictor.add_click(30, 20)[20, 30]


def test_the_threshold_can_be_set_and_is_checked() -> None:
    assert build_pipeline("flood").threshold_logit == 0
    chosen = build_pipeline("flood", threshold=0.49)
    assert chosen.spec.threshold == 0.49
    assert chosen.threshold_logit == pytest.approx(-0.04, abs=1e-3)
    with pytest.raises(InputError, match=r"A threshold is a probability from 0.001 to 0.999, got 1.5"):
        build_pipeline("flood", threshold=1.5)


def test_corrections_of_a_mask_stay_local_in_every_pipeline(tmp_path: Path) -> None:
    """Progressive merge is part of what `build_pipeline` makes, with and without zoom-in."""
    start = np.zeros((40, 60), bool)
    start[0:5, 0:5] = True
    for name in ("flood", exported(tmp_path, zoom_in={})):
        pipeline, frame = build_pipeline(name), Frame.of(IMAGE)
        state = advance(pipeline, frame, ObjectState(), MaskPrompt(RunLengthMask.encode(start)))
        after = advance(pipeline, frame, state, Click(30, 20)).mask((40, 60))
        assert after[20, 30] and np.array_equal(after[:5, :5], start[:5, :5])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"runtime": "abacus"}, "names the runtime 'abacus', which this clickmask does not have"),
        ({"runtime": "onnx", "encoding": "disk_distance", "weights": "model.onnx"}, "cannot be read"),
        ({"zoom_in": {"expansoin": 1.4}}, "settings in 'zoom_in' that do not exist: .*expansoin"),
        (
            {"runtime": "onnx", "encoding": "disk_distance", "weights": "a", "encoding_options": {"r": 1}},
            "settings in 'encoding_options' that do not exist",
        ),
    ],
)
def test_a_spec_that_this_program_cannot_serve(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        load(exported(tmp_path, **fields))


def test_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown encoding 'disk'.*disk_mask"):
        load(exported(tmp_path, runtime="onnx", encoding="disk", weights="model.onnx"))


def test_importing_clickmask_imports_nothing_heavy() -> None:
    """Quick start, held by what is imported instead of by a clock."""
    code = (
        "import sys, json, clickmask; clickmask.models; "
        "heavy = [n for n in ('numpy', 'cv2', 'onnxruntime', 'scipy', 'torch', 'fastapi', 'PIL') if n in sys.modules]; "
        "dir(clickmask); print(json.dumps(heavy))"
    )
    bare = "import sys, json, clickmask; dir(clickmask); print(json.dumps('numpy' in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) is False
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"onnxruntime", "scipy", "torch", "fastapi"} & set(json.loads(ran.stdout))


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'clickmask' has no attribute 'lode'"):
        clickmask.lode  # type: ignore[attr-defined] # noqa: B018
