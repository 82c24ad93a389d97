"""Label volumes taken over as objects: an annotation for every label, with the name that the file has for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from clickmask.core.errors import InputError
from clickmask.formats.annotation import AnnotatedImage, Annotation
from clickmask.formats.volume_file import read_labels, suffix_of
from clickmask.server.volumes.opened import OpenVolume
from clickmask.spatial.segments import Segment

MOST_LABELS = 10_000
MOST_UNNAMED = 30
"""Labels without names: up to so many each becomes a class of its own; more are instances of one class."""
MARKS = ("labels", "label", "seg", "segmentation", "mask")
"""What is added to the name of a volume for its labels: ``scan-labels.nii.gz`` belongs to ``scan.nii.gz``."""


def annotations_in(file: Path, opened: OpenVolume, path: str, default: str) -> AnnotatedImage:
    """The labels of a file as objects on a volume.

    Args:
        file: NIfTI, NRRD or DICOM SEG.
        opened: the volume on whose grid they lie.
        path: of the volume in the project.
        default: class of labels without a name where they are too many to be classes.

    Raises:
        FormatError: no labels, or another grid.
        InputError: more labels than a person could correct.
    """
    from scipy.ndimage import find_objects  # half a second that a photograph need not wait for

    found = read_labels(file, opened.volume)
    if len(found.segments) > MOST_LABELS:
        raise InputError(f"{file.name} holds {len(found.segments)} labels; up to {MOST_LABELS} become objects.")
    tall = opened.tall(found.labels)
    boxes = find_objects(tall)
    unnamed = sum(1 for segment in found.segments if not segment.name)
    annotations = []
    for segment in found.segments:
        box = boxes[segment.number - 1] if segment.number <= len(boxes) else None
        if box is not None:
            name = segment.name or (f"label {segment.number}" if unnamed <= MOST_UNNAMED else default)
            mask = opened.part(tall[box] == segment.number, box[1].start, box[0].start)
            annotations.append(Annotation(name, mask, segment.number, _hex(segment)))
    return AnnotatedImage(path, opened.size_hw, tuple(annotations))


def volume_of(label_path: str, volumes: Sequence[str], shown: str | None) -> str | None:
    """The volume that a file of labels is meant for: that of its name, else the one that is open, else the only one.

    Args:
        label_path: of the file of labels, or its path in a zip.
        volumes: paths in the project.
        shown: the one that is open in the page.
    """
    name = _stem(label_path)
    alike = [path for path in volumes if name in (_stem(path), PurePosixPath(path).name.lower())]
    near = [path for path in alike if PurePosixPath(path).parent == PurePosixPath(label_path).parent] or alike
    if shown in alike or (shown in volumes and not alike):
        return shown
    if near:
        return near[0] if len(near) == 1 else None
    return volumes[0] if len(volumes) == 1 else None


def _stem(path: str) -> str:
    """The name without its ending and without what marks labels, in lower case."""
    name = PurePosixPath(path).name.lower()
    name = name[: len(name) - len(suffix_of(name))]
    for mark in MARKS:
        if name.endswith(mark) and name[: -len(mark)].endswith(("-", "_", ".")):
            return name[: -len(mark) - 1]
    return name


def _hex(segment: Segment) -> str | None:
    return None if segment.colour_rgb is None else "#{:02x}{:02x}{:02x}".format(*segment.colour_rgb)
