"""Volumes by the name of their file or folder: reading any of them, and writing labels on their grid."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.formats import dicom, dicom_seg, nifti, nrrd
from clickmask.formats.files import json_bytes, naming, read_bytes, read_json, write_atomically
from clickmask.spatial.segments import MOST_SEGMENTS, LabelVolume, Segment
from clickmask.spatial.volume import Volume, same_grid

NIFTI = (".nii.gz", ".nii")
NRRD = (".nrrd", ".nhdr")
DICOM = (".dcm", ".dicom", ".ima")
OUTPUTS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".dcm")


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The ending of a volume's file in lower case, ".nii.gz" as one; "" if it is none."""
    name = Path(path).name.lower()
    return next((suffix for suffix in (*NIFTI, *NRRD, *DICOM) if name.endswith(suffix)), "")


def is_volume(path: str | os.PathLike[str]) -> bool:
    """Whether this is a file of a volume, by its name or DICOM's mark, or a folder that holds DICOM files."""
    file = Path(path)
    if file.is_dir():
        return dicom.folder_holds_series(file)
    return bool(suffix_of(file)) or (not file.suffix and dicom.is_dicom(file))


def read_volume(path: str | os.PathLike[str], *, number: int | None = None, series: str | None = None) -> Volume:
    """The volume of a file, or of a folder with a DICOM series.

    Args:
        path: .nii, .nii.gz, .nrrd, .nhdr, a DICOM file, or a folder of DICOM files.
        number: which volume of a NIfTI series (4-D file), from 0; None refuses series.
        series: SeriesInstanceUID where a folder holds several series.

    Raises:
        FormatError: missing, damaged, of a kind that is not read, or several volumes and none chosen.
        MissingExtraError: NIfTI and DICOM need the extra `medical`.
    """
    file = Path(path)
    if not file.exists():
        raise FormatError(f"There is no file {file}. Check the spelling and the current folder.")
    suffix = "" if file.is_dir() else suffix_of(file)
    if number is not None and suffix not in NIFTI:
        raise FormatError(f"{file} is no NIfTI file, so it holds no series of volumes to choose number {number} from.")
    if series is not None and suffix in NIFTI + NRRD:
        raise FormatError(f"{file} is no DICOM series. Leave out the series.")
    with naming(file):
        if suffix in NIFTI:
            return nifti.parse(read_bytes(file), number)
        return nrrd.read(file) if suffix in NRRD else dicom.read(file, series)


def write_labels(path: str | os.PathLike[str], labels: LabelVolume) -> None:
    """Write labels on the grid of their volume; the ending says the format.

    NIfTI has no place for names: they go into a file beside it, `labels.nii.gz` and `labels.json`. NRRD is written as
    3D Slicer's segmentation, DICOM as a SEG object that refers to the source images.

    Raises:
        FormatError: another ending, a DICOM SEG of what was no DICOM series, or a folder that cannot be written.
        MissingExtraError: NIfTI and DICOM need the extra `medical`.
    """
    from clickmask import __version__

    file = Path(path)
    suffix = check_output(file)
    with naming(file):
        if suffix in NIFTI:
            write_atomically(file, nifti.serialize(labels, suffix == ".nii.gz"))
            named = {str(segment.number): segment.label for segment in labels.segments}
            write_atomically(_names_file(file, suffix), json_bytes({"labels": named}))
        else:
            data = nrrd.serialize(labels) if suffix == ".nrrd" else dicom_seg.serialize(labels, __version__)
            write_atomically(file, data)


def check_output(path: Path) -> str:
    """The ending of a file for labels; FormatError if labels cannot be written to such a file."""
    name = path.name.lower()
    for suffix in (".nii.gz", ".nii", ".nrrd", ".dcm"):
        if name.endswith(suffix):
            return suffix
    raise FormatError(
        f"Labels of a volume cannot be written to {path}; its ending must be one of {', '.join(OUTPUTS)}."
    )


def read_labels(path: str | os.PathLike[str], volume: Volume) -> LabelVolume:
    """Labels that lie on the grid of a volume: NIfTI, NRRD or DICOM SEG, with the names that the file has for them.

    Those of NIfTI are looked for where `write_labels` puts them, in a .json of the same name beside the file.

    Raises:
        FormatError: no label file, numbers that are no labels, or another grid.
    """
    file = Path(path)
    suffix = suffix_of(file)
    if suffix not in NIFTI + NRRD:
        return dicom_seg.parse(file, volume)
    found = read_volume(file)
    alike = found.shape_zyx == volume.shape_zyx
    if not alike or not same_grid(volume.affine_ras, found.affine_ras, volume.shape_zyx):
        raise FormatError(
            f"{file} lies on another grid than the volume ({found.shape_zyx} voxels against {volume.shape_zyx}, or "
            "elsewhere in space). Give labels that were made for this volume."
        )
    values = found.voxels
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise FormatError(f"{file} holds fractions, so it is an image, not labels.")
    whole = values if values.dtype.kind in "iu" else values.astype(np.int64)
    named = nrrd.segments(found.source["nrrd"]) if suffix in NRRD else _named_beside(file, suffix)
    return LabelVolume.of(volume, whole, named)


def _names_file(file: Path, suffix: str) -> Path:
    return file.with_name(file.name[: -len(suffix)] + ".json")


def _named_beside(file: Path, suffix: str) -> list[Segment]:
    """The segments that a NIfTI file's .json names; FormatError if there is one that is damaged."""
    beside = _names_file(file, suffix)
    if not beside.is_file():
        return []
    data = read_json(beside)
    names = data.get("labels") if isinstance(data, dict) else None
    if not isinstance(names, dict):  # written by another program for something else
        return []
    pairs = [(number, name) for number, name in names.items() if isinstance(name, str) and number.isdecimal()]
    return [Segment(int(number), name) for number, name in pairs if 0 < int(number) <= MOST_SEGMENTS]
