"""YOLO segmentation text: one file per image, one ring per line, coordinates divided by the image's sides.

A line holds one ring and no hole. Parts and holes are joined into one ring by seams of no width, which gives the same
pixels back wherever rings are filled by the even-odd rule; or each part becomes a line of its own (`polygon`); or such
objects are refused (`mask`). The files do not say how large their images are: these must be at hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import fields
from clickmask.formats.annotation import (
    AnnotatedImage,
    Annotation,
    AnnotationFormat,
    Annotations,
    AnnotationStream,
    ClassTable,
    Convention,
    ImageLookup,
    ObjectClass,
    ShapeStyle,
    Written,
)
from clickmask.formats.files import OutputNames, files_below, naming, read_text, write_atomically
from clickmask.formats.image_names import images_in, in_turn, known_image
from clickmask.formats.polygons import Ring, Rings, edge_rings, mask_of_rings

CONFIG_NAME = "data.yaml"
LABELS, IMAGES = "labels", "images"
DECIMALS = 6

_LISTS = frozenset({"classes.txt", "train.txt", "val.txt", "test.txt", "readme.txt", "labels.txt", "requirements.txt"})


def parse(
    text: str, path: str, size_hw: tuple[int, int], class_names: Sequence[str] = (), convention: Convention = "edge"
) -> tuple[AnnotatedImage, list[str]]:
    """The image behind the text of a label file, and what could not be taken over.

    Args:
        text: one object per line: class number, then x and y by turns.
        path: of the image.
        size_hw: of the image.
        class_names: for class 0 and so on.
        convention: what whole numbers mean, once the coordinates are pixels.

    Raises:
        FormatError: a line is damaged.
    """
    objects: list[Annotation] = []
    losses: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) == 5:
            losses.append(f"{path}: line {number} is a box without a mask; it is left out.")
        elif words:
            ring = _ring(words, f"line {number}") * (size_hw[1], size_hw[0])
            name = _class_name(words[0], class_names, f"line {number}")
            objects.append(Annotation(name, mask_of_rings([ring], size_hw, convention)))
    return AnnotatedImage(path, size_hw, tuple(objects)), losses


def serialize(image: AnnotatedImage, classes: ClassTable, style: ShapeStyle = "auto") -> tuple[str, list[str]]:
    """Text of a label file, and what it cannot hold.

    Args:
        image: what to write.
        classes: grows by the classes of the image.
        style: `auto` joins parts and holes by seams, `polygon` writes each part as an object and fills holes, `mask`
            refuses objects that one ring does not hold.

    Raises:
        FormatError: with `mask`, an object has a hole or several parts.
    """
    lines: list[str] = []
    losses: list[str] = []
    for position, annotation in enumerate(image.annotations, start=1):
        where = f"{image.path}: object {position} ('{annotation.class_name}')"
        number = classes.place(annotation.class_name)
        if not annotation.mask:
            losses.append(f"{where} is empty; it is left out.")
            continue
        rings, lost = _written_rings(annotation.mask, style, where)
        losses += lost
        lines += [f"{number} {_numbers(ring, image.size_hw)}\n" for ring in rings]
    return "".join(lines), losses


class YoloText(AnnotationFormat):
    """Label files and data.yaml."""

    title = "YOLO segmentation"
    summary = "YOLO segmentation: labels/*.txt with one ring per object, and data.yaml"
    suffixes = (".txt",)

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """Every label file in a folder (in its `labels` if there is one), or one. Images: `images`, or `find_image`.

        Polygons are read as `edge` unless told otherwise.
        """
        root = Path(source)
        folder = root / LABELS if (root / LABELS).is_dir() else root
        files = [f for f in files_below(folder, self.suffixes, "label files") if f.name.lower() not in _LISTS]
        names = _class_names(root if root.is_dir() else root.parent)
        find = in_turn(images_in(root / IMAGES), find_image)
        base = folder if folder.is_dir() else folder.parent
        losses: list[str] = []

        def images() -> Iterator[AnnotatedImage]:
            for file in files:
                with naming(file):
                    found = known_image(file.relative_to(base).as_posix(), find, str(file))
                    text = read_text(file, "label")
                    image, lost = parse(text, found.path, found.size_hw, names, convention or "edge")
                losses.extend(lost)
                yield image

        classes = tuple(ObjectClass(n) for n in dict.fromkeys(names))
        return AnnotationStream(images(), classes, losses, count=len(files))

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """`labels/` and `data.yaml` in a folder; the images themselves belong into `images/` beside them."""
        classes, names = ClassTable(annotations.classes), OutputNames(".txt", annotations.paths)
        paths: list[str] = []
        losses: list[str] = []
        for image in annotations.images:
            text, lost = serialize(image, classes, style)
            path = Path(target) / LABELS / names.name(image.path)
            write_atomically(path, text.encode())
            paths.append(str(path))
            losses += lost
        config = Path(target) / CONFIG_NAME
        content = {"path": ".", "train": IMAGES, "val": IMAGES, "names": dict(enumerate(classes.names))}
        write_atomically(config, yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode())
        return Written((*paths, str(config)), tuple(losses))


FORMAT = YoloText()


def one_ring(rings: Rings) -> Ring:
    """All rings as one: a seam of no width leads from each ring's nearest corner to the next ring, and back.

    The rings are visited in rows of squares, every second row from the right: so seams are short, and the work grows
    with the number of points.
    """
    every = (*rings.outer, *rings.holes)
    chain = [every[i] for i in _in_rows(np.array([ring[0] for ring in every]))]
    there: list[Ring] = []
    back: list[Ring] = []
    for ring, following in itertools.pairwise(chain):
        near = int(np.abs(ring - following[0]).sum(axis=1).argmin())
        there.append(ring[: near + 1])
        back.append(np.concatenate((ring[near:], ring[:1])))
    closed = np.concatenate((*there, chain[-1], chain[-1][:1], *reversed(back)))
    return closed[:-1]  # a ring does not repeat its first point


def _in_rows(points_xy: Ring) -> NDArray[np.intp]:
    """An order of points in which neighbours are near each other; the first stays first."""
    low, high = points_xy.min(axis=0), points_xy.max(axis=0)
    side = max(1.0, float(np.sqrt(np.prod(high - low + 1) / len(points_xy))))
    row = ((points_xy[:, 1] - low[1]) // side).astype(np.int64)
    x = np.where(row % 2, -points_xy[:, 0], points_xy[:, 0])
    order = np.lexsort((points_xy[:, 1], x, row))
    return np.concatenate(([0], order[order != 0]))


def _written_rings(mask: RunLengthMask, style: ShapeStyle, where: str) -> tuple[list[Ring], list[str]]:
    x0, y0, _, _ = mask.box_xyxy
    rings = edge_rings(mask.decode_crop())
    parts, holes = len(rings.outer), len(rings.holes)
    simple = parts == 1 and not holes
    counts = f"{holes} hole{'' if holes == 1 else 's'}, {parts} part{'' if parts == 1 else 's'}"
    if simple or style == "polygon":
        losses = [] if simple else [f"{where}: {counts}; each part becomes an object, holes are filled."]
        return [np.add(ring, (x0, y0)) for ring in rings.outer], losses
    if style == "mask":
        raise FormatError(f"{where} has {counts}, which one ring does not hold. Leave --style out, or write COCO.")
    text = f"{where}: {counts}, joined by seams of no width; what draws outlines or does not fill even-odd differs."
    return [np.add(one_ring(rings), (x0, y0))], [text]


def _numbers(ring: Ring, size_hw: tuple[int, int]) -> str:
    decimals = max(DECIMALS, len(str(max(size_hw))) + 2)
    return " ".join(f"{v:.{decimals}f}" for v in (ring / (size_hw[1], size_hw[0])).ravel().tolist())


def _ring(words: Sequence[str], where: str) -> Ring:
    try:
        ring = fields.ring([float(w) for w in words[1:]], where)
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{where}: coordinates must be numbers ({error}).") from error
    if len(ring) < 3:
        raise FormatError(f"{where}: a polygon needs at least three points, got {len(ring)}.")
    if np.abs(ring).max() > 2:
        raise FormatError(f"{where}: coordinates are parts of the image's sides, 0 to 1; got {np.abs(ring).max():g}.")
    return ring


def _class_name(word: str, names: Sequence[str], where: str) -> str:
    number = float(word) if word.replace(".", "", 1).isdecimal() else -1.0
    if number < 0 or not number.is_integer():
        raise FormatError(f"{where} must begin with a class number, got {word[:30]!r}.")
    return names[int(number)] if number < len(names) else f"class {int(number)}"


def _class_names(folder: Path) -> list[str]:
    """From data.yaml (or the only other .yaml), else from classes.txt; none without them."""
    configs = sorted(folder.glob("*.y*ml"))
    config = folder / CONFIG_NAME if (folder / CONFIG_NAME) in configs or len(configs) != 1 else configs[0]
    if config.exists():
        with naming(config):
            return _yaml_names(read_text(config, "YAML"))
    listed = folder / "classes.txt"
    lines = read_text(listed, "list of classes").splitlines() if listed.exists() else []
    return [line.strip() or f"class {number}" for number, line in enumerate(lines)]


def _yaml_names(text: str) -> list[str]:
    try:
        content: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise FormatError(f"This is not YAML that can be read: {error}") from error
    given = content.get("names") if isinstance(content, dict) else None
    if isinstance(given, list):
        given = dict(enumerate(given))
    if not isinstance(given, dict) or not all(isinstance(k, int) and 0 <= k < 100_000 for k in given):
        raise FormatError("'names' must be a list of class names, or numbers with their names.")
    names = {k: fields.writable(str(v), "'names'") for k, v in given.items()}
    return [names.get(k) or f"class {k}" for k in range(max(names, default=-1) + 1)]
