"""A volume as a value: voxels on a grid, where the grid lies in the patient, and its slices as people look at them.

World coordinates are RAS+ millimetres as in NIfTI: x grows to the right, y to the front (anterior), z to the head
(superior) of the patient. DICOM and most NRRD files count to the left and to the back (LPS); `lps` turns one into the
other. Voxels lie in memory as the file has them and are never resampled or turned: only the slices that are shown are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError
from clickmask.core.masks import BoolMask
from clickmask.core.window import Window, percentile_window

Voxels = NDArray[Any]
Affine = NDArray[np.float64]

SIDES = (("R", "L"), ("A", "P"), ("S", "I"))
"""Of each world axis the side towards which it grows, and the opposite one."""

GEOMETRY_TOLERANCE = 1e-3
"""Two grids are the same if no corner lies further apart than this part of the smallest spacing."""


class Plane(StrEnum):
    """The three planes in which a body is looked at."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


_DISPLAY = {Plane.AXIAL: (2, 1, 0), Plane.CORONAL: (1, 2, 0), Plane.SAGITTAL: (0, 2, 1)}
"""World axes (x 0, y 1, z 2) of each plane: across the slices, down the rows, along the columns."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Numbers on a regular grid.

    Attributes:
        voxels: (Z, Y, X) real numbers; the last axis is the one that is fastest in the file.
        affine_ras: (4, 4) float64 from voxel indices (i along X, j along Y, k along Z, 1), which name voxel centres, to
            RAS+ millimetres.
        window: what the file wants to be shown, None if it says nothing.
        modality: "CT", "MR" and so on as DICOM says it, "" if unknown.
        inverted: low values are meant to be bright (MONOCHROME1).
        oriented: whether the file tells how the grid lies in the patient; without it no sides are named.
        source: what a format needs to write labels for this volume, by name.
    """

    voxels: Voxels
    affine_ras: Affine
    window: Window | None = None
    modality: str = ""
    inverted: bool = False
    oriented: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3 or self.voxels.dtype.kind not in "iuf" or not self.voxels.size:
            raise InputError(
                f"A volume is a (Z, Y, X) array of real numbers with at least one voxel, got shape "
                f"{self.voxels.shape} of {self.voxels.dtype}."
            )
        check_affine(self.affine_ras)

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Numbers of voxels."""
        z, y, x = self.voxels.shape
        return z, y, x

    @property
    def spacing_xyz(self) -> tuple[float, float, float]:
        """Millimetres between voxel centres along X, Y and Z of the array."""
        x, y, z = np.linalg.norm(self.affine_ras[:3, :3], axis=0).tolist()
        return x, y, z

    def default_window(self) -> Window:
        """What to show at first: the file's window, else percentiles 0.5 to 99.5."""
        return self.window or percentile_window(self.voxels)

    def slicing(self, plane: Plane) -> Slicing:
        """How slices of one plane are taken."""
        return Slicing.of(self, plane)

    def acquired_plane(self) -> Plane:
        """The plane with the finest pixels: that in which the volume was most likely recorded; axial in doubt."""
        return min(Plane, key=lambda plane: round(np.prod(self.slicing(plane).spacing_hw), 4))


def check_affine(affine: Affine) -> Affine:
    """`affine` if it is (4, 4), finite and can be inverted; InputError otherwise."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or affine[3].tolist() != [0, 0, 0, 1]:
        raise InputError("The place of the volume in space is no finite (4, 4) matrix that ends in 0, 0, 0, 1.")
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if not (steps > 0).all() or abs(np.linalg.det(affine[:3, :3] / steps)) < 1e-4:
        raise InputError(
            f"The axes of the volume do not span space: voxels are {', '.join(f'{s:g}' for s in steps)} mm apart and "
            "two axes are parallel, or a spacing is zero. Write the file again with its true geometry."
        )
    return affine


def lps(affine: Affine) -> Affine:
    """An affine to RAS as one to LPS, and back: x and y change their signs."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def same_grid(first: Affine, second: Affine, shape_zyx: tuple[int, int, int]) -> bool:
    """Whether two affines put the corners of a grid at the same places, to a thousandth of a voxel."""
    z, y, x = shape_zyx
    corners = np.array([(i, j, k, 1.0) for i in (0, x - 1) for j in (0, y - 1) for k in (0, z - 1)]).T
    apart = np.abs((first - second) @ corners).max()
    return bool(apart <= GEOMETRY_TOLERANCE * np.linalg.norm(first[:3, :3], axis=0).min())


@dataclass(frozen=True)
class Slicing:
    """How the slices of one plane lie in a volume, and how they are turned for the eye.

    Shown as radiologists look: axial and coronal with the patient's right at the left, sagittal with the front at the
    left; front or head at the top. Slice numbers are the array's own. Oblique volumes are cut along their own axes.

    Attributes:
        plane: which plane.
        axes: of (Z, Y, X) the axis across the slices, that down the rows, that along the columns.
        flip_rows, flip_columns: whether the array runs against the eye.
        spacing_hw: millimetres per pixel down and along.
        spacing: millimetres between slices.
        shape_zyx: of the volume.
        sides: letters at left, right, top and bottom; empty where the file does not tell.
    """

    plane: Plane
    axes: tuple[int, int, int]
    flip_rows: bool
    flip_columns: bool
    spacing_hw: tuple[float, float]
    spacing: float
    shape_zyx: tuple[int, int, int]
    sides: tuple[str, ...] = ()

    @staticmethod
    def of(volume: Volume, plane: Plane) -> Slicing:
        """The slicing of a volume."""
        columns = volume.affine_ras[:3, :3] / np.linalg.norm(volume.affine_ras[:3, :3], axis=0)
        order = max(permutations(range(3)), key=lambda p: sum(abs(columns[p[a], a]) for a in range(3)))
        world_of = {world: axis for axis, world in enumerate(order)}  # array axis in (X, Y, Z) of each world axis
        across, down, along = (world_of[world] for world in _DISPLAY[plane])
        grows = [bool(columns[order[axis], axis] > 0) for axis in range(3)]
        spacing = volume.spacing_xyz
        row_sides, column_sides = SIDES[_DISPLAY[plane][1]], SIDES[_DISPLAY[plane][2]]
        return Slicing(
            plane,
            (2 - across, 2 - down, 2 - along),
            grows[down],
            grows[along],
            (spacing[down], spacing[along]),
            spacing[across],
            volume.shape_zyx,
            (*column_sides, *row_sides) if volume.oriented else (),
        )

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.shape_zyx[self.axes[0]]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Size of a slice in pixels, each one voxel."""
        return self.shape_zyx[self.axes[1]], self.shape_zyx[self.axes[2]]

    @property
    def aspect(self) -> float:
        """Height of a pixel divided by its width, as it must appear on screen."""
        return self.spacing_hw[0] / self.spacing_hw[1]

    def take(self, voxels: Voxels, index: int) -> Voxels:
        """(H, W) view of one slice; InputError if there is no such slice. Writing to it writes to the voxels."""
        if not 0 <= index < self.count:
            raise InputError(f"The volume has {self.plane} slices 0 to {self.count - 1}, got {index}.")
        flat: Voxels = voxels.transpose(self.axes)[index]
        return flat[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def put(self, labels: Voxels, index: int, mask: BoolMask, value: int) -> None:
        """Write `value` into the voxels of one slice where an (H, W) mask is true."""
        self.take(labels, index)[mask] = value

    def voxel(self, index: int, row: int, column: int) -> tuple[int, int, int]:
        """(i, j, k) along X, Y and Z of a pixel."""
        height, width = self.size_hw
        place = [0, 0, 0]
        place[self.axes[0]] = index
        place[self.axes[1]] = height - 1 - row if self.flip_rows else row
        place[self.axes[2]] = width - 1 - column if self.flip_columns else column
        return place[2], place[1], place[0]

    def pixel(self, ijk: tuple[int, int, int]) -> tuple[int, int, int]:
        """(slice, row, column) of a voxel; inverse of `voxel`."""
        place = ijk[::-1]
        height, width = self.size_hw
        row, column = place[self.axes[1]], place[self.axes[2]]
        return (
            place[self.axes[0]],
            height - 1 - row if self.flip_rows else row,
            width - 1 - column if self.flip_columns else column,
        )


def rendered(volume: Volume, slicing: Slicing, index: int, window: Window) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 picture of one slice, a pixel for each voxel."""
    grey = window.apply(slicing.take(volume.voxels, index), volume.inverted)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))
