"""DICOM series as volumes, through pydicom (extra `medical`).

A folder is searched for images, which are told apart by their series. The slices of a series are ordered by where they
lie along the normal of their plane (never by file name or number), and must lie evenly: a volume with a slice missing
would measure wrongly, so it is refused with the place of the gap. Values go through the modality look-up (rescale
slope and intercept, or a table) as DICOM PS3.3 C.11.1 says; CT numbers are Hounsfield units then.

What a file says about the patient stays in its data set: it is in no message and nothing logs it.
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, InputError, MissingExtraError
from clickmask.core.window import FUNCTIONS, LINEAR, Window
from clickmask.formats.volume_limits import check_size, scaled
from clickmask.spatial.volume import Affine, Volume, lps

EVEN = 0.02
"""Distances between slices may differ by this part of the usual distance; headers are rounded."""
MOST_FILES = 20_000
PARALLEL = 1e-3
GREY = ("MONOCHROME1", "MONOCHROME2")
HEAD = 132
MAGIC = b"DICM"
SPLITTERS = ("AcquisitionNumber", "EchoNumbers", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime")
"""What usually differs between several images at one place."""
USED = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "Modality", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "PixelSpacing",
    "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
    "SpacingBetweenSlices", "SliceThickness", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
    "VOILUTFunction", *SPLITTERS,
)  # fmt: skip
"""Attributes that are looked at."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without pydicom's remarks on values that DICOM does not allow: they quote the value, which may be a name."""
    config, log = import_module("pydicom.config"), logging.getLogger("pydicom")
    level, mode = log.level, config.settings.reading_validation_mode
    log.setLevel(logging.CRITICAL)
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        config.settings.reading_validation_mode = mode


@dataclass(frozen=True, eq=False)
class Series:
    """The images of one series of a folder.

    Attributes:
        uid: SeriesInstanceUID.
        heads: data sets without pixels.
        files: of each data set.
    """

    uid: str
    heads: tuple[Any, ...]
    files: tuple[Path, ...]

    @property
    def description(self) -> str:
        """Modality, description and number of images: to choose by."""
        first = self.heads[0]
        words = [str(first.get("Modality", "")), str(first.get("SeriesDescription", ""))]
        return f"{' '.join(word for word in words if word) or 'series'}, {len(self.heads)} images"


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM after its preamble."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)[128:] == MAGIC
    except OSError:
        return False


def find_series(path: Path) -> list[Series]:
    """All series of images in a folder (not those below it), or of one file, sorted by their UID.

    Raises:
        MissingExtraError: pydicom is not installed.
        FormatError: no DICOM image at all.
    """
    pydicom = _pydicom()
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())[:MOST_FILES]
    found: dict[str, list[tuple[Any, Path]]] = {}
    for file in files:
        head = _head(pydicom, file) if file == path or is_dicom(file) else None
        if head is not None:
            found.setdefault(str(head.get("SeriesInstanceUID", "")), []).append((head, file))
    if not found:
        raise FormatError(
            f"{path} holds no DICOM image. Give a folder with the files of a series, or one file of a single image."
        )
    return [Series(uid, *(tuple(part) for part in zip(*images, strict=True))) for uid, images in sorted(found.items())]


def read(path: Path, series: str | None = None) -> Volume:
    """The volume of a series.

    Args:
        path: folder of the files, or a file that is the whole series.
        series: SeriesInstanceUID; None if there is one only.

    Raises:
        MissingExtraError: pydicom is not installed.
        FormatError: several series and none chosen, slices that make no volume, or pixels that cannot be decoded.
    """
    everything = find_series(path)
    chosen = everything[0] if series is None and len(everything) == 1 else _chosen(everything, series)
    return volume_of(chosen)


def volume_of(series: Series) -> Volume:
    """The volume of one series; raises as `read`."""
    _check_alike(series)
    order, affine, oriented = _ordered(series)
    heads, files = [series.heads[i] for i in order], [series.files[i] for i in order]
    first = heads[0]
    check_size((int(first.Columns), int(first.Rows), len(heads)))
    slices = [_pixels(file) for file in files]
    kinds = {values.dtype for values in slices}
    voxels = np.stack(slices) if len(kinds) == 1 else np.stack([values.astype(np.float32) for values in slices])
    middle = heads[len(heads) // 2]
    try:
        return Volume(
            voxels,
            affine,
            _window(middle),
            str(first.get("Modality", "")),
            str(first.get("PhotometricInterpretation", "")) == "MONOCHROME1",
            oriented,
            {"dicom": tuple(heads)},
        )
    except InputError as error:
        raise FormatError(str(error)) from error


def _pydicom() -> Any:
    try:
        return import_module("pydicom")
    except ImportError as error:
        raise MissingExtraError("Reading DICOM files", "medical") from error


def _head(pydicom: Any, file: Path) -> Any | None:
    """A data set without its pixels; None if it is no image (a report, a directory) or another object."""
    try:
        with quiet():
            head = pydicom.dcmread(file, stop_before_pixels=True, force=False)
            for name in USED:  # decoded here, where a damaged value can be told
                head.get(name)
    except pydicom.errors.InvalidDicomError:
        return None
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror or error}. Give a readable file.") from error
    except Exception as error:  # a damaged file makes the parser raise nearly anything
        raise FormatError(f"{file} is damaged and cannot be read as DICOM ({error}). Copy it again.") from error
    return head if "Rows" in head and "Columns" in head and "BitsAllocated" in head else None


def _chosen(everything: Sequence[Series], wanted: str | None) -> Series:
    for series in everything:
        if series.uid == wanted:
            return series
    listed = "\n".join(f"  {series.uid}  ({series.description})" for series in everything)
    problem = f"There is no series {wanted} here." if wanted else f"Here are {len(everything)} series, not one."
    raise FormatError(f"{problem} Say which; on the command line with --series UID:\n{listed}")


def _check_alike(series: Series) -> None:
    """Refuse what is no stack of grey slices of one size."""
    first = series.heads[0]
    for head, file in zip(series.heads, series.files, strict=True):
        if _whole(head, "NumberOfFrames", file, 1) > 1:
            raise FormatError(
                f"{file.name} holds many frames in one file (enhanced DICOM), which is not read. Convert it to single "
                "slices with `dcuncat -unenhance` (dicom3tools), or to NIfTI with `dcm2niix`."
            )
        if _whole(head, "SamplesPerPixel", file, 1) != 1 or head.get("PhotometricInterpretation") not in GREY:
            kind = head.get("PhotometricInterpretation", "unknown")
            raise FormatError(
                f"{file.name} is a colour image ({kind}); volumes are grey. Export it as PNG and open it as a picture."
            )
        sizes = [(_whole(h, "Rows", file), _whole(h, "Columns", file)) for h in (first, head)]
        if sizes[0] != sizes[1]:
            raise FormatError(
                f"The images of the series have different sizes: {sizes[0]} and {sizes[1]} rows and columns "
                f"({file.name}). Put the images of one volume alone into a folder."
            )
    check_size((sizes[0][1], sizes[0][0], len(series.heads)))


def _whole(head: Any, name: str, file: Path, default: int | None = None) -> int:
    try:
        value = head.get(name)
        return int(default if value is None and default is not None else value)
    except (TypeError, ValueError):
        raise FormatError(f"{file.name} does not tell its {name}: it is damaged. Export it again.") from None


def _ordered(series: Series) -> tuple[list[int], Affine, bool]:
    """Order of the slices, the affine to RAS of the ordered stack, and whether it lies in the patient."""
    spacing = _numbers(series.heads[0], ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"), 2)
    down, along = spacing or (1.0, 1.0)
    places = [_numbers(head, ("ImagePositionPatient",), 3) for head in series.heads]
    turns = [_numbers(head, ("ImageOrientationPatient",), 6) for head in series.heads]
    if len(series.heads) == 1 and (places[0] is None or turns[0] is None):
        return [0], np.diag([-along, -down, 1.0, 1.0]), False
    if any(place is None for place in places) or any(turn is None for turn in turns):
        raise FormatError(
            "Some images of the series do not tell where they lie in the patient, so their order is unknown. Give the "
            "images one by one, or export the series again."
        )
    turn = np.array(turns[0])
    if np.abs(np.array(turns) - turn).max() > PARALLEL:
        raise FormatError(
            "The images of the series lie in different planes, as those of a localizer do. Put the images of one "
            "volume alone into a folder."
        )
    row, column = turn[:3] / _length(turn[:3]), turn[3:] / _length(turn[3:])
    normal = np.cross(row, column)
    depths = np.array(places) @ normal
    order = [int(i) for i in np.argsort(depths, kind="stable")]
    step = _step(series, order, np.array(places), depths, normal)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = row * along, column * down, step, places[order[0]]
    return order, lps(affine), True


def _step(
    series: Series, order: list[int], places: Affine, depths: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """From one slice to the next, in millimetres."""
    if len(order) == 1:
        thickness = _numbers(series.heads[0], ("SpacingBetweenSlices", "SliceThickness"), 1)
        return normal * (abs(thickness[0]) if thickness and thickness[0] else 1.0)
    gaps = np.diff(depths[order])
    usual = float(np.median(gaps))
    _check_duplicates(series, order, gaps, usual)
    odd = np.flatnonzero(np.abs(gaps - usual) > EVEN * usual)
    if len(odd):
        at = int(odd[0])
        before, after = (series.files[order[i]].name for i in (at, at + 1))
        raise FormatError(
            f"The slices do not lie evenly: {usual:.4g} mm apart, but {gaps[at]:.4g} mm between {before} and {after} "
            f"({len(odd)} such places). A slice is missing, or two stacks are mixed. Export the whole series again."
        )
    step: NDArray[np.float64] = (places[order[-1]] - places[order[0]]) / (len(order) - 1)
    return step


def _check_duplicates(series: Series, order: list[int], gaps: NDArray[np.float64], usual: float) -> None:
    same = np.flatnonzero(gaps < max(EVEN * usual, 1e-4))
    if not len(same):
        return
    first, second = (order[int(same[0]) + i] for i in (0, 1))
    differs = [n for n in SPLITTERS if series.heads[first].get(n) != series.heads[second].get(n)]
    why = f"They differ in {', '.join(differs)}: put the images of one value alone into a folder." if differs else ""
    raise FormatError(
        f"{len(same)} slices lie where another one lies, for example {series.files[first].name} and "
        f"{series.files[second].name}. {why or 'One is a copy: remove it.'}"
    )


def _length(vector: NDArray[np.float64]) -> float:
    length = float(np.linalg.norm(vector))
    if not length > 0.5:
        raise FormatError("The orientation of the images is no direction (zeros): the series is damaged.")
    return length


def _numbers(head: Any, names: Sequence[str], count: int) -> tuple[float, ...] | None:
    """The first of some attributes that is there, as `count` finite numbers; None if none is."""
    for name in names:
        value = head.get(name)
        if value is None or value == "":
            continue
        try:
            numbers = tuple(float(v) for v in (value if hasattr(value, "__iter__") else [value]))
        except (TypeError, ValueError):
            numbers = ()
        if len(numbers) == count and all(math.isfinite(v) for v in numbers):
            return numbers
        raise FormatError(f"{name} of an image is not {count} finite numbers: the file is damaged.")
    return None


def _pixels(file: Path) -> NDArray[Any]:
    """(rows, columns) values of one file after the modality look-up."""
    try:
        with quiet():
            return _decoded(_pydicom(), file)
    except FormatError:
        raise
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise FormatError(f"The pixels of {file.name} cannot be decoded ({error}). Copy or export it again.") from error


def _decoded(pydicom: Any, file: Path) -> NDArray[Any]:
    data = pydicom.dcmread(file)
    syntax = data.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_compressed and not _decodable(syntax):
        raise FormatError(
            f"{file.name} is compressed ({syntax.name}), which cannot be decoded here. Decompress the files first: "
            "`gdcmconv --raw IN OUT` (GDCM) or `dcmdjpeg IN OUT` (DCMTK)."
        )
    stored = _stored(data.pixel_array, data)
    if "ModalityLUTSequence" in data:
        return np.asarray(pydicom.pixels.apply_modality_lut(stored, data), dtype=np.float32)
    slope, intercept = (_numbers(data, (n,), 1) for n in ("RescaleSlope", "RescaleIntercept"))
    return scaled(stored, slope[0] if slope else 1.0, intercept[0] if intercept else 0.0)


def _decodable(syntax: Any) -> bool:
    decoders = import_module("pydicom.pixels").get_decoder
    try:
        return bool(decoders(syntax).is_available)
    except NotImplementedError:
        return False


def _stored(pixels: NDArray[Any], data: Any) -> NDArray[Any]:
    """Without what old scanners keep in the bits above the stored ones (overlays), sign extended."""
    spare = int(data.BitsAllocated) - int(data.BitsStored)
    if pixels.ndim != 2:
        raise FormatError(f"it has the shape {pixels.shape}")
    if not 0 < spare < 8 * pixels.dtype.itemsize or pixels.dtype.kind not in "iu":
        return pixels
    return np.asarray(np.right_shift(np.left_shift(pixels, spare), spare))


def _window(head: Any) -> Window | None:
    """The first window of a file; None if it has none or it makes no sense."""
    firsts = []
    for name in ("WindowCenter", "WindowWidth"):
        value = head.get(name)
        firsts.append(value[0] if value is not None and hasattr(value, "__getitem__") and len(value) else value)
    name = str(head.get("VOILUTFunction", LINEAR)).lower()
    try:
        return Window(float(firsts[0]), float(firsts[1]), name if name in FUNCTIONS else LINEAR)
    except (TypeError, ValueError):
        return None


def folder_holds_series(folder: Path) -> bool:
    """Whether one of the first files of a folder is a DICOM file."""
    with os.scandir(folder) as entries:
        for _, entry in zip(range(8), entries, strict=False):
            if entry.is_file() and is_dicom(Path(entry.path)):
                return True
    return False
