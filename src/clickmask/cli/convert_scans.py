"""`clickmask convert` for scans: labelled clouds and label volumes to other file formats, and what that loses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clickmask.core.errors import FormatError
from clickmask.formats.cloud_classes import cloud_objects, point_classes
from clickmask.formats.cloud_file import LABELS, is_cloud, read_cloud, write_cloud
from clickmask.formats.volume_file import check_output, read_labels, read_volume, suffix_of, write_labels
from clickmask.spatial.cloud import Cloud

KITTI = ".bin"
WITHOUT_COLUMNS = (".las", ".laz", KITTI)
"""Formats with a place for classes of their own, so that a column of another name would be left out."""
ROUNDING = 1e-6
"""Metres below which a coordinate counts as kept."""


@dataclass(frozen=True)
class Converted:
    """What came of one scan: the files, how many objects they hold, and a sentence for each thing that is lost."""

    paths: tuple[str, ...]
    objects: int
    losses: tuple[str, ...]


def convert_scan(source: Path, target: Path, images: Path | None) -> Converted | None:
    """Write a labelled scan in another format, by the endings of both; None if the source is no scan.

    Args:
        source: a cloud, or a label volume.
        target: a file.
        images: the DICOM series or volume that a label volume was made on, where DICOM SEG is read or written.

    Raises:
        FormatError: a file that cannot be read, or an ending that cannot be written.
    """
    if is_cloud(source):
        return _cloud(source, target)
    return _volume(source, target, images) if suffix_of(source) else None


def _cloud(source: Path, target: Path) -> Converted:
    if not is_cloud(target):
        raise FormatError(f"{source} is a point cloud; DST must be a file with the ending of one, got {target}.")
    cloud = read_cloud(source)
    suffix = target.suffix.lower()
    classes = point_classes(cloud)
    if suffix in WITHOUT_COLUMNS and classes is not None and cloud.source.get("format") != "kitti":
        cloud = replace(cloud, semantic=classes)
    paths = [str(target)]
    if suffix == KITTI:
        write_cloud(target, replace(cloud, instance=None))
        if cloud.instance is not None or classes is not None:
            write_cloud(target.with_suffix(LABELS), cloud)
            paths.append(str(target.with_suffix(LABELS)))
    else:
        write_cloud(target, cloud)
    found = cloud_objects(cloud)
    losses = [f"{source}: {loss}" for loss in _losses(cloud, read_cloud(target))]
    return Converted(tuple(paths), 0 if found is None else len(found.classes), tuple(losses))


def _losses(before: Cloud, after: Cloud) -> list[str]:
    """What the written file no longer has, found by reading it again."""
    losses = []
    moved = float(np.abs(before.world_xyz - after.world_xyz).max()) if before.absent is None else 0.0
    if moved > ROUNDING:
        losses.append(f"coordinates are rounded by up to {1000 * moved:.3g} mm")
    if before.rgb is not None and (after.rgb is None or (before.rgb != after.rgb).any()):
        losses.append("the colours" if after.rgb is None else "colours are rounded")
    if before.instance is not None and (after.instance is None or (before.instance != after.instance).any()):
        losses.append("the labels of instances")
    old, new = point_classes(before), point_classes(after)
    if old is not None and (new is None or (old != new).any()):
        losses.append("the classes of points without an object" if new is not None else "the classes")
    if lost := _columns(before, after):
        losses.append(f"the columns {', '.join(lost)}")
    if before.source.get("after") and after.source.get("format") != "ply":
        losses.append("the faces of the mesh")
    return losses


def _columns(before: Cloud, after: Cloud) -> list[str]:
    if before.source.get("format") == after.source.get("format"):
        return []
    known = {*before.source.get("consumed", ()), "class", "semantic"}
    return [
        name
        for name, values in before.fields.items()
        if name not in known and name not in after.fields and np.any(values)
    ]


def _volume(source: Path, target: Path, images: Path | None) -> Converted:
    check_output(target)
    if suffix_of(source) == ".dcm" and images is None:
        raise FormatError("A DICOM SEG lies on the images of its series. Name their folder: --images DIR")
    labels = read_labels(source, read_volume(source if images is None else images))
    write_labels(target, labels)
    losses = []
    if any(segment.colour_rgb for segment in labels.segments) and target.name.lower().endswith((".nii", ".nii.gz")):
        losses.append("the colours of the labels")
    names = target.with_name(target.name[: -len(suffix_of(target))] + ".json")
    beside = [str(names)] if names.is_file() and target.name.lower().endswith((".nii", ".nii.gz")) else []
    present = int(np.count_nonzero(np.bincount(labels.labels.ravel())[1:]))
    return Converted((str(target), *beside), present, tuple(losses))
