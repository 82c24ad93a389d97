"""The step of SAM-type models: one look at the whole image, kept; clicks and boxes as points; three masks if unclear.

Source: SAM (Kirillov et al., ICCV 2023) and SAM 2 (Ravi et al., 2024). The image is looked at once and its embedding is
kept, so that a click costs the light decoder alone. All clicks go in each time, and the low-resolution logits of the
last answer. Departure: logits go from the low resolution to the image in one bilinear step, theirs through 1024 pixels.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clickmask.core.answers import Answer, placed
from clickmask.core.frames import BoxFloat, Crop, FloatMap, Frame, Image, whole
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Backend, Request, Result, Step

WHOLE_IMAGE = "whole_image"
"""Capability of a backend that looks at the whole image once, see `WholeImageBackend`."""
KEPT_IMAGES = 8
"""Embeddings kept; 4 MB each for SAM, 16 MB for SAM 2."""
NEGATIVE, POSITIVE, CORNER_1, CORNER_2, PADDING = 0, 1, 2, 3, -1
"""Labels of points."""
MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], dtype=np.float32)


class WholeImageBackend(Backend, Protocol):
    """A backend with the capability `WHOLE_IMAGE`; its `embed` gets the image in at most `input_hw` pixels."""

    @property
    def padded(self) -> bool:
        """Whether the image keeps its shape and is padded at the right or the bottom; else it is stretched."""
        ...

    @property
    def low_res_hw(self) -> tuple[int, int]:
        """Size of the logits, which cover the padded or stretched image."""
        ...

    def answer(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> Answer:
        """Masks of one object, with logits of size `low_res_hw`.

        Args:
            embedding: from `embed`.
            prompts: in input pixels.
            previous: logits of size `low_res_hw` of the last answer, None at the start.
        """
        ...


def whole_image_step(backend: WholeImageBackend) -> Step:
    """A step that asks `backend` about the whole frame of the request."""
    kept = EmbeddingCache(KEPT_IMAGES)

    def step(request: Request) -> Result:
        box = covered_box(request.frame.size_hw, backend.input_hw, backend.padded)
        look = Crop(whole(request.frame.size_hw), _looked_at(request.frame.size_hw, box, backend.input_hw))
        embedding = kept.get(request.frame.crop(look), backend)
        prompts = Crop(box, backend.input_hw).prompts_to_crop(request.prompts)
        previous = None if request.previous is None else request.previous.sample(Crop(box, backend.low_res_hw))
        return placed(backend.answer(embedding, prompts, previous), box, request)

    return step


def covered_box(size_hw: tuple[int, int], input_hw: tuple[int, int], padded: bool) -> BoxFloat:
    """The box in the frame's pixels that the network's input covers; padding reaches over its right or bottom edge."""
    if not padded:
        return whole(size_hw)
    scale = min(input_hw[0] / size_hw[0], input_hw[1] / size_hw[1])
    return 0.0, 0.0, input_hw[1] / scale, input_hw[0] / scale


def _looked_at(size_hw: tuple[int, int], box: BoxFloat, input_hw: tuple[int, int]) -> tuple[int, int]:
    """Size of the image's part of the input."""
    height = round(input_hw[0] * size_hw[0] / box[3])
    width = round(input_hw[1] * size_hw[1] / box[2])
    return min(max(height, 1), input_hw[0]), min(max(width, 1), input_hw[1])


class EmbeddingCache:
    """The newest embeddings, found by what the image holds, so that an equal picture is looked at once.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, frame: Frame, backend: Backend) -> Any:
        """The embedding of a frame, made where there is none yet."""
        pixels = np.ascontiguousarray(frame.pixels)
        key = hashlib.blake2b(pixels.data, digest_size=16, person=str(pixels.shape).encode()[:16]).digest()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = backend.embed(frame)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return self._kept[key]


@dataclass(frozen=True, eq=False)
class Points:
    """Prompts as SAM's points.

    Attributes:
        coordinates_xy: (N, 2) float32 in input pixels, with integers at the centres of pixels, as SAM counts.
        labels: (N,) float32, see NEGATIVE and the others.
    """

    coordinates_xy: NDArray[np.float32]
    labels: NDArray[np.float32]


def points_of(prompts: Prompts) -> Points:
    """All clicks, then the corners of the newest box, or the padding point that stands for "no box"."""
    rows = [(click.x - 0.5, click.y - 0.5, POSITIVE if click.positive else NEGATIVE) for click in prompts.clicks]
    if prompts.box is None:
        rows.append((0.0, 0.0, PADDING))
    else:
        x0, y0, x1, y1 = prompts.box.xyxy
        rows += [(x0 - 0.5, y0 - 0.5, CORNER_1), (x1 - 0.5, y1 - 0.5, CORNER_2)]
    values = np.array(rows, dtype=np.float32)
    return Points(values[:, :2], values[:, 2])


def ambiguous(prompts: Prompts) -> bool:
    """True for one click and nothing else: it may mean a part, an object or a group."""
    return len(prompts) == 1 and len(prompts.clicks) == 1


def chosen(masks: FloatMap, scores: Sequence[float], prompts: Prompts) -> Answer:
    """The answer among a decoder's masks: the best of three where one click leaves it open, else the one for many.

    Args:
        masks: (C, h, w) logits: 1 for one token, 3 for whole, part and subpart, 4 for the first followed by the others.
        scores: expected IoU of each.
        prompts: that they answer.
    """
    several = range(len(masks))[-3:] if len(masks) > 1 else range(0)
    candidates = tuple((np.ascontiguousarray(masks[i]), _as_iou(scores[i])) for i in several)
    if len(masks) == 4 and not ambiguous(prompts):
        best = 0
    else:
        best = int(max(several, key=lambda i: scores[i])) if several else 0
    return Answer(np.ascontiguousarray(masks[best]), {}, candidates, _as_iou(scores[best]))


def _as_iou(score: float) -> float:
    """A regressed score may leave the range of an IoU."""
    return min(max(float(score), 0.0), 1.0)


def padded_input(image: Image, input_hw: tuple[int, int]) -> FloatMap:
    """(1, 3, H, W) float32: the image normalised, and zeros at the right or the bottom."""
    padded = np.zeros((1, 3, *input_hw), dtype=np.float32)
    height, width = image.shape[:2]
    padded[0, :, :height, :width] = ((image.astype(np.float32) - MEAN) / DEVIATION).transpose(2, 0, 1)
    return padded
