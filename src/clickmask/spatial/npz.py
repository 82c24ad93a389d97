"""NumPy archives: our own exchange format, and the layout of the tabletop scans (`xyz_tenth_mm`)."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud, centred, check_xyz

OWN = ("xyz", "rgb", "instance", "origin", "xyz_tenth_mm")


def parse(data: bytes) -> Cloud:
    """The cloud of an archive with `xyz` (P, 3) metres, or `xyz_tenth_mm`; `rgb`, `instance`, `origin` and others.

    Raises:
        FormatError: no archive, damaged, or without coordinates.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            values = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise FormatError(f"This is no NumPy archive of plain arrays: {error}.") from error
    except MemoryError as error:
        raise FormatError(f"An array of the archive is larger than this machine can hold: {error}.") from error
    if "xyz_tenth_mm" in values:
        places = values["xyz_tenth_mm"].astype(np.float64) / 10_000
    elif "xyz" in values:
        places = values["xyz"]
    else:
        raise FormatError(f"The archive needs an array 'xyz', (P, 3) in metres; it has {', '.join(values) or 'none'}.")
    xyz, origin = centred(check_xyz(places))
    origin = origin + values.get("origin", 0.0)
    count = len(xyz)
    rgb = values.get("rgb")
    instance = values.get("instance")
    fields = {name: v for name, v in values.items() if name not in OWN and v.ndim and len(v) == count}
    source = {"format": "npz", "arrays": values}
    labels = None if instance is None else instance.astype(np.int32)
    return Cloud(xyz, None if rgb is None else rgb.astype(np.uint8), labels, origin, fields, source)


def serialize(cloud: Cloud) -> bytes:
    """An archive with the cloud's labels; all arrays of an archive that was read stay."""
    if cloud.source.get("format") == "npz":
        arrays = dict(cloud.source["arrays"])
    else:
        taken = cloud.source.get("consumed", ())
        fields = {name: values for name, values in cloud.fields.items() if name not in taken}
        arrays = {**fields, "xyz": cloud.xyz, "origin": cloud.origin}
        if cloud.rgb is not None:
            arrays["rgb"] = cloud.rgb
    if cloud.instance is not None:
        arrays["instance"] = cloud.instance
    if cloud.semantic is not None:
        arrays["semantic"] = cloud.semantic
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
