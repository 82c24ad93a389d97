"""Two layers of a viewer that belong together: a click in the points layer changes the mask in the labels layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from clickmask.api import load
from clickmask.core.errors import PromptError
from clickmask.napari.layers import Answers, clicks_of, free_number, labelled, rgb_of

SIGN = "positive"
"""Feature of a point: whether it belongs to the object."""
COLOURS = {"True": "#0072b2", "False": "#e69f00"}
_DONE = ("added", "removed", "changed")
"""Ends of the names of events after which a layer's data are as they say."""


class Clicking:
    """Adds a points and a labels layer to a viewer, and keeps the one after the other.

    Args:
        viewer: napari's, or its model alone.
        image: an image layer with one 2D picture.
        model: one of `clickmask.models()`, or the folder of an exported model.

    Attributes:
        points: the clicks of the object in progress, in their order.
        labels: the objects; the one in progress has `number`.
        number: of the object in progress.

    Raises:
        InputError: the layer is no 2D picture.
        UnknownNameError, WeightsError: the model cannot be loaded.
    """

    def __init__(self, viewer: Any, image: Any, model: str = "default") -> None:
        rgb = rgb_of(np.asarray(image.data), image.contrast_limits, image.rgb)
        self._answers = Answers(load(model), rgb)
        place = {"scale": image.scale, "translate": image.translate}
        self.labels = viewer.add_labels(np.zeros(rgb.shape[:2], dtype=np.int32), name="objects", **place)
        self.points = viewer.add_points(
            np.empty((0, 2)), name="clicks", features={SIGN: np.empty(0, dtype=bool)}, size=max(rgb.shape[:2]) / 60,
            feature_defaults={SIGN: True}, **place,
        )  # fmt: skip
        self.number = 1
        self.points.events.data.connect(self._changed)
        self.points.mode = "add"

    @property
    def positive(self) -> bool:
        """Whether the next click belongs to the object."""
        return bool(self.points.feature_defaults[SIGN].iloc[0])

    @positive.setter
    def positive(self, sign: bool) -> None:
        self.points.feature_defaults = {SIGN: sign}
        self.points.current_face_color = COLOURS[str(sign)]

    def undo(self) -> None:
        """Take the newest click back; without one nothing happens."""
        self._keep(len(self.points.data) - 1)

    def finish(self) -> None:
        """The object is done; the next one begins without a click."""
        self._answers.next_object()
        self.number = free_number(self.labels.data)
        self._keep(0)

    def _keep(self, count: int) -> None:
        """Leave the first points alone."""
        self.points.selected_data = set(range(max(count, 0), len(self.points.data)))
        self.points.remove_selected()

    def _changed(self, event: Any) -> None:
        if str(getattr(event, "action", "changed")).lower().endswith(_DONE):
            self._follow()

    def _follow(self) -> None:
        clicks = clicks_of(self.points.data, self.points.features[SIGN])
        if not clicks and self.number not in self.labels.data:
            return
        try:
            mask = self._answers.mask(clicks)
        except PromptError:
            self.undo()  # a click beside the picture is not one
            raise
        self.labels.data = labelled(self.labels.data, mask, self.number)
