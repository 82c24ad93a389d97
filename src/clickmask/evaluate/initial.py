"""Masks that a measured object begins with, so that correcting a mask is a task of its own.

They are the same for the same seed and object, whatever is measured and in whichever process.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clickmask.core.errors import InputError
from clickmask.core.frames import Frame, Image
from clickmask.core.masks import BoolMask
from clickmask.core.protocols import ObjectState
from clickmask.data import Truth
from clickmask.evaluate.records import ObjectKey
from clickmask.formats.mask_png import read_mask
from clickmask.simulate.corrupt import CORRUPTIONS
from clickmask.simulate.ritm_center import ritm_center

if TYPE_CHECKING:
    from clickmask.evaluate.run import Subject

SEED = 0


class InitialMask(Protocol):
    """Makes the mask that an object begins with; picklable."""

    @property
    def label(self) -> str:
        """What tables call it."""
        ...

    @property
    def rule(self) -> str:
        """How it is made, for the protocol."""
        ...

    def __call__(self, key: ObjectKey, image: Image, truth: Truth) -> BoolMask:
        """(H, W) bool."""
        ...


@dataclass(frozen=True)
class Corrupted:
    """The truth, spoiled in one of the ways of `clickmask.simulate.corrupt`; UnknownNameError for another."""

    kind: str
    seed: int = SEED

    def __post_init__(self) -> None:
        CORRUPTIONS.target(self.kind)

    @property
    def label(self) -> str:
        """See `InitialMask`."""
        return self.kind

    @property
    def rule(self) -> str:
        """See `InitialMask`."""
        return f"the truth, spoiled to an IoU of 0.75 to 0.85 by {self.kind} (seed {self.seed})"

    def __call__(self, key: ObjectKey, image: Image, truth: Truth) -> BoolMask:
        """See `InitialMask`; the name of the data set is not drawn from."""
        rng = np.random.default_rng([self.seed, zlib.crc32("/".join(key[1:]).encode())])
        return CORRUPTIONS.get(self.kind)(truth.scored, image, rng)


@dataclass(frozen=True)
class FromFolder:
    """Masks of a folder: IMAGE.png, or IMAGE_OBJECT.png where an image has several objects."""

    folder: Path

    @property
    def label(self) -> str:
        """See `InitialMask`."""
        return self.folder.name

    @property
    def rule(self) -> str:
        """See `InitialMask`."""
        return f"the PNG masks of {self.folder.resolve()}"

    def __call__(self, key: ObjectKey, image: Image, truth: Truth) -> BoolMask:
        """See `InitialMask`; InputError where there is no mask for an object."""
        candidates = [self.folder / f"{key.image}_{key.object}.png", self.folder / f"{key.image}.png"]
        for path in candidates:
            if path.is_file():
                return read_mask(path, (image.shape[0], image.shape[1]))
        raise InputError(
            f"No initial mask for object '{key.object}' of image '{key.image}': expected "
            f"{candidates[0].name} or {candidates[1].name} in {self.folder}."
        )


@dataclass(frozen=True, eq=False)
class FirstAnswer:
    """Another network's output: its answer to the published robot's first click.

    Attributes:
        name: of the network.
        build: makes it.
    """

    name: str
    build: Callable[[], Subject]

    @property
    def label(self) -> str:
        """See `InitialMask`."""
        return self.name

    @property
    def rule(self) -> str:
        """See `InitialMask`."""
        return f"the answer of '{self.name}' to one click in the middle of the object"

    def __call__(self, key: ObjectKey, image: Image, truth: Truth) -> BoolMask:
        """See `InitialMask`."""
        click = ritm_center(truth.mask, np.zeros_like(truth.mask), truth.ignore)
        if click is None:
            return np.zeros_like(truth.mask)
        frame = Frame.of(image)
        if self.name not in _networks:
            _networks[self.name] = self.build()
        return _networks[self.name].advance(frame, ObjectState(), click).mask(frame.size_hw)


_networks: dict[str, Subject] = {}
"""Networks of `FirstAnswer` by name, loaded once per process: the value itself goes to every process anew."""
