"""Volumes: NIfTI, NRRD and DICOM series. A mask is a tall picture, with the slices below one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clickmask.core.errors import ClickmaskError
from clickmask.formats import dicom
from clickmask.formats.volume_file import NIFTI, NRRD, suffix_of
from clickmask.server.benches import PIXELS, Bench
from clickmask.server.media.medium import FOR_VOLUMES, Head, Opened, Picture
from clickmask.server.menus import IMAGES
from clickmask.server.schemas import command_types
from clickmask.server.volumes.bench import SliceBench
from clickmask.server.volumes.mind import VolumeMind
from clickmask.server.volumes.opened import OpenVolume
from clickmask.server.volumes.reading import open_volume

NOT_FOR_SLICES = frozenset({"wand", "split", "select"})
"""Commands that mean one picture as a whole, or points."""


class Volumes:
    """See `medium.Medium`."""

    kind = "volume"
    title = "volumes"
    model_kind = IMAGES
    commands = (command_types() | FOR_VOLUMES) - NOT_FOR_SLICES
    looking = frozenset({"shape", "accept"})
    offers: frozenset[str] = frozenset()

    def measure(self, size_hw: tuple[int, int]) -> str:
        """Rows of all slices, and columns."""
        return f"{size_hw[0]} rows of {size_hw[1]} voxels"

    def mind(self) -> VolumeMind:
        """Asks models of images, slice by slice."""
        return VolumeMind()

    def bench(self, opened: Opened | None) -> Bench:
        """Slices of so many rows; without the file only what is not a matter of rows."""
        return SliceBench(opened.rows) if isinstance(opened, OpenVolume) else PIXELS

    def found(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        """Files of NIfTI and NRRD; of a DICOM series the file whose name comes first stands for all."""
        files = [name for name in names if suffix_of(name) in NIFTI + NRRD and not name.startswith(".")]
        maybe = [name for name in names if name not in files and _may_be_dicom(folder / name)]
        return [*files, *_firsts(folder, maybe)]

    def head(self, file: Path) -> Head | None:
        """Nothing: only opening a volume tells in which plane it was recorded."""
        return None

    def open(self, file: Path) -> OpenVolume:
        """The voxels."""
        return open_volume(file)

    def thumb(self, file: Path, side: int) -> Picture:
        """The middle slice."""
        opened = self.open(file)
        return opened.picture(opened.slicing.count // 2, opened.window)

    def browser_type(self, file: Path) -> str | None:
        """None: browsers show no volumes."""
        return None

    def picture(self, file: Path) -> Picture:
        """The middle slice."""
        return self.thumb(file, 0)


def _may_be_dicom(file: Path) -> bool:
    return (suffix_of(file) in (".dcm", ".dicom", ".ima") or not file.suffix) and dicom.is_dicom(file)


def _firsts(folder: Path, names: Sequence[str]) -> list[str]:
    """Of each series the first file; without pydicom, or where a file is damaged, the first file of all."""
    if not names:
        return []
    try:
        found = dicom.find_series(folder)
    except ClickmaskError:
        return [min(names)]
    return sorted(min(file.name for file in series.files) for series in found if series.files[0].name in names)


VOLUME = Volumes()
