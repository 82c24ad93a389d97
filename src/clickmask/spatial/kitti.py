"""Velodyne scans of KITTI and SemanticKITTI: `.bin` with x, y, z, remission and `.label` with class and instance.

Points: float32 x 4, little-endian. Labels: uint32, class in the lower 16 bits, instance in the upper ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import interpret


def parse(points: bytes, labels: bytes | None = None) -> Cloud:
    """The cloud of a `.bin` file and, if given, of its `.label` file; fields `remission` and `semantic`.

    Raises:
        FormatError: sizes that do not fit.
    """
    if len(points) % 16 or not points:
        raise FormatError(
            f"A KITTI .bin file holds 16 bytes a point; {len(points)} bytes are no whole number of points."
        )
    rows = np.frombuffer(points, "<f4").reshape(-1, 4)
    columns = dict(zip(("x", "y", "z", "remission"), rows.T.copy(), strict=True))
    if labels is not None:
        if len(labels) != 4 * len(rows):
            raise FormatError(f"{len(rows)} points need {4 * len(rows)} bytes of labels, got {len(labels)}.")
        packed = np.frombuffer(labels, "<u4")
        columns["semantic"] = (packed & 0xFFFF).astype(np.int32)
        columns["instance"] = (packed >> 16).astype(np.int32)
    return interpret(columns, "kitti", points=points)


def serialize(cloud: Cloud) -> bytes:
    """The bytes of a `.bin` file."""
    if cloud.source.get("format") == "kitti":
        return bytes(cloud.source["points"])
    remission = cloud.fields.get("remission", np.zeros(len(cloud)))
    return np.concatenate([cloud.xyz, np.reshape(remission, (-1, 1))], axis=1).astype("<f4").tobytes()


def serialize_labels(cloud: Cloud) -> bytes:
    """The bytes of a `.label` file: instances above, classes below; the file's class stays where no instance is.

    Raises:
        FormatError: an instance above 65535, which the format cannot hold.
    """
    instance = np.zeros(len(cloud), dtype=np.int64) if cloud.instance is None else cloud.instance.astype(np.int64)
    if instance.max(initial=0) > 0xFFFF or instance.min(initial=0) < 0:
        raise FormatError(f"SemanticKITTI labels hold instances 0 to 65535, got up to {int(instance.max())}.")
    semantic: NDArray[np.int64] = np.asarray(cloud.fields.get("semantic", np.zeros(len(cloud))), dtype=np.int64)
    if cloud.semantic is not None:
        semantic = np.where(instance > 0, cloud.semantic, semantic)
    return (instance << 16 | semantic & 0xFFFF).astype("<u4").tobytes()
