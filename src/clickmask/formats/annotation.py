"""What every annotation format is read into and written from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from clickmask.core.masks import RunLengthMask
from clickmask.formats.georeference import Georeference

Convention = Literal["edge", "center"]
"""What a polygon's whole numbers mean: corners between pixels, or the pixels themselves (then drawn inclusively)."""

ShapeStyle = Literal["auto", "polygon", "mask"]
"""How a mask is written: as a polygon, without loss, or as a polygon only where that loses nothing."""

Attributes = Mapping[str, Mapping[str, Any]]
"""Fields that only one format knows: its name -> its fields. Written back to that format, left out of others."""


KNOWS_IGNORED = frozenset({"coco", "png", "voc"})
"""Formats that hold ignore regions: as crowds, or as the number 255."""

KNOWS_PLACES = frozenset({"geojson_world", "geotiff"})
"""Formats that hold where an image lies on the earth."""


@dataclass(frozen=True)
class FoundImage:
    """An image that an annotation file means: its path, (height, width), and where it lies on the earth if known."""

    path: str
    size_hw: tuple[int, int]
    georeference: Georeference | None = None


ImageLookup = Callable[[str], FoundImage | None]
"""The image meant by a path in an annotation file; None if there is none, or more than one."""


@dataclass(frozen=True)
class Annotation:
    """One object: its class and its mask.

    Attributes:
        class_name: free text, not empty.
        mask: in the image's own pixels, after its EXIF orientation is applied.
        id: number in the source, kept on writing; None lets the writer number it.
        colour: "#rrggbb", None if the source has none.
        attributes: what else the source said, see Attributes.
        ignored: an ignore region, whose pixels are neither right nor wrong; see KNOWS_IGNORED.
    """

    class_name: str
    mask: RunLengthMask
    id: int | None = None
    colour: str | None = None
    attributes: Attributes = field(default_factory=dict)
    ignored: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and the objects on it, lowest first.

    Attributes:
        path: file name or path relative to the data set, with forward slashes.
        size_hw: of the image, EXIF orientation applied.
        annotations: its objects; may be empty.
        id: number in the source, None lets the writer number it.
        attributes: what else the source said, see Attributes.
        georeference: where its pixels lie on the earth; kept by KNOWS_PLACES, left out by other formats.
    """

    path: str
    size_hw: tuple[int, int]
    annotations: tuple[Annotation, ...] = ()
    id: int | None = None
    attributes: Attributes = field(default_factory=dict)
    georeference: Georeference | None = None


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

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all images, in order."""
        return tuple(image.path for image in self.images)

    def all_classes(self) -> tuple[ObjectClass, ...]:
        """The declared classes, then those that objects use undeclared, each once."""
        by_name = {c.name: c for c in self.classes}
        for image in self.images:
            for annotation in image.annotations:
                by_name.setdefault(annotation.class_name, ObjectClass(annotation.class_name))
        return tuple(by_name.values())


@dataclass
class AnnotationStream:
    """Annotated images one after the other, so that a large data set never lies in memory as a whole.

    Attributes:
        images: to be gone through once; each image is read when its turn comes.
        classes: those that are known beforehand, in the order of the source.
        losses: as in AnnotationSet; complete when the images are through.
        attributes: as in AnnotationSet.
        paths: of all images, where the source tells them beforehand; else empty.
        count: number of images, None if unknown; for progress alone.
    """

    images: Iterable[AnnotatedImage]
    classes: tuple[ObjectClass, ...] = ()
    losses: list[str] = field(default_factory=list)
    attributes: Attributes = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    count: int | None = None

    def collected(self) -> AnnotationSet:
        """All of it at once."""
        images = tuple(self.images)
        return AnnotationSet(images, self.classes, tuple(self.losses), self.attributes)


Annotations = AnnotationSet | AnnotationStream
"""What a writer takes: it goes through the images once."""


@dataclass(frozen=True)
class Written:
    """What writing produced.

    Attributes:
        paths: the files, as written.
        losses: one sentence for each thing that the format cannot hold.
    """

    paths: tuple[str, ...]
    losses: tuple[str, ...] = ()


def placed(image: AnnotatedImage, find_image: ImageLookup) -> AnnotatedImage:
    """The same with the georeference of its image, where it has none of its own and the image is found."""
    found = None if image.georeference else find_image(image.path)
    return image if found is None else replace(image, georeference=found.georeference)


class AnnotationFormat(Protocol):
    """A format as the registry knows it. Classes that inherit from this get `read` from `open`."""

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def summary(self) -> str:
        """One line for lists."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of single files that `open` takes besides a folder, lower case, with the dot; may be empty."""
        ...

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """Annotations in a file or folder, image by image.

        Args:
            source: where they are.
            convention: overrides what the format's polygons usually mean.
            find_image: finds images, for files that do not tell their sizes or full names.

        Raises:
            FormatError: the source is missing or damaged; also while the images are gone through.
        """
        ...

    def read(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationSet:
        """As `open`, all at once."""
        return self.open(source, convention=convention, find_image=find_image).collected()

    def write(self, annotations: Annotations, target: str, *, style: ShapeStyle = "auto") -> Written:
        """Write to a file or folder, going through the images once."""
        ...


class ClassTable:
    """Classes of a file that is being written: the declared ones, then others as objects bring them.

    Args:
        declared: classes known beforehand, each name once.
    """

    def __init__(self, declared: Iterable[ObjectClass] = ()) -> None:
        self._classes = {c.name: c for c in declared}
        self._places = {name: place for place, name in enumerate(self._classes)}
        self._ids = Numbers(first=1)
        self._numbers = dict(zip(self._classes, self._ids.of_all([c.id for c in self._classes.values()]), strict=True))

    def __iter__(self) -> Iterator[ObjectClass]:
        return iter(self._classes.values())

    def __len__(self) -> int:
        return len(self._classes)

    @property
    def names(self) -> list[str]:
        """In order."""
        return list(self._classes)

    def place(self, name: str) -> int:
        """Position of a class, 0 for the first; a new name goes to the end."""
        self._add(name)
        return self._places[name]

    def id(self, name: str) -> int:
        """The class's own number where it has a unique one, the smallest free one else."""
        self._add(name)
        return self._numbers[name]

    def _add(self, name: str) -> None:
        if name not in self._classes:
            self._places[name] = len(self._classes)
            self._classes[name] = ObjectClass(name)
            self._numbers[name] = self._ids.take(None)


class Numbers:
    """Numbers for things in a file: those that they bring where these are unique, the smallest free ones else.

    Args:
        lowest: numbers below this are not kept.
        first: where the free ones begin.
    """

    def __init__(self, first: int = 1, lowest: int | None = None) -> None:
        self._taken: set[int] = set()
        self._lowest = first if lowest is None else lowest
        self._next = first

    def take(self, given: int | None) -> int:
        """A number for one thing."""
        if given is not None and given >= self._lowest and given not in self._taken:
            self._taken.add(given)
            return given
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next

    def of_all(self, given: Sequence[int | None]) -> list[int]:
        """Numbers for many things; those that bring one are served first."""
        kept: dict[int, int] = {}
        for place, number in enumerate(given):
            if number is not None and number >= self._lowest and number not in self._taken:
                kept[place] = self.take(number)
        return [kept[place] if place in kept else self.take(None) for place in range(len(given))]
