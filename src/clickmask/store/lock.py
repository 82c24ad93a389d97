"""One process per project: a lock that the operating system lets go when the process dies, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from clickmask.core.errors import StorageError

LOCK_FILE = "lock"


class ProjectLock:
    """Held from creation until `release`; the file holds the process number of the holder."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_FILE
        try:
            self._file: IO[str] = path.open("a+")
        except OSError as error:
            problem = f"{path} cannot be written ({error.strerror}). Choose another folder with --project DIR."
            raise StorageError(problem) from error
        if not _try_lock(self._file):
            holder = path.read_text().strip() or "unknown"
            self._file.close()
            raise StorageError(
                f"The project {folder} is open in another clickmask (process {holder}). "
                "Close that one first, or work on another project with --project DIR."
            )
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another process open the project."""
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30  # far behind the text, which others must be able to read

    def _try_lock(file: IO[str]) -> bool:
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
