from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clickmask
from clickmask import api
from clickmask.api import STAGES, build_pipeline, load, models
from clickmask.core.errors import CapabilityError, InputError, MissingExtraError, UnknownNameError, WeightsError
from clickmask.core.frames import Frame
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt
from clickmask.core.protocols import ObjectState, Request, Result, Step
from clickmask.predict.predictor import advance
from clickmask.predict.stage import NamedStage, check_stages
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
    with pytest.raises(UnknownNameError, match=r"Unknown model 'flod'. Did you mean 'flood'"):
        load("flod")
    with pytest.raises(UnknownNameError, match=r"Unknown stage 'flp'. Did you mean 'flip'\?"):
        load("flood", stages=["flp"])


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    assert build_pipeline(exported(tmp_path)).name == "mine"


@pytest.mark.parametrize("name", list(STAGES))
def test_every_stage_can_be_asked_for_or_says_what_it_needs(name: str) -> None:
    stage = STAGES.get(name)
    assert stage.summary.endswith(".") and len(stage.summary) < 120
    lacking = stage.needs - build_pipeline("flood").backend.capabilities
    if lacking:
        with pytest.raises(CapabilityError, match=f"The stage '{name}' needs gradients, which the model 'flood'"):
            load("flood", stages=[name])
        return
    predictor = load("flood", stages=[name])
    predictor.set_image(IMAGE)
    assert predictor.add_click(30, 20)[20, 30]


def test_a_stage_is_used_once() -> None:
    with pytest.raises(InputError, match="The stage 'flip' is named twice"):
        load("flood", stages=["flip", "graph_cut", "flip"])


def test_stages_sit_at_their_place_in_the_order_given() -> None:
    """What runs inside zoom-in does so wherever it is named; among equals the first is the innermost."""
    seen: list[str] = []

    def spying(name: str, place: str) -> NamedStage:
        def stage(inner: Step) -> Step:
            def step(request: Request) -> Result:
                seen.append(name)
                return inner(request)

            return step

        return NamedStage("For tests.", lambda _: stage, place)  # type: ignore[arg-type]

    places = {"last": "answer", "first": "answer", "near": "network", "deep": "weights", "own": "backend"}
    spies = {name: spying(name, place) for name, place in places.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clickmask.api.STAGES", spies)
        predictor = load("flood", stages=list(places))
    predictor.set_image(IMAGE)
    predictor.add_click(30, 20)
    assert seen == ["first", "last", "near", "own", "deep"]


def test_a_stage_that_needs_torch_says_how_to_get_it() -> None:
    def without_torch(name: str) -> NamedStage:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STAGES, "get", without_torch)
        with pytest.raises(MissingExtraError, match=r"The stage 'fbrs_b' needs the 'torch' extra.*pip install"):
            load("flood", stages=["fbrs_b"])


def test_two_stages_that_exclude_each_other() -> None:
    one, other = (NamedStage("For tests.", lambda _: lambda step: step, "backend") for _ in range(2))
    with pytest.raises(CapabilityError, match="'one' and 'other' each take the place of the plain question"):
        check_stages({"one": one, "other": other}, build_pipeline("flood").backend, "flood")


def test_gradients_are_refused_with_the_remedy() -> None:
    wants = NamedStage("For tests.", lambda _: lambda step: step, "backend", frozenset({"gradients"}))
    with pytest.raises(CapabilityError, match=r"needs gradients.*backend=\"torch\".*pip install 'clickmask\[torch\]'"):
        check_stages({"wants": wants}, build_pipeline("flood").backend, "flood")


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


def test_a_model_brings_stages_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[str] = []

    def named(name: str) -> NamedStage:
        return NamedStage(name, lambda context: lambda inner: wrapped.append(name) or inner)

    monkeypatch.setattr(api, "find_stage", named)
    build_pipeline(exported(tmp_path, stages=("own", "second")), stages=["asked", "own"])
    assert wrapped == ["own", "second", "asked"]


def test_a_model_with_a_stage_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown stage 'conected_to_clicks'"):
        build_pipeline(exported(tmp_path, stages=("conected_to_clicks",)))
