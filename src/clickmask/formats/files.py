"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from clickmask.core.errors import FormatError


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the content of `path` in one step.

    Missing folders are created. If anything fails, what was there before is untouched.

    Raises:
        FormatError: the folder cannot be written to, or the disk is full.
    """
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to be written piece by piece that takes the place of `path` when all went well.

    It is a temporary file beside `path` and is renamed over it at the end; an exception leaves what was there before.

    Raises:
        FormatError: as `write_atomically`.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
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


def files_below(root: Path, suffixes: Collection[str], what: str) -> list[Path]:
    """A single file as it is, or the files with these endings in a folder and below, sorted.

    Args:
        root: file or folder.
        suffixes: endings, lower case, with the dot.
        what: the kind of files, for messages.

    Raises:
        FormatError: there is none.
    """
    if not root.is_dir():
        return [root]
    fitting = [p for p in sorted(root.rglob("*")) if p.suffix.lower() in suffixes and not _hidden(p, root)]
    found = [p for p in fitting if p.is_file()]
    if not found:
        kinds = " or ".join(suffixes)
        raise FormatError(f"There is no {kinds} file in {root}. Give a folder of {what}, or one of them.")
    return found


def only_file(path: Path, usual: str) -> Path:
    """A file as it is; of a folder the file with the usual name, else the only one with its ending."""
    if not path.is_dir():
        return path
    if (path / usual).exists():
        return path / usual
    found = sorted(path.glob(f"*{Path(usual).suffix}"))
    return found[0] if len(found) == 1 else path / usual


def read_json(path: str | os.PathLike[str]) -> Any:
    """Parsed content of a JSON file; FormatError names the line of a mistake."""
    with json_errors(path):
        return json.loads(read_text(path, "JSON"))


def read_text(path: str | os.PathLike[str], kind: str) -> str:
    """Content of a UTF-8 file; FormatError says that it is no `kind` file if it is not UTF-8."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text, so it is no {kind} file: {error}.") from error


@contextmanager
def json_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever is wrong with JSON inside becomes a FormatError that names the file."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        problem = "is nested too deeply" if isinstance(error, RecursionError) else "holds a number that is too long"
        raise FormatError(f"{path} {problem} to be an annotation file.") from None


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Every FormatError inside tells which file it is about."""
    try:
        yield
    except FormatError as error:
        raise FormatError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def json_bytes(document: Any) -> bytes:
    """UTF-8 JSON with a stable layout; NaN is refused because other readers would choke on it."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()


class OutputNames:
    """Relative file names for what belongs to images, all different and none leading out of the folder.

    `a/x.jpg` becomes `a/x.png`; where two images differ in their ending only, it stays in the name: `a/x.jpg.png`.

    Args:
        suffix: ending of the files, with the dot.
        paths: of all images, as far as they are known beforehand. Of images that are not, the second with a name keeps
            its ending.
    """

    def __init__(self, suffix: str, paths: Iterable[str] = ()) -> None:
        self._suffix = suffix
        self._stems = Counter(inner_path(p).with_suffix("") for p in paths)
        self._given: set[str] = set()

    def name(self, path: str) -> str:
        """For one image; FormatError if the same path comes twice."""
        inside = inner_path(path)
        name = str(inside.with_suffix(self._suffix))
        if self._stems[inside.with_suffix("")] > 1 or name in self._given:
            name = str(inside) + self._suffix
        if name in self._given:
            raise FormatError(f"Two images would be written to {name}: the same path occurs twice. Rename one of them.")
        self._given.add(name)
        return name


def inner_path(path: str) -> PurePosixPath:
    """A path from a file that may come from anywhere, without drive, root and ways up.

    Raises:
        FormatError: nothing is left of it, or it holds a null character.
    """
    parts = [p for p in path.replace("\\", "/").split("/") if p not in ("", ".", "..") and not p.endswith(":")]
    if not parts or "\0" in path:
        raise FormatError(f"An image has the path {path!r}, which names no file.")
    return PurePosixPath(*parts)


def _hidden(path: Path, root: Path) -> bool:
    """Whether a file or a folder on the way to it begins with a dot: what other programs keep there is not meant."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _mode_of(target: Path) -> int:
    """Permissions of the file to be replaced; of a new file, what the umask leaves (mkstemp's are private)."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
