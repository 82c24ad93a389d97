"""NRRD: headers with their data and detached ones (.nhdr), and labels as the 3D Slicer's .seg.nrrd.

Written from the format's description (https://teem.sourceforge.net/nrrd/format.html). The first axis of a file is the
fastest. Read are three axes of numbers; a data file must lie below its header's folder, so that no header reaches
for other files.
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, InputError
from clickmask.formats.files import read_bytes
from clickmask.formats.volume_limits import bunzipped, check_size, gunzipped, native
from clickmask.spatial.segments import MOST_SEGMENTS, LabelVolume, Segment
from clickmask.spatial.volume import Affine, Volume, lps

TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
KINDS = {name: kind for kind, names in TYPES.items() for name in names.split("|")}
SPACES = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1),
}  # fmt: skip
"""Signs that turn a space into right-anterior-superior."""
NOT_ORIENTED = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
RAW, GZIP, BZIP2, TEXT = ("raw",), ("gzip", "gz"), ("bzip2", "bz2"), ("ascii", "text", "txt")
Fields = dict[str, str]


def read(path: Path) -> Volume:
    """The volume of a .nrrd or .nhdr file.

    Raises:
        FormatError: no NRRD file, damaged, or of a kind that is not read; the message says which.
    """
    content = read_bytes(path)
    fields, start = _header(content)
    sizes = _sizes(fields)
    kind = _kind(fields)
    data = _data_file(path, fields)
    payload = content[start:] if data is None else read_bytes(data)
    values = _values(_skipped(payload, fields), fields, kind, sizes)
    affine, oriented = _affine(fields)
    try:
        return Volume(native(values), affine, oriented=oriented, source={"nrrd": fields})
    except InputError as error:
        raise FormatError(str(error)) from error


def serialize(labels: LabelVolume) -> bytes:
    """A .seg.nrrd file: the volume's space, gzip, and each segment with name, colour and extent for 3D Slicer."""
    from scipy.ndimage import find_objects  # half a second that a photograph need not wait for

    own: Mapping[str, str] | None = labels.volume.source.get("nrrd")
    z, y, x = labels.volume.shape_zyx
    head = ["NRRD0005", f"type: {'uint8' if labels.labels.itemsize == 1 else 'uint16'}", "dimension: 3"]
    space, place = _own_place(own) if own else _place(labels.volume)
    head += [*space, f"sizes: {x} {y} {z}", *place, "kinds: domain domain domain"]
    head += ["endian: little", "encoding: gzip"]
    boxes = find_objects(labels.labels, max([1, *(segment.number for segment in labels.segments)]))
    for index, segment in enumerate(labels.segments):
        head += _segment(index, segment, boxes[segment.number - 1])
    text = "\n".join([*head, "", ""])
    body = labels.labels.astype(labels.labels.dtype.newbyteorder("<")).tobytes()
    return text.encode() + gzip.compress(body, 6, mtime=0)


def segments(fields: Mapping[str, str]) -> list[Segment]:
    """The segments that a .seg.nrrd file's header names, each number once; none in a plain file."""
    found: dict[int, Segment] = {}
    for key, value in fields.items():
        index = re.fullmatch(r"(Segment\d{1,6})_LabelValue", key)
        if index is None or not re.fullmatch(r"\d{1,6}", value) or not 0 < int(value) <= MOST_SEGMENTS:
            continue
        colour = fields.get(f"{index[1]}_Color", "")
        name = fields.get(f"{index[1]}_Name", "")
        found.setdefault(int(value), Segment(int(value), name, colour_rgb=_colour(colour)))
    return list(found.values())


def _colour(text: str) -> tuple[int, int, int] | None:
    """Three fractions of 1 as bytes, None if they are none."""
    if not re.fullmatch(r"(0(\.\d*)?|1(\.0*)?)( (0(\.\d*)?|1(\.0*)?)){2}", text):
        return None
    red, green, blue = (round(255 * float(part)) for part in text.split())
    return red, green, blue


def _header(content: bytes) -> tuple[Fields, int]:
    """Fields in lower case (key/value pairs as they are), and where the data begin."""
    if not re.match(rb"NRRD000[1-5]\r?\n", content):
        raise FormatError("This is no NRRD file: it must begin with NRRD0001 to NRRD0005.")
    end = re.search(rb"\n\r?\n", content)
    stop = len(content) if end is None else end.end()
    fields: Fields = {}
    for line in content[:stop].decode("utf-8", errors="replace").splitlines()[1:]:
        if not line.strip() or line.startswith("#"):
            continue
        found = re.match(r"([^:]+):(=?)(.*)$", line)
        if found is None:
            raise FormatError(f"The NRRD header has a line that is not understood: {line[:80]!r}.")
        name = found[1] if found[2] else found[1].strip().lower()
        fields.setdefault(name, found[3].strip())
    return fields, stop


def _sizes(fields: Fields) -> tuple[int, ...]:
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in fields]
    if missing:
        raise FormatError(f"The NRRD header lacks {', '.join(missing)}.")
    sizes = tuple(_whole(text, "sizes") for text in fields["sizes"].split())
    if fields["dimension"] != str(len(sizes)):
        raise FormatError(f"The NRRD header names {len(sizes)} sizes for the dimension {fields['dimension'][:20]!r}.")
    if len(sizes) != 3:
        raise FormatError(
            f"The file has {len(sizes)} axes ({' x '.join(map(str, sizes))}); a volume has three. Save one volume of a "
            "series, or one channel, as a file of its own."
        )
    kinds = fields.get("kinds", "").lower().split()
    strange = [kind for kind in kinds if kind not in ("domain", "space", "???", "none")]
    if strange:
        raise FormatError(
            f"An axis of the file is of the kind '{strange[0]}', not of space. Save one channel as a volume of its own."
        )
    check_size(sizes)
    return sizes


def _kind(fields: Fields) -> np.dtype[Any]:
    name = fields["type"].lower()
    if name not in KINDS:
        raise FormatError(f"Values of the NRRD type '{name[:40]}' are not read. Known: {', '.join(sorted(KINDS))}.")
    kind = np.dtype(KINDS[name])
    order = fields.get("endian", "little").lower()
    if order not in ("little", "big"):
        raise FormatError(f"The NRRD header's endian is '{order[:20]}'; it is little or big.")
    return kind.newbyteorder("<" if order == "little" else ">")


def _data_file(path: Path, fields: Fields) -> Path | None:
    name = fields.get("data file", fields.get("datafile"))
    if name is None:
        return None
    if name.upper().startswith("LIST") or "%" in name:
        raise FormatError("NRRD headers over a list of data files are not read. Save the volume as one .nrrd file.")
    folder = path.resolve().parent
    data = (folder / name).resolve()
    if not data.is_relative_to(folder):
        raise FormatError(
            f"The header's data file '{name[:200]}' lies outside the header's folder. For safety only files beside or "
            "below the header are read: move it there and correct the header."
        )
    return data


def _skipped(payload: bytes, fields: Fields) -> bytes:
    """Without the lines that are to be skipped; bytes are skipped after decompression."""
    lines = _whole(fields.get("line skip", fields.get("lineskip", "0")), "line skip")
    for _ in range(lines):
        payload = payload[payload.find(b"\n") + 1 :]
    return payload


def _values(payload: bytes, fields: Fields, kind: np.dtype[Any], sizes: tuple[int, ...]) -> NDArray[Any]:
    encoding = fields["encoding"].lower()
    skip = _whole(fields.get("byte skip", fields.get("byteskip", "0")), "byte skip", least=-1)
    count = math.prod(sizes)
    needed = count * kind.itemsize
    if encoding in TEXT:
        return _text_values(payload, kind, sizes)
    if encoding in RAW:
        data = payload[max(len(payload) - needed, 0) :] if skip == -1 else payload[skip : skip + needed]
    elif encoding in GZIP + BZIP2:
        inflate = gunzipped if encoding in GZIP else bunzipped
        data = inflate(payload, max(skip, 0) + needed)[max(skip, 0) :]
    else:
        raise FormatError(f"The NRRD encoding '{encoding[:20]}' is not read. Known: raw, gzip, bzip2, text.")
    if len(data) < needed:
        raise FormatError(f"The data hold {len(data)} bytes; {' x '.join(map(str, sizes))} voxels need {needed}.")
    return np.frombuffer(data, kind, count).reshape(sizes[::-1])


def _text_values(payload: bytes, kind: np.dtype[Any], sizes: tuple[int, ...]) -> NDArray[Any]:
    try:
        numbers = np.array(payload.split(), dtype=np.float64)
    except ValueError as error:
        raise FormatError(f"The data are meant to be numbers as text: {error}.") from error
    if len(numbers) != math.prod(sizes):
        raise FormatError(f"The data hold {len(numbers)} numbers; {' x '.join(map(str, sizes))} are needed.")
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not ((numbers >= limits.min) & (numbers <= limits.max)).all():
            raise FormatError(f"The data hold numbers outside {limits.min} to {limits.max}, which the header promises.")
    return numbers.astype(kind.newbyteorder("=")).reshape(sizes[::-1])


def _affine(fields: Fields) -> tuple[Affine, bool]:
    """To RAS, and whether the file says where the patient lies; without it rows run down as in a picture."""
    space = fields.get("space", "").lower()
    if space and space not in SPACES and space not in NOT_ORIENTED:
        raise FormatError(f"The NRRD space '{space[:60]}' is not read. Known: {', '.join((*SPACES, *NOT_ORIENTED))}.")
    affine = np.eye(4)
    if "space directions" in fields:
        affine[:3, :3] = np.array(_vectors(fields["space directions"], 3)).T
    else:
        spacings = _numbers(fields.get("spacings", "1 1 1"), "spacings")
        if len(spacings) != 3:
            raise FormatError(f"The NRRD header has {len(spacings)} spacings for three axes.")
        affine[:3, :3] = np.diag([1.0 if math.isnan(v) else v for v in spacings])
    if "space origin" in fields:
        affine[:3, 3] = _vectors(fields["space origin"], 1)[0]
    signs = SPACES.get(space, (-1, -1, 1))
    return np.diag([*signs, 1.0]) @ affine, space in SPACES


def _vectors(text: str, count: int) -> list[list[float]]:
    found = [_numbers(part.replace(",", " "), "space") for part in re.findall(r"\(([^()]*)\)", text)]
    if len(found) != count or any(len(vector) != 3 for vector in found):
        raise FormatError(f"The NRRD header has {text[:80]!r} where {count} vectors of three numbers are expected.")
    return found


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(part) for part in text.split()]
    except ValueError:
        raise FormatError(f"The NRRD header's {name} are no numbers: {text[:80]!r}.") from None


def _whole(text: str, name: str, least: int = 0) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text) or int(text) < least:
        raise FormatError(f"The NRRD header's {name} is {text[:20]!r}; it must be a whole number from {least}.")
    return int(text)


def _own_place(fields: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The lines of the geometry as the source file has them, to the letter: the space, and what follows the sizes."""
    space = [f"{name}: {fields[name]}" for name in ("space", "space dimension") if name in fields]
    names = ("space directions", "space origin", "spacings", "space units", "measurement frame")
    return space, [f"{name}: {fields[name]}" for name in names if name in fields]


def _place(volume: Volume) -> tuple[list[str], list[str]]:
    affine = lps(volume.affine_ras)
    vectors = " ".join(_vector(column) for column in affine[:3, :3].T)
    space = ["space: left-posterior-superior"]
    return space, [f"space directions: {vectors}", f"space origin: {_vector(affine[:3, 3])}"]


def _vector(numbers: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(v) + 0.0) for v in numbers)})"


def _segment(index: int, segment: Segment, box: tuple[slice, ...] | None) -> list[str]:
    """Key/value pairs of one segment; the extent is inclusive, along X, Y and Z."""
    ends = [(0, -1)] * 3 if box is None else [(part.start, part.stop - 1) for part in box[::-1]]
    facts = {
        "Color": " ".join(f"{v / 255:.6f}" for v in segment.rgb),
        "Extent": " ".join(f"{low} {high}" for low, high in ends),
        "ID": f"Segment_{segment.number}",
        "LabelValue": str(segment.number),
        "Layer": "0",
        "Name": " ".join(segment.label.split()),
    }
    return [f"Segment{index}_{name}:={value}" for name, value in facts.items()]
