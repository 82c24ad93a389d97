"""What the annotator needs to know of a kind of thing that can be annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clickmask.server.benches import Bench
from clickmask.server.minds import Mind

Picture = NDArray[np.uint8]

DISPLAY, OUTLINE, PNG, DOUBTS = "display", "outline", "png", "uncertainty"
"""What the API may offer of a medium: a picture for the canvas, masks as polygons and PNG, doubts of the model."""

FOR_VOLUMES = frozenset({"propagate", "stop"})
"""Commands that make sense on slices that follow one another, and on nothing else."""


class Opened(Protocol):
    """The content of a file as a model works on it, e.g. a `clickmask.core.frames.Frame`."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Size of every mask on it."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps in memory."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What a file's head tells: the size of masks, and the EXIF orientation (1 to 8) that opening it applies."""

    size_hw: tuple[int, int]
    orientation: int = 1


class Medium(Protocol):
    """One kind of thing: photographs, point clouds, ...

    Whatever it is, a mask of it is a grid of (height, width) cells, and a click falls on one cell. The methods are
    called in worker threads.
    """

    @property
    def kind(self) -> str:
        """Its name in the project and in the protocol."""
        ...

    @property
    def title(self) -> str:
        """For people, in the plural."""
        ...

    def measure(self, size_hw: tuple[int, int]) -> str:
        """The size of a mask for people: ``1200 x 800 pixels``."""
        ...

    @property
    def model_kind(self) -> str:
        """Kind of the models that answer for it, see `clickmask.server.menus`."""
        ...

    def mind(self) -> Mind:
        """Who asks them."""
        ...

    @property
    def commands(self) -> frozenset[str]:
        """Types of the protocol's commands that make sense on it."""
        ...

    @property
    def looking(self) -> frozenset[str]:
        """Those of the commands that look at the content of the file, not at masks alone."""
        ...

    def bench(self, opened: Opened | None) -> Bench:
        """How masks are worked on as shapes; `opened` for commands among `looking`."""
        ...

    @property
    def offers(self) -> frozenset[str]:
        """Which of DISPLAY, OUTLINE, PNG and DOUBTS there are of it."""
        ...

    def found(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        """Which of the files in a folder are of this kind, hidden ones left out.

        Where one thing is many files, the name of one of them stands for it. A name that other programs use for other
        things too is looked into; a damaged file of an unmistakable name counts, and opening it says what is wrong.
        """
        ...

    def head(self, file: Path) -> Head | None:
        """What the file's head tells; None where only opening it does. ImageError: the file is damaged."""
        ...

    def open(self, file: Path) -> Opened:
        """The whole file. ImageError: it is damaged."""
        ...

    def thumb(self, file: Path, side: int) -> Picture:
        """(h, w, 3) RGB for the strip; may be larger than `side`, to which it is shrunk. ImageError: it is damaged."""
        ...

    def browser_type(self, file: Path) -> str | None:
        """Media type of a file that every browser shows right as it is, else None; only with DISPLAY."""
        ...

    def picture(self, file: Path) -> Picture:
        """(h, w, 3) RGB for the canvas where the file itself will not do; only with DISPLAY."""
        ...
