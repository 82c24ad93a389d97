"""Formats that write the objects of a medium as labels into copies of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from clickmask.formats.annotation import AnnotatedImage, ObjectClass, Written
from clickmask.server.media.medium import Opened


class LabelFormat(Protocol):
    """One way to write them."""

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def summary(self) -> str:
        """One line for lists."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The media that it is for."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files that `read` takes, lower case, with the dot; none where it is for writing alone."""
        ...

    def meant(self, path: str, images: Sequence[str], shown: str | None) -> str | None:
        """Which image a file of labels is meant for; None if that is not clear.

        Args:
            path: of the file of labels.
            images: paths of the images that it may be.
            shown: the one that is open in the page.
        """
        ...

    def read(self, file: Path, opened: Opened, path: str, default: str) -> AnnotatedImage:
        """The labels of a file as objects.

        Args:
            file: with one of `suffixes`.
            opened: the image that they are for.
            path: of that image.
            default: class of labels without one.

        Raises:
            FormatError: no labels, or they do not fit the image.
        """
        ...

    def write(
        self, files: Sequence[tuple[AnnotatedImage, Path]], classes: Sequence[ObjectClass], target: Path
    ) -> Written:
        """Write labelled copies below a folder.

        Args:
            files: objects, lowest first, and the file that they are on.
            classes: of the project, with their numbers.
            target: an existing folder.

        Raises:
            FormatError: a file cannot be read or written.
        """
        ...
