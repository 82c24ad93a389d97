"""A disk that is full, a folder that is moved: what was acknowledged is there afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clickmask.core.errors import StorageError
from clickmask.store.project import open_project

from ..conftest import Command
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


def test_an_export_on_a_full_disk_is_refused_and_leaves_nothing_half(small_disk: Path) -> None:
    write_image(small_disk / "a.png")
    with running(small_disk, DiscModel()) as server, server.socket() as socket:
        socket.click(10.5, 20)
        socket.do("finish")
        fill(small_disk / "ballast")
        answer = server.post("/export", {"format": "coco"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage")
        assert "room" in answer.json()["error"]["message"] or "space" in answer.json()["error"]["message"]
        assert list((small_disk / ".clickmask" / "export").iterdir()) == []
        (small_disk / "ballast").unlink()
        assert server.post("/export", {"format": "coco"}).status_code == 200


def test_what_a_killed_export_left_is_gone_at_the_next_start(folder: Path) -> None:
    left = folder / ".clickmask" / "export" / ".unfinished-coco-20260101-000000"
    left.mkdir(parents=True)
    (left / "annotations.json").write_text("{")
    left.with_name(f"{left.name}.zip").write_bytes(b"PK")
    with running(folder, DiscModel()):
        assert list(left.parent.iterdir()) == []


def test_images_that_may_not_be_written_are_annotated_with_a_project_elsewhere(
    small_disk: Path, tmp_path: Path, clickmask_command: Command
) -> None:
    write_image(small_disk / "a.png")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused = clickmask_command("annotate", small_disk, "--no-browser", "--port", 0)
    assert refused.status == 2
    assert str(small_disk / ".clickmask") in refused.err.replace("\n", "")
    assert "--project DIR" in refused.err
    with running(small_disk, DiscModel(), project=tmp_path / "work") as server, server.socket() as socket:
        assert server.get("/images/1/display").status_code == 200
        assert server.get("/images/1/thumb").status_code == 200
        socket.click(10.5, 20)
        socket.do("finish")
        report = server.post("/export", {"format": "labelme"}).json()
        assert report["folder"].startswith(str(tmp_path / "work"))
    assert [f.name for f in small_disk.iterdir()] == ["a.png"]


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_project_file_that_was_cut_off_is_refused_with_what_to_do(folder: Path, part: float) -> None:
    with running(folder, DiscModel()) as server, server.socket() as socket:
        for number in range(20):
            socket.click(10.5 + number, 20)
    file = folder / ".clickmask" / "project.db"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * part)])
    cut = file.read_bytes()
    with pytest.raises(StorageError, match=r"project\.db is damaged: move it away and restore a copy"):
        open_project(folder)
    assert file.read_bytes() == cut, "nothing is written into what may still be rescued"


def test_a_write_ahead_log_that_was_cut_off_keeps_all_that_was_whole(folder: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    taken = [10.5 + number for number in range(12)]
    with running(folder, DiscModel()) as server, server.socket() as socket:
        for x in taken:
            socket.click(x, 20)
        shutil.copytree(folder, torn)  # as after a kill: what was committed last stands in the log alone
    log = torn / ".clickmask" / "project.db-wal"
    whole = log.read_bytes()
    kept: list[int] = []
    for part in (1.0, 0.8, 0.5, 0.0):
        again = tmp_path / f"again-{part}"
        shutil.copytree(torn, again)
        (again / ".clickmask" / log.name).write_bytes(
            whole[: int(len(whole) * part)] + b"\x5a" * (100 if part < 1 else 0)
        )
        with running(again, DiscModel()) as server:
            clicks = clicks_of(server)
            assert clicks in ([], [taken[: len(clicks[0]) if clicks else 0]])
            kept.append(sum(map(len, clicks)))
    assert kept[0] == len(taken)
    assert kept == sorted(kept, reverse=True)


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
