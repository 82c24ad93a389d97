"""FocalClick's steps of inference for one click: target crop, coarse answer, focus crop, refiner, merge.

Source: FocalClick (Chen et al., CVPR 2022) and its published code; `target_crop` and `focus_crop` name the departures.
After more than ten clicks the previous answer stays outside the focus crop. Progressive merge, from the first click on
where there is an initial mask, is the pipeline's own stage (`clickmask.predict.merge`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from clickmask.core.frames import BoxFloat, Crop, FloatMap, LogitMap
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Backend, Request, Result, Step
from clickmask.predict.focus_crop import FocusCrop, focused
from clickmask.predict.target_crop import TargetCrop, target_box

CAPABILITY = "refiner"
"""What a backend declares that answers coarsely first and refines a window of that answer on demand."""


class RefiningBackend(Backend, Protocol):
    """A backend with the capability ``refiner``; its `decode` gives the coarse answer alone."""

    def coarse(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> tuple[FloatMap, Any]:
        """The answer of `decode`, and what `refine` needs of this pass; arguments as of `decode`."""
        ...

    def refine(self, embedding: Any, prompts: Prompts, kept: Any, box_xyxy: BoxFloat) -> FloatMap:
        """(h, w) refined logits of a window, of size `input_hw`.

        Args:
            embedding: from `embed`, of the window's pixels.
            prompts: in the window's pixels; clicks outside it are allowed.
            kept: from `coarse`.
            box_xyxy: the window in the input pixels of the coarse pass, inside them.
        """
        ...


@dataclass(frozen=True, slots=True)
class FocalClick:
    """Settings of both crops."""

    target: TargetCrop = field(default_factory=TargetCrop)
    focus: FocusCrop = field(default_factory=FocusCrop)


def focal_click_step(backend: RefiningBackend, settings: FocalClick, threshold: float = 0.0) -> Step:
    """A step that asks a refining backend twice; it needs no zoom-in, the target crop is one.

    Args:
        backend: with the capability ``refiner``.
        settings: of the crops.
        threshold: logit above which a pixel belongs to the mask.
    """

    def step(request: Request) -> Result:
        target = Crop(target_box(settings.target, request), backend.input_hw)
        previous = None if request.previous is None else request.previous.sample(target)
        embedding = backend.embed(request.frame.crop(target))
        logits, kept = backend.coarse(embedding, target.prompts_to_crop(request.prompts), previous)

        def look(box: BoxFloat) -> FloatMap:
            window = Crop(box, backend.input_hw)
            place = _within(target, box)
            pixels = backend.embed(request.frame.crop(window))
            return backend.refine(pixels, window.prompts_to_crop(request.prompts), kept, place)

        answer = focused(settings.focus, request, LogitMap(logits, target.box_xyxy), look, threshold)
        return Result(answer, request.memo)

    return step


def _within(target: Crop, box: BoxFloat) -> BoxFloat:
    """A box of the frame in the pixels of the target crop."""
    x_scale, y_scale = target.scale_xy
    left, top = target.box_xyxy[:2]
    return (box[0] - left) * x_scale, (box[1] - top) * y_scale, (box[2] - left) * x_scale, (box[3] - top) * y_scale
