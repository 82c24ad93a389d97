"""Which point lies at a place, or is met first by a ray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import PromptError
from clickmask.server.clouds.opened import OpenCloud

Vector = tuple[float, float, float]


def nearest_to(cloud: OpenCloud, place: Vector) -> int | None:
    """Row of the point nearest to a place in the file's coordinates; None if no point has a place."""
    with _far_is_infinite():
        return _least(cloud, np.linalg.norm(cloud.xyz - _local(cloud, place), axis=1))


def met_by(cloud: OpenCloud, start: Vector, direction: Vector, radius: float) -> int | None:
    """Row of the first point that a ray comes nearer to than a radius; None if it meets none.

    Args:
        cloud: the points.
        start: in the file's coordinates.
        direction: of any length above 0.
        radius: metres.
    """
    towards = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(towards))
    if not (np.isfinite(length) and length > 0):
        raise PromptError(f"A direction is a vector longer than 0, got {direction}.")
    towards = (towards / length).astype(np.float32)
    with _far_is_infinite():
        from_start = cloud.xyz - _local(cloud, start)
        along = from_start @ towards
        aside = np.linalg.norm(from_start - along[:, None] * towards, axis=1)
        return _least(cloud, np.where((aside <= radius) & (along >= 0), along, np.float32(np.inf)))


def _far_is_infinite() -> np.errstate:
    """A place beyond what 32 bits hold, or whose distance is, lies near no point: no reason to warn."""
    return np.errstate(over="ignore", invalid="ignore")


def _local(cloud: OpenCloud, place: Vector) -> NDArray[np.float32]:
    return (np.asarray(place, dtype=np.float64) - cloud.origin).astype(np.float32)


def _least(cloud: OpenCloud, values: NDArray[np.floating]) -> int | None:
    values = values if cloud.absent is None else np.where(cloud.absent, np.inf, values)
    row = int(np.argmin(values))
    return row if np.isfinite(values[row]) else None
