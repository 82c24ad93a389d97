"""E57 through pye57 (extra `e57`): all scans of a file in one cloud. Read only: it has no place for labels."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError, MissingExtraError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import interpret


def read(path: Path) -> Cloud:
    """The cloud of an E57 file, in world coordinates; the field `scan` tells which scan a point is from.

    Raises:
        MissingExtraError: pye57 is not installed.
        FormatError: no E57 file, or damaged.
    """
    try:
        pye57 = import_module("pye57")
    except ImportError as error:
        raise MissingExtraError("Reading E57 files", "e57") from error
    try:
        file = pye57.E57(str(path))
        scans = [file.read_scan(i, ignore_missing_fields=True, colors=True) for i in range(file.scan_count)]
    except Exception as error:
        raise FormatError(f"{path} cannot be read as an E57 file: {error}.") from error
    shared = set.intersection(*(set(scan) for scan in scans)) if scans else set()
    columns: dict[str, Any] = {name: np.concatenate([scan[name] for scan in scans]) for name in sorted(shared)}
    columns["scan"] = np.repeat(np.arange(len(scans), dtype=np.int32), [len(scan["cartesianX"]) for scan in scans])
    return interpret(columns, "e57")
