"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz) through nibabel (extra `medical`): volumes in, labels out.

A file tells up to twice how its grid lies in the patient: the sform, an affine, and the qform, a rotation. The sform
counts if its code is not 0, else the qform; with neither, only spacings are known and no sides are named.
"""

from __future__ import annotations

import io
import math
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, InputError, MissingExtraError
from clickmask.core.window import Window
from clickmask.formats.volume_limits import check_size, gunzipped, scaled
from clickmask.spatial.segments import LabelVolume
from clickmask.spatial.volume import Affine, Volume

GZIP = b"\x1f\x8b"
HEADS = {1: 348, 2: 540}
LABEL_INTENT = 1002
MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}
"""Of xyzt_units, what turns a length into millimetres; an unknown unit is taken as millimetres."""
SCANNER, ALIGNED = 1, 2


def parse(data: bytes, number: int | None = None) -> Volume:
    """The volume of a NIfTI file.

    Args:
        data: the file.
        number: which volume of a series (4-D file), from 0; None refuses a series.

    Raises:
        MissingExtraError: nibabel is not installed.
        FormatError: no NIfTI file, damaged, or of a kind that is not read; the message says which.
    """
    nibabel = _nibabel()
    head = gunzipped(data, max(HEADS.values())) if data.startswith(GZIP) else data[: max(HEADS.values())]
    header = _header(nibabel, head)
    sizes, index = _sizes(header, number)
    kind = _kind(header)
    start = _offset(header) + index * math.prod(sizes) * kind.itemsize
    needed = start + math.prod(sizes) * kind.itemsize
    whole = gunzipped(data, needed) if data.startswith(GZIP) else data
    if len(whole) < needed:
        raise FormatError(f"The file holds {len(whole)} bytes; {' x '.join(map(str, sizes))} voxels need {needed}.")
    stored = np.frombuffer(whole, kind, math.prod(sizes), start).reshape(sizes[::-1])
    affine, oriented = _affine(header)
    try:
        values = scaled(stored, *_scaling(header))
        return Volume(values, affine, _window(header), oriented=oriented, source={"nifti": header})
    except InputError as error:
        raise FormatError(str(error)) from error


def serialize(labels: LabelVolume, compressed: bool = True) -> bytes:
    """Labels as .nii.gz or .nii, in the smallest unsigned type, on the grid of their volume.

    For a volume that was a NIfTI file, sform, qform and their codes are copied bit for bit. Nothing else of its header
    is: free texts may name the patient.
    """
    nibabel = _nibabel()
    own = labels.volume.source.get("nifti")
    header = _fresh(nibabel, labels.volume) if own is None else _copied(nibabel, own)
    header.set_data_dtype(labels.labels.dtype)
    header.set_data_shape(labels.volume.shape_zyx[::-1])
    header["intent_code"] = LABEL_INTENT
    image = type(header).__name__.removesuffix("Header").removesuffix("Pair")
    written = getattr(nibabel, f"{image}Image")(labels.labels.T, None, header)
    plain: bytes = written.to_bytes()
    return _gzipped(plain) if compressed else plain


def _gzipped(data: bytes) -> bytes:
    """Without the time of writing, so that equal labels give equal files."""
    import gzip

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def _nibabel() -> Any:
    try:
        return import_module("nibabel")
    except ImportError as error:
        raise MissingExtraError("Reading and writing NIfTI files", "medical") from error


def _header(nibabel: Any, head: bytes) -> Any:
    for version, kind in ((1, nibabel.Nifti1Header), (2, nibabel.Nifti2Header)):
        length = HEADS[version]
        for order in "<>" if len(head) >= length else "":
            header = kind(head[:length], endianness=order, check=False)
            if int(header["sizeof_hdr"]) == length:
                return _single(header)
    raise FormatError("This is no NIfTI file: it begins with the number 348 (NIfTI-1) or 540 (NIfTI-2).")


def _single(header: Any) -> Any:
    magic = bytes(header["magic"]).rstrip(b"\0")[:3]
    if magic in (b"ni1", b"ni2"):
        raise FormatError(
            "This is half of a NIfTI pair (.hdr and .img). Save it as one .nii.gz file, for example with: "
            "nib-convert pair.hdr volume.nii.gz"
        )
    if magic not in (b"n+1", b"n+2"):
        raise FormatError("The header lacks NIfTI's mark 'n+1' or 'n+2': it is older (ANALYZE) or damaged.")
    return header


def _sizes(header: Any, number: int | None) -> tuple[tuple[int, ...], int]:
    """Sizes of one volume along X, Y, Z, and which volume of the file it is."""
    dim = [int(v) for v in header["dim"]]
    if not 1 <= dim[0] <= 7:
        raise FormatError(f"The file says that it has {dim[0]} axes; 1 to 7 are possible.")
    sizes = (*dim[1 : dim[0] + 1], 1, 1)[: max(dim[0], 3)]
    check_size(sizes[:3])
    if any(size < 1 for size in sizes):
        raise FormatError(f"The file says that its axes are {' x '.join(map(str, sizes))}. Each must be at least 1.")
    series = math.prod(sizes[3:])
    if series == 1 and not number:
        return sizes[:3], 0
    if number is None:
        raise FormatError(
            f"The file holds a series of {series} volumes ({' x '.join(map(str, sizes))}), not one. Say which, from 0 "
            f"to {series - 1}; on the command line: --volume 0"
        )
    if not 0 <= number < series:
        raise FormatError(f"The file holds volumes 0 to {series - 1}; there is no volume {number}.")
    return sizes[:3], number


def _kind(header: Any) -> np.dtype[Any]:
    try:
        kind = header.get_data_dtype()
    except Exception as error:  # nibabel's own class for a code that it does not know
        raise FormatError(f"The file's values are of a kind that NIfTI does not know: {error}.") from error
    if kind.kind not in "iuf" or kind.itemsize > 8:
        raise FormatError(
            f"The file's values are of the type {kind}, which is no single real number of up to 64 bits. Save one "
            "channel, or the magnitude, as a volume of its own."
        )
    plain: np.dtype[Any] = np.dtype(kind)
    return plain


def _offset(header: Any) -> int:
    """Where the values begin; the header itself is in the way of anything smaller than its length."""
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and int(header["sizeof_hdr"]) <= offset < 2**40):
        raise FormatError(f"The file says that its values begin at byte {offset:g}, which cannot be.")
    return int(offset)


def _scaling(header: Any) -> tuple[float, float]:
    """A slope of 0 or NaN means that values are as they are stored (the standard)."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):
        return 1.0, 0.0
    return slope, inter if math.isfinite(inter) else 0.0


def _affine(header: Any) -> tuple[Affine, bool]:
    unit = MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
    coded = bool(int(header["sform_code"]) or int(header["qform_code"]))
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
    except Exception as error:  # a quaternion that is no rotation
        raise FormatError(f"The file's place in space is damaged: {error}.") from error
    if not coded:  # like a picture: rows run down
        spacing = [float(v) for v in np.abs(header["pixdim"][1:4])]
        affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3] *= unit
    return affine, coded


def _window(header: Any) -> Window | None:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    return Window.of_range(low, high) if math.isfinite(low) and math.isfinite(high) and high > low else None


def _copied(nibabel: Any, own: Any) -> Any:
    """Geometry and units of a header, to the bit; NIfTI-1 or -2 as it was."""
    fresh = (nibabel.Nifti2Header if int(own["sizeof_hdr"]) == HEADS[2] else nibabel.Nifti1Header)()
    names = (
        "sform_code", "qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
        "srow_x", "srow_y", "srow_z",
    )  # fmt: skip
    for name in names:
        fresh[name] = own[name]
    fresh["pixdim"][:4] = own["pixdim"][:4]
    fresh["xyzt_units"] = int(own["xyzt_units"]) & 7
    return fresh


def _fresh(nibabel: Any, volume: Volume) -> Any:
    header = nibabel.Nifti1Header()
    header.set_data_shape(volume.shape_zyx[::-1])
    header.set_zooms(volume.spacing_xyz)
    code = SCANNER if volume.oriented else ALIGNED
    header.set_sform(volume.affine_ras, code)
    rigid = _orthogonal(volume.affine_ras[:3, :3])
    header.set_qform(volume.affine_ras, code if rigid else 0, strip_shears=True)
    header["xyzt_units"] = 2
    return header


def _orthogonal(matrix: NDArray[np.float64]) -> bool:
    unit = matrix / np.linalg.norm(matrix, axis=0)
    return bool(np.allclose(unit.T @ unit, np.eye(3), atol=1e-4))
