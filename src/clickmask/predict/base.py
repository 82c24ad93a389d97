"""The innermost step: bring a request to the network's input, ask the backend, place the answer."""

from __future__ import annotations

from clickmask.core.frames import Crop, LogitMap, whole
from clickmask.core.protocols import Backend, Request, Result, Step


def backend_step(backend: Backend) -> Step:
    """A step that asks `backend` about the whole frame of the request, whatever its size."""

    def step(request: Request) -> Result:
        crop = Crop(whole(request.frame.size_hw), backend.input_hw)
        embedding = backend.embed(request.frame.crop(crop))
        previous = None if request.previous is None else request.previous.sample(crop)
        logits = backend.decode(embedding, crop.prompts_to_crop(request.prompts), previous)
        return Result(LogitMap(logits, whole(request.frame.size_hw)), request.memo)

    return step
