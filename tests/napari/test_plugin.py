"""The plugin for napari: its functions, and its layers and panel where napari is installed, without a window."""

from __future__ import annotations

import importlib.util
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from clickmask import load
from clickmask.core.errors import InputError, PromptError
from clickmask.core.prompts import Click
from clickmask.napari.layers import Answers, clicks_of, free_number, labelled, rgb_of

pytestmark = pytest.mark.filterwarnings("ignore")  # napari's own and its manifest reader's
SIZE = (40, 60)


def scene() -> np.ndarray:
    """A red block on grey: the model `flood` answers exactly it."""
    pixels = np.full((*SIZE, 3), 128, dtype=np.uint8)
    pixels[10:30, 15:45] = (220, 20, 20)
    return pixels


BLOCK = (scene() == (220, 20, 20)).all(axis=2)


def test_the_point_of_a_pixel_is_its_centre() -> None:
    assert clicks_of(np.array([[3, 7], [0, 0.5]]), [True, False]) == (Click(7.5, 3.5), Click(1.0, 0.5, False))


@pytest.mark.parametrize("kind", ["uint8", "float", "alpha"])
def test_colours_stay_as_they_are(kind: str) -> None:
    data = {"uint8": scene(), "float": scene() / 255, "alpha": np.dstack([scene(), np.full(SIZE, 9, np.uint8)])}[kind]
    np.testing.assert_array_equal(rgb_of(data, (0, 1), True), scene())


def test_values_are_seen_through_the_limits() -> None:
    values = np.array([[0, 100], [200, 900]], dtype=np.uint16)
    assert rgb_of(values, (100, 300), False)[:, :, 1].tolist() == [[0, 0], [128, 255]]


def test_stacks_are_refused() -> None:
    with pytest.raises(InputError, match="2D layer"):
        rgb_of(np.zeros((3, 4, 5)), (0, 1), False)


def test_a_label_takes_free_pixels_alone() -> None:
    labels = np.array([[1, 1, 0, 2, 2]], dtype=np.int32)
    mask = np.array([[False, True, True, True, False]])
    assert labelled(labels, mask, 2).tolist() == [[1, 1, 2, 2, 0]]
    assert labelled(labels, ~mask, 3).tolist() == [[1, 1, 0, 2, 2]]
    assert (free_number(labels), free_number(np.zeros((0, 0), int))) == (3, 1)


def test_only_what_changed_is_asked_again() -> None:
    predictor = load("flood")
    asked: list[tuple[float, float]] = []
    add = predictor.add_click
    predictor.add_click = lambda x, y, positive=True: (asked.append((x, y)), add(x, y, positive))[1]  # type: ignore[method-assign]
    answers = Answers(predictor, scene())
    first, second, other = Click(20.5, 20.5), Click(30.5, 20.5), Click(40.5, 20.5)
    assert not answers.mask(()).any()
    np.testing.assert_array_equal(answers.mask((first,)), BLOCK)
    answers.mask((first, second))
    answers.mask((first,))
    answers.mask((first, other))
    assert asked == [(20.5, 20.5), (30.5, 20.5), (40.5, 20.5)]
    with pytest.raises(PromptError):
        answers.mask((first, Click(999, 1)))
    np.testing.assert_array_equal(answers.mask((first,)), BLOCK)
    answers.next_object()
    assert not answers.mask(()).any()


def test_the_manifest_names_what_there_is(repository: Path) -> None:
    """Found by its entry point, and what it names is in the package."""
    points = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["entry-points"]["napari.manifest"]
    assert points == {"clickmask": "clickmask.napari:napari.yaml"}
    file = repository / "src" / "clickmask" / "napari" / "napari.yaml"
    (command,) = yaml.safe_load(file.read_text())["contributions"]["commands"]
    module, function = command["python_name"].split(":")
    source = (repository / "src" / Path(*module.split("."))).with_suffix(".py").read_text()
    assert f"def {function}(" in source
    if importlib.util.find_spec("npe2"):
        manifest = pytest.importorskip("npe2").PluginManifest.from_file(file)
        assert [w.command for w in manifest.contributions.widgets] == [command["id"]]


@pytest.fixture
def viewer() -> Any:
    """napari's viewer without a window."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    components = pytest.importorskip("napari.components", reason="needs napari: pip install 'clickmask[napari]'")
    return components.ViewerModel()


def test_points_become_labels_and_undo_takes_them_back(viewer: Any) -> None:
    from clickmask.napari.clicking import Clicking

    clicking = Clicking(viewer, viewer.add_image(scene(), rgb=True), "flood")
    assert [layer.name for layer in viewer.layers][1:] == ["objects", "clicks"]
    clicking.points.add([20, 20])
    np.testing.assert_array_equal(clicking.labels.data == 1, BLOCK)
    clicking.positive = False
    clicking.points.add([20, 40])
    assert clicking.points.features["positive"].tolist() == [True, False]
    assert (clicking.labels.data == 1).sum() < BLOCK.sum()
    clicking.undo()
    np.testing.assert_array_equal(clicking.labels.data == 1, BLOCK)
    clicking.positive = True
    clicking.finish()
    assert (len(clicking.points.data), clicking.number) == (0, 2)
    clicking.points.add([2, 2])
    assert (clicking.labels.data == 2).any() and ((clicking.labels.data == 1) == BLOCK).all()
    clicking.undo()
    assert set(np.unique(clicking.labels.data)) == {0, 1}


def test_the_panel_begins_undoes_and_goes_on(viewer: Any) -> None:
    """As napari opens it: with the viewer. The image is chosen by hand, as there is no window to choose in."""
    if not importlib.util.find_spec("PySide6"):
        pytest.skip("needs a Qt: pip install 'napari[pyside6]'")
    from qtpy.QtWidgets import QApplication

    from clickmask.napari.panel import ClicksPanel

    application = QApplication.instance() or QApplication([])
    panel = ClicksPanel(viewer)
    panel.begin.changed.emit(True)
    assert (panel.clicking, panel.status.value) == (None, "Open an image first.")
    panel.image.choices = [viewer.add_image(scene(), rgb=True)]
    panel.model.value = "flood"
    panel.begin.changed.emit(True)
    assert panel.clicking is not None
    panel.clicking.points.add([20, 20])
    np.testing.assert_array_equal(panel.clicking.labels.data == 1, BLOCK)
    panel.positive.value = False
    assert not panel.clicking.positive
    panel.undo.changed.emit(True)
    assert not panel.clicking.labels.data.any()
    panel.clicking.points.add([20, 20])
    panel.finish.changed.emit(True)
    assert panel.clicking.number == 2
    assert application is not None
