"""The points of a cloud, for those who draw them; and which point lies at a place."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from clickmask.core.errors import InputError
from clickmask.server.classes import classes_for
from clickmask.server.clouds.labels import labels_edit, labels_in
from clickmask.server.clouds.opened import MEDIA_TYPE, OpenCloud
from clickmask.server.clouds.picking import met_by, nearest_to
from clickmask.server.deps import REST_CLIENT, Number, TheHub, TheServices
from clickmask.server.errors import NotFoundError
from clickmask.server.routes.images import full_answer
from clickmask.server.schemas import PickBody
from clickmask.server.services import Services

VERSION = 1
"""Of the chunks' content; part of their tags."""

router = APIRouter(prefix="/api/v1/images/{image_id}")


@router.get("/points")
async def points(image_id: Number, request: Request, services: TheServices) -> Response:
    """What there is of points."""
    cloud, tag = await _cloud(services, image_id)
    if _known(request, tag):
        return _unchanged(tag)
    described = await asyncio.to_thread(cloud.description)
    return JSONResponse({**described, "tag": tag}, headers=_headers(tag))


@router.get("/points/{chunk}")
async def chunk(image_id: Number, chunk: Number, request: Request, services: TheServices) -> Response:
    """Some of the points, in the random order."""
    cloud, tag = await _cloud(services, image_id)
    if chunk >= cloud.chunks:
        raise NotFoundError(f"There is no chunk {chunk}: the points come in {cloud.chunks}, counted from 0.")
    own = f"{tag}-{chunk}"
    if _known(request, own):
        return _unchanged(own)
    return Response(await asyncio.to_thread(cloud.chunk, chunk), media_type=MEDIA_TYPE, headers=_headers(own))


@router.post("/labels")
async def take_labels(image_id: Number, services: TheServices, hub: TheHub) -> dict[str, Any]:
    """Make objects of the labels that the file holds."""
    await _cloud(services, image_id)
    live = await hub.open(image_id)
    default = services.classes[min(services.classes)].name
    found = await asyncio.to_thread(labels_in, services.folder.file(live.path), default)
    make = partial(labels_edit, found, await classes_for(services, hub, found))
    return await full_answer(live, await live.add_finished(make, REST_CLIENT))


@router.post("/pick")
async def pick_point(image_id: Number, body: PickBody, services: TheServices) -> dict[str, Any]:
    """The point nearest to a place, or the first one that a ray meets."""
    cloud, _ = await _cloud(services, image_id)
    if body.xyz is not None:
        row = await asyncio.to_thread(nearest_to, cloud, body.xyz)
    elif body.origin is not None and body.direction is not None:
        row = await asyncio.to_thread(met_by, cloud, body.origin, body.direction, body.radius)
    else:
        raise InputError("Give xyz, or origin and direction of a ray.")
    if row is None:
        raise NotFoundError("No point lies there. A ray meets points within its radius; give a larger one.")
    return {"point": row, "xyz": (cloud.xyz[row].astype(float) + cloud.origin).tolist()}


async def _cloud(services: Services, image_id: int) -> tuple[OpenCloud, str]:
    """The open cloud and the tag of its content; InputError if the image is none."""
    image = await services.image(image_id)
    if image.kind != "cloud":
        raise InputError(f"{image.path} is no point cloud, so it has no points.")
    opened = await services.opened(image)
    if not isinstance(opened, OpenCloud):
        raise InputError(f"{image.path} is no point cloud, so it has no points.")
    return opened, f"p{VERSION}{services.pictures.tag(image)}"


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}


def _known(request: Request, tag: str) -> bool:
    return request.headers.get("if-none-match") == f'"{tag}"'


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers=_headers(tag))
