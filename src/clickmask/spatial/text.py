"""Clouds as lines of numbers: XYZ, TXT, CSV and PTS. Columns are named by a header, or guessed from their number."""

from __future__ import annotations

import io
import re

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import CLASS, LABEL, Columns, columns_of, interpret

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
    title = first - 1 if comment else None
    separator = next((mark for mark in (",", ";") if mark in lines[first]), None)
    header = [word for word in re.split(r"[\s,;]+", lines[first].strip()) if word]
    if len(header) == 1 and header[0].isdigit():  # a count, as in PTS
        first += 1
        header = []
    named = bool(header) and not _numbers(header)
    names = header if named else comment.replace(",", " ").split()
    start = first + named
    table = _table(lines[start:], separator)
    title = first if named else title
    if len(names) != table.shape[1]:
        names, title = _guess(table.shape[1], pts), title if named else None
    columns = {name.strip('"'): _narrow(table[:, i], name) for i, name in enumerate(names)}
    return interpret(columns, "text", lines=lines, start=start, separator=separator, title=title)


def _numbers(words: list[str]) -> bool:
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return True


def _table(lines: list[str], separator: str | None) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    if not any(line.strip() and not line.lstrip().startswith(("#", "//")) for line in lines):
        raise FormatError("The text file holds no point.")
    try:
        table = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=separator, comments=("#", "//"), ndmin=2)
    except ValueError as error:
        raise FormatError(f"The text file is not a table of numbers: {error}") from error
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
    """The lines that were read, with labels and classes in their columns, or in new ones at the end."""
    source = cloud.source
    lines, separator = list(source["lines"]), source["separator"] or " "
    wanted = ((source["label"], LABEL, cloud.instance), (CLASS, CLASS, cloud.semantic))
    for known, name, values in wanted:
        if values is not None:
            column = list(cloud.fields).index(known) if known in cloud.fields else None
            if source["title"] is not None and column is None:
                lines[source["title"]] += separator + name
            _fill(lines, source["start"], source["separator"], column, values.tolist())
    return ("\n".join(lines) + "\n").encode("utf-8")


def _fill(lines: list[str], start: int, separator: str | None, column: int | None, values: list[int]) -> None:
    """Put one value into each line of numbers, in place; None for a new column at the end."""
    rest = iter(values)
    for i in range(start, len(lines)):
        if not lines[i].strip() or lines[i].startswith(("#", "//")):
            continue
        if column is None:
            lines[i] = lines[i].rstrip() + (separator or " ") + str(next(rest))
        else:
            words = lines[i].split(separator)
            words[column] = str(next(rest))
            lines[i] = (separator or " ").join(words)
