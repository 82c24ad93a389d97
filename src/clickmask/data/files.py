"""Finding and pairing files, with errors that say what was looked for and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickmask.core.errors import FormatError, InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".gif")


def find_folders(root: Path, layouts: Iterable[Sequence[str]]) -> list[Path]:
    """The folders of the first layout whose parts all exist below `root`.

    Raises:
        InputError: no layout is there; the text lists all of them.
    """
    wanted = [list(layout) for layout in layouts]
    for layout in wanted:
        folders = [root / part for part in layout]
        if all(folder.exists() for folder in folders):
            return folders
    choices = " or ".join(" + ".join(f"{part}" for part in layout) for layout in wanted)
    raise InputError(f"Looked in {root} for {choices}, found {_listing(root)}.")


def pair_by_stem(images: Path, masks: Path) -> list[tuple[str, Path, Path]]:
    """(stem, image, mask) for each mask file, sorted by stem.

    Raises:
        InputError: a mask without its image, or two files with one stem. Images without a mask are fine.
    """
    image_of = _by_stem(images, IMAGE_SUFFIXES)
    mask_of = _by_stem(masks, MASK_SUFFIXES)
    lonely = sorted(mask_of.keys() - image_of.keys())
    if lonely:
        raise InputError(
            f"{len(lonely)} of {len(mask_of)} masks in {masks} have no image of the same stem in {images}, "
            f"e.g. {mask_of[lonely[0]].name}. Images and masks are paired by file name without its ending."
        )
    return [(stem, image_of[stem], mask_of[stem]) for stem in sorted(mask_of)]


def read_list(path: Path) -> list[str]:
    """The first word of each line that is not empty.

    Raises:
        InputError: the file is missing or empty.
    """
    if not path.is_file():
        raise InputError(f"The list {path} does not exist; {path.parent} holds {_listing(path.parent)}.")
    names = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not names:
        raise InputError(f"The list {path} is empty.")
    return names


def need_file(path: Path, what: str) -> Path:
    """Return `path` if it is a file; raise InputError otherwise."""
    if not path.is_file():
        raise InputError(f"The {what} {path} does not exist.")
    return path


def read_values(path: Path) -> NDArray[np.integer]:
    """The values of a one-channel mask file, (H, W) integers; indices, not colours, of an indexed file.

    Raises:
        FormatError: unreadable, or a file in colour.
    """
    try:
        with Image.open(path) as file:
            values = np.asarray(file.convert("L") if file.mode == "1" else file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FormatError(f"The mask {path} cannot be read as an image: {error}") from error
    if values.ndim == 3:
        return _grey(values, path)
    if values.dtype.kind not in "iu":
        raise FormatError(f"The mask {path} holds {values.dtype} values; masks are 8-bit or 16-bit whole numbers.")
    return values


def _grey(values: NDArray[np.integer], path: Path) -> NDArray[np.integer]:
    """(H, W) from (H, W, 3 or 4) whose colour channels are all equal."""
    colours = values[..., :3]
    if values.shape[2] < 3 or not (colours == colours[..., :1]).all():
        raise FormatError(
            f"The mask {path} is a picture in colour or with transparency ({values.shape[2]} channels). "
            "Masks have one channel: save it as 8-bit grey, indexed or 16-bit grey PNG."
        )
    return np.ascontiguousarray(colours[..., 0])


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(
                f"Two files in {folder} share the stem '{path.stem}': {found[path.stem].name}, {path.name}."
            )
        found[path.stem] = path
    if not found:
        raise InputError(f"{folder} holds no file ending in {', '.join(suffixes)}; found {_listing(folder)}.")
    return found


def _listing(folder: Path) -> str:
    """A few names for an error text."""
    if not folder.is_dir():
        return "no such folder"
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:6]) or "nothing"
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
