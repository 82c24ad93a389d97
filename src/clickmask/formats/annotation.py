"""What every annotation format is read into and written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from clickmask.core.masks import RunLengthMask

Convention = Literal["edge", "center"]
"""What a polygon's whole numbers mean: corners between pixels, or the pixels themselves (then drawn inclusively)."""

ShapeStyle = Literal["auto", "polygon", "mask"]
"""How a mask is written: as a polygon, without loss, or as a polygon only where that loses nothing."""

Attributes = Mapping[str, Mapping[str, Any]]
"""Fields that only one format knows: its name -> its fields. Written back to that format, left out of others."""


@dataclass(frozen=True)
class Annotation:
    """One object: its class and its mask.

    Attributes:
        class_name: free text, not empty.
        mask: in the image's own pixels, after its EXIF orientation is applied.
        id: number in the source, kept on writing; None lets the writer number it.
        colour: "#rrggbb", None if the source has none.
        attributes: what else the source said, see Attributes.
    """

    class_name: str
    mask: RunLengthMask
    id: int | None = None
    colour: str | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and the objects on it, lowest first.

    Attributes:
        path: file name or path relative to the data set, with forward slashes.
        size_hw: of the image, EXIF orientation applied.
        annotations: its objects; may be empty.
        id: number in the source, None lets the writer number it.
        attributes: what else the source said, see Attributes.
    """

    path: str
    size_hw: tuple[int, int]
    annotations: tuple[Annotation, ...] = ()
    id: int | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class ObjectClass:
    """A class that objects may have.

    Attributes:
        name: free text, unique.
        id: number in the source, None lets the writer number it.
        attributes: what else the source said, see Attributes.
    """

    name: str
    id: int | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationSet:
    """Annotated images with the classes in use, and what reading them lost.

    Attributes:
        images: in the order of the source.
        classes: in the order of the source; classes that only objects name follow when it is written.
        losses: one sentence for each thing that could not be taken over.
        attributes: what else the source said about the whole, see Attributes.
    """

    images: tuple[AnnotatedImage, ...]
    classes: tuple[ObjectClass, ...] = ()
    losses: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=dict)

    def all_classes(self) -> tuple[ObjectClass, ...]:
        """The declared classes, then those that objects use undeclared, each once."""
        by_name = {c.name: c for c in self.classes}
        for image in self.images:
            for annotation in image.annotations:
                by_name.setdefault(annotation.class_name, ObjectClass(annotation.class_name))
        return tuple(by_name.values())


@dataclass(frozen=True)
class Written:
    """What writing produced.

    Attributes:
        paths: the files, as written.
        losses: one sentence for each thing that the format cannot hold.
    """

    paths: tuple[str, ...]
    losses: tuple[str, ...] = ()


class AnnotationFormat(Protocol):
    """A format as the registry knows it."""

    @property
    def summary(self) -> str:
        """One line for lists."""
        ...

    def read(self, source: str, *, convention: Convention | None = None) -> AnnotationSet:
        """Annotations in a file or folder; `convention` overrides what the format's polygons usually mean."""
        ...

    def write(self, annotations: AnnotationSet, target: str, *, style: ShapeStyle = "auto") -> Written:
        """Write to a file or folder."""
        ...


def numbered(given: Sequence[int | None], first: int = 1) -> list[int]:
    """Numbers for a file: those given where they are unique, the smallest free ones for the rest."""
    taken: set[int] = set()
    kept: list[int | None] = []
    for number in given:
        keep = number is not None and number >= first and number not in taken
        kept.append(number if keep else None)
        if keep and number is not None:
            taken.add(number)
    free = (n for n in range(first, first + len(given) + len(taken) + 1) if n not in taken)
    return [next(free) if number is None else number for number in kept]
