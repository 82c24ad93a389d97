"""Clouds as lines of numbers: XYZ, TXT, CSV and PTS. Columns are named by a header, or guessed from their number."""

from __future__ import annotations

import io
import re

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import LABEL, Columns, columns_of, interpret

GUESSES = {
    3: "x y z",
    4: "x y z intensity",
    6: "x y z red green blue",
    7: "x y z red green blue label",
    9: "x y z red green blue nx ny nz",
}
PTS = {7: "x y z intensity red green blue", **{n: names for n, names in GUESSES.items() if n != 7}}
"""Leica's PTS has the intensity before the colour, and the number of points in its first line."""


def parse(data: bytes, pts: bool = False) -> Cloud:
    """The cloud of a text file; separators are blanks, commas or semicolons.

    Raises:
        FormatError: no numbers, or lines of different lengths.
    """
    text = data.decode("utf-8-sig", errors="replace")
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(("#", "//"))), None)
    if first is None:
        raise FormatError("The text file holds no point.")
    comment = lines[first - 1].lstrip("#/ ") if first and lines[first - 1].startswith(("#", "//")) else ""
    separator = next((mark for mark in (",", ";") if mark in lines[first]), None)
    header = [word for word in re.split(r"[\s,;]+", lines[first].strip()) if word]
    if len(header) == 1 and header[0].isdigit():  # a count, as in PTS
        first += 1
        header = []
    named = bool(header) and not _numbers(header)
    names = header if named else comment.replace(",", " ").split()
    start = first + named
    table = _table(lines[start:], separator)
    if len(names) != table.shape[1]:
        names = _guess(table.shape[1], pts)
    columns = {name.strip('"'): _narrow(table[:, i], name) for i, name in enumerate(names)}
    return interpret(columns, "text", lines=lines, start=start, separator=separator, named=named)


def _numbers(words: list[str]) -> bool:
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return True


def _table(lines: list[str], separator: str | None) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    try:
        table = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=separator, comments=("#", "//"), ndmin=2)
    except ValueError as error:
        raise FormatError(f"The text file is not a table of numbers: {error}") from error
    if not table.size:
        raise FormatError("The text file holds no point.")
    return table


def _guess(count: int, pts: bool) -> list[str]:
    known = (PTS if pts else GUESSES).get(count)
    if known:
        return known.split()
    if count < 3:
        raise FormatError(f"A point needs three numbers, x y z; the lines of the text file have {count}.")
    return ["x", "y", "z", *(f"column{i}" for i in range(4, count + 1))]


def _narrow(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], name: str
) -> np.ndarray[tuple[int], np.dtype[np.int32] | np.dtype[np.float64]]:
    """Labels as whole numbers; all else as it is."""
    whole = "label" in name or "instance" in name or "object" in name
    if whole and (values == np.rint(values)).all():
        return values.astype(np.int32)
    return values


def serialize(cloud: Cloud, separator: str = " ") -> bytes:
    """Text with the label as last column; lines of a text file that was read stay letter for letter."""
    if cloud.source.get("format") == "text":
        return _appended(cloud)
    columns = columns_of(cloud, "text")
    texts = [_texts(columns, name) for name in columns]
    head = separator.join(columns) if separator == "," else "# " + " ".join(columns)
    return ("\n".join([head, *map(separator.join, zip(*texts, strict=True))]) + "\n").encode("ascii")


def _texts(columns: Columns, name: str) -> list[str]:
    values = columns[name]
    if values.dtype.kind in "iub":
        return [str(v) for v in values.tolist()]
    return [np.format_float_positional(v, unique=True, trim="-") for v in values]


def _appended(cloud: Cloud) -> bytes:
    source = cloud.source
    lines, separator = list(source["lines"]), source["separator"] or " "
    if cloud.instance is None:
        return ("\n".join(lines) + "\n").encode("utf-8")
    known = source["label"] in cloud.fields
    column = list(cloud.fields).index(source["label"]) if known else None
    if source["named"] and column is None:
        lines[source["start"] - 1] += separator + LABEL
    labels = iter(cloud.instance.tolist())
    for i in range(source["start"], len(lines)):
        if not lines[i].strip() or lines[i].startswith(("#", "//")):
            continue
        if column is None:
            lines[i] = lines[i].rstrip() + separator + str(next(labels))
        else:
            words = lines[i].split(source["separator"])
            words[column] = str(next(labels))
            lines[i] = separator.join(words)
    return ("\n".join(lines) + "\n").encode("utf-8")
