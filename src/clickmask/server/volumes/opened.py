"""A volume as it is kept while it is open: a tall picture of all slices, one below the other."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError
from clickmask.core.frames import Frame
from clickmask.core.layers import layer_of, layers_with_pixels
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.window import PRESETS, Window
from clickmask.spatial.volume import Plane, Slicing, Volume, rendered

FRAMES_KEPT = 8


@dataclass(frozen=True, eq=False)
class OpenVolume:
    """See `medium.Opened`.

    Attributes:
        volume: the voxels.
        slicing: how slices are cut and turned.
        window: what is shown at first, and what the model sees until another one is chosen.
    """

    volume: Volume
    slicing: Slicing
    window: Window
    _seen: dict[str, Window] = field(default_factory=dict)
    _frames: OrderedDict[int, Frame] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=Lock)
    _planes: dict[Plane, OpenVolume] = field(default_factory=dict)

    @staticmethod
    def of(volume: Volume) -> OpenVolume:
        """A volume in the plane that it was recorded in."""
        made = OpenVolume(volume, volume.slicing(volume.acquired_plane()), volume.default_window())
        made._planes[made.slicing.plane] = made
        return made

    def in_plane(self, plane: Plane) -> OpenVolume:
        """The same volume cut along a plane; always the same object for one plane."""
        if plane not in self._planes:
            other = OpenVolume(self.volume, self.volume.slicing(plane), self.window, _planes=self._planes)
            self._planes.setdefault(plane, other)
        return self._planes[plane]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Of the tall picture."""
        height, width = self.slicing.size_hw
        return self.slicing.count * height, width

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels."""
        return self.volume.voxels.nbytes

    @property
    def rows(self) -> int:
        """Rows of one slice."""
        return self.slicing.size_hw[0]

    def frame(self, index: int) -> Frame:
        """A slice as the model sees it."""
        with self._lock:
            if index not in self._frames:
                self._frames[index] = Frame.of(self.picture(index, self._seen.get("window", self.window)))
                while len(self._frames) > FRAMES_KEPT:
                    self._frames.popitem(last=False)
            return self._frames[index]

    def look_through(self, window: Window) -> None:
        """The window through which the model sees slices from now on; what it has answered stays."""
        with self._lock:
            self._seen["window"] = window
            self._frames.clear()

    def picture(self, index: int, window: Window) -> NDArray[np.uint8]:
        """(H, W, 3) RGB of a slice through a window; InputError if there is no such slice."""
        return rendered(self.volume, self.slicing, index, window)

    def slice_at(self, y: float) -> int:
        """Number of the slice that a row of the tall picture belongs to."""
        return int(y // self.rows)

    def labels(self, mask: RunLengthMask, into: NDArray[Any], number: int) -> None:
        """Write a number into the voxels of a mask of the tall picture.

        Args:
            mask: of this volume.
            into: (Z, Y, X).
            number: to write.
        """
        if mask.size_hw != self.size_hw:
            raise InputError(f"A mask of {mask.size_hw} does not fit a volume of {self.size_hw}.")
        for index in layers_with_pixels(mask, self.rows):
            self.slicing.put(into, index, layer_of(mask, index, self.rows).decode(), number)

    def tall(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """(N x rows, columns) all slices of an array of the volume's shape, below one another."""
        return np.concatenate([self.slicing.take(voxels, index) for index in range(self.slicing.count)])

    def part(self, values: BoolMask, x: int, y: int) -> RunLengthMask:
        """A mask of the tall picture from the part of it whose upper left corner is (x, y)."""
        return RunLengthMask.encode(values, (x, y), self.size_hw)

    def description(self) -> dict[str, Any]:
        """What the page needs to know to show slices."""
        height, width = self.slicing.size_hw
        finite = np.asarray(self.volume.voxels[:: max(1, self.slicing.count // 16)], dtype=np.float64)
        low, high = float(np.nanmin(finite)), float(np.nanmax(finite))
        return {
            "slices": self.slicing.count,
            "rows": height,
            "columns": width,
            "plane": str(self.slicing.plane),
            "spacing": [*self.slicing.spacing_hw, self.slicing.spacing],
            "aspect": self.slicing.aspect,
            "sides": list(self.slicing.sides),
            "modality": self.volume.modality,
            "levels": [self.window.center, self.window.width],
            "range": [low, high],
            "presets": _presets(self.volume.modality),
            "writes": ["nifti", "nrrd", *(["dicom_seg"] if "dicom" in self.volume.source else [])],
        }


def _presets(modality: str) -> dict[str, list[float]]:
    """Usual windows by name; those of CT make no sense for other scanners."""
    return {name: [w.center, w.width] for name, w in PRESETS.items()} if modality == "CT" else {}
