"""Export and import."""

from __future__ import annotations

import asyncio
import tempfile
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from clickmask.core.errors import InputError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.formats import FORMATS
from clickmask.formats.annotation import AnnotationSet
from clickmask.formats.image_names import ImageNames
from clickmask.server import exchange
from clickmask.server.classes import classes_for
from clickmask.server.deps import REST_CLIENT, TheHub, TheServices, TheSettings
from clickmask.server.errors import ImageMissingError, NotFoundError
from clickmask.server.hub import Hub
from clickmask.server.label_upload import read_labels_upload
from clickmask.server.media import LABEL_FORMATS, kinds_of
from clickmask.server.schemas import UPLOAD_CONTENT, ExportBody
from clickmask.server.services import Services
from clickmask.store.values import StoredImage, StoredObject

router = APIRouter(prefix="/api/v1")


@router.post("/export")
async def export(body: ExportBody, services: TheServices) -> dict[str, Any]:
    """Write the finished objects into the project's export folder."""
    style, review = exchange.style_of(body.options), exchange.review_of(body.options)
    images = await services.in_store(services.store.images)
    unknown = set(body.images or ()) - {i.id for i in images}
    if unknown:
        raise NotFoundError(f"There is no image number {min(unknown)} in this project.")
    chosen = [i for i in images if body.images is None or i.id in body.images]

    def read() -> list[tuple[StoredImage, list[StoredObject]]]:
        return [(i, services.store.objects(i.id)) for i in chosen]

    known = [*FORMATS, *LABEL_FORMATS]
    if body.format not in known:
        raise UnknownNameError(unknown_name("format", body.format, known))
    kinds = kinds_of(body.format)
    model = services.thinker(kinds[0]).status.name
    annotations, notes = exchange.collect(await services.in_store(read), services.classes, kinds, model)
    annotations, notes = exchange.chosen(annotations, notes, body.format, review)
    folder, file_of = services.project.export_folder, services.folder.file
    report = await asyncio.to_thread(exchange.export, annotations, notes, body.format, style, folder, file_of)
    return {
        "name": report.name, "folder": str(report.folder), "files": report.files, "objects": report.objects,
        "download": f"/api/v1/exports/{report.name}.zip", "notes": list(report.notes),
    }  # fmt: skip


@router.get("/exports/{name}.zip")
async def download(name: str, services: TheServices) -> FileResponse:
    """An export as a zip."""
    file = services.project.export_folder / f"{name}.zip"
    if not exchange.EXPORT_NAME.fullmatch(name) or not file.is_file():
        raise NotFoundError(f"There is no export {name[:100]!r} in this project.")
    return FileResponse(file, media_type="application/zip", filename=f"{name}.zip")


@router.post("/import", openapi_extra=UPLOAD_CONTENT)
async def import_(request: Request, services: TheServices, hub: TheHub, settings: TheSettings) -> dict[str, Any]:
    """Take annotations from a file over as finished objects."""
    fields = multipart(request.headers.get("content-type", ""), await request.body())
    if "file" not in fields or "format" not in fields:
        raise InputError("An import is multipart/form-data with the fields 'file' and 'format'.")
    data, file_name = fields["file"]
    format_name = fields["format"][0].decode("utf-8", "replace")
    if format_name in LABEL_FORMATS:
        shown = fields.get("image", (b"", ""))[0].decode("ascii", "replace")
        with tempfile.TemporaryDirectory(prefix="clickmask-") as folder:
            limit, number = settings.max_unpacked_bytes, int(shown) if shown.isdecimal() else None
            labels = await read_labels_upload(services, data, file_name, format_name, Path(folder), limit, number)
        return await _take_over(labels, format_name, services, hub)
    images = await services.in_store(services.store.images)
    photographs = [image for image in images if image.kind in kinds_of(format_name)]
    find = exchange.project_images(photographs, services.folder.facts, services.folder.file)
    with tempfile.TemporaryDirectory(prefix="clickmask-") as folder:
        limit = settings.max_unpacked_bytes
        read = await asyncio.to_thread(exchange.read_upload, data, file_name, format_name, Path(folder), limit, find)
    return await _take_over(read, format_name, services, hub)


def multipart(content_type: str, body: bytes) -> dict[str, tuple[bytes, str]]:
    """Fields of a form by name: content and file name (empty without one)."""
    if not content_type.startswith("multipart/form-data"):
        raise InputError(f"An import is sent as multipart/form-data, got {content_type[:100]!r}.")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form: Message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, tuple[bytes, str]] = {}
    for part in form.get_payload() if form.is_multipart() else ():
        if isinstance(part, Message):
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            fields[str(name)] = (content if isinstance(content, bytes) else b"", part.get_filename() or "")
    return fields


async def _take_over(read: AnnotationSet, format_name: str, services: Services, hub: Hub) -> dict[str, Any]:
    images = await services.in_store(services.store.images)
    notes, touched, objects = list(read.losses), 0, 0
    names, by_path = ImageNames(i.path for i in images), {i.path: i for i in images}
    for annotated in read.images:
        found = by_path.get(names.find(annotated.path) or "")
        if found is None:
            notes.append(f"{annotated.path}: no image of that name in this project, or more than one.")
            continue
        try:
            live = await hub.open(found.id)
        except (ImageMissingError, InputError) as error:
            notes.append(f"{found.path}: {error}")
            continue
        kept, lost = exchange.fitting(annotated, await services.image(found.id))
        notes += lost
        if not kept.annotations:
            continue
        classes = await classes_for(services, hub, kept.annotations)
        edit = partial(exchange.import_edit, kept, classes, format_name)
        await live.add_finished(edit, REST_CLIENT)
        touched, objects = touched + 1, objects + len(kept.annotations)
    return {"images": touched, "objects": objects, "notes": notes[: exchange.NOTES_SHOWN]}
