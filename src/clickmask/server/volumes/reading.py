"""From a file, or the first file of a DICOM series, to an open volume."""

from __future__ import annotations

from pathlib import Path

from clickmask.core.errors import ImageError, InputError, MissingExtraError
from clickmask.formats import dicom
from clickmask.formats.volume_file import NIFTI, NRRD, read_volume, suffix_of
from clickmask.server.volumes.opened import OpenVolume
from clickmask.spatial.volume import Volume


def open_volume(file: Path) -> OpenVolume:
    """The volume that a file of the folder stands for. ImageError: it is damaged, or cannot be read."""
    try:
        return OpenVolume.of(_volume(file))
    except (MissingExtraError, InputError) as error:
        text = str(error).replace(f"{file.parent}/", "").replace(str(file.parent), "the folder")
        raise ImageError(text if file.name in text else f"{file.name}: {text}") from error
    except MemoryError as error:
        raise ImageError(f"{file.name} claims more voxels than this machine can hold.") from error


def _volume(file: Path) -> Volume:
    if suffix_of(file) in NIFTI + NRRD:
        return read_volume(file)
    for series in dicom.find_series(file.parent):
        if file in series.files:
            return dicom.volume_of(series)
    raise ImageError(f"{file.name} is no DICOM image.")
