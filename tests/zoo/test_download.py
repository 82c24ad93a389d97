"""Fetching published files, from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickmask.core.errors import WeightsError
from clickmask.zoo.download import CHUNK, download
from clickmask.zoo.methods import Published

CONTENT = np.random.default_rng(0).bytes(CHUNK + 12345)


@dataclass
class Server:
    """What it serves, and what it was asked."""

    url: str = ""
    cut_after: int | None = None
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            told.asked.append(asked)
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and told.ranges else 0
            if begin >= len(CONTENT):
                self.send_error(416)
                return
            body = CONTENT[begin:]
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if told.cut_after is None else body[: told.cut_after])

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told.url = f"http://127.0.0.1:{http.server_port}/weights.pth"
        yield told
        http.shutdown()
        thread.join()


def file_of(server: Server) -> Published:
    return Published("weights.pth", "made up", "MIT", server.url, sha256=hashlib.sha256(CONTENT).hexdigest())


def test_a_file_arrives_whole_with_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "folder" / "weights.pth"
    digest = download(file_of(server), target, lambda have, total: seen.append((have, total)))
    assert target.read_bytes() == CONTENT and digest == hashlib.sha256(CONTENT).hexdigest()
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT)) and len(seen) > 2
    assert [path.name for path in target.parent.iterdir()] == ["weights.pth"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_fetch_that_was_cut_off_goes_on(server: Server, tmp_path: Path, ranges: bool) -> None:
    """Where the server knows no ranges, it begins anew."""
    target = tmp_path / "weights.pth"
    server.cut_after = 1000
    with pytest.raises(WeightsError, match=r"after 1000 of \d+ bytes.* goes on from there"):
        download(file_of(server), target, lambda *_: None)
    assert not target.exists()
    server.cut_after, server.ranges = None, ranges
    download(file_of(server), target, lambda *_: None)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-"]


def test_a_fetch_that_ended_before_it_was_checked_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pth.part").write_bytes(CONTENT)
    download(file_of(server), tmp_path / "weights.pth", lambda *_: None)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT


def test_other_bytes_are_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"other bytes than were published .*expected 0000"):
        download(replace(file_of(server), sha256="0" * 64), tmp_path / "weights.pth", lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_without_a_known_checksum_the_file_s_own_is_told(server: Server, tmp_path: Path) -> None:
    digest = download(replace(file_of(server), sha256=""), tmp_path / "weights.pth", lambda *_: None)
    assert digest == hashlib.sha256(CONTENT).hexdigest()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"127.0.0.1:1/w cannot be fetched"):
        download(Published("w", "made up", "MIT", "http://127.0.0.1:1/w"), tmp_path / "w", lambda *_: None)


@pytest.mark.parametrize("url", ["", "http://example.org/w", "file:///etc/passwd", "ftp://example.org/w"])
def test_only_secure_addresses_are_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(WeightsError, match="Fetch it from the authors' page"):
        download(Published("w", "made up", "MIT", url), tmp_path / "w", lambda *_: None)
    assert list(tmp_path.iterdir()) == []
