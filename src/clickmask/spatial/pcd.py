"""PCD (Point Cloud Library) 0.7: ascii, binary and binary_compressed, organised or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.spatial import lzf
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import Columns, columns_of, interpret

LAYOUTS = ("ascii", "binary", "binary_compressed")
HEAD = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")

MOST_COLUMNS = 10_000
"""Numbers a point; the longest descriptors that are kept in such files have some thousands."""


def parse(data: bytes) -> Cloud:
    """The cloud of a PCD file; a field of several values becomes columns `name:0`, `name:1`, ...

    Raises:
        FormatError: no PCD, damaged, or of an unknown layout.
    """
    head, body = _header(data)
    kinds = _kinds(head)
    points, layout = _number_of_points(head), " ".join(head["DATA"])
    if layout == "ascii":
        columns = _ascii(body, kinds, points)
    elif layout == "binary":
        columns = _binary(body, kinds, points)
    elif layout == "binary_compressed":
        columns = _compressed(body, kinds, points)
    else:
        raise FormatError(f"The PCD file says DATA {layout}; known are {', '.join(LAYOUTS)}.")
    return interpret(columns, "pcd", head=head, layout=layout)


def _header(data: bytes) -> tuple[dict[str, list[str]], bytes]:
    head: dict[str, list[str]] = {}
    place = 0
    while "DATA" not in head:
        end = data.find(b"\n", place)
        if end < 0 or place > 4096:
            raise FormatError("This is no PCD file: it has no 'DATA' line in its header.")
        line = data[place:end].decode("ascii", errors="replace").strip()
        place = end + 1
        key, _, rest = line.partition(" ")
        if key in HEAD:
            head[key] = rest.split()
        elif line and not line.startswith("#"):
            raise FormatError(f"The PCD header has a line that is not understood: {line[:60]!r}.")
    return head, data[place:]


def _number_of_points(head: Mapping[str, list[str]]) -> int:
    given = " ".join(head.get("POINTS", ["0"]))
    if not given.isdecimal():
        raise FormatError(f"POINTS of a PCD file is a whole number, got {given[:30]!r}.")
    return int(given)


def _kinds(head: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Column names and NumPy types."""
    try:
        names, sizes, types = head["FIELDS"], head["SIZE"], head["TYPE"]
        counts = [int(n) for n in head.get("COUNT", ["1"] * len(names))]
        rows = list(zip(names, sizes, types, counts, strict=True))
        kinds = [(name, {"F": "f", "U": "u", "I": "i"}[kind] + size, count) for name, size, kind, count in rows]
        for _, kind, _ in kinds:
            np.dtype("<" + kind)
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"The PCD header needs FIELDS, SIZE, TYPE and COUNT of one length: {error}.") from error
    if sum(counts) > MOST_COLUMNS or min(counts, default=1) < 1:
        raise FormatError(f"The PCD header asks for {sum(counts)} numbers a point; 1 to {MOST_COLUMNS} are read.")
    out: list[tuple[str, str]] = []
    for name, kind, count in kinds:
        plain = name if name != "_" else f"_{len(out)}"
        out += [(plain, kind)] if count == 1 else [(f"{plain}:{i}", kind) for i in range(count)]
    return out


def _binary(body: bytes, kinds: list[tuple[str, str]], points: int) -> Columns:
    kind = np.dtype([(name, "<" + code) for name, code in kinds])
    _enough(len(body), kind.itemsize * points)
    rows = np.frombuffer(body, kind, points)
    return {name: rows[name].copy() for name, _ in kinds}


def _compressed(body: bytes, kinds: list[tuple[str, str]], points: int) -> Columns:
    _enough(len(body), 8)
    packed, size = np.frombuffer(body, "<u4", 2).tolist()
    _enough(len(body) - 8, packed)
    plain = lzf.decompress(body[8 : 8 + packed], size)
    _enough(len(plain), sum(np.dtype(code).itemsize for _, code in kinds) * points)
    columns, place = {}, 0
    for name, code in kinds:
        columns[name] = np.frombuffer(plain, "<" + code, points, place).copy()
        place += columns[name].nbytes
    return columns


def _ascii(body: bytes, kinds: list[tuple[str, str]], points: int) -> Columns:
    rows = [line.split() for line in body.splitlines() if line.strip()]
    if len(rows) < points or any(len(row) != len(kinds) for row in rows[:points]):
        raise FormatError(f"The PCD file promises {points} lines of {len(kinds)} numbers and holds {len(rows)} lines.")
    try:
        return {
            name: np.array([row[i] for row in rows[:points]], dtype="S").astype(code)
            for i, (name, code) in enumerate(kinds)
        }
    except ValueError as error:
        raise FormatError(f"A point of the PCD file is not numbers: {error}.") from error


def _enough(given: int, wanted: int) -> None:
    if given < wanted:
        raise FormatError(f"The PCD file is cut short: {wanted} bytes of data are promised and {given} are there.")


def serialize(cloud: Cloud) -> bytes:
    """PCD with the cloud's labels; layout, viewpoint and all fields of a PCD file that was read stay."""
    columns = columns_of(cloud, "pcd")
    own = cloud.source.get("format") == "pcd"
    if not own and "red" in columns:
        columns = _packed_colours(columns)
    layout = cloud.source["layout"] if own else "binary"
    head: Mapping[str, list[str]] = cloud.source["head"] if own else {}
    fields = _grouped(columns)
    width, height = (head.get("WIDTH", [str(len(cloud))])[0], head.get("HEIGHT", ["1"])[0])
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION 0.7",
        "FIELDS " + " ".join("_" if name.startswith("_") else name for name, _, _ in fields),
        "SIZE " + " ".join(str(kind.itemsize) for _, kind, _ in fields),
        "TYPE " + " ".join(kind.kind.upper() for _, kind, _ in fields),
        "COUNT " + " ".join(str(count) for _, _, count in fields),
        f"WIDTH {width}",
        f"HEIGHT {height}",
        "VIEWPOINT " + " ".join(head.get("VIEWPOINT", ["0", "0", "0", "1", "0", "0", "0"])),
        f"POINTS {len(cloud)}",
        f"DATA {layout}",
    ]
    return ("\n".join(lines) + "\n").encode("ascii") + _body(columns, layout)


def _body(columns: Columns, layout: str) -> bytes:
    little = {name: values.astype(values.dtype.newbyteorder("<")) for name, values in columns.items()}
    if layout == "ascii":
        texts = [[repr(v) if isinstance(v, float) else str(v) for v in _plain(values)] for values in columns.values()]
        return ("\n".join(map(" ".join, zip(*texts, strict=True))) + "\n").encode("ascii")
    if layout == "binary":
        rows = np.empty(len(next(iter(little.values()))), [(name, v.dtype) for name, v in little.items()])
        for name, values in little.items():
            rows[name] = values
        return rows.tobytes()
    plain = b"".join(values.tobytes() for values in little.values())
    packed = lzf.compress(plain)
    return np.array([len(packed), len(plain)], dtype="<u4").tobytes() + packed


def _plain(values: np.ndarray[Any, np.dtype[Any]]) -> list[Any]:
    """Python numbers; float32 as the shortest text's number, so that it reads back the same."""
    if values.dtype == np.float32:
        return [float(str(v)) for v in values]
    return list(values.tolist())


def _grouped(columns: Columns) -> list[tuple[str, np.dtype[Any], int]]:
    """Fields with their counts: columns `name:0`, `name:1` are one field again."""
    fields: list[tuple[str, np.dtype[Any], int]] = []
    for name, values in columns.items():
        base, colon, number = name.partition(":")
        if colon and number != "0":
            fields[-1] = (base, values.dtype, int(number) + 1)
        else:
            fields.append((base, values.dtype, 1))
    return fields


def _packed_colours(columns: Columns) -> Columns:
    """Colour as PCL keeps it: one float whose bits are red, green, blue."""
    red, green, blue = (columns.pop(name).astype(np.uint32) for name in ("red", "green", "blue"))
    packed = (red << 16 | green << 8 | blue).view(np.float32)
    places = {name: columns.pop(name) for name in "xyz"}
    return {**places, "rgb": packed, **columns}
