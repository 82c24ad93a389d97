"""NumPy archives, one per image: `masks` (N, H, W) bool, `class_names` (N,) text, `path` text.

Read as well: one (H, W) array of whole numbers as a map of objects, and `masks` without names. Arrays of Python objects
are refused, for opening them runs code. Masks are read and written one by one, so a file may hold more than memory.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import fields, mask_png
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    Convention,
    ImageLookup,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import OutputNames, atomic_file, files_below, naming
from clickmask.formats.image_names import in_turn

MOST_VALUES = 2**34
"""Pixels of all masks in one file. Larger claims are taken for an attack: a few kilobytes can unpack to any size."""

MOST_NAME_BYTES = 2**26
_MASKS, _NAMES, _PATH = "masks", "class_names", "path"


@dataclass(frozen=True)
class _Head:
    """What an array in an archive says of itself."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def parse(file: IO[bytes], name: str, find_image: ImageLookup | None = None) -> AnnotatedImage:
    """The image of one archive.

    Args:
        file: its bytes.
        name: of the file; the image is named after it where the archive does not say.
        find_image: asked for the image's full name then.

    Raises:
        FormatError: no such archive, arrays of another kind or shape, or too large.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = {Path(n).stem: n for n in archive.namelist() if n.endswith(".npy")}
            if _MASKS in names:
                return _of_masks(archive, names, name, find_image)
            return _of_map(archive, names, name, find_image)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise FormatError(
            f"This is no NumPy archive, or it is damaged: {error}. numpy.savez_compressed makes one."
        ) from error


def serialize(file: IO[bytes], image: AnnotatedImage) -> None:
    """Write one archive."""
    height, width = image.size_hw
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in ((_NAMES, [a.class_name for a in image.annotations]), (_PATH, image.path)):
            with archive.open(f"{key}.npy", "w") as member:
                npy.write_array(member, np.array(value, dtype=np.str_), allow_pickle=False)
        with archive.open(f"{_MASKS}.npy", "w", force_zip64=True) as member:
            shape = (len(image.annotations), height, width)
            npy.write_array_header_1_0(member, {"descr": "|b1", "fortran_order": False, "shape": shape})
            for annotation in image.annotations:
                member.write(annotation.mask.decode().tobytes())


class NumpyArchives(AnnotationFormat):
    """One archive per image."""

    title = "NumPy archives"
    summary = "NumPy archives, one .npz per image: masks (N, H, W) bool and class_names"
    suffixes = (".npz",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One archive, or every `.npz` in a folder and below."""
        root = Path(source)
        files = files_below(root, self.suffixes, "NumPy archives")
        folder = root if root.is_dir() else root.parent

        def images() -> Iterator[AnnotatedImage]:
            for path in files:
                with naming(path):
                    try:
                        with path.open("rb") as file:
                            image = parse(file, path.relative_to(folder).as_posix(), find_image)
                    except OSError as error:
                        raise FormatError(f"{path} cannot be read: {error.strerror or error}.") from error
                yield image

        return AnnotationStream(images(), count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """One archive per image below `target`."""
        names = OutputNames(".npz", annotations.paths)
        paths: list[str] = []
        losses: list[str] = []
        for image in annotations.images:
            path = Path(target) / names.name(image.path)
            with atomic_file(path) as file:
                serialize(file, image)
            paths.append(str(path))
            nul = [a.class_name for a in image.annotations if a.class_name.endswith("\0")]
            losses += [f"{image.path}: NumPy drops null characters at the end of the class {n!r}." for n in nul]
        return Written(tuple(paths), tuple(losses))


FORMAT = NumpyArchives()


def _of_masks(
    archive: zipfile.ZipFile, names: dict[str, str], name: str, find_image: ImageLookup | None
) -> AnnotatedImage:
    class_names = _texts(archive, names[_NAMES]) if _NAMES in names else None
    paths = _texts(archive, names[_PATH]) if _PATH in names else [_image_name(name, find_image)]
    with archive.open(names[_MASKS]) as member:
        head = _head(member, _MASKS, dimensions=3)
        count, height, width = head.shape
        size_hw = fields.size_hw({"h": height, "w": width}, ("h", "w"), "'masks'")
        if class_names is not None and len(class_names) != count:
            raise FormatError(f"'class_names' has {len(class_names)} names, but 'masks' {count} masks.")
        labels = class_names or [mask_png.OBJECT] * count
        masks = (_mask(member, head, size_hw) for _ in range(count))
        objects = tuple(Annotation(n or mask_png.OBJECT, m) for n, m in zip(labels, masks, strict=True))
    return AnnotatedImage(paths[0].replace("\\", "/") or _image_name(name, find_image), size_hw, objects)


def _of_map(
    archive: zipfile.ZipFile, names: dict[str, str], name: str, find_image: ImageLookup | None
) -> AnnotatedImage:
    maps = [key for key in names if key in ("mask", "labels", "label", "arr_0")] or list(names)
    if len(maps) != 1:
        raise FormatError(
            f"The archive holds the arrays {', '.join(sorted(names)) or '-'}. Accepted: 'masks' (N, H, W) bool with "
            "'class_names' (N,), or one (H, W) array of whole numbers."
        )
    with archive.open(names[maps[0]]) as member:
        head = _head(member, maps[0], dimensions=2)
        size_hw = fields.size_hw({"h": head.shape[0], "w": head.shape[1]}, ("h", "w"), f"'{maps[0]}'")
        values = _plane(member, head, size_hw)
    numbers = [n for n in np.unique(values).tolist() if n]
    objects = [Annotation(mask_png.OBJECT, RunLengthMask.encode(np.asarray(values == n))) for n in numbers]
    return AnnotatedImage(_image_name(name, find_image), size_hw, tuple(objects))


def _image_name(name: str, find_image: ImageLookup | None) -> str:
    found = in_turn(find_image)(name)
    return found.path if found else name


def _mask(member: IO[bytes], head: _Head, size_hw: tuple[int, int]) -> RunLengthMask:
    return RunLengthMask.encode(_plane(member, head, size_hw) != 0)


def _plane(member: IO[bytes], head: _Head, size_hw: tuple[int, int]) -> NDArray[Any]:
    """The next (H, W) values."""
    if head.fortran and len(head.shape) == 3:
        raise FormatError("'masks' is stored in Fortran order. Save numpy.ascontiguousarray(masks).")
    wanted = size_hw[0] * size_hw[1] * head.dtype.itemsize
    data = member.read(wanted)
    if len(data) != wanted:
        raise FormatError("The archive ends before its masks do. Copy the file again.")
    values = np.frombuffer(data, dtype=head.dtype)
    return values.reshape(size_hw, order="F" if head.fortran else "C")


def _head(member: IO[bytes], key: str, dimensions: int) -> _Head:
    """The head of an array of bool or whole numbers; FormatError for another kind, shape or size."""
    head = _any_head(member, key)
    if head.dtype.kind not in "biu" or len(head.shape) != dimensions:
        raise FormatError(
            f"'{key}' must have {dimensions} dimensions and hold bool or whole numbers, got {head.shape} {head.dtype}."
        )
    if int(np.prod(head.shape, dtype=object)) > MOST_VALUES:
        raise FormatError(f"'{key}' claims {head.shape} values, more than {MOST_VALUES}; it looks like a bomb.")
    return head


def _any_head(member: IO[bytes], key: str) -> _Head:
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        version = npy.read_magic(member)
        if version not in readers:
            raise FormatError(f"'{key}' is stored in version {version} of NumPy's format, which only records need.")
        shape, fortran, dtype = readers[version](member)
    except (ValueError, SyntaxError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"'{key}' is no NumPy array: {str(error)[:200]}") from error
    if dtype.hasobject:
        raise FormatError(f"'{key}' holds Python objects, which are not opened, for that can run code.")
    return _Head(shape, fortran, dtype)


def _texts(archive: zipfile.ZipFile, member_name: str) -> list[str]:
    with archive.open(member_name) as member:
        head = _any_head(member, Path(member_name).stem)
        count = int(np.prod(head.shape, dtype=object))
        if head.dtype.kind != "U" or len(head.shape) > 1 or count * head.dtype.itemsize > MOST_NAME_BYTES:
            raise FormatError(f"'{Path(member_name).stem}' must be a list of texts, got {head.shape} {head.dtype}.")
        wanted = count * head.dtype.itemsize
        data = member.read(wanted)
    if len(data) != wanted:
        raise FormatError("The archive ends before its names do. Copy the file again.")
    try:
        texts: Sequence[str] = np.frombuffer(data, dtype=head.dtype).tolist() if wanted else [""] * count
    except (ValueError, UnicodeError) as error:
        raise FormatError(f"'{Path(member_name).stem}' holds characters that do not exist ({error}).") from error
    return [fields.writable(text, "A name in the archive") for text in texts]
