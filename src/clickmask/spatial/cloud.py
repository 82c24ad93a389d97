"""A point cloud as a value: places relative to an origin, colour, labels, and every other field of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError

FAR = 10_000.0
"""Metres from zero beyond which float32 loses millimetres, so that an origin is subtracted."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points with what is known of them.

    Attributes:
        xyz: (P, 3) float32 metres, relative to `origin`.
        rgb: (P, 3) uint8, None without colour.
        instance: (P,) int32 labels, 0 for none; None without labels.
        origin: (3,) float64 metres; what to add to `xyz`.
        fields: every other column of the file by name, each with P rows, in its own dtype.
        source: what a format needs to write the file back, by format name.
        absent: (P,) True for points whose coordinates the file does not know; None if there are none such. Their
            `xyz` is far from all others.
        semantic: (P,) int32 classes to write beside the labels, 0 for none; None without. Reading leaves a file's own
            classes among `fields`.
    """

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8] | None = None
    instance: NDArray[np.int32] | None = None
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    fields: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    absent: NDArray[np.bool_] | None = None
    semantic: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        check_xyz(self.xyz)
        columns = {"rgb": self.rgb, "instance": self.instance, "semantic": self.semantic, **self.fields}
        for name, values in columns.items():
            if values is not None and len(values) != len(self.xyz):
                raise InputError(f"A cloud of {len(self.xyz)} points has {len(values)} values of '{name}'.")

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def world_xyz(self) -> NDArray[np.float64]:
        """(P, 3) float64 with the origin added."""
        return self.xyz.astype(np.float64) + self.origin

    def with_labels(
        self, instance: NDArray[np.integer[Any]], semantic: NDArray[np.integer[Any]] | None = None
    ) -> Cloud:
        """The same cloud with other labels, and classes if they are given: (P,) whole numbers from 0."""
        classes = None if semantic is None else np.asarray(semantic, dtype=np.int32)
        return replace(self, instance=np.asarray(instance, dtype=np.int32), semantic=classes)


def check_xyz(xyz: Any) -> NDArray[np.floating]:
    """`xyz` if it is a (P, 3) array of finite numbers with P of at least 1.

    Raises:
        InputError: anything else.
    """
    array = np.asarray(xyz)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu":
        raise InputError(f"Points are a (P, 3) array of x, y, z in metres, got shape {array.shape} of {array.dtype}.")
    if not len(array):
        raise InputError("The cloud holds no point.")
    if not np.isfinite(array).all():
        bad = ~np.isfinite(array).all(axis=1)
        raise InputError(
            f"{int(bad.sum())} of {len(array)} points have NaN or infinite coordinates, the first at row "
            f"{int(bad.argmax())}. Leave them out: xyz[numpy.isfinite(xyz).all(axis=1)]."
        )
    return array


def centred(xyz: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Points as float32 and the origin that was subtracted: zero unless they lie far away (UTM and the like)."""
    low, high = (corner.astype(np.float64) for corner in corners(xyz))
    if max(np.abs(low).max(), np.abs(high).max()) < FAR:
        return np.asarray(xyz, dtype=np.float32), np.zeros(3)
    origin = np.floor((low + high) / 2)
    return (np.asarray(xyz, dtype=np.float64) - origin).astype(np.float32), origin


def corners(xyz: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Least and greatest coordinates of (P, 3) points; column by column, which is many times faster than by rows."""
    low, high = (np.array([rule(xyz[:, axis]) for axis in range(3)], dtype=xyz.dtype) for rule in (np.min, np.max))
    return low, high
