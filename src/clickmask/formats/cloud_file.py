"""Cloud files by suffix: reading any of them, and writing labels back into the same format without losing a field."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clickmask.core.errors import FormatError
from clickmask.formats.files import read_bytes, write_atomically
from clickmask.spatial import e57, kitti, las, npz, pcd, ply, text
from clickmask.spatial.cloud import Cloud


@dataclass(frozen=True)
class CloudFormat:
    """One kind of file.

    Attributes:
        suffixes: in lower case, with the dot.
        parse: bytes to a cloud.
        serialize: a cloud to bytes.
    """

    suffixes: tuple[str, ...]
    parse: Callable[[bytes], Cloud]
    serialize: Callable[[Cloud], bytes]


CLOUD_FORMATS: Mapping[str, CloudFormat] = {
    "ply": CloudFormat((".ply",), ply.parse, ply.serialize),
    "pcd": CloudFormat((".pcd",), pcd.parse, pcd.serialize),
    "npz": CloudFormat((".npz",), npz.parse, npz.serialize),
    "text": CloudFormat((".xyz", ".txt", ".asc"), text.parse, text.serialize),
    "csv": CloudFormat((".csv",), text.parse, partial(text.serialize, separator=",")),
    "pts": CloudFormat((".pts",), partial(text.parse, pts=True), text.serialize),
    "kitti": CloudFormat((".bin",), kitti.parse, kitti.serialize),
    "las": CloudFormat((".las",), las.parse, partial(las.serialize, compressed=False)),
    "laz": CloudFormat((".laz",), las.parse, partial(las.serialize, compressed=True)),
}
E57 = ".e57"
LABELS = ".label"


def suffixes() -> list[str]:
    """Suffixes of all files that hold clouds."""
    return [suffix for kind in CLOUD_FORMATS.values() for suffix in kind.suffixes] + [E57]


def is_cloud(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it holds a cloud."""
    return Path(path).suffix.lower() in suffixes()


def read_cloud(path: str | os.PathLike[str]) -> Cloud:
    """The cloud of a file; a KITTI `.bin` finds its labels in `../labels` or beside it.

    Raises:
        FormatError: unknown suffix, missing or damaged file.
        MissingExtraError: LAS, LAZ and E57 need extras.
    """
    file = Path(path)
    if file.suffix.lower() == E57:
        read_bytes(file)  # the library's message for a missing file says little
        return e57.read(file)
    kind = _format(file)
    try:
        if file.suffix.lower() == ".bin":
            labels = _labels_of(file)
            return kitti.parse(read_bytes(file), None if labels is None else read_bytes(labels))
        return kind.parse(read_bytes(file))
    except FormatError as error:
        raise FormatError(f"{file}: {error}") from error


def write_cloud(path: str | os.PathLike[str], cloud: Cloud) -> None:
    """Write a cloud with its labels; the suffix says the format, `.label` writes SemanticKITTI's labels alone.

    Raises:
        FormatError: a suffix that is unknown or cannot hold labels, or a folder that cannot be written.
    """
    file = Path(path)
    if file.suffix.lower() == LABELS:
        write_atomically(file, kitti.serialize_labels(cloud))
        return
    if file.suffix.lower() == ".bin" and cloud.instance is not None:
        raise FormatError(f"{file}: a KITTI .bin file holds no labels. Write them to a .label file, or all to .ply.")
    if file.suffix.lower() == E57:
        raise FormatError(
            f"{file}: E57 files are read, not written: they have no place for labels. Write .ply or .laz."
        )
    write_atomically(file, _format(file).serialize(cloud))


def _format(file: Path) -> CloudFormat:
    suffix = file.suffix.lower()
    for kind in CLOUD_FORMATS.values():
        if suffix in kind.suffixes:
            return kind
    raise FormatError(f"{file}: '{suffix}' is no suffix of a cloud. Known: {', '.join(suffixes())}.")


def _labels_of(file: Path) -> Path | None:
    beside = (file.with_suffix(LABELS), file.parent.parent / "labels" / f"{file.stem}{LABELS}")
    return next((path for path in beside if path.is_file()), None)
