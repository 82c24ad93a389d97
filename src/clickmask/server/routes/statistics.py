"""Numbers about the work, and what objects looked like before."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Response

from clickmask.core.words import words_json
from clickmask.server import statistics
from clickmask.server.deps import Number, TheServices
from clickmask.server.errors import NotFoundError
from clickmask.server.records import MEDIA_TYPE, mask_record
from clickmask.server.services import Services
from clickmask.store.log_table import as_csv, as_json, log_rows

router = APIRouter(prefix="/api/v1")


@router.get("/statistics", response_model=None)
async def numbers(services: TheServices, format: Literal["json", "csv"] = "json") -> Response | dict[str, Any]:  # noqa: A002
    """Objects, clicks and seconds by image and class; `csv` gives one line per object."""
    images = await services.in_store(services.store.images)
    records = [await services.in_store(_record, services, image) for image in images if image.rev > 0]
    table = await asyncio.to_thread(statistics.rows, records)
    if format == "csv":
        text = statistics.as_csv(table, {c.id: c.name for c in services.classes.values()})
        named = {"Content-Disposition": 'attachment; filename="statistics.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=named)
    return statistics.summary(images, table, services.classes.values())


@router.get("/log")
async def log(services: TheServices, format: Literal["csv", "json"] = "csv") -> Response:  # noqa: A002
    """Everything that was asked, oldest first: a table, or one JSON object a line."""
    rows = await services.in_store(lambda: list(log_rows(services.store)))
    text = await asyncio.to_thread(as_csv if format == "csv" else as_json, rows)
    kind = "text/csv" if format == "csv" else "application/x-ndjson"
    named = {"Content-Disposition": f'attachment; filename="log.{"csv" if format == "csv" else "jsonl"}"'}
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=named)


@router.get("/objects/{object_id}/versions")
async def versions(object_id: Number, services: TheServices) -> dict[str, Any]:
    """What the object looked like after each step, oldest first; `iou` compares with how it is now."""
    stored = await services.in_store(services.store.find_object, object_id)
    if stored is None:
        raise NotFoundError(f"There is no object #{object_id} in this project (any more).")
    found = await services.in_store(services.store.versions, object_id)
    kept = [statistics.mask_iou(v.mask, stored.value.mask) for v in found]
    return {
        "versions": [
            {
                "action": v.action,
                "kind": v.kind,
                "label": v.label,
                "words": words_json(v.label),
                "at": v.at,
                "area": v.mask.area,
                "iou": round(k, 4),
            }
            for v, k in zip(found, kept, strict=True)
        ]
    }


@router.get("/objects/{object_id}/versions/{action}")
async def version(object_id: Number, action: Number, services: TheServices) -> Response:
    """The mask record of an object after one step."""
    for found in await services.in_store(services.store.versions, object_id):
        if found.action == action:
            return Response(mask_record(object_id, 0, found.mask, seq=0, settled=True), media_type=MEDIA_TYPE)
    raise NotFoundError(f"Step {action} did not change object #{object_id}.")


def _record(services: Services, image: Any) -> statistics.ImageRecord:
    store = services.store
    objects, events = store.objects(image.id), list(store.events(image.id))
    return statistics.ImageRecord(image, objects, events, store.imported(image.id))
