"""Images: lists, pictures, masks, history and commands."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import TypeAdapter, ValidationError

from clickmask.core.errors import InputError
from clickmask.server.deps import REST_CLIENT, Number, SeenRevision, TheHub, TheServices
from clickmask.server.errors import PreparingError
from clickmask.server.live import LiveImage
from clickmask.server.peers import Ack
from clickmask.server.pictures import Picture
from clickmask.server.records import MEDIA_TYPE, record
from clickmask.server.schemas import (
    ClientName,
    Command,
    ImageBody,
    JumpBody,
    JumpCommand,
    StepCommand,
    entry_json,
    history_json,
    image_json,
    json_content,
    object_json,
    parse_command,
)
from clickmask.server.tiles import LONGEST_REGION
from clickmask.store.values import Origin

router = APIRouter(prefix="/api/v1/images")
_CLIENT: TypeAdapter[str] = TypeAdapter(ClientName)


@router.get("")
async def images(services: TheServices) -> dict[str, Any]:
    """All images of the project."""
    return {"images": [image_json(i) for i in await services.in_store(services.store.images)]}


@router.get("/{image_id}")
async def image(image_id: Number, services: TheServices, look: bool = False) -> dict[str, Any]:
    """One image; with `look` its file is looked at first, so that its size is known."""
    found = await services.image(image_id)
    return image_json(await services.look_at(found) if look else found)


@router.patch("/{image_id}")
async def judge(image_id: Number, body: ImageBody, services: TheServices, hub: TheHub) -> dict[str, Any]:
    """Accept or reject an image as it is; the next step that changes one of its objects takes the judgement away."""
    await services.image(image_id)
    origin = Origin(REST_CLIENT)
    await services.in_store(services.store.set_image_review, image_id, body.review, body.by, origin)
    changed = await services.image(image_id)
    hub.judged(changed)
    return image_json(changed)


@router.get("/{image_id}/display")
async def display(image_id: Number, request: Request, services: TheServices) -> Response:
    """The picture for the canvas."""
    found = await services.look_at(await services.image(image_id))
    return _sent(request, await services.pictures.display(found))


@router.get("/{image_id}/thumb")
async def thumb(image_id: Number, request: Request, services: TheServices) -> Response:
    """A small picture for the strip."""
    return _sent(request, await services.pictures.thumb(await services.image(image_id)))


@router.get("/{image_id}/tiles/{level}/{column}/{row}")
async def tile(
    image_id: Number, level: Number, column: Number, row: Number, request: Request, services: TheServices
) -> Response:
    """A tile of an image that is too large for one picture; 204 while it is not there."""
    found = await services.look_at(await services.image(image_id))
    headers = _cached(f"{services.pictures.tag(found)}-{level}-{column}-{row}")
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    try:
        picture = await services.pictures.tile(found, level, column, row)
    except PreparingError:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return Response(picture.data, media_type=picture.media_type, headers=headers)


@router.get("/{image_id}/region")
async def region(
    image_id: Number,
    services: TheServices,
    x0: Annotated[float, Query(ge=0)],
    y0: Annotated[float, Query(ge=0)],
    x1: float,
    y1: float,
    side: Annotated[int, Query(ge=1, le=LONGEST_REGION)] = 1024,
) -> Response:
    """A part of an image as one picture."""
    found = await services.look_at(await services.image(image_id))
    height, width = found.facts.size_hw if found.facts is not None else (0, 0)
    if not (x0 < x1 <= width and y0 < y1 <= height):
        raise InputError(f"A region lies on the image: 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}.")
    picture = await services.pictures.region(found, (x0, y0, x1, y1), side)
    return Response(picture.data, media_type=picture.media_type, headers={"Cache-Control": "no-store"})


@router.get("/{image_id}/objects")
async def objects(image_id: Number, services: TheServices) -> dict[str, Any]:
    """Objects of an image, bottom first; readable even when the file is gone."""
    found = await services.image(image_id)
    stored = await services.in_store(services.store.objects, image_id)
    undo, redo = await services.in_store(services.store.next_steps, image_id)
    return {"rev": found.rev, "objects": [object_json(o) for o in stored], "history": history_json(undo, redo)}


@router.get("/{image_id}/masks")
async def masks(
    image_id: Number, services: TheServices, state: Literal["finished", "in_progress"] | None = None
) -> Response:
    """Masks of an image in one go."""
    await services.image(image_id)
    stored = await services.in_store(services.store.objects, image_id)
    wanted = [o for o in stored if o.value.mask and state in (None, o.value.phase)]
    return Response(b"".join(record(o) for o in wanted), media_type=MEDIA_TYPE)


@router.get("/{image_id}/history")
async def history(image_id: Number, services: TheServices) -> dict[str, Any]:
    """Steps within reach of undo and redo."""
    await services.image(image_id)
    return {"entries": [entry_json(e) for e in await services.in_store(services.store.history, image_id)]}


@router.post(
    "/{image_id}/commands",
    openapi_extra=json_content(*get_args(Command), client={"type": "string", "pattern": "^[A-Za-z0-9-]{8,64}$"}),
)
async def command(image_id: Number, request: Request, hub: TheHub) -> dict[str, Any]:
    """What the WebSocket takes, for scripts and for when the socket is gone; waits for the model."""
    data = await json_body(request)
    try:
        client = _CLIENT.validate_python(data.pop("client", None))
    except ValidationError as error:
        raise InputError("client: 8 to 64 letters, digits and dashes that name the sender.") from error
    live = await hub.open(image_id)
    return await full_answer(live, await live.apply(parse_command(data), client))


@router.post("/{image_id}/undo")
async def undo(image_id: Number, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """One step back."""
    live = await hub.open(image_id)
    return await full_answer(live, await live.apply(StepCommand(type="undo", rev=rev), REST_CLIENT, strict=True))


@router.post("/{image_id}/redo")
async def redo(image_id: Number, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """One step forth."""
    live = await hub.open(image_id)
    return await full_answer(live, await live.apply(StepCommand(type="redo", rev=rev), REST_CLIENT, strict=True))


@router.post("/{image_id}/jump")
async def jump(image_id: Number, body: JumpBody, hub: TheHub, rev: SeenRevision) -> dict[str, Any]:
    """Several steps at once."""
    live = await hub.open(image_id)
    step = JumpCommand(type="jump", action=body.action, rev=rev)
    return await full_answer(live, await live.apply(step, REST_CLIENT, strict=True))


async def full_answer(live: LiveImage, ack: Ack) -> dict[str, Any]:
    """The ack as it stands once the model has answered, with the masks it changed."""
    for changed in ack.objects:
        await live.settled(changed.id)
    now = [live.objects[o.id] for o in ack.objects if o.id in live.objects]
    data = b"".join(record(o) for o in now)
    return {**ack.json(), "objects": [object_json(o) for o in now], "masks": base64.b64encode(data).decode()}


async def json_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object; InputError for anything else."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InputError("The body must be JSON, sent with Content-Type: application/json.")
    try:
        data = await request.json()
    except (ValueError, RecursionError) as error:
        raise InputError(f"The body is not valid JSON: {error}.") from error
    if not isinstance(data, dict):
        raise InputError("The body must be a JSON object.")
    return data


def _sent(request: Request, picture: Picture) -> Response:
    """The file, or 304 if the browser has it."""
    headers = _cached(picture.etag)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return FileResponse(picture.file, media_type=picture.media_type, headers=headers)


def _cached(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
