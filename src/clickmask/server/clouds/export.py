"""Objects of clouds as labels in copies of the files: columns `instance` and `class`, all else as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from clickmask.core.errors import FormatError, InputError
from clickmask.formats.annotation import AnnotatedImage, ObjectClass, Written
from clickmask.formats.cloud_classes import CLASSES_FILE, legend
from clickmask.formats.cloud_file import E57, LABELS, read_cloud, write_cloud
from clickmask.formats.files import write_atomically
from clickmask.spatial.cloud import Cloud

INSTEAD = {".bin": LABELS, E57: ".ply"}
"""Endings of files that have no place for labels, and of what is written in their stead."""


@dataclass(frozen=True)
class CloudLabels:
    """See `media.labels.LabelFormat`.

    Attributes:
        title: for people.
        summary: for people.
        ending: of all files that are written; None for each file's own.
    """

    title: str
    summary: str
    ending: str | None = None
    kinds: tuple[str, ...] = ("cloud",)
    suffixes: tuple[str, ...] = ()

    def meant(self, path: str, images: Sequence[str], shown: str | None) -> str | None:
        """None: labels of clouds come with their files."""
        return None

    def read(self, file: Path, opened: object, path: str, default: str) -> AnnotatedImage:
        """FormatError: labels of clouds come with their files."""
        raise FormatError("Labels of clouds come with the cloud's own file: put it into the folder and open it.")

    def write(
        self, files: Sequence[tuple[AnnotatedImage, Path]], classes: Sequence[ObjectClass], target: Path
    ) -> Written:
        """Labelled copies, and a file with what the numbers mean."""
        numbers = {c.name: c.id or place for place, c in enumerate(classes, 1)}
        paths, losses, scans = [], [], {}
        for image, file in files:
            name = str(PurePosixPath(image.path).with_suffix(self._ending(image.path)))
            written = target / name
            written.parent.mkdir(parents=True, exist_ok=True)
            try:
                cloud = read_cloud(file)
            except InputError as error:
                losses.append(f"{image.path}: left out. {error}")
                continue
            losses += _write(image, cloud, written, numbers)
            paths.append(str(written))
            scans[name] = _meaning(image, numbers)
        names = {number: name for name, number in numbers.items()}
        write_atomically(target / CLASSES_FILE, legend(names, scans=scans))
        return Written((*paths, str(target / CLASSES_FILE)), tuple(losses))

    def _ending(self, path: str) -> str:
        own = PurePosixPath(path).suffix
        return self.ending or INSTEAD.get(own.lower(), own)


def _write(image: AnnotatedImage, cloud: Cloud, target: Path, numbers: dict[str, int]) -> list[str]:
    """Write one labelled copy; returns what it could not keep."""
    instance, semantic = (np.zeros(len(cloud), dtype=np.int32) for _ in range(2))
    losses, shared = [], 0
    for number, annotation in enumerate(image.annotations, 1):
        rows = annotation.mask.columns()
        shared += int(np.count_nonzero(instance[rows]))
        instance[rows], semantic[rows] = number, numbers[annotation.class_name]
    if shared:
        losses.append(f"{image.path}: {shared} points belong to several objects; each went to the uppermost.")
    if cloud.instance is not None and bool((cloud.instance[instance == 0] > 0).any()):
        losses.append(f"{image.path}: labels of the file that are on no object were replaced by 0.")
    write_cloud(target, cloud.with_labels(instance, semantic))
    return losses


def _meaning(image: AnnotatedImage, numbers: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "instance": number, "object": annotation.id, "class": numbers[annotation.class_name],
            "name": annotation.class_name, "points": annotation.mask.area,
        }
        for number, annotation in enumerate(image.annotations, 1)
    ]  # fmt: skip


OWN = CloudLabels(
    "Labelled clouds", "Every cloud in its own format, without losing a field; KITTI scans as .label files."
)
AS_PLY = CloudLabels("Clouds as PLY", "All clouds as PLY with the properties instance and class.", ".ply")
AS_NPZ = CloudLabels("Clouds as NPZ", "All clouds as NumPy archives with the arrays instance and semantic.", ".npz")
