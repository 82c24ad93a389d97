"""The labels that a cloud's file holds, taken over as objects that can be corrected."""

from __future__ import annotations

import numpy as np

from clickmask.core.errors import ConflictError, InputError
from clickmask.core.masks import RunLengthMask
from clickmask.server.clouds.opened import OpenCloud
from clickmask.server.ownership import Objects
from clickmask.store.values import Edit, ObjectValue

MOST_LABELS = 10_000


def labels_edit(cloud: OpenCloud, objects: Objects, class_id: int) -> Edit:
    """One step that makes a finished object of every label above 0, above what is there.

    Labels that are an object already are passed over, so that taking them over twice changes nothing.

    Args:
        cloud: with the labels.
        objects: on it.
        class_id: of the new objects.

    Raises:
        ConflictError: no label is new.
        InputError: more labels than a person could correct.
    """
    masks = _masks(cloud)
    there = {stored.value.mask for stored in objects.values()}
    fresh = [mask for mask in masks if mask not in there]
    if not fresh:
        found = f"its {len(masks)} labels are objects already" if masks else "it holds no labels above 0"
        raise ConflictError(f"Nothing to take over from the file: {found}.")
    top = max((stored.value.z for stored in objects.values()), default=0)
    values = [ObjectValue(class_id, mask, z=z, phase="finished") for z, mask in enumerate(fresh, top + 1)]
    label = f"{len(fresh)} labels of the file taken over"
    return Edit("import", label, tuple((None, value) for value in values), {"labels": len(fresh)})


def _masks(cloud: OpenCloud) -> list[RunLengthMask]:
    if cloud.labels is None:
        return []
    if len(cloud.label_numbers) > MOST_LABELS:
        raise InputError(f"The file holds {len(cloud.label_numbers)} labels; up to {MOST_LABELS} become objects.")
    order = np.argsort(cloud.labels, kind="stable")
    sorted_labels = cloud.labels[order]
    masks = []
    for number in cloud.label_numbers:
        first, last = np.searchsorted(sorted_labels, [number, number + 1])
        masks.append(RunLengthMask.of_columns(order[first:last], len(cloud.labels)))
    return masks
