"""Teaching a model with the project's own masks."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from clickmask.core.words import words_json
from clickmask.formats.annotation import AnnotationSet
from clickmask.server.deps import TheServices, TheTeacher
from clickmask.server.lesson_data import lesson_of
from clickmask.server.menus import IMAGES
from clickmask.server.schemas import TrainingBody
from clickmask.server.services import Services
from clickmask.server.teaching import STEPS, Teacher
from clickmask.store.values import StoredImage, StoredObject

router = APIRouter(prefix="/api/v1")


@router.get("/training")
async def training(services: TheServices, teacher: TheTeacher) -> dict[str, Any]:
    """What can be learned from, what with, and how the training is that was begun last."""
    return await _training_json(services, teacher)


@router.post("/training", status_code=202)
async def begin(body: TrainingBody, services: TheServices, teacher: TheTeacher) -> dict[str, Any]:
    """Begin to teach a model with the finished objects."""
    await teacher.begin(body.name, body.start, body.steps, lambda: _lesson(services))
    return await _training_json(services, teacher)


@router.delete("/training")
async def stop(services: TheServices, teacher: TheTeacher) -> dict[str, Any]:
    """End the training that is running; no model comes of it."""
    await teacher.stop()
    return await _training_json(services, teacher)


async def _training_json(services: Services, teacher: Teacher) -> dict[str, Any]:
    photographs = [
        i for i in await services.in_store(services.store.images) if i.kind == "photo" and i.status != "missing"
    ]
    taught = [i.finished - i.rejected for i in photographs if i.finished > i.rejected]
    starts, current = teacher.starts, services.hosts[IMAGES].status.name
    problem = teacher.problem
    return {
        "problem": problem,
        "words": None if problem is None else words_json(problem),
        "objects": sum(taught),
        "images": len(taught),
        "starts": starts,
        "start": current if current in starts else next(iter(starts), None),
        "name": teacher.free_name,
        "steps": STEPS,
        "lesson": None if teacher.lesson is None else teacher.lesson.json(),
    }


async def _lesson(services: Services) -> AnnotationSet:
    def read() -> list[tuple[StoredImage, list[StoredObject]]]:
        return [(i, services.store.objects(i.id)) for i in services.store.images() if i.finished]

    objects = await services.in_store(read)
    return await asyncio.to_thread(lesson_of, objects, dict(services.classes), services.folder.file)
