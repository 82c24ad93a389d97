"""The folder of images: what is in it, what has moved, and the only way from a stored path to a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clickmask.core.errors import StorageError
from clickmask.core.words import words
from clickmask.server.errors import ImageMissingError
from clickmask.server.media import MEDIA, found_in, kind_of
from clickmask.store.protocol import SessionStore
from clickmask.store.values import FileStamp, ImageFacts, StoredImage

_CHUNK = 1 << 20
_READ_WHOLE = 1 << 28
"""Larger files are told apart by their size and by pieces of a megabyte: opening them must not take seconds."""
_PIECES = 32


@dataclass(frozen=True, slots=True)
class ScanReport:
    """How many images are new, gone, and found again under another path."""

    added: int
    missing: int
    moved: int


class ImageFolder:
    """Files below one folder; nothing outside it is ever read, whatever a path or a link says.

    Args:
        root: the folder, resolved.
        only_path: look at this file alone.
    """

    def __init__(self, root: Path, only_path: str | None = None) -> None:
        self.root = root
        self._only_path = only_path

    def file(self, path: str) -> Path:
        """The file of a stored path.

        Raises:
            ImageMissingError: it is gone, or it lies outside the folder.
        """
        resolved = (self.root / path).resolve()
        if not resolved.is_relative_to(self.root):
            raise ImageMissingError(f"{path} leads out of the folder {self.root}, so it is not opened.")
        if not resolved.is_file():
            text = (
                "The file {path} is gone from {folder}. Put it back or look at the folder again; "
                "the objects on it are kept."
            )
            raise ImageMissingError(words("refused.imageGone", text, path=path, folder=self.root))
        return resolved

    def stamp(self, path: str) -> FileStamp:
        """Size and modification time of a stored path; ImageMissingError if it is gone."""
        status = self.file(path).stat()
        return FileStamp(status.st_size, status.st_mtime)

    def facts(self, path: str, kind: str = "photo", size_hw: tuple[int, int] | None = None) -> ImageFacts | None:
        """Digest and size of a file; ImageError if its head is damaged.

        Args:
            path: as stored.
            kind: its medium.
            size_hw: where it is known because the file has been opened.

        Returns:
            None if only opening the file tells its size, and `size_hw` is not given.
        """
        file = self.file(path)
        head = MEDIA.get(kind).head(file)
        if head is None:
            return None if size_hw is None else ImageFacts(digest_of(file), size_hw, 1)
        return ImageFacts(digest_of(file), head.size_hw, head.orientation)

    def scan(self, store: SessionStore) -> ScanReport:
        """Bring the store up to date with the folder."""
        found = dict(self._files())
        files = {path: stamp for path, (stamp, _) in found.items()}
        known = {image.path: image for image in store.images()}
        new = {path: stamp for path, stamp in files.items() if path not in known}
        gone = [] if self._only_path else [i for i in known.values() if i.path not in files]
        moved = self._find_moved(store, gone, new)
        for image in known.values():
            self._note_presence(store, image, image.path in files, image.id in moved)
        added = 0
        for kind in sorted({kind for _, kind in found.values()}):
            mine = {p: stamp for p, stamp in new.items() if p not in moved.values() and found[p][1] == kind}
            added += len(store.add_images(mine, kind)) if mine else 0
        return ScanReport(added, len(gone) - len(moved), len(moved))

    def _find_moved(self, store: SessionStore, gone: list[StoredImage], new: dict[str, FileStamp]) -> dict[int, str]:
        """Missing images by number, and the new path where the same bytes lie now."""
        moved: dict[int, str] = {}
        for image in gone:
            if image.facts is None or image.stamp is None:
                continue
            for path, stamp in new.items():
                free = path not in moved.values() and stamp.size == image.stamp.size
                if free and digest_of(self.file(path)) == image.facts.digest:
                    store.move_image(image.id, path, stamp)
                    moved[image.id] = path
                    break
        return moved

    def _note_presence(self, store: SessionStore, image: StoredImage, present: bool, moved: bool) -> None:
        if present and image.status == "missing":
            store.set_image_status(image.id, "new" if image.facts is None else "ok")
        elif not present and not moved and not self._only_path and image.status != "missing":
            store.set_image_status(image.id, "missing", "The file is gone from the folder.")

    def _files(self) -> Iterator[tuple[str, tuple[FileStamp, str]]]:
        """Relative paths with kinds; hidden folders and links that lead outside are left out."""
        if self._only_path is not None:
            yield self._only_path, (self.stamp(self._only_path), kind_of(self.file(self._only_path)) or "photo")
            return
        try:
            for folder, folders, names in os.walk(self.root, onerror=_refuse):
                folders[:] = sorted(f for f in folders if not f.startswith("."))
                inside = [name for name in names if self._is_inside(Path(folder, name))]
                for name, kind in found_in(Path(folder), inside):
                    file = Path(folder, name)
                    status = file.stat()
                    stamp = FileStamp(status.st_size, status.st_mtime)
                    yield file.relative_to(self.root).as_posix(), (stamp, kind)
        except OSError as error:
            raise StorageError(f"The folder {self.root} cannot be read: {error.strerror}.") from error

    def _is_inside(self, file: Path) -> bool:
        return not file.name.startswith(".") and file.is_file() and file.resolve().is_relative_to(self.root)


def digest_of(file: Path) -> str:
    """blake2b of a file's bytes, hexadecimal; of its size and of pieces of it where it is larger than `_READ_WHOLE`."""
    digest = hashlib.blake2b(digest_size=20)
    size = file.stat().st_size
    with file.open("rb") as opened:
        if size > _READ_WHOLE:
            digest.update(str(size).encode())
            for place in range(0, size - _CHUNK, (size - _CHUNK) // _PIECES):
                opened.seek(place)
                digest.update(opened.read(_CHUNK))
            opened.seek(size - _CHUNK)
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _refuse(error: OSError) -> None:
    raise error
