"""Made-up photographs: coloured shapes on a noisy ground, as shards, folders and COCO files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

SIZE_HW = (72, 96)


def shapes(seed: int, size_hw: tuple[int, int] = SIZE_HW, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 image and (H, W) uint8 ids 1 ... count."""
    rng = np.random.default_rng(seed)
    height, width = size_hw
    ids = np.zeros(size_hw, dtype=np.uint8)
    image = np.full((*size_hw, 3), rng.integers(0, 90, 3), dtype=np.uint8)
    for number in range(1, count + 1):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = tuple(int(v) for v in rng.integers(min(size_hw) // 6, min(size_hw) // 3, 2))
        cv2.ellipse(ids, centre, axes, float(rng.uniform(0, 180)), 0, 360, number, -1)
    for number in range(1, count + 1):
        image[ids == number] = rng.integers(120, 255, 3)
    noisy = image + rng.normal(0, 6, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), ids


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def write_shard(path: Path, count: int = 12, first_seed: int = 0) -> Path:
    members = {}
    for i in range(count):
        image, ids = shapes(first_seed + i)
        members[f"shapes__{i:03d}.jpg"] = jpeg(image)
        members[f"shapes__{i:03d}.png"] = png(ids)
    return write_tar(path, members)


def write_folder(root: Path, count: int = 6, *, instances: bool = False) -> Path:
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(count):
        image, ids = shapes(i)
        Image.fromarray(image).save(root / f"images/photo-{i}.jpg", quality=95)
        mask = ids if instances else (ids == ids.max()).astype(np.uint8) * 255
        Image.fromarray(mask).save(root / f"masks/photo-{i}.png")
    return root


def coco_document(images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    filled = [{"id": i, "category_id": 1, **annotation} for i, annotation in enumerate(annotations)]
    return {"images": images, "annotations": filled, "categories": [{"id": 1, "name": "thing"}]}


def counts_of(mask: np.ndarray) -> list[int]:
    """Run lengths in column order, beginning with zeros."""
    runs, value, length = [], 0, 0
    for pixel in mask.ravel(order="F"):
        if bool(pixel) != bool(value):
            runs.append(length)
            value, length = not value, 0
        length += 1
    return [*runs, length]
