"""Classes: names, colours, keys."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from clickmask.server.deps import REST_CLIENT, Number, TheHub, TheServices
from clickmask.server.errors import NotFoundError
from clickmask.server.hub import Hub
from clickmask.server.schemas import ClassBody, ClassChange, class_json
from clickmask.server.services import Services
from clickmask.store.values import Origin

router = APIRouter(prefix="/api/v1/classes")
_REST = Origin(REST_CLIENT)


@router.get("")
async def classes(services: TheServices) -> dict[str, Any]:
    """All classes, oldest first."""
    return {"classes": [class_json(c) for c in await services.in_store(services.store.classes)]}


@router.post("", status_code=201)
async def add(body: ClassBody, services: TheServices, hub: TheHub) -> dict[str, Any]:
    """A new class."""
    added = await services.in_store(services.store.add_class, body.name, body.colour, body.key, _REST)
    await _tell(services, hub)
    return class_json(added)


@router.patch("/{class_id}")
async def change(class_id: Number, body: ClassChange, services: TheServices, hub: TheHub) -> dict[str, Any]:
    """Change name, colour or key."""
    changed = await services.in_store(services.store.change_class, class_id, body.changes(), _REST)
    if changed is None:
        raise NotFoundError(f"There is no class number {class_id}.")
    await _tell(services, hub)
    return class_json(changed)


@router.delete("/{class_id}", status_code=204)
async def delete(class_id: Number, services: TheServices, hub: TheHub) -> Response:
    """Remove a class that no object carries."""
    if class_id not in services.classes:
        raise NotFoundError(f"There is no class number {class_id}.")
    await services.in_store(services.store.delete_class, class_id, _REST)
    await _tell(services, hub)
    return Response(status_code=204)


async def _tell(services: Services, hub: Hub) -> None:
    if await services.refresh_classes():
        hub.tell_all({"type": "classes"})
