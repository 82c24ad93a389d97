"""A disk that is full, a folder that is moved: what was acknowledged is there afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import DiscModel, Server, Socket, running, write_image


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def clicks_of(server: Server) -> list[list[float]]:
    """Positions of all stored clicks, by object."""
    found = server.get("/images/1/objects").json()["objects"]
    return [[p["x"] for p in one["prompts"]] for one in found]


def test_a_full_disk_stops_new_clicks_and_keeps_the_old_ones(small_disk: Path) -> None:
    write_image(small_disk / "a.png")
    taken: list[float] = []
    with running(small_disk, DiscModel()) as server, server.socket() as socket:
        socket.click(10.5, 20)
        taken.append(10.5)
        fill(small_disk / "ballast")
        refused = storm(socket, taken)
        assert refused["code"] == "storage"
        assert "space" in refused["message"]
        assert clicks_of(server) == [taken], "what was acknowledged can be read while the disk is full"
        (small_disk / "ballast").unlink()
        socket.seq -= 1
        assert socket.click(40.5, 20)["type"] == "ack", "and work goes on when there is room"
        taken.append(40.5)
    with running(small_disk, DiscModel()) as server:
        assert clicks_of(server) == [taken]


def storm(socket: Socket, taken: list[float]) -> dict[str, str]:
    """Click until the first refusal; acknowledged clicks go into `taken`."""
    for number in range(400):
        x = 11.5 + number % 8 + number / 1000
        answer = socket.do("click", x=x, y=20)
        if answer["type"] != "ack":
            return answer
        taken.append(x)
    raise AssertionError("the disk never became full")


def fill(file: Path) -> None:
    """Take all the room that is left."""
    with pytest.raises(OSError, match="No space"), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"\0" * 4096)


def test_a_folder_that_is_moved_while_it_is_open_keeps_everything(folder: Path) -> None:
    moved = folder.with_name("moved")
    taken = [10.5]
    with running(folder, DiscModel()) as server, server.socket() as socket:
        socket.click(10.5, 20)
        folder.rename(moved)
        answer = socket.do("click", x=40.5, y=20)
        if answer["type"] == "ack":
            taken.append(40.5)
        assert clicks_of(server) == [taken]
    with running(moved, DiscModel()) as server:
        assert clicks_of(server) == [taken]
        assert [i["status"] for i in server.get("/images").json()["images"]] != ["missing", "missing"]
        with server.socket() as socket:
            socket.click(30.5, 20)
        assert clicks_of(server) == [[*taken, 30.5]]


def test_a_project_copied_to_another_place_opens_there(folder: Path, tmp_path: Path) -> None:
    with running(folder, DiscModel()) as server, server.socket() as socket:
        socket.click(10.5, 20)
        socket.do("finish")
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    with running(tmp_path / "copy", DiscModel()) as server:
        assert clicks_of(server) == [[10.5]]
