"""Focus: any network with a previous mask looks once more where the newest click changed the answer.

FocalClick's idea (Chen et al., CVPR 2022) without its refiner: the same network is asked again inside the focus crop,
with its first answer as the previous mask, and what it says there is blended in. A click costs a second pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from clickmask.core.frames import BoxFloat, Crop, FloatMap, LogitMap, whole
from clickmask.core.protocols import Request, Result, Stage, Step
from clickmask.predict.base import backend_step
from clickmask.predict.focus_crop import FocusCrop, focused
from clickmask.predict.stage import NamedStage


@dataclass(frozen=True, slots=True)
class Focus:
    """Settings.

    Attributes:
        crop: where to look.
        share: weight of the second answer in the middle of the crop; the first one has the rest.
        feather: the weight grows from 0 at the crop's edge over this part of its sides.
        from_click: first click that is looked at again; before, the object is still changing as a whole.
        least_zoom: a crop whose mean side is longer than the first one's divided by this shows nothing new and is left.
    """

    crop: FocusCrop = field(default_factory=lambda: FocusCrop(keep_after=10_000))
    share: float = 1.0
    feather: float = 0.1
    from_click: int = 2
    least_zoom: float = 1.25


def focus(settings: Focus, again: Step, input_hw: tuple[int, int], threshold: float = 0.0) -> Stage:
    """The stage.

    Args:
        settings: of the second look.
        again: answers about a frame of `input_hw` pixels: the backend's own step, without zoom-in.
        input_hw: size of the network's input.
        threshold: logit above which a pixel belongs to the mask.
    """

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            result = inner(request)
            if len(request.prompts.clicks) < settings.from_click:
                return result

            def look(box: BoxFloat) -> FloatMap | None:
                return _look(settings, again, input_hw, request, result.logits, box)

            return Result(focused(settings.crop, request, result.logits, look, threshold), result.memo)

        return step

    return stage


def _look(
    settings: Focus, again: Step, input_hw: tuple[int, int], request: Request, first: LogitMap, box: BoxFloat
) -> FloatMap | None:
    """(h, w) the first answer in a box with the second one blended in; None if the box is not worth it."""
    if _zoom(first.box_xyxy, box) < settings.least_zoom:
        return None
    crop = Crop(box, input_hw)
    before = first.sample(crop)
    previous = LogitMap(before, whole(input_hw))
    prompts = crop.prompts_to_crop(request.prompts)
    after = again(Request(request.frame.crop(crop), prompts, previous)).logits.values
    weight = settings.share * ramp(input_hw, settings.feather)
    return np.asarray(before + weight * (after - before), dtype=np.float32)


def ramp(size_hw: tuple[int, int], feather: float) -> FloatMap:
    """(h, w) weights: 1 in the middle, falling to 0 at the edge over a part `feather` of each side."""

    def along(count: int) -> FloatMap:
        places = (np.arange(count, dtype=np.float32) + 0.5) / count
        distance = np.minimum(places, 1 - places)
        return np.clip(distance / max(feather, 1e-6), 0, 1)

    return np.asarray(np.minimum(along(size_hw[0])[:, None], along(size_hw[1])[None, :]), dtype=np.float32)


def _zoom(first: BoxFloat, second: BoxFloat) -> float:
    """How many times longer the first box's mean side is."""
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second)]
    return float((areas[0] / areas[1]) ** 0.5)


FOCUS = NamedStage(
    summary="Asks the network once more in a crop round what the newest click changed.",
    make=lambda context: focus(
        Focus(), backend_step(context.backend), context.backend.input_hw, context.threshold_logit
    ),
    needs=frozenset({"previous_mask"}),
)
