"""Formats that write the objects of a medium as labels into copies of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from clickmask.formats.annotation import AnnotatedImage, ObjectClass, Written


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
