"""All open images, and messages to everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from clickmask.core.words import words
from clickmask.server.errors import NotFoundError
from clickmask.server.live import LiveImage
from clickmask.server.media import MEDIA
from clickmask.server.model import ModelStatus
from clickmask.server.schemas import image_json
from clickmask.server.services import Services
from clickmask.server.teaching import Lesson
from clickmask.store.protocol import SessionStore
from clickmask.store.values import StoredImage, StoredObject

IMAGES_KEPT = 32
"""Images kept in memory after everybody has left; only their objects, not their pixels."""


class Hub:
    """One per application; makes sure that there is one LiveImage per image."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._images: dict[int, LiveImage] = {}
        self._opening = asyncio.Lock()
        for model_kind, host in services.hosts.items():
            host.on_change = partial(self._tell_model, model_kind)
        services.pictures.tiled.on_progress = self._prepared

    async def open(self, image_id: int) -> LiveImage:
        """The live image; works without the file if the image has been looked at before.

        Raises:
            NotFoundError: no such image.
            ImageMissingError, ImageError: it was never looked at and its file cannot be used.
        """
        async with self._opening:
            if image_id not in self._images:
                self._images[image_id] = await self._load(image_id)
                self._drop_idle(keep=image_id)
            self._images[image_id].touch()
            return self._images[image_id]

    async def retire(self, image_id: int, change: Callable[[], Awaitable[None]]) -> None:
        """Change what the sizes of an image's masks follow from, see `LiveImage.retire`."""
        live = await self.open(image_id)
        async with self._opening:
            await live.retire(change)
            self._images.pop(image_id, None)

    async def open_for_object(self, object_id: int) -> LiveImage:
        """The live image that an object is on; NotFoundError if it does not exist."""
        stored = await self._services.in_store(self._services.store.find_object, object_id)
        if stored is None:
            text = "There is no object #{object} in this project (any more)."
            raise NotFoundError(words("refused.objectGone", text, object=object_id))
        return await self.open(stored.image_id)

    def follow_moves(self, images: Iterable[StoredImage]) -> None:
        """Let open images know under which path their file is now."""
        for image in images:
            if image.id in self._images:
                self._images[image.id].follow(image.path)

    def judged(self, image: StoredImage) -> None:
        """Let everybody know what somebody thinks of an image."""
        if image.id in self._images:
            self._images[image.id].judged(image)
        self.tell_all({"type": "image", "image": image_json(image)})

    def tell_all(self, message: dict[str, Any]) -> None:
        """Send a message to everybody on every image."""
        for image in self._images.values():
            image.tell(message)

    def _tell_model(self, model_kind: str) -> None:
        """Tell those who look at something that a model of this kind answers for."""
        for image in self._images.values():
            if MEDIA.get(image.kind).model_kind == model_kind:
                image.tell({**model_json(self._services.hosts[model_kind].status), "kind": image.kind})

    def _prepared(self, tag: str, done: float) -> None:
        """Let those who look at a large image know how much of it is there."""
        for image in self._images.values():
            if image.peers and self._services.pictures.is_tagged(image.path, tag):
                image.tell(preparing_json(done))

    async def close(self) -> None:
        """Stop all questions to the model."""
        for image in self._images.values():
            await image.close()

    async def _load(self, image_id: int) -> LiveImage:
        services = self._services
        image = await services.image(image_id)
        if image.facts is None:
            image = await services.look_at(image)
        image, objects, steps = await services.in_store(_read, services.store, image)
        return LiveImage(services, image, objects, steps)

    def _drop_idle(self, keep: int) -> None:
        idle = [i for i, live in self._images.items() if not live.busy and i != keep]
        for image_id in idle[: max(len(self._images) - IMAGES_KEPT, 0)]:
            del self._images[image_id]


def model_json(status: ModelStatus) -> dict[str, Any]:
    """The message about the model in use."""
    return {"type": "model", "current": status.name, "state": status.state, "problem": status.problem}


def training_json(lesson: Lesson | None) -> dict[str, Any]:
    """The message about the training that was begun last."""
    return {"type": "training", "lesson": None if lesson is None else lesson.json()}


def preparing_json(done: float) -> dict[str, Any]:
    """The message about a large image that is being prepared."""
    return {"type": "preparing", "done": round(done, 3)}


def _read(
    store: SessionStore, image: StoredImage
) -> tuple[StoredImage, list[StoredObject], tuple[str | None, str | None]]:
    return store.image(image.id) or image, store.objects(image.id), store.next_steps(image.id)
