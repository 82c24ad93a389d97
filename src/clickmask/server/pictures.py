"""Files as the model and the browser need them: opened once, kept for a while, the next one read ahead."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import ImageError, InputError, StorageError
from clickmask.core.frames import BoxFloat, Frame
from clickmask.server.errors import ImageMissingError, NotFoundError, TooLargeError
from clickmask.server.folder import ImageFolder
from clickmask.server.media import MEDIA
from clickmask.server.media.medium import DISPLAY, Opened
from clickmask.server.tiles import TiledImages, TileImage, file_in_tiles, in_tiles, region_of
from clickmask.store.values import FileStamp, StoredImage

FRAMES_KEPT = 3
"""Decoded images kept: the open one and its neighbours; 48 MB each at 12 megapixels."""
FRAME_BYTES_KEPT = 2**30
"""Fewer are kept if they are larger than this together."""
THUMB_SIDE = 192
_THUMB_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]


@dataclass(frozen=True)
class Picture:
    """A file to send, with its media type and a tag that changes with its content."""

    file: Path
    media_type: str
    etag: str


class Pictures:
    """Opened files, display pictures and thumbnails of what is in a folder."""

    def __init__(self, folder: ImageFolder, cache_folder: Path) -> None:
        self._folder = folder
        self._cache = cache_folder
        self.tiled = TiledImages(cache_folder)
        self._frames: OrderedDict[tuple[str, FileStamp], asyncio.Task[Opened]] = OrderedDict()
        # One thread for what the model works on, so that thumbnails of a thousand images cannot hold them up.
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._converter = ThreadPoolExecutor(1, thread_name_prefix="convert")

    async def opened(self, path: str, kind: str) -> Opened:
        """The content of a file of a kind.

        Raises:
            ImageMissingError: the file is gone.
            ImageError: it cannot be decoded.
        """
        key = (path, self._folder.stamp(path))
        if key not in self._frames:
            self._frames[key] = asyncio.get_running_loop().create_task(self._open(path, kind))
            self._frames[key].add_done_callback(lambda task: task.cancelled() or task.exception())
        self._frames.move_to_end(key)
        while len(self._frames) > FRAMES_KEPT or (len(self._frames) > 1 and self._bytes() > FRAME_BYTES_KEPT):
            self._frames.popitem(last=False)
        try:
            return await asyncio.shield(self._frames[key])
        except ImageError:
            self._frames.pop(key, None)
            raise

    def prefetch(self, path: str, kind: str) -> None:
        """Begin to open a file that will be wanted soon; a problem shows when it is."""
        task = asyncio.get_running_loop().create_task(self._prefetch(path, kind))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _prefetch(self, path: str, kind: str) -> None:
        if not await asyncio.to_thread(file_in_tiles, self._folder.file(path), kind):
            await self.opened(path, kind)

    async def preparing(self, image: StoredImage) -> float:
        """How much of an image that is shown in tiles is prepared, 0 to 1; begins to prepare it."""
        return await self.tiled.done(self._tag(image.path), self._folder.file(image.path))

    async def tile(self, image: StoredImage, level: int, column: int, row: int) -> TileImage:
        """A tile of a large image; raises as `TiledImages.tile`, NotFoundError for one that is not shown in tiles."""
        if not in_tiles(image):
            raise NotFoundError(f"{image.path} is not shown in tiles; see /display.")
        return await self.tiled.tile(self._tag(image.path), self._folder.file(image.path), level, column, row)

    async def region(self, image: StoredImage, box: BoxFloat, side: int) -> TileImage:
        """A part of an image as a JPEG whose longer side has at most `side` pixels."""
        if in_tiles(image):
            return await self.tiled.region(self._tag(image.path), self._folder.file(image.path), box, side)
        frame = await self.opened(image.path, image.kind)
        if not isinstance(frame, Frame):
            raise InputError(f"{image.path} is one of the {MEDIA.get(image.kind).title}, which have no picture.")
        return await asyncio.get_running_loop().run_in_executor(self._converter, region_of, frame, box, side)

    def is_tagged(self, path: str, tag: str) -> bool:
        """Whether a file is there and has this tag."""
        try:
            return self._tag(path) == tag
        except ImageMissingError:
            return False

    def tag(self, image: StoredImage) -> str:
        """Changes with the content of the file."""
        return self._tag(image.path)

    async def display(self, image: StoredImage) -> Picture:
        """The picture for the canvas: the file itself where every browser shows it right, else a converted copy.

        Raises:
            TooLargeError: the image is shown in tiles.
        """
        if in_tiles(image):
            raise TooLargeError("This image is too large for one picture; it is shown in tiles, see /tiles.")
        return await asyncio.get_running_loop().run_in_executor(self._converter, self._display, image)

    async def thumb(self, image: StoredImage) -> Picture:
        """A small JPEG; grey while a large image has not been opened."""
        loop = asyncio.get_running_loop()
        file, tag = self._folder.file(image.path), self._tag(image.path)
        target = self._cache / f"thumb-{image.id}-{tag}.jpg"
        if not target.exists() and await asyncio.to_thread(file_in_tiles, file, image.kind):
            small = await self.tiled.thumb(tag, file)
            if small is None:
                target = self._cache / "thumb-none.jpg"
                small = np.full((THUMB_SIDE, THUMB_SIDE, 3), 128, dtype=np.uint8)
            await loop.run_in_executor(self._converter, _write, target, _shrunk(small), _THUMB_JPEG)
            return Picture(target, "image/jpeg", target.stem)
        return await loop.run_in_executor(self._converter, self._thumb, image)

    def close(self) -> None:
        """Let the threads go."""
        for executor in (self._decoder, self._converter):
            executor.shutdown(wait=False, cancel_futures=True)
        self.tiled.close()

    def _bytes(self) -> int:
        """Size of the frames that are decoded; those under way count at the next call."""
        done = [t for t in self._frames.values() if t.done() and not t.cancelled() and t.exception() is None]
        return sum(task.result().nbytes for task in done)

    async def _open(self, path: str, kind: str) -> Opened:
        file = self._folder.file(path)
        if await asyncio.to_thread(file_in_tiles, file, kind):
            return await self.tiled.frame(self._tag(path), file)
        return await asyncio.get_running_loop().run_in_executor(self._decoder, MEDIA.get(kind).open, file)

    def _display(self, image: StoredImage) -> Picture:
        medium = MEDIA.get(image.kind)
        if DISPLAY not in medium.offers:
            raise InputError(f"{image.path} is one of the {medium.title}, of which there is no picture for a canvas.")
        file, tag = self._folder.file(image.path), self._tag(image.path)
        media_type = medium.browser_type(file)
        if media_type is not None:
            return Picture(file, media_type, tag)
        lossy = file.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif")
        target = self._cache / f"display-{image.id}-{tag}{'.jpg' if lossy else '.png'}"
        if not target.exists():
            _write(target, medium.picture(file), [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_PNG_COMPRESSION, 1])
        return Picture(target, "image/jpeg" if lossy else "image/png", tag)

    def _thumb(self, image: StoredImage) -> Picture:
        file, tag = self._folder.file(image.path), self._tag(image.path)
        target = self._cache / f"thumb-{image.id}-{tag}.jpg"
        if not target.exists():
            small = _shrunk(MEDIA.get(image.kind).thumb(file, THUMB_SIDE))
            _write(target, small, _THUMB_JPEG)
        return Picture(target, "image/jpeg", f"t{tag}")

    def _tag(self, path: str) -> str:
        stamp = self._folder.stamp(path)
        text = f"{path}|{stamp.size}|{stamp.modified}"
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _shrunk(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = min(1.0, THUMB_SIDE / max(height, width))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _write(target: Path, rgb: NDArray[np.uint8], options: list[int]) -> None:
    """Write beside and rename, so that no half picture is ever sent."""
    part = target.with_name(f".{target.name}")
    data = cv2.imencode(target.suffix, rgb[:, :, ::-1], options)[1].tobytes()
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}. Free some space on the disk.") from error
