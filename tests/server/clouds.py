"""A server with a folder of clouds and a toy network, and points as a browser gets them."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clickmask.core.masks import RunLengthMask
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import CloudOptions
from clickmask.server.app import create_app
from clickmask.server.clouds.mind import warm
from clickmask.server.menus import CLOUDS, ModelMenu
from clickmask.server.settings import Settings
from clickmask.spatial import ply
from clickmask.spatial.cloud import Cloud
from clickmask.store.project import open_project
from clickmask.zoo.cloud_spec import CloudSpec

from .conftest import AUTH, SPECS, TOKEN, DiscModel, Server, Socket, TestClient

POSITIVE, NEGATIVE = 10, 11
SIDE, STEP = 40, 0.05
RADIUS = 6.0
"""Of the toy network's balls, in voxels of 5 cm."""


class Balls:
    """Positive within RADIUS voxels of a positive click, unless a negative one is nearer."""

    depth = 2

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    def run(self, plan: Any, channels: Any) -> Any:
        assert self.gate.wait(20)
        threshold = np.exp(-RADIUS / 8)
        return (channels[:, POSITIVE] - np.maximum(channels[:, NEGATIVE], threshold)) * 20


@dataclass
class BallModel:
    """Makes toy models for clouds; they can be held up."""

    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def build(self, name: str) -> CloudPipeline:
        return CloudPipeline(name, CloudOptions(voxel=0.05, level=False), Balls(self.gate))

    def menu(self) -> ModelMenu:
        specs = {n: CloudSpec(n, "test", "balls round the clicks", "Apache-2.0", "", "") for n in ("balls", "others")}
        return ModelMenu(self.build, warm, lambda: specs, "balls")


def sheet(side: int = SIDE) -> Cloud:
    """A level sheet of points 5 cm apart; the row of column (i, j) is i * side + j. Colour and a field of its own."""
    i, j = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    xyz = (np.stack([i, j, np.zeros_like(i)], axis=-1).reshape(-1, 3) * STEP).astype(np.float32)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, xyz.shape).astype(np.uint8)
    columns = dict(zip("xyz", xyz.T, strict=True))
    columns |= dict(zip(("red", "green", "blue"), rgb.T, strict=True))
    columns["intensity"] = rng.random(len(xyz)).astype(np.float32)
    from clickmask.spatial.columns import interpret

    return interpret(columns, "made")


def write_sheet(path: Path, labels: np.ndarray | None = None) -> Cloud:
    cloud = sheet()
    path.write_bytes(ply.serialize(cloud if labels is None else cloud.with_labels(labels)))
    return ply.parse(path.read_bytes())


@contextmanager
def running_clouds(folder: Path, model: BallModel | None = None, **settings: Any) -> Iterator[Server]:
    discs = DiscModel()
    values = {"token": TOKEN, "session": "session-of-the-tests", "model": "disc", **settings}
    menus = {CLOUDS: (model or BallModel()).menu()}
    app = create_app(Settings(**values), open_project(folder), discs.build, lambda: SPECS, menus)
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=AUTH) as client:
        yield Server(folder, discs, client)


def row(i: int, j: int) -> int:
    return i * SIDE + j


def click(socket: Socket, i: int, j: int, positive: bool = True, **values: Any) -> dict[str, Any]:
    """Click on a point of the sheet and wait for the model."""
    return socket.click(row(i, j) + 0.5, 0.5, positive, **values)


def points_of(socket: Socket, number: int) -> np.ndarray:
    """(SIDE, SIDE) bool: the object on the sheet, from its newest record."""
    record = socket.records[number]
    mask = RunLengthMask((1, SIDE * SIDE), record.box_xyxy, record.runs)
    return mask.decode().reshape(SIDE, SIDE)


@dataclass
class Chunk:
    """A chunk of points, as the protocol says."""

    number: int
    first: int
    xyz: np.ndarray
    rows: np.ndarray
    rgb: np.ndarray | None
    intensity: np.ndarray | None
    label: np.ndarray | None


def parse_chunk(data: bytes) -> Chunk:
    magic, flags, number, first, count = struct.unpack_from("<2sHIII", data)
    assert magic == b"P1"
    at = 16

    def take(kind: str, each: int = 1) -> np.ndarray:
        nonlocal at
        values = np.frombuffer(data, kind, count * each, at)
        at += -(-values.nbytes // 4) * 4
        return values.reshape(count, each) if each > 1 else values

    xyz, rows = take("<f4", 3), take("<u4")
    rgb = take("u1", 3) if flags & 1 else None
    intensity = take("u1") if flags & 2 else None
    label = take("<u4") if flags & 4 else None
    assert at == len(data)
    return Chunk(number, first, xyz, rows, rgb, intensity, label)
