"""Slices of a volume through a window, and its labels as a file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
from fastapi import APIRouter, Request, Response

from clickmask.core.errors import InputError
from clickmask.core.window import Window
from clickmask.formats.annotation import Annotation
from clickmask.formats.volume_file import write_labels
from clickmask.server import exchange
from clickmask.server.deps import REST_CLIENT, Number, TheHub, TheServices
from clickmask.server.errors import NotFoundError
from clickmask.server.schemas import PlaneBody, WindowBody
from clickmask.server.services import Services
from clickmask.server.volumes.export import label_volume
from clickmask.server.volumes.opened import OpenVolume
from clickmask.spatial.volume import Plane
from clickmask.store.values import Origin, StoredImage

router = APIRouter(prefix="/api/v1/images/{image_id}")

LABEL_FILES = {"nifti": ".nii.gz", "nrrd": ".seg.nrrd", "dicom_seg": ".dcm"}
"""Endings of label files by format."""
LabelFormat = Literal["nifti", "nrrd", "dicom_seg"]


@router.get("/volume")
async def volume(image_id: Number, services: TheServices) -> dict[str, Any]:
    """How many slices there are, of which size, and through which window they are shown."""
    opened, _ = await _volume(services, image_id)
    return await asyncio.to_thread(opened.description)


@router.get("/slices/{index}")
async def one_slice(
    image_id: Number,
    index: Number,
    request: Request,
    services: TheServices,
    center: float | None = None,
    width: float | None = None,
    plane: Plane | None = None,
) -> Response:
    """A slice as a grey PNG, through the window asked for or the usual one, in the plane asked for or the volume's."""
    opened, image = await _volume(services, image_id)
    opened = opened if plane is None else opened.in_plane(plane)
    if index >= opened.slicing.count:
        raise NotFoundError(f"There is no slice {index}: the volume has {opened.slicing.count}, counted from 0.")
    if (center is None) != (width is None):
        raise InputError("A window is a center and a width. Give both, or neither.")
    window = opened.window if center is None or width is None else Window(center, width, opened.window.function)
    tag = f'"v{services.pictures.tag(image)}-{opened.slicing.plane}-{index}-{window.center:g}-{window.width:g}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(await asyncio.to_thread(_png, opened, index, window), media_type="image/png", headers=headers)


@router.put("/plane")
async def cut(image_id: Number, body: PlaneBody, services: TheServices, hub: TheHub) -> dict[str, Any]:
    """The plane in which the volume is worked on from now on; only while there is no object on it."""
    opened, image = await _volume(services, image_id)
    anew = opened.in_plane(Plane(body.plane))
    if anew is not opened:
        origin = Origin(REST_CLIENT)
        keep = partial(services.in_store, services.store.set_plane, image.id, body.plane, anew.size_hw, origin)
        await hub.retire(image_id, keep)
    return await asyncio.to_thread(anew.description)


@router.put("/window")
async def look(image_id: Number, body: WindowBody, services: TheServices) -> dict[str, Any]:
    """The window through which the model sees the volume from now on, until the file is closed."""
    opened, _ = await _volume(services, image_id)
    window = Window(body.center, body.width, opened.window.function)
    await asyncio.to_thread(opened.look_through, window)
    return {"window": [window.center, window.width]}


@router.get("/labels")
async def labels(image_id: Number, services: TheServices, format: LabelFormat = "nifti") -> Response:  # noqa: A002
    """The finished objects as labels on the volume's own grid; where objects overlap, the upper one stays."""
    opened, image = await _volume(services, image_id)
    stored = await services.in_store(services.store.objects, image_id)
    model = services.thinker(image.kind).status.name
    found, _ = exchange.collect([(image, stored)], services.classes, (image.kind,), model)
    if not found.images:
        raise InputError("There is no finished object on this volume. Finish an object first (Enter).")
    data = await asyncio.to_thread(_label_file, opened, found.images[0].annotations, LABEL_FILES[format])
    stem = Path(image.path).name.split(".")[0] or "volume"
    sent = {"Content-Disposition": f'attachment; filename="{_plain(stem)}-labels{LABEL_FILES[format]}"'}
    return Response(data, media_type="application/octet-stream", headers=sent)


def _label_file(opened: OpenVolume, annotations: Sequence[Annotation], suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"labels{suffix}"
        write_labels(target, label_volume(opened, annotations)[0])
        return target.read_bytes()


def _png(opened: OpenVolume, index: int, window: Window) -> bytes:
    grey = opened.picture(index, window)[:, :, 0]
    return bytes(cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)


async def _volume(services: Services, image_id: int) -> tuple[OpenVolume, StoredImage]:
    """The open volume; InputError if the image is none."""
    image = await services.image(image_id)
    if image.kind != "volume":
        raise InputError(f"{image.path} is no volume, so it has no slices.")
    opened = await services.opened(image)
    if not isinstance(opened, OpenVolume):
        raise InputError(f"{image.path} is no volume, so it has no slices.")
    return opened, image
