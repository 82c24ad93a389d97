"""The widget without a notebook: what the page would send, and what it would be shown."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("anywidget", reason="needs the notebook extra")

from clickmask import load
from clickmask.core.errors import ImageError, PromptError
from clickmask.notebook import ClickWidget

SIZE = (40, 60)


def scene() -> np.ndarray:
    """A red block on grey: the model `flood` answers exactly it."""
    pixels = np.full((*SIZE, 3), 128, dtype=np.uint8)
    pixels[10:30, 15:45] = (220, 20, 20)
    return pixels


BLOCK = (scene() == (220, 20, 20)).all(axis=2)


@pytest.fixture
def widget() -> ClickWidget:
    return ClickWidget(scene(), "flood")


def receive(widget: ClickWidget, **content: Any) -> None:
    """A message as the comm hands it over."""
    widget._handle_custom_msg(content, [])


def overlay(widget: ClickWidget) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(widget._overlay)))


def test_the_page_gets_the_picture_and_its_size(widget: ClickWidget) -> None:
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(widget._picture))), scene())
    assert (widget._size, widget.prompts, widget.status) == ([60, 40], [], "Click the object.")
    assert not overlay(widget).any()
    synced = set(widget.keys)
    assert {"_picture", "_overlay", "_size", "prompts", "status", "_esm", "_css"} <= synced


def test_a_click_from_the_page_gives_the_mask(widget: ClickWidget) -> None:
    receive(widget, type="click", x=20, y=20, positive=True)
    np.testing.assert_array_equal(widget.mask, BLOCK)
    np.testing.assert_array_equal(overlay(widget)[:, :, 3] > 0, BLOCK)
    assert widget.prompts == [{"type": "click", "x": 20.0, "y": 20.0, "positive": True}]
    assert widget.status == "600 pixels, 1 prompts; 0 finished"


def test_python_and_the_page_do_the_same(widget: ClickWidget) -> None:
    other = ClickWidget(scene(), load("flood"))
    for message, call in (
        ({"type": "click", "x": 20, "y": 20, "positive": True}, lambda: other.add_click(20, 20)),
        ({"type": "click", "x": 5, "y": 5, "positive": False}, lambda: other.add_click(5, 5, False)),
        ({"type": "undo"}, other.undo),
        ({"type": "redo"}, other.redo),
        ({"type": "box", "x0": 45, "y0": 30, "x1": 15, "y1": 10}, lambda: other.add_box(15, 10, 45, 30)),
        ({"type": "finish"}, other.finish),
        ({"type": "click", "x": 2, "y": 2, "positive": True}, lambda: other.add_click(2, 2)),
        ({"type": "reset"}, other.reset),
    ):
        receive(widget, **message)
        np.testing.assert_array_equal(widget.mask, call())
        assert (widget.prompts, widget.status, widget._overlay) == (other.prompts, other.status, other._overlay)


def test_finished_objects_stay_and_are_shown_in_another_colour(widget: ClickWidget) -> None:
    receive(widget, type="click", x=20, y=20, positive=True)
    receive(widget, type="finish")
    receive(widget, type="finish")  # nothing in progress: nothing happens
    assert widget.masks.shape == (1, *SIZE) and not widget.mask.any() and widget.prompts == []
    np.testing.assert_array_equal(widget.masks[0], BLOCK)
    finished = overlay(widget)[20, 20].tolist()
    receive(widget, type="click", x=2, y=2, positive=True)
    assert overlay(widget)[20, 20].tolist() == finished != overlay(widget)[2, 2].tolist()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "click", "x": 500, "y": 1}, "outside the image"),
        ({"type": "click", "x": "a", "y": 1}, "x, y must be numbers"),
        ({"type": "click", "x": float("nan"), "y": 1}, "finite"),
        ({"type": "box", "x0": 1, "y0": 1, "x1": 1, "y1": 9}, "X0 < X1"),
        ({"type": "dance"}, "Unknown message"),
        ({}, "Unknown message"),
    ],
)
def test_what_is_wrong_is_shown_and_changes_nothing(widget: ClickWidget, content: dict[str, Any], text: str) -> None:
    receive(widget, type="click", x=20, y=20, positive=True)
    receive(widget, **content)
    assert text in widget.status
    np.testing.assert_array_equal(widget.mask, BLOCK)
    receive(widget, type="undo")
    assert widget.status == "Click the object."


def test_wrong_calls_raise(widget: ClickWidget, tmp_path: Path) -> None:
    with pytest.raises(PromptError):
        widget.add_click(500, 1)
    with pytest.raises(ImageError):
        ClickWidget(np.zeros((4, 4)), "flood")
    with pytest.raises(ImageError):
        ClickWidget(tmp_path / "none.png", "flood")


def test_a_large_picture_is_sent_small_and_clicked_at_its_own_size(tmp_path: Path) -> None:
    Image.fromarray(scene()).resize((3000, 2000), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    widget = ClickWidget(tmp_path / "large.png", "flood")
    assert Image.open(io.BytesIO(widget._picture)).size == (1600, 1067) and widget._size == [3000, 2000]
    receive(widget, type="click", x=1000, y=1000, positive=True)
    assert widget.mask.shape == (2000, 3000) and widget.mask[1000, 1000]
    assert abs(int(widget.mask.sum()) - 600 * 50 * 50) < 0.05 * 600 * 50 * 50
    assert overlay(widget).shape == (1067, 1600, 4)


def test_without_anywidget_it_says_which_extra_is_missing() -> None:
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "try:\n    from clickmask.notebook import ClickWidget\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'clickmask[notebook]'" in done.stdout
