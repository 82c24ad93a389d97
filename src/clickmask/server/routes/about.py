"""Health, version, the project, its models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

import clickmask
from clickmask.core.errors import UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.formats import FORMATS
from clickmask.server.deps import REST_CLIENT, TheHub, TheServices, TheSettings
from clickmask.server.hub import model_json
from clickmask.server.media import LABEL_FORMATS, MEDIA, kinds_of
from clickmask.server.schemas import ModelBody, ProjectBody, image_json
from clickmask.server.services import Services
from clickmask.store.values import Origin

PROTOCOL = 1

router = APIRouter(prefix="/api/v1")


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the server answers."""
    return {"status": "ok"}


@router.get("/version")
async def version() -> dict[str, Any]:
    """Versions of clickmask and of the protocol."""
    return {"version": clickmask.__version__, "protocol": PROTOCOL}


@router.get("/project")
async def project(services: TheServices, settings: TheSettings) -> dict[str, Any]:
    """The project in a nutshell."""
    images = await services.in_store(services.store.images)
    start = [i.id for i in images if i.path == settings.only_path]
    return {
        "name": services.project.images_folder.name,
        "folder": str(services.project.images_folder),
        "project": str(services.project.folder),
        "images": len(images),
        "start_image": start[0] if start else None,
        "policy": services.policy,
        "kinds": [_kind_json(kind) for kind in services.kinds],
        "formats": _formats_json(services.kinds),
    }


@router.patch("/project")
async def change_project(body: ProjectBody, services: TheServices, hub: TheHub) -> dict[str, str]:
    """Decide who gets contested pixels from now on; masks that are there stay."""
    await services.in_store(services.store.set_policy, body.policy, Origin(REST_CLIENT))
    await services.refresh_policy()
    hub.tell_all({"type": "project", "policy": services.policy})
    return {"policy": services.policy}


@router.post("/project/scan")
async def scan(services: TheServices, hub: TheHub) -> dict[str, Any]:
    """Look at the folder again."""
    report = await services.in_store(services.folder.scan, services.store)
    images = await services.in_store(services.store.images)
    hub.follow_moves(images)
    await services.refresh_kinds()
    counts = {"added": report.added, "missing": report.missing, "moved": report.moved}
    return {**counts, "images": [image_json(i) for i in images]}


@router.get("/models")
async def models(services: TheServices) -> dict[str, Any]:
    """The models that can be chosen, and how the chosen one is."""
    return _models_json(services)


@router.put("/models/current")
async def choose_model(body: ModelBody, services: TheServices) -> dict[str, Any]:
    """Use another model from now on; masks that are there stay."""
    menus = {kind: services.menus[kind].specs() for kind in services.model_kinds}
    chosen = next((kind for kind, specs in menus.items() if body.name in specs), None)
    if chosen is None:
        known = [name for specs in menus.values() for name in specs]
        raise UnknownNameError(unknown_name("model", body.name, known))
    services.hosts[chosen].choose(body.name)
    return _models_json(services)


def _kind_json(kind: str) -> dict[str, Any]:
    medium = MEDIA.get(kind)
    return {"name": kind, "title": medium.title, "commands": sorted(medium.commands), "offers": sorted(medium.offers)}


def _formats_json(kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The formats that are for what the project holds."""
    listed: list[dict[str, Any]] = []
    for name in FORMATS:
        found = FORMATS.get(name)
        more = {"suffixes": [*found.suffixes, ".zip"], "kinds": list(kinds_of(name)), "reads": True}
        listed.append({"name": name, "title": found.title, "summary": found.summary, **more})
    for name in LABEL_FORMATS:
        labels = LABEL_FORMATS.get(name)
        endings = [*labels.suffixes, ".zip"] if labels.suffixes else []
        more = {"suffixes": endings, "kinds": list(labels.kinds), "reads": bool(endings)}
        listed.append({"name": name, "title": labels.title, "summary": labels.summary, **more})
    return [entry for entry in listed if set(entry["kinds"]) & set(kinds)]


def _models_json(services: Services) -> dict[str, Any]:
    kinds = {kind: _menu_json(services, MEDIA.get(kind).model_kind) for kind in services.kinds}
    return {**kinds[services.kinds[0]], "kinds": kinds}


def _menu_json(services: Services, model_kind: str) -> dict[str, Any]:
    status = {k: v for k, v in model_json(services.hosts[model_kind].status).items() if k != "type"}
    specs = services.menus[model_kind].specs().values()
    return {**status, "models": [{"name": s.name, "summary": s.summary, "licence": s.licence} for s in specs]}
