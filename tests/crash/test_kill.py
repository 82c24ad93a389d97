"""A storm of every tool against a server that is killed again and again: what was acknowledged is there, undo works."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial.cloud import Cloud

from .storm import Address, Life, Maker, Nursery, any_command, cloud_command, is_whole, opened

KILLS, CLOUD_KILLS = 50, 15
TOOLS = {
    "click", "box", "scribble", "lasso", "paint", "polygon", "wand", "finish", "undo", "redo", "shape", "split",
    "combine", "threshold", "next", "remove", "discard", "reopen", "patch", "delete", "import",
}  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to start fifty servers quickly"),
]


@dataclass(frozen=True)
class Stored:
    """A line of the project's log."""

    object_id: int | None
    client: str
    seq: int | None
    kind: str
    payload: dict[str, Any]


def stored_events(folder: Path) -> list[Stored]:
    """What the database holds, read behind the server's back."""
    connection = sqlite3.connect(folder / ".clickmask" / "project.db")
    query = "SELECT object_id, client, client_seq, kind, payload FROM event WHERE image_id = 1 ORDER BY id"
    try:
        rows = connection.execute(query).fetchall()
    finally:
        connection.close()
    found = [Stored(*row[:4], json.loads(row[4])) for row in rows]
    return [event for event in found if event.client != "model"]


def tiles(folder: Path, rng: np.random.Generator) -> Path:
    """A folder with one image of coloured tiles."""
    folder.mkdir()
    colours = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
    Image.fromarray(colours).save(folder / "tiles.png")
    return folder


def state_of(address: Address) -> dict[str, Any]:
    """Everything that a person could see of the image and its past."""
    held = address.get("/images/1/objects")
    steps = [(e["kind"], e["label"], e["applied"]) for e in address.get("/images/1/history")["entries"]]
    return {**held, "masks": address.ask("GET", "/images/1/masks"), "steps": steps}


def mirror(nursery: Nursery, folder: Path, events: list[Stored], lives: list[Life]) -> Address:
    """A server that nobody kills, to which was done what is stored, one command after the other."""
    nursery.kill()
    (folder / ".clickmask").rename(folder.parent / "project of the storm")
    address = nursery.start(folder)
    address.ask("PATCH", "/project", {"policy": "overlap"})
    sent = {seq: command for life in lives for seq, command in life.sent.items()}
    existing: set[int] = set()
    for number, event in enumerate(events):
        if event.kind == "import":
            address.take_in()
            existing |= {o["id"] for o in address.get("/images/1/objects")["objects"]}
        else:
            assert event.seq is not None
            command = {k: v for k, v in sent[event.seq].items() if k not in ("seq", "object")}
            if event.object_id in existing:
                command["object"] = event.object_id
            answer = address.ask("POST", "/images/1/commands", {**command, "client": f"mirror-{number:06}"})
            existing |= {o["id"] for o in json.loads(answer)["objects"]}
    return address


def storm(nursery: Nursery, folder: Path, kills: int, make: Maker, rng: np.random.Generator) -> list[Life]:
    """Lives of a server, each ended by a kill; after each everything acknowledged so far is stored."""
    lives: list[Life] = []
    for _ in range(kills):
        address = nursery.start(folder)
        address.ask("PATCH", "/project", {"policy": "overlap"})  # no answer depends on when another came
        with opened(address) as socket:
            life = Life(address, socket)
            ready = life.until("ready")
            life.check_masks(lives[-1] if lives else None)
            life.rage(rng, ready["last_seq"], make, partial(os.kill, address.pid, signal.SIGKILL))
        nursery.kill()
        lives.append(life)
        events = stored_events(folder)
        acknowledged = {seq for one in lives for seq, reply in one.replies.items() if reply == "ack"}
        assert acknowledged <= {event.seq for event in events}
        assert sum(one.imports for one in lives) <= sum(event.kind == "import" for event in events)
    return lives


def test_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    folder = tiles(tmp_path / "storm", rng)
    nursery = Nursery()
    try:
        lives = storm(nursery, folder, KILLS, any_command, rng)
        address = nursery.start(folder)
        exports = [name for life in lives for name in life.exports]
        assert all(is_whole(address.ask("GET", f"/exports/{name}.zip")) for name in exports)
        with opened(address) as socket:  # the model answers what it still owes
            last = Life(address, socket)
            last.until("ready")
            last.check_masks(lives[-1])
        survived, events = state_of(address), stored_events(folder)
        address = mirror(nursery, folder, events, lives)
        assert state_of(address) == survived
    finally:
        nursery.close()
    assert len({event.kind.split("_")[0] for event in events} & TOOLS) > len(TOOLS) * 2 / 3


def test_clicks_on_a_cloud_survive_kills_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "storm"
    folder.mkdir()
    i, j = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    places = np.stack([i, j, np.zeros_like(i)], axis=-1).reshape(-1, 3) * 0.05
    write_cloud(folder / "sheet.ply", Cloud(places.astype(np.float32)))
    nursery = Nursery()
    try:
        lives = storm(nursery, folder, CLOUD_KILLS, cloud_command, np.random.default_rng(12))
        survived, events = prompts_of(nursery.start(folder)), stored_events(folder)
        address = mirror(nursery, folder, events, lives)
        assert prompts_of(address) == survived
    finally:
        nursery.close()


def prompts_of(address: Address) -> list[tuple[int, str, list[Any]]]:
    """What a person has done: objects compete for points, so their masks depend on when the model answered."""
    return [(o["id"], o["state"], o["prompts"]) for o in address.get("/images/1/objects")["objects"]]
