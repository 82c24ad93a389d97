"""What the labels of a cloud mean: which points are one object, of which class, and what the classes are called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.formats.files import read_json
from clickmask.spatial.cloud import Cloud

CLASSES_FILE = "classes.json"
"""Beside clouds that were exported: ``{"classes": {"1": "chair"}}``."""
CLASS_COLUMNS = ("class", "semantic", "semantic_label", "category", "classification", "scalar_Classification")
NEVER_CLASSIFIED = 1
"""LAS: 0 is never classified, 1 is unclassified."""
LAS_CLASSES = {
    2: "ground", 3: "low vegetation", 4: "medium vegetation", 5: "high vegetation", 6: "building", 7: "low noise",
    9: "water", 10: "rail", 11: "road surface", 13: "wire guard", 14: "wire conductor", 15: "transmission tower",
    16: "wire connector", 17: "bridge deck", 18: "high noise",
}  # fmt: skip
"""Standard classes of LAS 1.4 (ASPRS, R15)."""
KITTI_CLASSES = {
    1: "outlier", 10: "car", 11: "bicycle", 13: "bus", 15: "motorcycle", 16: "on-rails", 18: "truck",
    20: "other-vehicle", 30: "person", 31: "bicyclist", 32: "motorcyclist", 40: "road", 44: "parking", 48: "sidewalk",
    49: "other-ground", 50: "building", 51: "fence", 52: "other-structure", 60: "lane-marking", 70: "vegetation",
    71: "trunk", 72: "terrain", 80: "pole", 81: "traffic-sign", 99: "other-object", 252: "moving-car",
    253: "moving-bicyclist", 254: "moving-person", 255: "moving-motorcyclist", 256: "moving-on-rails",
    257: "moving-bus", 258: "moving-truck", 259: "moving-other-vehicle",
}  # fmt: skip
"""Numbers of SemanticKITTI (Behley et al., ICCV 2019)."""


@dataclass(frozen=True, eq=False)
class CloudObjects:
    """The objects that a labelled cloud holds.

    Attributes:
        labels: (P,) int32, 0 for none.
        classes: the class's number of each label that is there, 0 where the file names no class.
    """

    labels: NDArray[np.int32]
    classes: Mapping[int, int]


def cloud_objects(cloud: Cloud) -> CloudObjects | None:
    """The objects by instance, each with the class that most of its points have; None without any label.

    SemanticKITTI numbers the instances of each class anew, so there a pair of both is an object. A cloud with classes
    and no instances has one object a class.
    """
    classes = point_classes(cloud)
    instances = cloud.instance
    if instances is None or not (instances > 0).any():
        if classes is None or not (classes > 0).any():
            return None if instances is None else CloudObjects(instances, {})
        return CloudObjects(classes, {n: n for n in _positive(classes)})
    if classes is None:
        return CloudObjects(instances, dict.fromkeys(_positive(instances), 0))
    pairs, place, counts = np.unique(
        np.stack([instances, classes], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    if cloud.source.get("format") == "kitti":
        numbers = np.cumsum(pairs[:, 0] > 0) * (pairs[:, 0] > 0)
        labels = numbers[place.reshape(-1)].astype(np.int32)
        return CloudObjects(labels, {int(n): int(c) for n, c in zip(numbers, pairs[:, 1], strict=True) if n})
    rising = np.argsort(counts, kind="stable")  # the most frequent class of an instance comes last, so it stays
    return CloudObjects(instances, {int(n): max(int(c), 0) for n, c in pairs[rising] if n > 0})


def class_names(file: Path, cloud: Cloud) -> Mapping[int, str]:
    """Names of classes by number: those in a classes.json beside the file, else those of the format's standard.

    Raises:
        FormatError: the classes.json is damaged.
    """
    beside = file.with_name(CLASSES_FILE)
    if beside.is_file():
        data = read_json(beside)
        names = data.get("classes") if isinstance(data, dict) else None
        if not isinstance(names, dict):
            raise FormatError(f'{beside} names no classes; it must be like {{"classes": {{"1": "chair"}}}}.')
        return {int(n): name for n, name in names.items() if n.isdecimal() and isinstance(name, str) and name.strip()}
    standards = {"las": LAS_CLASSES, "kitti": KITTI_CLASSES}
    return standards.get(str(cloud.source.get("format")), {})


def named(number: int, names: Mapping[int, str]) -> str:
    """The name of a class, never empty."""
    return names.get(number) or f"class {number}"


def legend(names: Mapping[int, str], **more: Any) -> bytes:
    """The content of a classes.json."""
    document = {"classes": {str(number): name for number, name in names.items()}, **more}
    return (json.dumps(document, indent=2) + "\n").encode()


def point_classes(cloud: Cloud) -> NDArray[np.int32] | None:
    """(P,) the class of each point by the file's own number, 0 for none; None without such a column."""
    if cloud.semantic is not None:
        return cloud.semantic
    taken = cloud.source.get("label")
    found = (name for name in CLASS_COLUMNS if name in cloud.fields and name != taken)
    name = next((name for name in found if _whole(cloud.fields[name])), None)
    if name is None:
        return None
    values = cloud.fields[name].astype(np.int32)
    standard = cloud.source.get("format") == "las" and name == "classification"
    return np.where(values > NEVER_CLASSIFIED, values, 0) if standard else values


def _whole(values: NDArray[Any]) -> bool:
    """Whether numbers can be those of classes; text files and CloudCompare hold them as fractions without a part."""
    kind = values.dtype.kind
    return kind in "iu" or (kind == "f" and bool(np.isfinite(values).all() and (values == np.rint(values)).all()))


def _positive(labels: NDArray[np.int32]) -> list[int]:
    return [n for n in np.unique(labels).tolist() if n > 0]
