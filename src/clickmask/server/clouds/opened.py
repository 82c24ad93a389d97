"""A cloud as it is kept while it is open, and its points in the order in which a browser gets them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.formats.cloud_classes import cloud_objects
from clickmask.spatial.cloud import Cloud, corners
from clickmask.spatial.scale import suggest_voxel
from clickmask.spatial.upright import upright

CHUNK = 1 << 18
"""Points of one answer: a first picture comes after a few megabytes."""
MEDIA_TYPE = "application/vnd.clickmask.points"
INTENSITIES = ("intensity", "Intensity", "scalar_Intensity", "remission", "reflectance", "reflectivity")
RGB, INTENSITY, LABEL = 1, 2, 4
_MAGIC = b"P1"
_HEADER = struct.Struct("<2sHIII")


@dataclass(frozen=True, eq=False)
class OpenCloud:
    """What clicks and the page need of a file; its other columns stay on the disk.

    Attributes:
        xyz: (P, 3) float32 metres relative to `origin`, in the file's order and axes.
        rgb: (P, 3) uint8, None without colour.
        intensity: (P,) uint8, scaled from `intensity_range`; None without.
        intensity_range: least and greatest value in the file.
        labels: (P,) int32 which object of the file a point is of (its class where there are no instances), 0 for none;
            None without.
        origin: (3,) float64.
        absent: (P,) True for points without a place, None if all have one.
    """

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8] | None
    intensity: NDArray[np.uint8] | None
    intensity_range: tuple[float, float] | None
    labels: NDArray[np.int32] | None
    origin: NDArray[np.float64]
    absent: NDArray[np.bool_] | None

    @staticmethod
    def of(cloud: Cloud) -> OpenCloud:
        """The parts of a cloud that are kept."""
        intensity, reach = _intensity(cloud)
        found = cloud_objects(cloud)
        labels = None if found is None else found.labels
        return OpenCloud(cloud.xyz, cloud.rgb, intensity, reach, labels, cloud.origin, cloud.absent)

    @property
    def size_hw(self) -> tuple[int, int]:
        """A mask of a cloud is one row with a cell for every point."""
        return 1, len(self.xyz)

    @property
    def nbytes(self) -> int:
        """Bytes of all columns, with room for the index that clicks need."""
        columns = (self.xyz, self.rgb, self.intensity, self.labels)
        return sum(column.nbytes for column in columns if column is not None) + 32 * len(self.xyz)

    @cached_property
    def order(self) -> NDArray[np.uint32]:
        """(V,) rows of the points that have a place, in one random order: its beginning is a fair sample."""
        count = len(self.xyz)
        order = np.random.default_rng(0).permutation(count).astype(np.uint32)
        return order if self.absent is None else order[~self.absent[order]]

    @cached_property
    def up(self) -> tuple[float, float, float]:
        """What a person would call up: the normal of the ground, a unit vector."""
        x, y, z = upright(self.xyz[self.order[:CHUNK]])[2].tolist()
        return x, y, z

    @cached_property
    def voxel(self) -> float:
        """Edge of a voxel, metres, by whose touching points are connected."""
        return suggest_voxel(self.xyz if self.absent is None else self.xyz[~self.absent])

    @property
    def chunks(self) -> int:
        """How many answers all points take."""
        return -(-len(self.order) // CHUNK)

    def description(self) -> dict[str, Any]:
        """As in the protocol, 7.1, without the tag."""
        there = self.xyz if self.absent is None else self.xyz[~self.absent]
        low, high = (corner.tolist() for corner in corners(there))
        names = {"rgb": self.rgb, "intensity": self.intensity, "label": self.labels}
        return {
            "points": len(self.xyz), "shown": len(self.order), "chunk": CHUNK, "chunks": self.chunks,
            "origin": self.origin.tolist(), "box": [low, high], "up": list(self.up),
            "fields": [name for name, values in names.items() if values is not None],
            "intensity": None if self.intensity_range is None else list(self.intensity_range),
            "labels": len(self.label_numbers),
        }  # fmt: skip

    @cached_property
    def label_numbers(self) -> tuple[int, ...]:
        """The labels above 0 that the file holds."""
        return () if self.labels is None else tuple(n for n in np.unique(self.labels).tolist() if n > 0)

    def chunk(self, number: int) -> bytes:
        """The points of one answer, `number` from 0, as in the protocol, 7.1."""
        first = number * CHUNK
        rows = self.order[first : first + CHUNK]
        parts = [self.xyz[rows].tobytes(), rows.tobytes()]
        flags = 0
        for flag, values in ((RGB, self.rgb), (INTENSITY, self.intensity), (LABEL, self.labels)):
            if values is not None:
                flags |= flag
                data = values[rows].tobytes()
                parts.append(data + bytes(-len(data) % 4))
        return _HEADER.pack(_MAGIC, flags, number, first, len(rows)) + b"".join(parts)


def _intensity(cloud: Cloud) -> tuple[NDArray[np.uint8] | None, tuple[float, float] | None]:
    name = next((name for name in INTENSITIES if name in cloud.fields), None)
    if name is None or cloud.fields[name].dtype.kind not in "iuf":
        return None, None
    values = np.nan_to_num(cloud.fields[name].astype(np.float32))
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8), (low, high)
