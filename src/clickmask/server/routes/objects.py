"""Single objects: properties, masks, finishing and re-opening."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image

from clickmask.core.check import check_mask
from clickmask.core.errors import FormatError, InputError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import mask_png, rle
from clickmask.formats.polygons import edge_rings, simplified
from clickmask.server.deps import REST_CLIENT, Number, SeenRevision, TheHub, TheServices
from clickmask.server.errors import NotFoundError
from clickmask.server.hub import Hub
from clickmask.server.media import MEDIA
from clickmask.server.media.medium import DOUBTS, OUTLINE, PNG
from clickmask.server.records import MEDIA_TYPE, mask_record, record
from clickmask.server.routes.images import full_answer
from clickmask.server.schemas import Command, PatchBody, PatchCommand, SimpleCommand, binary_content, object_json
from clickmask.server.services import Services
from clickmask.store.values import StoredObject

router = APIRouter(prefix="/api/v1/objects/{object_id}")


@router.get("")
async def get(object_id: Number, response: Response, services: TheServices) -> dict[str, Any]:
    """One object."""
    stored = await _stored(services, object_id)
    response.headers["ETag"] = f'"{stored.rev}"'
    return object_json(stored)


@router.patch("")
async def patch(object_id: Number, body: PatchBody, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Change class, colour, visibility or order."""
    given = body.model_dump(exclude_unset=True)
    return await _apply(hub, object_id, PatchCommand(type="patch", object_id=object_id, rev=rev, **given))


@router.delete("")
async def delete(object_id: Number, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Remove an object; undo brings it back."""
    return await _simple(hub, object_id, "delete", rev)


@router.post("/reopen")
async def reopen(object_id: Number, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Make a finished object clickable again."""
    return await _simple(hub, object_id, "reopen", rev)


@router.post("/finish")
async def finish(object_id: Number, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Make an object's mask final."""
    return await _simple(hub, object_id, "finish", rev)


@router.get("/mask")
async def mask(
    object_id: Number,
    services: TheServices,
    format: Literal["png", "rle", "record"] = "png",  # noqa: A002 - the query's name
) -> Response:
    """The mask of an object."""
    stored = await _stored(services, object_id)
    if format == "record":
        return Response(record(stored), media_type=MEDIA_TYPE)
    if format == "rle":
        return JSONResponse(
            {"size": list(stored.value.mask.size_hw), "counts": rle.pack(rle.counts_of(stored.value.mask))}
        )
    await _check_offered(services, stored, PNG)
    data = await asyncio.to_thread(lambda: mask_png.encode_binary(stored.value.mask.decode()))
    return Response(data, media_type="image/png")


@router.get("/polygon")
async def polygon(
    object_id: Number, services: TheServices, tolerance: Annotated[float, Query(ge=0, le=1000)] = 1.0
) -> dict[str, Any]:
    """The outline as loops along pixel edges, simplified by at most `tolerance` pixels; 0 gives the exact one."""
    stored = await _stored(services, object_id)
    await _check_offered(services, stored, OUTLINE)
    loops = await asyncio.to_thread(_loops, stored.value.mask, tolerance)
    return {"convention": "edge", "loops": loops}


@router.get("/uncertainty")
async def uncertainty(object_id: Number, hub: TheHub) -> dict[str, Any]:
    """Where the mask is most probably wrong: the unsure pixels, and where a click would tell most, best first."""
    live = await hub.open_for_object(object_id)
    check_offered(live.kind, DOUBTS)
    stored, found, expected = await live.uncertainty(object_id)
    unsure = mask_record(stored.id, stored.rev, found.unsure, seq=0, settled=True)
    return {
        "object": stored.id, "rev": stored.rev, "expected_iou": round(expected, 4),
        "unsure": base64.b64encode(unsure).decode(),
        "places": [{"x": p.x, "y": p.y, "pixels": round(p.pixels, 1), "inside": p.inside} for p in found.places],
    }  # fmt: skip


def _loops(mask: RunLengthMask, tolerance: float) -> list[list[list[float]]]:
    rings = edge_rings(mask.decode_crop())
    corner = np.array(mask.box_xyxy[:2], dtype=np.float64)
    loops = [simplified(ring, tolerance) + corner for ring in (*rings.outer, *rings.holes)]
    return [loop.tolist() for loop in loops if len(loop) > 2]


@router.put("/mask", openapi_extra=binary_content("image/png"))
async def set_mask(object_id: Number, request: Request, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Give an object in progress a mask."""
    data = await request.body()
    live = await hub.open_for_object(object_id)
    check_offered(live.kind, PNG)
    given = await asyncio.to_thread(_decoded, data, live.size_hw)
    return await full_answer(live, await live.set_mask(object_id, given, REST_CLIENT, rev))


def _decoded(data: bytes, size_hw: tuple[int, int]) -> RunLengthMask:
    _check_head(data, size_hw)
    try:
        values = mask_png.decode_values(data, "the mask")
    except FormatError as error:
        raise PromptError(str(error)) from error
    return RunLengthMask.encode(check_mask(values != 0, size_hw))


def _check_head(data: bytes, size_hw: tuple[int, int]) -> None:
    """Refuse a mask of another size before it is decoded: a small file may claim a huge one."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            size = image.height, image.width
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PromptError(f"The body is not a PNG mask of {size_hw[1]} x {size_hw[0]} pixels ({error}).") from error
    if size != size_hw:
        raise PromptError(f"The mask is {size[1]} x {size[0]} pixels but the image is {size_hw[1]} x {size_hw[0]}.")


def check_offered(kind: str, what: str) -> None:
    """Refuse what there is not of a kind of medium."""
    medium = MEDIA.get(kind)
    if what not in medium.offers:
        raise InputError(f"Of {medium.title} there is no {what}. GET /api/v1/project tells what there is of each kind.")


async def _check_offered(services: Services, stored: StoredObject, what: str) -> None:
    check_offered((await services.image(stored.image_id)).kind, what)


async def _stored(services: Services, object_id: int) -> StoredObject:
    stored = await services.in_store(services.store.find_object, object_id)
    if stored is None:
        raise NotFoundError(f"There is no object #{object_id} in this project (any more).")
    return stored


async def _simple(
    hub: Hub, object_id: int, kind: Literal["delete", "reopen", "finish"], rev: int | None
) -> dict[str, Any]:
    return await _apply(hub, object_id, SimpleCommand(type=kind, object_id=object_id, rev=rev))


async def _apply(hub: Hub, object_id: int, command: Command) -> dict[str, Any]:
    live = await hub.open_for_object(object_id)
    return await full_answer(live, await live.apply(command, REST_CLIENT, strict=True))
