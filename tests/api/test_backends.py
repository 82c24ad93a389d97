"""Which runtime a model runs on, and what is said where it cannot."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clickmask
from clickmask.core.errors import MissingExtraError, WeightsError
from clickmask.zoo import catalog
from clickmask.zoo.methods import METHODS
from clickmask.zoo.spec import SPEC_FILE


def test_a_model_without_a_network_runs_on_neither() -> None:
    for backend in ("torch", "onnx"):
        with pytest.raises(WeightsError, match=rf"'flood' cannot run on '{backend}': it is made for 'flood'"):
            clickmask.load("flood", backend=backend)


def test_torch_weights_alone_do_not_run_on_onnx(tmp_path: Path) -> None:
    spec = replace(
        catalog.WITHOUT_WEIGHTS["flood"], name="mine", method="compact", runtime="torch", weights="a.safetensors"
    )
    (tmp_path / SPEC_FILE).write_text(spec.to_json())
    with pytest.raises(WeightsError, match=r"'mine' cannot run on 'onnx'.*export the run again"):
        clickmask.load(str(tmp_path), backend="onnx")


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("clickmask.nn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"The model 'default' on torch needs the 'torch' extra"):
        clickmask.load("default", backend="torch")


@pytest.mark.weights
def test_the_default_model_answers_alike_on_either() -> None:
    pytest.importorskip("torch", reason="needs the torch extra")
    pytest.importorskip("onnx", reason="needs the torch extra")
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    image[10:40, 20:60] = (200, 30, 30)
    scores = []
    for backend in ("onnx", "torch"):
        predictor = clickmask.load("default", backend=backend, threads=1)
        predictor.set_image(image)
        masks = [predictor.add_click(40, 25), predictor.add_click(5, 50, positive=False)]
        scores.append((predictor.score, [int(mask.sum()) for mask in masks]))
        spec = predictor.pipeline.spec
        assert (spec.runtime, "gradients" in spec.capabilities) == (backend, backend == "torch")
    assert scores[0][0] == pytest.approx(scores[1][0], abs=1e-3)
    assert np.allclose(scores[0][1], scores[1][1], atol=8)


def test_a_method_without_weights_is_refused_with_the_way_to_some() -> None:
    name = next(line.name for line in METHODS if line.name not in clickmask.models())
    with pytest.raises(WeightsError, match=f"clickmask train {name} --data"):
        clickmask.load(name)
