"""Uploaded files of labels for what is no photograph."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from clickmask.core.errors import FormatError, ImageError, InputError
from clickmask.formats.annotation import AnnotatedImage, AnnotationSet
from clickmask.server.errors import ImageMissingError
from clickmask.server.exchange import unpack_zip
from clickmask.server.media import LABEL_FORMATS
from clickmask.server.services import Services
from clickmask.store.values import StoredImage


async def read_labels_upload(
    services: Services, data: bytes, file_name: str, format_name: str, folder: Path, limit: int, shown: int | None
) -> AnnotationSet:
    """The labels in an uploaded file or zip, as objects of the project's images.

    Args:
        services: of the application.
        data: content of the upload.
        file_name: as the browser tells it.
        format_name: of `LABEL_FORMATS`.
        folder: empty, to work in.
        limit: bytes that a zip may unpack to.
        shown: number of the image that is open in the page.

    Raises:
        FormatError: no file of labels, or a single one that does not fit.
        TooLargeError: the unpacked files are above the limit.
    """
    found = LABEL_FORMATS.get(format_name)
    images = [i for i in await services.in_store(services.store.images) if i.kind in found.kinds]
    files = await asyncio.to_thread(_unpacked, data, file_name, found.suffixes, folder, limit)
    annotated: list[AnnotatedImage] = []
    losses: list[str] = []
    for file in files:
        path = file.relative_to(folder).as_posix()
        try:
            annotated.append(await _one(services, file, path, format_name, images, shown))
        except (ImageError, ImageMissingError, InputError) as error:
            losses.append(f"{path}: {str(error).replace(f'{folder}/', '')}")
    if not annotated:
        raise FormatError(" ".join(losses))
    return AnnotationSet(tuple(annotated), losses=tuple(losses))


async def _one(
    services: Services, file: Path, path: str, format_name: str, images: Sequence[StoredImage], shown: int | None
) -> AnnotatedImage:
    labels = LABEL_FORMATS.get(format_name)
    by_path = {image.path: image for image in images}
    open_path = next((image.path for image in images if image.id == shown), None)
    target = by_path.get(labels.meant(path, list(by_path), open_path) or "")
    if target is None:
        raise FormatError("No image of that name. Open the one that the labels belong to, and import again.")
    opened = await services.opened(target)
    default = services.classes[min(services.classes)].name
    return await asyncio.to_thread(labels.read, file, opened, target.path, default)


def _unpacked(data: bytes, file_name: str, suffixes: Sequence[str], folder: Path, limit: int) -> list[Path]:
    name = PurePosixPath(file_name.replace("\\", "/")).name
    if name.lower().endswith(".zip"):
        unpack_zip(data, folder, limit)
        files = sorted(f for f in folder.rglob("*") if f.name.lower().endswith(tuple(suffixes)))
        if not files:
            raise FormatError(f"The zip holds no file of labels ({', '.join(suffixes)}).")
        return files
    if not name.lower().endswith(tuple(suffixes)):
        raise FormatError(f"Labels are a {' or '.join((*suffixes, '.zip'))} file, got {file_name[:100]!r}.")
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[-200:].lstrip(".")
    (folder / safe).write_bytes(data)
    return [folder / safe]
