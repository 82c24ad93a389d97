"""Kinds of things that can be annotated. A new one is a file with a `Medium` and a line in `MEDIA`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clickmask.core.registry import Registry

if TYPE_CHECKING:
    from clickmask.server.media.labels import LabelFormat
    from clickmask.server.media.medium import Medium

MEDIA: Registry[Medium] = Registry(
    "medium",
    {
        "cloud": "clickmask.server.media.cloud:CLOUD",
        "photo": "clickmask.server.media.photo:PHOTO",
        "volume": "clickmask.server.media.volume:VOLUME",
    },
)
"""Media by the name that stands in the project as an image's kind."""

LABEL_FORMATS: Registry[LabelFormat] = Registry(
    "label format",
    {
        "cloud": "clickmask.server.clouds.export:OWN",
        "cloud_npz": "clickmask.server.clouds.export:AS_NPZ",
        "cloud_ply": "clickmask.server.clouds.export:AS_PLY",
        "volume_nifti": "clickmask.server.volumes.export:NIFTI_LABELS",
        "volume_nrrd": "clickmask.server.volumes.export:NRRD_LABELS",
        "volume_dicom_seg": "clickmask.server.volumes.export:DICOM_LABELS",
    },
)
"""Formats that write labels into copies of the files themselves; no name may also be one of `FORMATS`."""


def kinds_of(format_name: str) -> tuple[str, ...]:
    """The media that a format of either table is for."""
    return LABEL_FORMATS.get(format_name).kinds if format_name in LABEL_FORMATS else ("photo",)


def media() -> list[Medium]:
    """All of them."""
    return [MEDIA.get(name) for name in MEDIA]


def found_in(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What there is to annotate in one folder: (file name, kind) in the order of the names.

    Args:
        folder: a folder.
        names: of the files in it.
    """
    kinds: dict[str, str] = {}
    for medium in media():
        for name in medium.found(folder, names):
            kinds.setdefault(name, medium.kind)
    yield from ((name, kinds[name]) for name in names if name in kinds)


def kind_of(file: Path) -> str | None:
    """The kind of one file, None if it is none of them."""
    return next((kind for _, kind in found_in(file.parent, [file.name])), None)
