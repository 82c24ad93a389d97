from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import write_image

from clickmask.cli.annotate import annotate, data_folder
from clickmask.core.errors import ImageError, InputError, StorageError, UnknownNameError
from clickmask.server.run import address, is_local, listen

COMMAND = [sys.executable, "-m", "clickmask", "annotate", "--no-browser", "--model", "flood"]


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen, str]]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*COMMAND, *arguments], env={**os.environ, **environment}, **pipes)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield process, found.group()
    finally:
        process.kill()
        process.communicate()


def test_a_folder_is_served_locked_and_let_go(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    with started(str(tmp_path), "--port", "0") as (process, url):
        with httpx.Client(follow_redirects=True) as browser:
            assert browser.get(url).url.query == b""
            base = url.partition("?")[0]
            assert browser.get(f"{base}api/v1/images").json()["images"][0]["name"] == "a.png"
        second = subprocess.run([*COMMAND, str(tmp_path)], check=False, capture_output=True, text=True, timeout=60)
        assert second.returncode != 0
        assert f"process {process.pid}" in second.stderr
        assert "--project DIR" in second.stderr
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, "Everything is saved" in errors) == (0, True)
        assert "Traceback" not in errors


def test_without_a_path_the_sample_opens_in_the_users_data_folder(tmp_path: Path) -> None:
    with started("--port", "0", XDG_DATA_HOME=str(tmp_path)) as (_, url):
        base, _, token = url.partition("?token=")
        headers = {"Authorization": f"Bearer {token}"}
        images = httpx.get(f"{base}api/v1/images", headers=headers).json()["images"]
    kept = tmp_path / "clickmask" / "sample-project"
    assert (kept / "project.db").exists()
    assert [(image["name"], image["kind"]) for image in images] == [("coffee.jpg", "photo"), ("table.ply", "cloud")]
    assert all((kept / "images" / image["name"]).exists() for image in images)


@pytest.mark.skipif(sys.platform != "linux", reason="the rule of this system")
def test_the_data_folder_follows_the_system(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "clickmask"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_folder() == Path.home() / ".local" / "share" / "clickmask"


def test_inputs_that_cannot_be_annotated_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        annotate(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no image in"):
        annotate(tmp_path, model="flood")
    with pytest.raises(UnknownNameError, match="flood"):
        annotate(tmp_path, model="fload")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ImageError, match="no image or point cloud"):
        annotate(tmp_path / "notes.txt")
    (tmp_path / "broken.png").write_bytes(b"junk")
    with pytest.raises(ImageError):
        annotate(tmp_path / "broken.png")


def test_a_project_that_cannot_be_written_names_the_option(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="--project DIR"):
        annotate(tmp_path, project=tmp_path / "file", port=0, model="flood")


def test_one_image_alone_is_the_start(folder, restart) -> None:
    with restart(only_path="b.png") as server:
        images = server.get("/images").json()["images"]
        assert [i["name"] for i in images] == ["b.png"]
        assert server.get("/project").json()["start_image"] == images[0]["id"]


def test_a_port_in_use_is_an_error_if_asked_for_and_skipped_if_not() -> None:
    with listen("127.0.0.1", 0, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"Port {port} .*in use"):
            listen("127.0.0.1", port, 0)
        with listen("127.0.0.1", port, 3) as other:
            assert other.getsockname()[1] != port


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match="--host"):
        listen("192.0.2.1", 0, 0)


@pytest.mark.parametrize(
    ("host", "shown", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:80", True),
        ("::1", "http://[::1]:80", True),
        ("localhost", "http://localhost:80", True),
        ("0.0.0.0", f"http://{socket.gethostname()}:80", False),
        ("192.168.1.2", "http://192.168.1.2:80", False),
    ],
)
def test_addresses(host: str, shown: str, local: bool) -> None:
    assert address(host, 80) == shown
    assert is_local(host) is local
