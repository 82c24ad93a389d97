"""Classes of things that come from files."""

from __future__ import annotations

from collections.abc import Sequence

from clickmask.formats.annotation import Annotation
from clickmask.server.deps import REST_CLIENT
from clickmask.server.hub import Hub
from clickmask.server.services import Services
from clickmask.store.values import Origin, StoredClass


async def classes_for(services: Services, hub: Hub, annotations: Sequence[Annotation]) -> dict[str, StoredClass]:
    """Classes by name, new ones made where they are missing."""
    by_name = {c.name: c for c in services.classes.values()}
    for annotation in annotations:
        if annotation.class_name not in by_name:
            wanted = (annotation.class_name, annotation.colour, None, Origin(REST_CLIENT))
            by_name[annotation.class_name] = await services.in_store(services.store.add_class, *wanted)
    if await services.refresh_classes():
        hub.tell_all({"type": "classes"})
    return by_name
