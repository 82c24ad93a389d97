"""Annotations out of the project into files, and back."""

from __future__ import annotations

import io
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from PIL import Image

from clickmask.core.errors import FormatError, ImageError, InputError, StorageError
from clickmask.core.words import words
from clickmask.formats import FORMATS
from clickmask.formats.annotation import (
    KNOWS_IGNORED,
    KNOWS_PLACES,
    AnnotatedImage,
    Annotation,
    AnnotationSet,
    Attributes,
    FoundImage,
    ImageLookup,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.georeference import TIFF_SUFFIXES, read_georeference
from clickmask.formats.image_file import MAX_PIXELS
from clickmask.formats.image_names import ImageNames
from clickmask.server.errors import ImageMissingError, TooLargeError
from clickmask.server.media import LABEL_FORMATS, MEDIA
from clickmask.store.values import Edit, ImageFacts, ObjectValue, StoredClass, StoredImage, StoredObject

EXPORT_NAME = re.compile(r"[a-z0-9_]+-\d{8}-\d{6}(-\d+)?")
UNFINISHED = ".unfinished-"
"""Begins the names of exports that are being written."""
MAX_ZIP_ENTRIES = 100_000
NOTES_SHOWN = 200
LAYOUT_FOLDERS = frozenset({"annotations", "labels", "SegmentationClass"})
"""Folders that belong to the layout of a format, so that a zip of one of them alone is a zip of the whole."""
REVIEWS = ("all", "not_rejected", "accepted")
_STYLES: dict[str, ShapeStyle] = {"auto": "auto", "polygon": "polygon", "rle": "mask", "mask": "mask"}


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote, and what it could not keep."""

    name: str
    folder: Path
    files: int
    objects: int
    notes: tuple[str, ...]


def style_of(options: Mapping[str, object]) -> ShapeStyle:
    """The shape style that export options ask for; InputError for unknown options."""
    unknown = set(options) - {"segmentation", "review"}
    if unknown:
        raise InputError(f"Unknown export options: {', '.join(sorted(unknown))}. Known: review, segmentation.")
    wanted = options.get("segmentation", "auto")
    if wanted not in _STYLES:
        raise InputError(f"segmentation is one of {', '.join(_STYLES)}; got {str(wanted)[:50]!r}.")
    return _STYLES[str(wanted)]


def collect(
    images: Iterable[tuple[StoredImage, Sequence[StoredObject]]],
    classes: Mapping[int, StoredClass],
    kinds: Sequence[str] = ("photo",),
    model: str = "",
) -> tuple[AnnotationSet, list[str]]:
    """The finished objects of images of some kinds as annotations, and what is left out.

    Args:
        images: with their objects, lowest first.
        classes: of the project.
        kinds: of the media that a format is for.
        model: what answers clicks, for formats that tell what a machine drew.
    """
    notes: list[str] = []
    annotated: list[AnnotatedImage] = []
    for image, objects in images:
        if image.kind not in kinds:
            if objects:
                title = MEDIA.get(image.kind).title
                notes.append(f"{image.path}: left out, because the format is not for {title}. Choose one that is.")
            continue
        finished = [o for o in objects if o.value.phase == "finished"]
        waiting = len(objects) - len(finished)
        if waiting:
            notes.append(f"{image.path}: {waiting} objects in progress are left out; finish them first.")
        if image.facts is None or not finished:
            continue
        annotations = tuple(_annotation(o, classes, model) for o in finished)
        told = {"volume": {"plane": image.plane}} if image.plane else {}
        annotated.append(AnnotatedImage(image.path, image.facts.size_hw, annotations, image.id, told))
    names = tuple(ObjectClass(c.name, c.id) for c in classes.values())
    return AnnotationSet(tuple(annotated), names), notes


def export(
    annotations: AnnotationSet,
    notes: Sequence[str],
    format_name: str,
    style: ShapeStyle,
    folder: Path,
    file_of: Callable[[str], Path],
) -> ExportReport:
    """Write annotations into a new folder below `folder`, and a zip of it beside it.

    An export is there as a whole or not at all, whenever the process dies.

    Args:
        annotations: of images that the format is for.
        notes: what was left out before.
        format_name: of `FORMATS` or `LABEL_FORMATS`.
        style: how masks are written, where the format has a choice.
        folder: for exports.
        file_of: the file behind an image's path.

    Raises:
        UnknownNameError: no such format.
        FormatError, StorageError: the files cannot be written.
    """
    if not annotations.images:
        text = "There is no finished object to export. Finish an object first (Enter)."
        raise InputError(words("refused.nothingToExport", text))
    write = _writing(annotations, format_name, style, file_of)
    name = ""
    try:
        name = _begin(folder, format_name)
        target, work = folder / name, folder / f"{UNFINISHED}{name}"
        written = write(work)
        packed = Path(shutil.make_archive(str(work), "zip", work))
        work.rename(target)
        packed.rename(folder / f"{name}.zip")
    except FormatError as error:
        kind = StorageError if isinstance(error.__cause__, OSError) else FormatError
        raise kind(str(error).replace(f"{UNFINISHED}{name}", name)) from error
    except OSError as error:
        problem = f"{folder / name} cannot be written: {error.strerror}. Free some space or make it writable."
        raise StorageError(problem) from error
    finally:
        _drop(folder, name)
    count = sum(len(i.annotations) for i in annotations.images)
    return ExportReport(name, target, len(written.paths), count, _shortened([*notes, *written.losses]))


def _writing(
    annotations: AnnotationSet, format_name: str, style: ShapeStyle, file_of: Callable[[str], Path]
) -> Callable[[Path], Written]:
    """What writes the annotations into a folder; UnknownNameError if there is no such format."""
    if format_name not in LABEL_FORMATS:
        writer = FORMATS.get(format_name)
        if format_name in KNOWS_PLACES:
            annotations = replace(annotations, images=tuple(_placed(i, file_of) for i in annotations.images))
        return lambda folder: writer.write(annotations, str(folder), style=style)
    labels = LABEL_FORMATS.get(format_name)
    files, gone = _present(annotations.images, file_of)

    def write(folder: Path) -> Written:
        written = labels.write(files, annotations.all_classes(), folder)
        return replace(written, losses=(*gone, *written.losses))

    return write


def _placed(image: AnnotatedImage, file_of: Callable[[str], Path]) -> AnnotatedImage:
    """With the georeference of its file; of an image that is gone there is none, which the writer says."""
    with suppress(ImageMissingError):
        return replace(image, georeference=read_georeference(file_of(image.path)))
    return image


def remove_unfinished(folder: Path) -> None:
    """Remove what exports that did not come to their end have left in a folder."""
    for left in folder.glob(f"{UNFINISHED}*"):
        _drop(folder, left.name.removeprefix(UNFINISHED))


def _present(
    images: Iterable[AnnotatedImage], file_of: Callable[[str], Path]
) -> tuple[list[tuple[AnnotatedImage, Path]], list[str]]:
    """Images with their files, and why others have none."""
    present, gone = [], []
    for image in images:
        try:
            present.append((image, file_of(image.path)))
        except ImageMissingError as error:
            gone.append(f"{image.path}: left out. {error}")
    return present, gone


def read_upload(
    data: bytes, file_name: str, format_name: str, work_folder: Path, max_unpacked: int, find_image: ImageLookup
) -> AnnotationSet:
    """Annotations in an uploaded file of a kind that the format reads, or in a .zip.

    Args:
        data: content of the upload.
        file_name: as the browser tells it.
        format_name: one of FORMATS.
        work_folder: empty folder to work in.
        max_unpacked: bytes that a zip may unpack to.
        find_image: the project's images, for formats that do not tell sizes.

    Raises:
        FormatError: unsafe paths in a zip, or files that the format does not read.
        TooLargeError: the unpacked files are above the limit, or an image in it is.
    """
    reader = FORMATS.get(format_name)
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix == ".zip":
        unpack_zip(data, work_folder, max_unpacked)
        source = _only_folder(work_folder, reader.suffixes)
    elif suffix in reader.suffixes:
        source = work_folder / f"{_safe_stem(file_name)}{suffix}"
        source.write_bytes(data)
    else:
        kinds = " or ".join((*reader.suffixes, ".zip"))
        raise FormatError(f"An import of {format_name} is a {kinds} file, got {file_name[:100]!r}.")
    for picture in work_folder.rglob("*"):
        if picture.suffix.lower() in (".png", *TIFF_SUFFIXES):
            _check_picture(picture)
    try:
        return reader.read(str(source), find_image=find_image)
    except FormatError as error:
        raise FormatError(str(error).replace(f"{work_folder}/", "")) from error
    except MemoryError as error:
        raise TooLargeError("The file claims masks larger than this machine can hold.") from error


def unpack_zip(data: bytes, target: Path, max_unpacked: int) -> None:
    """Unpack plain files; nothing may lie outside `target`, be a link, or exceed the limit when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            if len(entries) > MAX_ZIP_ENTRIES or sum(e.file_size for e in entries) > max_unpacked:
                raise TooLargeError(
                    f"The zip unpacks to more than {max_unpacked / 2**20:.0f} MB or {MAX_ZIP_ENTRIES} files."
                )
            left = max_unpacked
            for entry in entries:
                left -= _unpack_entry(archive, entry, target, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FormatError(f"The zip cannot be unpacked ({error}). Pack it again without a password.") from error


def project_images(
    images: Sequence[StoredImage], facts: Callable[[str], ImageFacts | None], file_of: Callable[[str], Path]
) -> ImageLookup:
    """The project's images as a lookup for formats that do not tell sizes; files are looked at where need be."""
    names, by_path = ImageNames(i.path for i in images), {i.path: i for i in images}

    def find(path: str) -> FoundImage | None:
        found = names.find(path)
        if found is None:
            return None
        try:
            known = by_path[found].facts or facts(found)
            place = read_georeference(file_of(found)) if found.lower().endswith(TIFF_SUFFIXES) else None
        except (ImageError, ImageMissingError, FormatError):
            return None  # the note on the image itself says what is wrong with it
        return None if known is None else FoundImage(found, known.size_hw, place)

    return find


def import_edit(
    annotated: AnnotatedImage, classes: Mapping[str, StoredClass], format_name: str, objects: Mapping[int, StoredObject]
) -> Edit:
    """One step that adds the objects of an image as finished ones, above what is there."""
    top = max((o.value.z for o in objects.values()), default=0)
    changes = []
    for z, annotation in enumerate(annotated.annotations, start=top + 1):
        found = classes[annotation.class_name]
        colour = annotation.colour if annotation.colour != found.colour else None
        changes.append(
            (
                None,
                ObjectValue(
                    found.id, annotation.mask, colour=colour, z=z, phase="finished", ignored=annotation.ignored
                ),
            )
        )
    label = words("step.import", "{count} objects imported from {format}", count=len(changes), format=format_name)
    return Edit("import", label, tuple(changes), {"format": format_name, "objects": len(changes)})


def fitting(annotated: AnnotatedImage, image: StoredImage) -> tuple[AnnotatedImage, list[str]]:
    """The annotations that can be taken over to an image, and why others cannot."""
    size_hw = None if image.facts is None else image.facts.size_hw
    if annotated.size_hw != size_hw:
        have, want = (f"{s[1]} x {s[0]}" for s in (annotated.size_hw, size_hw or (0, 0)))
        note = f"{image.path}: made for {have} pixels, but the image is {want}; its objects are left out."
        return replace(annotated, annotations=()), [note]
    kept = tuple(a for a in annotated.annotations if a.mask)
    lost = len(annotated.annotations) - len(kept)
    return replace(annotated, annotations=kept), [f"{image.path}: {lost} empty masks left out."] if lost else []


def _annotation(stored: StoredObject, classes: Mapping[int, StoredClass], model: str) -> Annotation:
    value, found = stored.value, classes[stored.value.class_id]
    colour = value.colour or found.colour
    attributes = {**_judgement(value), "volume": {"model": model if value.prompts.clicks else ""}}
    return Annotation(found.name, value.mask, stored.id, colour, attributes, ignored=value.ignored)


def _judgement(value: ObjectValue) -> Attributes:
    """What somebody thinks of an object, in the fields of the formats that know such a thing."""
    if value.review is None:
        return {}
    said = {"review": value.review, "reviewer": value.reviewer, "note": value.note}
    told = {"attributes": {name: text for name, text in said.items() if text}}
    flags = {"flags": {value.review: True}, "description": value.note}
    return {"coco": told, "cvat": told, "datumaro": told, "labelme": flags}


def chosen(
    annotations: AnnotationSet, notes: list[str], format_name: str, review: str
) -> tuple[AnnotationSet, list[str]]:
    """Without what the format or the person leaves out, and what that is.

    Args:
        annotations: all that are finished.
        notes: what is left out already.
        format_name: ignore regions are left out of formats that do not know them.
        review: ``accepted`` takes accepted objects alone, ``not_rejected`` all but rejected ones, ``all`` all.
    """
    notes, images = list(notes), []
    for image in annotations.images:
        known = [a for a in image.annotations if not a.ignored or format_name in KNOWS_IGNORED]
        kept = [a for a in known if _passes(a, review)]
        if lost := len(image.annotations) - len(known):
            where = "COCO, indexed PNG and PASCAL VOC can."
            notes.append(f"{image.path}: {lost} ignore regions are left out: the format cannot hold them. {where}")
        if lost := len(known) - len(kept):
            notes.append(f"{image.path}: {lost} objects are left out by their judgement.")
        images.append(replace(image, annotations=tuple(kept)))
    return replace(annotations, images=tuple(i for i in images if i.annotations)), notes


def _passes(annotation: Annotation, review: str) -> bool:
    judged = annotation.attributes.get("coco", {}).get("attributes", {}).get("review")
    return review == "all" or judged == "accepted" or (review == "not_rejected" and judged != "rejected")


def review_of(options: Mapping[str, object]) -> str:
    """Which judgements export options take; InputError for an unknown one."""
    wanted = options.get("review", "all")
    if wanted not in REVIEWS:
        raise InputError(f"review is one of {', '.join(REVIEWS)}; got {str(wanted)[:50]!r}.")
    return str(wanted)


def _begin(folder: Path, format_name: str) -> str:
    """A free name for an export, whose work folder is made, so that nobody else takes it."""
    base = f"{format_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = [base, *(f"{base}-{n}" for n in range(2, 1000))]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (folder / name).exists() and not (folder / f"{name}.zip").exists():
            with suppress(FileExistsError):
                (folder / f"{UNFINISHED}{name}").mkdir()
                return name
    raise StorageError(f"{folder} holds a thousand exports of this second. Try again.")


def _drop(folder: Path, name: str) -> None:
    """Remove what there is of an unfinished export."""
    left = folder / f"{UNFINISHED}{name}"
    shutil.rmtree(left, ignore_errors=True)
    for file in (left, left.with_name(f"{left.name}.zip")):
        with suppress(OSError):
            file.unlink()


def _shortened(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - NOTES_SHOWN
    return (*notes[:NOTES_SHOWN], f"... and {more} more.") if more > 0 else tuple(notes)


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one file; returns its size. The size in the zip's directory may lie, so bytes are counted."""
    file = (target / entry.filename).resolve()
    link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    if link or not file.is_relative_to(target.resolve()) or "\\" in entry.filename:
        raise FormatError(f"The zip holds the unsafe path {entry.filename[:100]!r}. Pack plain files below one folder.")
    file.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, file.open("wb") as sink:
        while chunk := source.read(1 << 20):
            written += len(chunk)
            if written > left:
                raise TooLargeError("The zip unpacks to more than it says; it looks like a decompression bomb.")
            sink.write(chunk)
    return written


def _only_folder(folder: Path, suffixes: Sequence[str]) -> Path:
    """What people zip is often one folder, or one file: then that is meant. A folder that a format prescribes stays."""
    inside = [p for p in folder.iterdir() if not p.name.startswith(("__MACOSX", "."))]
    if len(inside) != 1 or inside[0].name in LAYOUT_FOLDERS:
        return folder
    return inside[0] if inside[0].is_dir() or inside[0].suffix.lower() in suffixes else folder


def _safe_stem(name: str) -> str:
    """File name for an upload; keeps the stem, by which a mask PNG finds its image."""
    stem = re.sub(r"[^\w .()+@-]", "_", PurePosixPath(name.replace("\\", "/")).stem)[:150]
    return stem.lstrip(".") or "upload"


def _check_picture(file: Path) -> None:
    try:
        with Image.open(file, formats=("PNG", "TIFF")) as image:
            pixels = image.width * image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        pixels = MAX_PIXELS + 1
    except (OSError, ValueError, SyntaxError):
        return  # the format's reader says what is wrong with it
    if pixels > MAX_PIXELS:
        raise TooLargeError(f"{file.name} is larger than {MAX_PIXELS / 1e6:.0f} megapixels.")
