"""The widget: a thin client of `Predictor`. The page draws and sends what the person does; everything is decided here.

Messages from the page, as JSON: `{"type": "click", "x", "y", "positive"}`, `{"type": "box", "x0", "y0", "x1", "y1"}`,
and `undo`, `redo`, `reset`, `finish`. Coordinates are pixels of the image, corner origin.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from clickmask.api import load
from clickmask.core.check import check_image
from clickmask.core.errors import ClickmaskError, InputError
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.prompts import Box, Click
from clickmask.formats.image_file import read_image
from clickmask.predict.predictor import Predictor

LONGEST_SHOWN = 1600
"""Longest side in pixels of what is sent to the page; clicks and masks keep the image's own resolution."""

ACTIVE_RGBA = (0, 114, 178, 120)
FINISHED_RGBA = (230, 159, 0, 110)
_HERE = Path(__file__).parent


class ClickWidget(anywidget.AnyWidget):
    """A picture to click on.

    Left click: belongs to the object. Right click, Shift or Alt with a click: does not. Drag: a box. Enter: finished.

    Args:
        image: (H, W, 3) uint8 RGB, or the path of an image file.
        model: one of `clickmask.models()`, the folder of an exported model, or a `Predictor`.

    Attributes:
        mask: (H, W) bool of the object in progress.
        masks: (N, H, W) bool of the finished objects.
        objects: the same as run lengths.
        prompts: what was clicked, for the page: a list of dictionaries.

    Raises:
        ImageError: the image cannot be read or has another shape or dtype.
        UnknownNameError, WeightsError: the model cannot be loaded.
    """

    _esm = _HERE / "widget.js"
    _css = _HERE / "widget.css"

    _picture = traitlets.Bytes().tag(sync=True)
    _overlay = traitlets.Bytes().tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    prompts: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)

    def __init__(self, image: ArrayLike | str | os.PathLike[str], model: str | Predictor = "default") -> None:
        pixels = read_image(image) if isinstance(image, str | os.PathLike) else check_image(np.asarray(image))
        self.predictor = load(model) if isinstance(model, str) else model
        self.objects: tuple[RunLengthMask, ...] = ()
        self.predictor.set_image(pixels)
        height, width = pixels.shape[:2]
        super().__init__(_picture=_shown(pixels), _size=[width, height])
        self.on_msg(self._received)
        self._show()

    @property
    def mask(self) -> BoolMask:
        """(H, W) bool of the object in progress."""
        return self.predictor.mask

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(N, H, W) bool of the finished objects."""
        size_hw = self.predictor.size_hw
        return np.array([m.decode() for m in self.objects], dtype=bool).reshape(len(self.objects), *size_hw)

    def add_click(self, x: float, y: float, positive: bool = True) -> BoolMask:
        """Add a click, as the person does; PromptError outside the image."""
        self.predictor.add_click(x, y, positive)
        return self._show()

    def add_box(self, x0: float, y0: float, x1: float, y1: float) -> BoolMask:
        """Add a box, half-open; PromptError if it misses the image."""
        self.predictor.add_box(x0, y0, x1, y1)
        return self._show()

    def undo(self) -> BoolMask:
        """Back to before the newest prompt."""
        self.predictor.undo()
        return self._show()

    def redo(self) -> BoolMask:
        """Forward again."""
        self.predictor.redo()
        return self._show()

    def reset(self) -> BoolMask:
        """Forget the object in progress; finished ones stay."""
        self.predictor.reset()
        return self._show()

    def finish(self) -> BoolMask:
        """Take the object in progress into `objects` and begin the next one; nothing happens while it is empty."""
        if self.predictor.run_length_mask:
            self.objects = (*self.objects, self.predictor.run_length_mask)
            self.predictor.reset()
        return self._show()

    def _received(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """From the page. What is wrong is shown there: an exception would vanish in the kernel's log."""
        try:
            self._do(content)
        except ClickmaskError as error:
            self.status = str(error)

    def _do(self, content: Any) -> None:
        actions: Mapping[str, Callable[[], BoolMask]] = {
            "undo": self.undo, "redo": self.redo, "reset": self.reset, "finish": self.finish,
        }  # fmt: skip
        kind = str(content.get("type")) if isinstance(content, dict) else ""
        if kind == "click":
            x, y = _numbers(content, "x", "y")
            self.add_click(x, y, content.get("positive") is not False)
        elif kind == "box":
            x0, y0, x1, y1 = _numbers(content, "x0", "y0", "x1", "y1")
            self.add_box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        elif kind in actions:
            actions[kind]()
        else:
            raise InputError(f"Unknown message {str(content)[:100]}. Known: click, box, {', '.join(actions)}.")

    def _show(self) -> BoolMask:
        """Bring the page up to date; returns the mask."""
        mask = self.predictor.mask
        prompts = [p for p in self.predictor.state.prompts if isinstance(p, Click | Box)]
        self.prompts = [_prompt_json(p) for p in prompts]
        self._overlay = _overlay(mask, self.objects, self.predictor.size_hw)
        counts = f"{int(mask.sum())} pixels, {len(prompts)} prompts; {len(self.objects)} finished"
        self.status = counts if prompts or self.objects else "Click the object."
        return mask


def _numbers(content: Mapping[str, Any], *keys: str) -> list[float]:
    values = [content.get(key) for key in keys]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise InputError(f"{', '.join(keys)} must be numbers, got {str(values)[:100]}.")
    return [float(v) for v in values if v is not None]


def _prompt_json(prompt: Click | Box) -> dict[str, Any]:
    if isinstance(prompt, Click):
        return {"type": "click", "x": prompt.x, "y": prompt.y, "positive": prompt.positive}
    return {"type": "box", "x0": prompt.x0, "y0": prompt.y0, "x1": prompt.x1, "y1": prompt.y1}


def _fitted(size_hw: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of what is sent to the page."""
    scale = min(1.0, LONGEST_SHOWN / max(size_hw))
    return max(round(size_hw[1] * scale), 1), max(round(size_hw[0] * scale), 1)


def _shown(pixels: NDArray[np.uint8]) -> bytes:
    size = _fitted((pixels.shape[0], pixels.shape[1]))
    image = Image.fromarray(pixels)
    return _png(image if image.size == size else image.resize(size, Image.Resampling.LANCZOS))


def _overlay(mask: BoolMask, finished: tuple[RunLengthMask, ...], size_hw: tuple[int, int]) -> bytes:
    colours = np.zeros((*size_hw, 4), dtype=np.uint8)
    for each in finished:
        x0, y0, x1, y1 = each.box_xyxy
        colours[y0:y1, x0:x1][each.decode_crop()] = FINISHED_RGBA
    colours[mask] = ACTIVE_RGBA
    return _png(Image.fromarray(colours).resize(_fitted(size_hw), Image.Resampling.NEAREST))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
