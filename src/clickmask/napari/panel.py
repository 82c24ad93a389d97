"""The panel beside napari's canvas. napari brings magicgui, which is imported when the panel is opened."""

from __future__ import annotations

from typing import Any

from clickmask.api import models
from clickmask.core.errors import ClickmaskError
from clickmask.napari.clicking import Clicking


class ClicksPanel:
    """Choice of picture and model, begin, sign of the next click, undo, next object.

    Args:
        viewer: napari's.

    Attributes:
        container: what napari shows.
        clicking: the pair of layers, None before the first **Begin**.
    """

    def __init__(self, viewer: Any) -> None:
        from magicgui import widgets

        self._viewer = viewer
        self.clicking: Clicking | None = None
        self.image = widgets.create_widget(label="Image", annotation="napari.layers.Image")
        self.model = widgets.ComboBox(label="Model", choices=models(), value="default")
        self.begin = widgets.PushButton(text="Begin")
        self.positive = widgets.CheckBox(text="Click belongs to the object", value=True)
        self.undo = widgets.PushButton(text="Undo click")
        self.finish = widgets.PushButton(text="Next object")
        self.status = widgets.Label(value="Choose an image and begin.")
        rows = [self.image, self.model, self.begin, self.positive, self.undo, self.finish, self.status]
        self.container = widgets.Container(widgets=rows)
        for row, act in ((self.begin, self._begin), (self.positive, self._sign), (self.undo, self._undo),
                         (self.finish, self._finish)):  # fmt: skip
            row.changed.connect(lambda _value, act=act: act())

    def _begin(self) -> None:
        if self.image.value is None:
            self.status.value = "Open an image first."
            return
        try:
            self.clicking = Clicking(self._viewer, self.image.value, str(self.model.value))
        except ClickmaskError as error:
            self.status.value = str(error)
            return
        self._sign()
        self.status.value = "Click the object, in the layer 'clicks'."

    def _sign(self) -> None:
        if self.clicking is not None:
            self.clicking.positive = bool(self.positive.value)

    def _undo(self) -> None:
        if self.clicking is not None:
            self.clicking.undo()

    def _finish(self) -> None:
        if self.clicking is not None:
            self.clicking.finish()


def clicks_panel(napari_viewer: Any) -> Any:
    """What napari calls when the plugin is opened."""
    return ClicksPanel(napari_viewer).container
