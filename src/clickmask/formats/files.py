"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from clickmask.core.errors import FormatError


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the content of `path` in one step: a temporary file beside it is renamed over it.

    Missing folders are created. If anything fails, what was there before is untouched.

    Raises:
        FormatError: the folder cannot be written to, or the disk is full.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(_mode_of(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FormatError(
            f"{target} cannot be written: {error.strerror or error}. What was there before is unchanged. "
            "Choose a folder that you may write to, on a disk with room."
        ) from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file; FormatError says why it cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise FormatError(f"There is no file {path}. Check the spelling and the current folder.") from None
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}. Give a readable file.") from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """Parsed content of a JSON file; FormatError names the line of a mistake."""
    try:
        return json.loads(read_bytes(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text, so it is no JSON file: {error}.") from error
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError:
        raise FormatError(f"{path} is nested too deeply to be an annotation file.") from None


def json_bytes(document: Any) -> bytes:
    """UTF-8 JSON with a stable layout; NaN is refused because other readers would choke on it."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()


def output_names(paths: Sequence[str], suffix: str) -> list[str]:
    """Relative file names for what belongs to images, all different and none leading out of the folder.

    `a/x.jpg` becomes `a/x.png`; where two images differ in their ending only, it stays in the name: `a/x.jpg.png`.
    """
    inside = [PurePosixPath(*_inner_parts(p)) for p in paths]
    stems = Counter(p.with_suffix("") for p in inside)
    names = [str(p) + suffix if stems[p.with_suffix("")] > 1 else str(p.with_suffix(suffix)) for p in inside]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FormatError(f"Two images would be written to {twice[0]}: the same path occurs twice. Rename one of them.")
    return names


def _inner_parts(path: str) -> list[str]:
    """Parts of a path from a file that may come from anywhere: no drive, no root, no way up."""
    parts = [p for p in path.replace("\\", "/").split("/") if p not in ("", ".", "..") and not p.endswith(":")]
    if not parts:
        raise FormatError(f"An image has the path '{path}', which names no file.")
    return parts


def _mode_of(target: Path) -> int:
    """Permissions of the file to be replaced; of a new file, what the umask leaves (mkstemp's are private)."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
