"""The innermost step: bring a request to the network's input, ask the backend, place the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from clickmask.core.answers import Answer, network_memo, placed
from clickmask.core.frames import Crop, FloatMap, LogitMap, whole
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Backend, Request, Result, Step
from clickmask.predict.sam import WHOLE_IMAGE, WholeImageBackend, whole_image_step

ANSWERING = frozenset({"recall", "multimask"})
"""Capabilities of a backend whose answer is more than one map."""


class AnsweringBackend(Backend, Protocol):
    """A backend with one of the capabilities `ANSWERING`."""

    def answer(
        self, embedding: Any, prompts: Prompts, previous: FloatMap | None, maps: Mapping[str, FloatMap]
    ) -> Answer:
        """Everything that the network says.

        Args:
            embedding: as of `decode`, whose result is the answer's `logits`.
            prompts: as of `decode`.
            previous: as of `decode`.
            maps: (h, w) maps of the last answer, on the grid of the input; empty at the start.
        """
        ...


def backend_step(backend: Backend) -> Step:
    """A step that asks `backend` about the whole frame of the request, whatever its size."""
    if WHOLE_IMAGE in backend.capabilities:
        return whole_image_step(cast(WholeImageBackend, backend))
    if backend.capabilities & ANSWERING:
        return _answering_step(cast(AnsweringBackend, backend))

    def step(request: Request) -> Result:
        crop = Crop(whole(request.frame.size_hw), backend.input_hw)
        embedding = backend.embed(request.frame.crop(crop))
        previous = None if request.previous is None else request.previous.sample(crop)
        logits = backend.decode(embedding, crop.prompts_to_crop(request.prompts), previous)
        return Result(LogitMap(logits, whole(request.frame.size_hw)), request.memo)

    return step


def _answering_step(backend: AnsweringBackend) -> Step:
    def step(request: Request) -> Result:
        box = whole(request.frame.size_hw)
        crop = Crop(box, backend.input_hw)
        embedding = backend.embed(request.frame.crop(crop))
        previous = None if request.previous is None else request.previous.sample(crop)
        maps = {name: logits.sample(crop) for name, logits in network_memo(request.memo).maps.items()}
        answer = backend.answer(embedding, crop.prompts_to_crop(request.prompts), previous, maps)
        return placed(answer, box, request)

    return step
