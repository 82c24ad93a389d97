from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from clickmask.core.prompts import Click
from clickmask.data import open_dataset
from clickmask.evaluate.protocol import find_protocol
from clickmask.evaluate.run import measure_object
from clickmask.evaluate.run_folder import tasks_of

from .made_up import write_folder

FOLDER = Path(__file__).parents[2] / "benchmarks"


def program(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"{path} is not part of this copy")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_grabcut_finds_a_bright_ellipse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset("folder", write_folder(tmp_path / "set", 2))
    subject = program("grabcut_peer", monkeypatch).build()
    for task in tasks_of([dataset]):
        records = measure_object(task, subject, find_protocol("published", 4))
        assert max(record.iou for record in records) > 0.9


def test_a_random_walk_on_an_even_strip_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    walker = program("random_walker_peer", monkeypatch)
    labels = np.array([[walker.OBJECT, 0, 0, walker.BACKGROUND]])
    strip = np.full((1, 4, 3), 7, dtype=np.uint8)
    assert walker.object_probability(strip, labels).tolist() == [pytest.approx([1, 2 / 3, 1 / 3, 0])]
    strip[:, 2:] = 250
    assert walker.object_probability(strip, labels)[0] == pytest.approx([1, 1, 0, 0], abs=1e-3)


def test_sam_input_keeps_the_aspect_and_pads_with_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = program("minisam_peer", monkeypatch)
    array = peer.network_input(np.full((30, 60, 3), 255, dtype=np.uint8))
    assert array.shape == (1, 3, 1024, 1024)
    assert (array[0, :, :512] > 2).all() and not array[0, :, 512:].any()


def test_sam_clicks_are_scaled_and_end_with_the_padding_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = program("minisam_peer", monkeypatch).click_input((Click(10.5, 4.5), Click(0.5, 0.5, False)), 2.0)
    assert points.tolist() == [[[20.5, 8.5], [0.5, 0.5], [0.0, 0.0]]]
    assert labels.tolist() == [[1.0, 0.0, -1.0]]
