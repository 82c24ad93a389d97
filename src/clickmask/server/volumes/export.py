"""Objects of volumes as labels on the volumes' own grids: NIfTI, 3D Slicer's .seg.nrrd and DICOM SEG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from clickmask.core.errors import FormatError, ImageError, InputError
from clickmask.formats.annotation import AnnotatedImage, Annotation, ObjectClass, Written
from clickmask.formats.volume_file import suffix_of, write_labels
from clickmask.server.volumes.labels import annotations_in, volume_of
from clickmask.server.volumes.opened import OpenVolume
from clickmask.server.volumes.reading import open_volume
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Plane


@dataclass(frozen=True)
class VolumeLabels:
    """See `media.labels.LabelFormat`.

    Attributes:
        title: for people.
        summary: for people.
        ending: of all files that are written.
        suffixes: of files that are read.
    """

    title: str
    summary: str
    ending: str
    suffixes: tuple[str, ...]
    kinds: tuple[str, ...] = ("volume",)

    def meant(self, path: str, images: Sequence[str], shown: str | None) -> str | None:
        """By its name, else the volume that is open."""
        return volume_of(path, images, shown)

    def read(self, file: Path, opened: object, path: str, default: str) -> AnnotatedImage:
        """An object for every label."""
        if not isinstance(opened, OpenVolume):
            raise FormatError(f"{path} is no volume.")
        return annotations_in(file, opened, path, default)

    def write(
        self, files: Sequence[tuple[AnnotatedImage, Path]], classes: Sequence[ObjectClass], target: Path
    ) -> Written:
        """One file of labels for each volume; where a file has no place for names, they stand in a .json beside it.

        Raises:
            FormatError: none of the volumes could be written.
        """
        paths: list[str] = []
        losses: list[str] = []
        for image, file in files:
            written = target / self._name(image.path, paths, target)
            written.parent.mkdir(parents=True, exist_ok=True)
            try:
                labels, shared = label_volume(_opened(file, image), image.annotations)
                write_labels(written, labels)
            except (ImageError, InputError) as error:
                losses.append(f"{image.path}: left out. {str(error).replace(f'{target}/', '')}")
                continue
            if shared:
                losses.append(f"{image.path}: {shared} voxels belong to several objects; each went to the uppermost.")
            paths.append(str(written))
        if files and not paths:
            raise FormatError(" ".join(losses))
        beside = [str(_names_of(path)) for path in paths if _names_of(path).is_file()]
        return Written((*paths, *beside), tuple(losses))

    def _name(self, path: str, taken: Sequence[str], target: Path) -> str:
        """Below the target, never the same twice: ``a.nii.gz`` and ``a.nrrd`` may lie in one folder."""
        own = PurePosixPath(path)
        stem = own.name[: len(own.name) - len(suffix_of(path))]
        short = str(own.with_name(f"{stem}-labels{self.ending}"))
        return short if str(target / short) not in taken else str(own.with_name(f"{own.name}-labels{self.ending}"))


def label_volume(opened: OpenVolume, annotations: Sequence[Annotation]) -> tuple[LabelVolume, int]:
    """Objects as segments, and how many voxels several of them want.

    Args:
        opened: the volume.
        annotations: lowest first: the upper ones lie over the others. Segments are numbered in the order in which the
            objects were made.
    """
    made = sorted(range(len(annotations)), key=lambda place: (annotations[place].id or 0, place))
    numbers = {place: number for number, place in enumerate(made, 1)}
    voxels = np.zeros(opened.volume.shape_zyx, dtype=np.uint16)
    for place, annotation in enumerate(annotations):
        opened.labels(annotation.mask, voxels, numbers[place])
    segments = [
        Segment(numbers[place], a.class_name, str(a.attributes.get("volume", {}).get("model", "")))
        for place, a in enumerate(annotations)
    ]
    shared = sum(a.mask.area for a in annotations) - int(np.count_nonzero(voxels))
    return LabelVolume.of(opened.volume, voxels, segments), shared


def _opened(file: Path, image: AnnotatedImage) -> OpenVolume:
    """The volume, cut along the plane in which its masks were made."""
    opened, plane = open_volume(file), image.attributes.get("volume", {}).get("plane")
    return opened.in_plane(Plane(plane)) if plane else opened


def _names_of(path: str) -> Path:
    """Where the names of a NIfTI file's labels stand."""
    return Path(path.removesuffix(suffix_of(path)) + ".json")


NIFTI_LABELS = VolumeLabels(
    "Volumes as NIfTI",
    "Labels 1, 2, ... on each volume's own grid as .nii.gz, names in a .json beside it.",
    ".nii.gz",
    (".nii.gz", ".nii"),
)
NRRD_LABELS = VolumeLabels(
    "Volumes as NRRD",
    "Segmentations on each volume's own grid, with names and colours, for 3D Slicer.",
    ".seg.nrrd",
    (".nrrd",),
)
DICOM_LABELS = VolumeLabels(
    "Volumes as DICOM SEG",
    "Segmentations that refer to the images of their DICOM series; for series alone.",
    ".dcm",
    (".dcm",),
)
