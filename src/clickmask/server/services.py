"""What all images share: the store behind its one thread, the model, the pictures, the classes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

from clickmask.core.errors import ClickmaskError, ImageError
from clickmask.server.errors import ImageMissingError, NotFoundError
from clickmask.server.folder import ImageFolder
from clickmask.server.media import MEDIA
from clickmask.server.media.medium import Opened
from clickmask.server.menus import ModelMenu, no_models
from clickmask.server.model import ModelHost, Thinker
from clickmask.server.pictures import Pictures
from clickmask.server.tiles import in_tiles
from clickmask.server.volumes.opened import OpenVolume
from clickmask.spatial.volume import Plane
from clickmask.store.project import Project
from clickmask.store.protocol import SessionStore
from clickmask.store.values import ImageFacts, ImageStatus, Policy, StoredClass, StoredImage

P = ParamSpec("P")
T = TypeVar("T")


class Services:
    """One per application. All coroutines belong to its event loop."""

    def __init__(
        self,
        project: Project,
        menus: Mapping[str, ModelMenu],
        only_path: str | None = None,
    ) -> None:
        self.project = project
        kinds = {MEDIA.get(kind).model_kind for kind in MEDIA}
        self.menus = {**{kind: no_models(kind) for kind in kinds}, **menus}
        self.hosts = {name: ModelHost(menu.build, menu.warm) for name, menu in self.menus.items()}
        self._thinkers: dict[str, Thinker] = {}
        self.kinds: tuple[str, ...] = ()
        self.folder = ImageFolder(project.images_folder, only_path)
        self.pictures = Pictures(self.folder, project.cache_folder)
        self.classes: dict[int, StoredClass] = {}
        self.policy: Policy = "yield"
        self.people: dict[str, str] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")

    @property
    def store(self) -> SessionStore:
        """The database; call it through `in_store`, which keeps flushes to the disk off the event loop."""
        return self.project.store

    async def in_store(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that uses the store in the store's thread."""
        call: Any = lambda: function(*args, **kwargs)  # noqa: E731 - run_in_executor takes no keywords
        result: T = await asyncio.get_running_loop().run_in_executor(self._writer, call)
        return result

    async def refresh_classes(self) -> bool:
        """Read the classes again; True if one came, went or changed its looks."""
        before = {i: (c.name, c.colour, c.key) for i, c in self.classes.items()}
        fresh = {c.id: c for c in await self.in_store(self.store.classes)}
        self.classes.clear()  # in place: every open image looks at this mapping
        self.classes.update(fresh)
        return before != {i: (c.name, c.colour, c.key) for i, c in self.classes.items()}

    async def refresh_kinds(self) -> None:
        """See which kinds of media the project holds, and begin to load their models."""
        found = {image.kind for image in await self.in_store(self.store.images)}
        self.kinds = tuple(sorted(found, key=lambda kind: (kind != "photo", kind))) or ("photo",)
        for kind in self.kinds:
            name = MEDIA.get(kind).model_kind
            if not self.hosts[name].status.name:
                self.hosts[name].choose(self.menus[name].default)

    @property
    def model_kinds(self) -> list[str]:
        """Kinds of models that the project's media need, without one twice."""
        return list(dict.fromkeys(MEDIA.get(kind).model_kind for kind in self.kinds))

    def thinker(self, kind: str) -> Thinker:
        """Who answers questions about a kind of medium."""
        if kind not in self._thinkers:
            medium = MEDIA.get(kind)
            self._thinkers[kind] = Thinker(self.hosts[medium.model_kind], medium.mind())
        return self._thinkers[kind]

    async def refresh_people(self) -> None:
        """Read the names of people again."""
        self.people = await self.in_store(self.store.people)

    async def set_person(self, client: str, name: str) -> None:
        """Keep the name of who works in a client; empty for nobody in particular."""
        if self.people.get(client, "") == name:
            return
        await self.in_store(self.store.set_person, client, name)
        await self.refresh_people()

    async def refresh_policy(self) -> None:
        """Read the project's policy on contested pixels."""
        self.policy = await self.in_store(self.store.policy)

    async def image(self, image_id: int) -> StoredImage:
        """An image; NotFoundError if there is none with this number."""
        image = await self.in_store(self.store.image, image_id)
        if image is None:
            raise NotFoundError(f"There is no image number {image_id} in this project.")
        return image

    async def look_at(self, image: StoredImage) -> StoredImage:
        """The image with its facts known and fresh.

        Raises:
            ImageMissingError: the file is gone.
            ImageError: it is damaged, or was replaced by one of another size.
        """
        try:
            stamp = self.folder.stamp(image.path)
            if image.facts is not None and stamp == image.stamp and image.status == "ok":
                return image
            facts = await self._facts(image)
            if image.facts is not None and image.facts.size_hw != facts.size_hw and image.rev > 0:
                raise ImageError(_replaced(image, facts.size_hw))
        except ImageMissingError as error:
            await self._note(image, "missing", error)
            raise
        except ImageError as error:
            await self._note(image, "damaged", error)
            raise
        await self.in_store(self.store.set_image_facts, image.id, facts, stamp)
        return await self.image(image.id)

    async def opened(self, image: StoredImage) -> Opened:
        """The content of an image's file; raises as `look_at`."""
        image = await self.look_at(image)
        async with self._noting(image):
            return await self.content(image.path, image.kind, image.plane)

    async def content(self, path: str, kind: str, plane: str) -> Opened:
        """The content of a file, a volume cut along a plane; empty for that in which it was recorded."""
        opened = await self.pictures.opened(path, kind)
        return opened.in_plane(Plane(plane)) if plane and isinstance(opened, OpenVolume) else opened

    async def prepare(self, image: StoredImage) -> float:
        """Open an image's file, or begin to prepare one that is shown in tiles; raises as `look_at`.

        Returns:
            how much is done, 0 to 1.
        """
        image = await self.look_at(image)
        async with self._noting(image):
            if in_tiles(image):
                return await self.pictures.preparing(image)
            await self.pictures.opened(image.path, image.kind)
            return 1.0

    @asynccontextmanager
    async def _noting(self, image: StoredImage) -> AsyncIterator[None]:
        """Note with an image what is wrong with its file."""
        try:
            yield
        except ImageMissingError as error:
            await self._note(image, "missing", error)
            raise
        except ImageError as error:
            await self._note(image, "damaged", error)
            raise

    async def _facts(self, image: StoredImage) -> ImageFacts:
        facts = await asyncio.to_thread(self.folder.facts, image.path, image.kind)
        if facts is None:
            size_hw = (await self.content(image.path, image.kind, image.plane)).size_hw
            facts = await asyncio.to_thread(self.folder.facts, image.path, image.kind, size_hw)
        if facts is None:
            raise ImageError(f"{image.path} does not tell its size.")
        return facts

    def close(self) -> None:
        """Finish what is being written, then let everything go."""
        for host in self.hosts.values():
            host.close()
        self.pictures.close()
        self._writer.shutdown(wait=True)
        self.project.close()

    async def _note(self, image: StoredImage, status: ImageStatus, error: ClickmaskError) -> None:
        if image.status != status:
            await self.in_store(self.store.set_image_status, image.id, status, str(error))


def _replaced(image: StoredImage, size_hw: tuple[int, int]) -> str:
    assert image.facts is not None  # noqa: S101 - the caller compared them
    old, new = (MEDIA.get(image.kind).measure(size) for size in (image.facts.size_hw, size_hw))
    return (
        f"{image.path} is {new} now, but its objects were made on {old}: the file was replaced. "
        "Put the old file back, or give the new one another name."
    )
