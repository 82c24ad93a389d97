"""What a project teaches: its finished objects as training data. Masks are the truth, images stay where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clickmask.formats import FORMATS
from clickmask.formats.annotation import AnnotatedImage, AnnotationSet
from clickmask.server.errors import ImageMissingError
from clickmask.server.exchange import chosen, collect
from clickmask.store.values import StoredClass, StoredImage, StoredObject


def lesson_of(
    images: Iterable[tuple[StoredImage, Sequence[StoredObject]]],
    classes: Mapping[int, StoredClass],
    file_of: Callable[[str], Path],
) -> AnnotationSet:
    """The finished objects of photographs that are there, under the absolute paths of their files.

    Rejected objects teach nothing; pixels of ignore regions are neither right nor wrong.

    Args:
        images: with their objects.
        classes: by number.
        file_of: the file behind an image's path; images that it has none of (ImageMissingError) are left out.
    """
    found, _ = chosen(*collect(images, classes), "coco", "not_rejected")
    taught: list[AnnotatedImage] = []
    for image in found.images:
        with suppress(ImageMissingError):
            if any(not a.ignored for a in image.annotations):
                taught.append(replace(image, path=str(file_of(image.path))))
    return replace(found, images=tuple(taught))


def write_lesson(lesson: AnnotationSet, target: Path) -> None:
    """Write it as a COCO file with exact masks that `clickmask train --data` reads; FormatError where it cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    FORMATS.get("coco").write(lesson, str(target), style="mask")
