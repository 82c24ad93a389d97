"""The labels that a cloud's file holds, taken over as objects that can be corrected, each with its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clickmask.core.errors import ConflictError, ImageError, InputError
from clickmask.core.masks import RunLengthMask
from clickmask.formats.annotation import Annotation
from clickmask.formats.cloud_classes import class_names, cloud_objects, named
from clickmask.formats.cloud_file import read_cloud
from clickmask.server.ownership import Objects
from clickmask.store.values import Edit, ObjectValue, StoredClass

MOST_LABELS = 10_000


def labels_in(file: Path, default: str) -> list[Annotation]:
    """An annotation for every label above 0 that a cloud's file holds.

    Args:
        file: of the cloud.
        default: class of labels for which the file names none.

    Raises:
        ImageError: the file is damaged.
        InputError: more labels than a person could correct.
    """
    try:
        cloud = read_cloud(file)
        names = class_names(file, cloud)
    except InputError as error:
        raise ImageError(str(error).replace(f"{file.parent}/", "")) from error
    found = cloud_objects(cloud)
    if found is None:
        return []
    if len(found.classes) > MOST_LABELS:
        raise InputError(f"The file holds {len(found.classes)} labels; up to {MOST_LABELS} become objects.")
    order = np.argsort(found.labels, kind="stable")
    in_order = found.labels[order]
    annotations = []
    for number in sorted(found.classes):
        first, last = np.searchsorted(in_order, [number, number + 1])
        mask = RunLengthMask.of_columns(order[first:last], len(cloud))
        of = found.classes[number]
        annotations.append(Annotation(named(of, names) if of else default, mask, number))
    return annotations


def labels_edit(annotations: Sequence[Annotation], classes: Mapping[str, StoredClass], objects: Objects) -> Edit:
    """One step that makes a finished object of every label, above what is there.

    Labels that are an object already are passed over, so that taking them over twice changes nothing.

    Args:
        annotations: the labels.
        classes: by name.
        objects: on the cloud.

    Raises:
        ConflictError: no label is new.
    """
    there = {stored.value.mask for stored in objects.values()}
    fresh = [a for a in annotations if a.mask not in there]
    if not fresh:
        known = f"its {len(annotations)} labels are objects already"
        raise ConflictError(
            f"Nothing to take over from the file: {known if annotations else 'it holds no labels above 0'}."
        )
    top = max((stored.value.z for stored in objects.values()), default=0)
    values = [
        ObjectValue(classes[a.class_name].id, a.mask, z=z, phase="finished") for z, a in enumerate(fresh, top + 1)
    ]
    label = f"{len(fresh)} labels of the file taken over"
    return Edit("import", label, tuple((None, value) for value in values), {"labels": len(fresh)})
