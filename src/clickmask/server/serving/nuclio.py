"""CVAT's interactors: what its server asks a nuclio function, and what it asks nuclio itself.

CVAT lists functions at `/api/functions` and asks one at `/api/function_invocations` (its setting INVOKE_METHOD =
dashboard) or at `/` of the function's own port (direct). All three are answered here, so that no nuclio is needed. The
image comes with every click and is recognised by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import APIRouter, Request

from clickmask.core.errors import InputError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Prompt, Prompts
from clickmask.formats import fields
from clickmask.formats.polygons import center_rings
from clickmask.server.errors import NotFoundError
from clickmask.server.serving.asking import clicks
from clickmask.server.serving.deps import TheAsker, TheModels, TheServingSettings, TheSources, json_body
from clickmask.server.serving.sources import from_base64

FUNCTION = "clickmask"
NAME_HEADER = "x-nuclio-function-name"

router = APIRouter()


@router.get("/api/functions")
async def functions(settings: TheServingSettings, models: TheModels) -> dict[str, Any]:
    """All functions by name: one."""
    return {FUNCTION: description(models.status.name, settings.port)}


@router.get("/api/functions/{name}")
async def function(name: str, settings: TheServingSettings, models: TheModels) -> dict[str, Any]:
    """One function."""
    _known(name)
    return description(models.status.name, settings.port)


@router.post("/api/function_invocations")
async def invoke_by_name(request: Request, sources: TheSources, asker: TheAsker) -> dict[str, Any]:
    """Ask the function that the header names."""
    _known(request.headers.get(NAME_HEADER, ""))
    return await _answer(await json_body(request), sources, asker)


@router.post("/")
async def invoke(request: Request, sources: TheSources, asker: TheAsker) -> dict[str, Any]:
    """Ask the function at its own address."""
    return await _answer(await json_body(request), sources, asker)


def description(model: str, port: int) -> dict[str, Any]:
    """What nuclio says of a function. All annotations are texts: strict parsers want it so."""
    annotations = {
        "name": f"clickmask ({model})",
        "version": "2",
        "type": "interactor",
        "spec": "[]",
        "min_pos_points": "1",
        "min_neg_points": "0",
        "animated_gif": "",
        "help_message": "Left click: belongs to the object. Right click: does not.",
    }
    return {
        "metadata": {"name": FUNCTION, "namespace": "cvat", "annotations": annotations},
        "spec": {"description": f"Masks from a few clicks, by the model {model}.", "handler": "main:handler",
                 "runtime": "python:3.11"},
        "status": {"state": "ready", "httpPort": port},
    }  # fmt: skip


def prompts_of(body: Mapping[str, Any]) -> Prompts:
    """Prompts of an invocation: `pos_points`, `neg_points` and `obj_bbox`, each of which may be missing or null.

    Raises:
        PromptError, FormatError: numbers are missing or no numbers.
    """
    found: list[Prompt] = []
    box = body.get("obj_bbox")
    if box:
        corners = _points(box, "obj_bbox")
        if len(corners) != 2:
            raise PromptError(f"'obj_bbox' is [[x1, y1], [x2, y2]], got {str(box)[:100]}.")
        (x0, y0), (x1, y1) = corners
        found.append(Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    positive, negative = (_points(body.get(key) or [], key) for key in ("pos_points", "neg_points"))
    return Prompts((*found, *clicks(positive, negative)))


def answer_of(mask: RunLengthMask) -> dict[str, Any]:
    """The mask as rows of 0 and 1 inside its bounds (left, top, right, bottom, inclusive), and its longest outline.

    The whole image would be tens of megabytes of JSON, so it is never sent.
    """
    if not mask:
        return {"mask": [[0]], "bounds": [0, 0, 0, 0], "points": []}
    x0, y0, x1, y1 = mask.box_xyxy
    crop = mask.decode_crop()
    ring = max(center_rings(crop).outer, key=len)
    return {
        "mask": crop.astype(np.uint8).tolist(),
        "bounds": [x0, y0, x1 - 1, y1 - 1],
        "points": np.add(ring, (x0, y0)).astype(int).tolist(),
    }


async def _answer(body: Mapping[str, Any], sources: TheSources, asker: TheAsker) -> dict[str, Any]:
    prompts = prompts_of(body)
    if not prompts:
        raise PromptError("An interactor needs points: 'pos_points', 'neg_points' or 'obj_bbox'.")
    image = await sources.add(from_base64(fields.text(body, "image", "The request")), "the image in the request")
    reply = await asker.ask(image, prompts)
    return answer_of(reply.proposals[0].mask)


def _points(value: Any, key: str) -> list[tuple[float, float]]:
    pairs = fields.items(value, f"'{key}'")
    return [(float(x), float(y)) for x, y in fields.ring(pairs, f"'{key}'")] if pairs else []


def _known(name: str) -> None:
    if name != FUNCTION:
        if not name:
            raise InputError(f"The header {NAME_HEADER} is missing; it names the function, {FUNCTION}.")
        raise NotFoundError(f"There is no function {name[:100]!r}; this server has {FUNCTION!r}.")
