"""PLY (Stanford polygon files): ascii and binary of both byte orders; other elements (faces) are carried along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import Columns, columns_of, interpret

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
NAMES = {
    "i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint", "f4": "float",
    "f8": "double",
}  # fmt: skip
ORDERS = {"ascii": "<", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class Element:
    """One element of a PLY header: its scalar properties in order; `lists` holds lines of list properties."""

    name: str
    count: int
    properties: list[tuple[str, str]] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass
class Header:
    """A PLY header."""

    layout: str = "binary_little_endian"
    comments: list[str] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)


def parse(data: bytes) -> Cloud:
    """The cloud of a PLY file.

    Raises:
        FormatError: no PLY, damaged, without vertices, or with lists before or inside the vertices.
    """
    header, body = _header(data)
    index = next((i for i, element in enumerate(header.elements) if element.name == "vertex"), None)
    if index is None:
        raise FormatError("The PLY file has no 'vertex' element, so it holds no points.")
    vertex = header.elements[index]
    if vertex.lists or any(element.lists for element in header.elements[:index]):
        raise FormatError("PLY files with lists before or inside the vertices are not read. Write the vertices first.")
    if header.layout == "ascii":
        columns, before, after = _ascii(body, header, index)
    else:
        columns, before, after = _binary(body, header, index)
    return interpret(columns, "ply", header=header, before=before, after=after)


def _header(data: bytes) -> tuple[Header, bytes]:
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise FormatError("This is no PLY file: it must begin with 'ply' and have an 'end_header' line.")
    stop = data.find(b"\n", end) + 1
    header = Header(layout="")
    for line in data[:end].decode("ascii", errors="replace").splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format" and len(words) > 1:
            header.layout = words[1]
        elif words[0] in ("comment", "obj_info"):
            header.comments.append(line.strip())
        elif words[0] == "element" and len(words) == 3 and words[2].isdigit():
            header.elements.append(Element(words[1], int(words[2])))
        elif words[0] == "property" and header.elements:
            _property(header.elements[-1], words, line)
        else:
            raise FormatError(f"The PLY header has a line that is not understood: {line.strip()!r}.")
    if header.layout not in ORDERS:
        raise FormatError(f"The PLY format is {header.layout!r}; known are {', '.join(ORDERS)}.")
    return header, data[stop:]


def _property(element: Element, words: list[str], line: str) -> None:
    element.lines.append(line.strip())
    if words[1:2] == ["list"]:
        element.lists.append(words[-1])
    elif len(words) == 3 and words[1] in TYPES:
        element.properties.append((words[2], TYPES[words[1]]))
    else:
        raise FormatError(f"The PLY property {line.strip()!r} has a type that is not known: {', '.join(TYPES)}.")


def _dtype(element: Element, order: str) -> np.dtype[Any]:
    return np.dtype([(name, order + kind) for name, kind in element.properties])


def _binary(body: bytes, header: Header, index: int) -> tuple[Columns, bytes, bytes]:
    order = ORDERS[header.layout]
    start = sum(_dtype(e, order).itemsize * e.count for e in header.elements[:index])
    vertex = header.elements[index]
    kind = _dtype(vertex, order)
    end = start + kind.itemsize * vertex.count
    if len(body) < end:
        raise FormatError(
            f"The PLY file is cut short: {vertex.count} vertices need {end} bytes after the header, got {len(body)}."
        )
    rows = np.frombuffer(body, kind, vertex.count, start)
    columns = {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in kind.names or ()}
    return columns, body[:start], body[end:]


def _ascii(body: bytes, header: Header, index: int) -> tuple[Columns, bytes, bytes]:
    lines = body.splitlines(keepends=True)
    start = sum(element.count for element in header.elements[:index])
    vertex = header.elements[index]
    rows = lines[start : start + vertex.count]
    if len(rows) < vertex.count:
        raise FormatError(f"The PLY file is cut short: it promises {vertex.count} vertices and holds {len(rows)}.")
    try:
        table = [row.split() for row in rows]
        columns = {
            name: np.array([row[i] for row in table], dtype="S").astype(kind if kind[0] == "f" else "f8").astype(kind)
            for i, (name, kind) in enumerate(vertex.properties)
        }
    except (ValueError, IndexError) as error:
        raise FormatError(f"A vertex of the PLY file is not {len(vertex.properties)} numbers: {error}.") from error
    return columns, b"".join(lines[:start]), b"".join(lines[start + vertex.count :])


def serialize(cloud: Cloud) -> bytes:
    """PLY with the cloud's labels; layout, comments, faces and all fields of a PLY file that was read stay."""
    columns = columns_of(cloud, "ply")
    own = cloud.source.get("format") == "ply"
    header: Header = cloud.source["header"] if own else Header(elements=[Element("vertex", len(cloud))])
    order = ORDERS[header.layout]
    text = ["ply", f"format {header.layout} 1.0", *header.comments]
    for element in header.elements:
        text.append(f"element {element.name} {element.count}")
        if element.name == "vertex":
            text += [f"property {NAMES[values.dtype.str[1:]]} {name}" for name, values in columns.items()]
        else:
            text += element.lines
    head = ("\n".join([*text, "end_header"]) + "\n").encode("ascii", errors="replace")
    rows = _ascii_rows(columns) if header.layout == "ascii" else _binary_rows(columns, order)
    before, after = (cloud.source["before"], cloud.source["after"]) if own else (b"", b"")
    return head + before + rows + after


def _binary_rows(columns: Columns, order: str) -> bytes:
    rows = np.empty(len(next(iter(columns.values()))), [(name, order + v.dtype.str[1:]) for name, v in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    return rows.tobytes()


def _ascii_rows(columns: Columns) -> bytes:
    texts = [
        [str(v) for v in values.tolist()] if values.dtype.kind in "iu" else _floats(values)
        for values in columns.values()
    ]
    return ("\n".join(map(" ".join, zip(*texts, strict=True))) + "\n").encode("ascii")


def _floats(values: np.ndarray[Any, np.dtype[Any]]) -> list[str]:
    """Shortest texts that read back to the same number."""
    return [np.format_float_positional(v, unique=True, trim="-") if np.isfinite(v) else str(v) for v in values]
