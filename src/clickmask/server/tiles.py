"""Images that are too large to be decoded as a whole: shown in tiles, looked at by the model where a click is.

Levels that a file has itself are read from it. Those that it lacks are made once, by a process of its own in the
background, and lie in the project's cache beside it; what is there already is shown meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from clickmask.core.errors import ClickmaskError, ImageError, StorageError
from clickmask.core.frames import BoxFloat, Crop, Frame, Image, PixelSource
from clickmask.formats.levels import given_level, level_sizes, partial_levels
from clickmask.formats.pyramid import LargeImage, large_size, open_large, quick_look
from clickmask.server.errors import NotFoundError, PreparingError
from clickmask.store.values import StoredImage

T = TypeVar("T")

KIND = "photo"
"""The medium that may be shown in tiles."""
TILE = 512
"""Side of a tile."""
TILED_ABOVE = 80_000_000
"""Images with more pixels are shown in tiles: browsers refuse or shrink them."""
TILED_ABOVE_VARIABLE = "CLICKMASK_TILED_ABOVE"
"""Environment variable that overrides TILED_ABOVE, for machines with little memory."""
CACHE_BYTES = 24 * 2**30
"""Levels that are kept of all images together; the oldest go before new ones are made."""
LONGEST_REGION = 2048
_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def is_tiled(size_hw: tuple[int, int]) -> bool:
    """Whether an image of this size is shown in tiles."""
    text = os.environ.get(TILED_ABOVE_VARIABLE, "")
    return size_hw[0] * size_hw[1] > (int(text) if text.isdecimal() else TILED_ABOVE)


def in_tiles(image: StoredImage) -> bool:
    """Whether an image is shown in tiles; False while its size is not known."""
    return image.kind == KIND and image.facts is not None and is_tiled(image.facts.size_hw)


def file_in_tiles(file: Path, kind: str) -> bool:
    """The same of a file of a kind; ImageError if it is damaged."""
    return kind == KIND and is_tiled(large_size(file))


@dataclass(frozen=True)
class TileImage:
    """An encoded picture."""

    data: bytes
    media_type: str


@dataclass
class _Opened:
    """One large image.

    Attributes:
        image: what its file offers.
        folder: where levels are made.
        frame: all levels, None while they are being made.
        quick: small levels for the first seconds.
        rows: of the level that the others are made from, done so far.
        ready: resolved with the frame, or with what went wrong.
    """

    image: LargeImage
    folder: Path
    ready: asyncio.Future[Frame]
    frame: Frame | None = None
    quick: dict[int, Image] = field(default_factory=dict)
    rows: int = 0

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        return level_sizes(self.image.size_hw)

    @property
    def problem(self) -> BaseException | None:
        """Why the levels cannot be made, None if nothing is wrong."""
        return self.ready.exception() if self.ready.done() else None

    @property
    def done(self) -> float:
        """How much is made, 0 to 1."""
        return 1.0 if self.frame is not None else self.rows / self.sizes[given_level(self.image.first)][0]

    @property
    def absence(self) -> BaseException:
        """What to say of a part that is not there."""
        text = f"The image is being prepared, {self.done:.0%} are done; ask again in a moment."
        return self.problem or PreparingError(text)

    def source(self, level: int, bottom: int) -> PixelSource | None:
        """What a level is read from down to a row, None if it is not there yet."""
        if self.frame is not None:
            return self.frame.levels[level]
        if level in self.image.own:
            return self.image.own[level]
        rows = self.rows >> (level - given_level(self.image.first))
        if bottom <= rows or self.rows >= self.sizes[given_level(self.image.first)][0]:
            return partial_levels(self.folder, self.image.size_hw, self.image.first)[level - self.image.first]
        return self.quick.get(level)


class TiledImages:
    """The large images of a project. All methods belong to the event loop; reading and encoding happen in threads.

    Args:
        cache_folder: of the project.
    """

    def __init__(self, cache_folder: Path) -> None:
        self._cache = cache_folder
        self._opened: dict[str, _Opened] = {}
        self._opening: dict[str, asyncio.Task[_Opened]] = {}
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="tiles")
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="levels")
        self._process: subprocess.Popen[str] | None = None
        self.on_progress: Callable[[str, float], None] = lambda _name, _done: None

    async def frame(self, name: str, file: Path) -> Frame:
        """All levels of an image, once they are made.

        Args:
            name: of the image and its state: another one once the file changes.
            file: the image.

        Raises:
            ImageError: it is damaged.
            StorageError: the disk has no room for its levels.
        """
        return await asyncio.shield((await self._open(name, file)).ready)

    async def done(self, name: str, file: Path) -> float:
        """How much of an image is prepared, 0 to 1; begins to prepare it, also where that has failed before."""
        known = self._opened.get(name)
        if known is not None and known.problem is not None:
            del self._opened[name], self._opening[name]
        return (await self._open(name, file)).done

    async def tile(self, name: str, file: Path, level: int, column: int, row: int) -> TileImage:
        """The tile of a level; at the right and the lower edge it is cut.

        Raises:
            NotFoundError: there is no such tile.
            PreparingError: it is not made yet.
        """
        opened = await self._open(name, file)
        if not 0 <= level < len(opened.sizes):
            raise NotFoundError(f"There is no level {level}; this image has levels 0 to {len(opened.sizes) - 1}.")
        height, width = opened.sizes[level]
        left, top = column * TILE, row * TILE
        if not (0 <= left < width and 0 <= top < height):
            raise NotFoundError(f"There is no tile {column}, {row} on level {level}.")
        right, bottom = min(left + TILE, width), min(top + TILE, height)
        source = opened.source(level, bottom)
        if source is None:
            raise opened.absence
        exact = level == 0 and file.suffix.lower() not in _LOSSY
        return await self._in_thread(lambda: encoded(source[top:bottom, left:right], exact))

    async def region(self, name: str, file: Path, box_xyxy: BoxFloat, side: int) -> TileImage:
        """A part of an image as a picture of at most `side` pixels; PreparingError while it is not made."""
        opened = await self._open(name, file)
        frame = opened.frame
        if frame is None:
            raise opened.absence
        return await self._in_thread(lambda: region_of(frame, box_xyxy, side))

    async def thumb(self, name: str, file: Path) -> Image | None:
        """The smallest level, None while it is not there; prepares nothing."""
        opened = self._opened.get(name)
        if opened is None:
            image = await self._in_thread(lambda: open_large(file))
            frame = await self._in_thread(lambda: image.frame(self._folder(name)))
            source = None if frame is None else frame.levels[-1]
        else:
            source = opened.source(len(opened.sizes) - 1, opened.sizes[-1][0])
        return None if source is None else await self._in_thread(lambda: source[:, :])

    def close(self) -> None:
        """Stop what is being made."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        for executor in (self._readers, self._maker):
            executor.shutdown(wait=False, cancel_futures=True)

    async def _open(self, name: str, file: Path) -> _Opened:
        if name not in self._opening:
            task = asyncio.get_running_loop().create_task(self._begin(name, file))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._opening[name] = task
        try:
            return await asyncio.shield(self._opening[name])
        except ClickmaskError:
            self._opening.pop(name, None)
            raise

    async def _begin(self, name: str, file: Path) -> _Opened:
        """See what there is of an image, and have the rest made."""
        folder = self._folder(name)
        image = await self._in_thread(lambda: open_large(file))
        opened = _Opened(image, folder, asyncio.get_running_loop().create_future())
        opened.ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        opened.frame = await self._in_thread(lambda: image.frame(folder))
        self._opened[name] = opened
        if opened.frame is not None:
            opened.ready.set_result(opened.frame)
            return opened
        looking = asyncio.get_running_loop().create_task(self._look(name, opened))
        looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        work = asyncio.get_running_loop().run_in_executor(self._maker, self._make, name, opened)
        work.add_done_callback(lambda done: self._made(name, opened, done))
        return opened

    async def _look(self, name: str, opened: _Opened) -> None:
        """Have something to show in the first seconds."""
        opened.quick = await self._in_thread(lambda: quick_look(opened.image))
        self.on_progress(name, min(opened.done, 0.99))

    def _made(self, name: str, opened: _Opened, work: asyncio.Future[Frame]) -> None:
        """In the event loop: the levels are there, or will not be."""
        if work.cancelled() or opened.ready.done():
            return
        problem = work.exception()
        if problem is None:
            opened.frame, opened.quick = work.result(), {}
            opened.ready.set_result(opened.frame)
        else:
            opened.ready.set_exception(problem)
        self.on_progress(name, 1.0)

    def _make(self, name: str, opened: _Opened) -> Frame:
        """In the maker's thread: run the process and follow its progress."""
        loop = opened.ready.get_loop()
        self._make_room(opened)
        command = [sys.executable, "-m", "clickmask.formats.pyramid", str(opened.image.file), str(opened.folder)]
        with subprocess.Popen(  # noqa: S603 - our own module, paths of the project
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            self._process = process
            assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes
            for line in process.stdout:
                before, opened.rows = opened.done, int(line)
                if int(before * 50) != int(opened.done * 50):
                    with suppress(RuntimeError):  # the loop may be closed by now
                        loop.call_soon_threadsafe(self.on_progress, name, min(opened.done, 0.99))
            problem = process.stderr.read().strip()
        status = process.returncode
        frame = opened.image.frame(opened.folder)
        if status != 0 or frame is None:
            shutil.rmtree(opened.folder, ignore_errors=True)
            reason = problem.splitlines()[-1] if problem else f"the helper process ended with status {status}"
            kind = StorageError if "Free some" in reason else ImageError
            raise kind(f"{opened.image.file.name} cannot be prepared: {reason}")
        return frame

    def _make_room(self, opened: _Opened) -> None:
        """Drop the levels of the images that were opened longest ago, while all are too many."""
        kept = {entry.folder for entry in self._opened.values() if entry is not opened}
        found = [f for f in self._cache.glob("levels-*") if f.is_dir()]
        sizes = {f: sum(part.stat().st_size for part in f.iterdir()) for f in found}
        for folder in sorted(found, key=lambda f: f.stat().st_mtime):
            if sum(sizes.values()) <= CACHE_BYTES:
                return
            if folder not in kept and folder != opened.folder:
                shutil.rmtree(folder, ignore_errors=True)
                sizes.pop(folder)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def _folder(self, name: str) -> Path:
        return self._cache / f"levels-{name}"


def region_of(frame: Frame, box_xyxy: BoxFloat, side: int) -> TileImage:
    """A part of an image as a JPEG whose longer side has at most `side` pixels; it is never blown up."""
    x0, y0, x1, y1 = box_xyxy
    scale = min(side / max(x1 - x0, y1 - y0), 1.0)
    size_hw = max(round((y1 - y0) * scale), 1), max(round((x1 - x0) * scale), 1)
    return encoded(frame.crop(Crop(box_xyxy, size_hw)).pixels, False)


def encoded(pixels: Image, exact: bool) -> TileImage:
    """Pixels as a PNG, if they must be exact, else as a JPEG."""
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    data = cv2.imencode(".png" if exact else ".jpg", bgr, _PNG if exact else _JPEG)[1]
    return TileImage(data.tobytes(), "image/png" if exact else "image/jpeg")
