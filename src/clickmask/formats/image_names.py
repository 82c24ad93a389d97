"""Which image an annotation file means, and how large it is where the file does not say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from clickmask.core.errors import FormatError
from clickmask.formats.annotation import FoundImage, ImageLookup
from clickmask.formats.georeference import read_georeference
from clickmask.formats.image_file import image_size, is_image_name


class ImageNames:
    """Finds images by the paths that annotation files give them.

    Args:
        paths: of the images, relative, with forward slashes, each once.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: dict[str, str | None] = {}
        self._bare: dict[str, str | None] = {}
        self._names: dict[str, str | None] = {}
        self._stems: dict[str, str | None] = {}
        for path in paths:
            known = PurePosixPath(path)
            bare = str(known.with_suffix("")) if known.name else path
            for table, key in (
                (self._paths, path), (self._bare, bare), (self._names, known.name), (self._stems, known.stem),
            ):  # fmt: skip
                table[key] = None if key in table else path

    def find(self, path: str) -> str | None:
        """By path, else by file name, each with any ending if need be; None if no image or more than one is meant.

        What belongs to `a/x.jpg` may also be called `a/x.jpg.txt`.
        """
        wanted = PurePosixPath(path.replace("\\", "/"))
        bare = str(wanted.with_suffix("")) if wanted.name else ""
        tries = (
            (self._paths, str(wanted)),
            (self._paths, bare),
            (self._bare, bare),
            (self._names, wanted.name),
            (self._names, wanted.stem),
            (self._stems, wanted.stem),
        )
        return next((table[key] for table, key in tries if table.get(key) is not None), None)


class FolderImages:
    """Finds images in a folder, as an ImageLookup.

    Args:
        folder: the images, also in folders below.

    Raises:
        FormatError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FormatError(f"There is no folder {folder}. Give the folder of the images.")
        self._folder = folder
        found = (p for p in sorted(folder.rglob("*")) if is_image_name(p) and p.is_file())
        self.names = ImageNames(p.relative_to(folder).as_posix() for p in found)

    def __call__(self, path: str) -> FoundImage | None:
        """The image; None if there is none, or more than one is meant. ImageError if it is damaged."""
        found = self.names.find(path)
        if found is None:
            return None
        return FoundImage(found, image_size(self._folder / found), read_georeference(self._folder / found))


def in_turn(*lookups: ImageLookup | None) -> ImageLookup:
    """Asks one lookup after the other."""

    def find(path: str) -> FoundImage | None:
        answers = (lookup(path) for lookup in lookups if lookup is not None)
        return next((found for found in answers if found is not None), None)

    return find


def images_in(folder: Path) -> ImageLookup | None:
    """The images in a folder; None if there is no such folder."""
    return FolderImages(folder) if folder.is_dir() else None


def known_image(path: str, find_image: ImageLookup, where: str) -> FoundImage:
    """An image whose size has to be known; FormatError says what to do if nobody knows it."""
    found = find_image(path)
    if found is None:
        raise FormatError(
            f"{where} does not say how large its image is, and there is no image '{path}' to ask. "
            "Give the folder of the images with --images DIR; in the annotator, add the image to the project's folder."
        )
    return found
