from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from tests.server.conftest import AUTH, TOKEN, write_image

from clickmask.server.guard import POLICY

WS = "ws://127.0.0.1:8000/api/v1/images/1/live"


@pytest.fixture
def stranger(server):
    """The same server, asked without the token."""
    del server.http.headers["Authorization"]
    return server


def closed_with(http, headers: dict[str, str]) -> int:
    with http.websocket_connect(WS, headers=headers) as session:
        return session.receive()["code"]


@pytest.mark.parametrize(
    "path", ["/api/v1/images", "/api/v1/project", "/api/v1/images/1/display", "/api/v1/openapi.json"]
)
def test_nothing_is_told_without_the_token(stranger, path: str) -> None:
    answer = stranger.http.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorised"
    wrong = {"Authorization": "Bearer wrong"}
    assert stranger.http.get(path, headers=wrong).status_code == 401


def test_health_needs_no_token_and_the_page_says_what_to_do(stranger) -> None:
    assert stranger.http.get("/api/v1/health").status_code == 200
    page = stranger.http.get("/")
    assert page.status_code == 401
    assert "token" in page.text


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(stranger) -> None:
    answer = stranger.http.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert stranger.http.get("/api/v1/images").status_code == 200
    assert stranger.http.get("/?token=wrong", headers={"Cookie": ""}, follow_redirects=False).status_code != 303


def test_the_token_counts_in_the_address_of_the_page_alone(stranger) -> None:
    assert stranger.http.get(f"/api/v1/images?token={TOKEN}").status_code == 401


def test_the_socket_needs_the_token_too(stranger) -> None:
    assert closed_with(stranger.http, {}) == 4401
    assert closed_with(stranger.http, {"Cookie": "clickmask_8000=guess"}) == 4401
    with stranger.http.websocket_connect(WS, headers={"Cookie": "clickmask_8000=session-of-the-tests"}) as session:
        session.send_json({"type": "open", "client": "client-a"})
        assert session.receive_json()["type"] == "ready"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "[", "10.0.0.1:8000"])
def test_foreign_hosts_are_refused(server, host: str) -> None:
    answer = server.http.get("/api/v1/images", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_host")
    assert closed_with(server.http, {**AUTH, "Host": host}) == 4403


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_own_hosts_are_answered(server, host: str) -> None:
    assert server.http.get("/api/v1/images", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "http://127.0.0.1"])
def test_foreign_origins_are_refused(server, origin: str) -> None:
    answer = server.post("/images/1/undo", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_origin")
    assert closed_with(server.http, {**AUTH, "Origin": origin}) == 4403


def test_the_own_origin_is_answered(server) -> None:
    assert server.get("/images", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


def test_listening_everywhere_takes_addresses_but_no_foreign_names(restart) -> None:
    with restart(host="0.0.0.0") as server:
        assert server.http.get("/api/v1/images", headers={"Host": "192.168.1.7:8000"}).status_code == 200
        assert server.http.get("/api/v1/images", headers={"Host": "rebound.example:8000"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/v1/images", "/api/v1/nothing", "/static/nothing.js"])
def test_every_answer_carries_the_policy(server, path: str) -> None:
    headers = server.http.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_static_files_stay_in_their_folder(restart, tmp_path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    (static / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    with restart(static_folder=static) as server:
        assert server.http.get("/static/app.js").text == "1"
        for path in ("..%2fsecret.txt", "%2e%2e/secret.txt", "link.txt", "..%5csecret.txt", "/etc/passwd", ""):
            answer = server.http.get(f"/static/{path}")
            assert answer.status_code == 404
            assert "secret" not in answer.text.replace("secret.txt", "")


def test_a_missing_client_says_how_to_build_it(restart, tmp_path) -> None:
    with restart(static_folder=tmp_path / "nowhere") as server:
        answer = server.http.get("/")
        assert answer.status_code == 503
        assert "make web" in answer.text


def test_links_out_of_the_folder_are_not_listed_and_not_followed(folder, restart, tmp_path) -> None:
    write_image(tmp_path / "private" / "p.png")
    (folder / "link.png").symlink_to(tmp_path / "private" / "p.png")
    (folder / "linked").symlink_to(tmp_path / "private")
    with restart() as server:
        assert [i["name"] for i in server.get("/images").json()["images"]] == ["a.png", "b.png"]
        (folder / "a.png").unlink()
        (folder / "a.png").symlink_to(tmp_path / "private" / "p.png")
        for what in ("display", "thumb"):
            assert server.get(f"/images/1/{what}").json()["error"]["code"] == "image_missing"


def test_large_bodies_are_refused_with_and_without_a_length(restart) -> None:
    with restart(max_body_bytes=1000, max_upload_bytes=2000) as server:
        for path, size in (("/api/v1/export", 1001), ("/api/v1/import", 2001)):
            answer = server.http.post(path, content=b"x" * size)
            assert answer.json()["error"]["code"] == "too_large"
            chunks = (b"x" * 500 for _ in range(size // 500 + 1))
            answer = server.http.post(path, content=chunks)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(server, data: bytes):
    return server.http.post("/api/v1/import", files={"file": ("x.zip", data)}, data={"format": "coco"})


@pytest.mark.parametrize("name", ["../escape.json", "/escape.json", "a/../../escape.json", "..\\escape.json"])
def test_zips_may_not_write_outside(server, name: str) -> None:
    answer = send(server, zipped({name: b"{}"}))
    assert answer.status_code == 400
    assert not (server.folder.parent / "escape.json").exists()
    assert not Path("/escape.json").exists()


def test_zips_may_not_hold_links(server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("annotations.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert "unsafe path" in send(server, buffer.getvalue()).json()["error"]["message"]


def test_decompression_bombs_are_refused(restart) -> None:
    with restart(max_unpacked_bytes=100_000) as server:
        bomb = zipped({"annotations.json": b" " * 10_000_000})
        assert len(bomb) < 20_000
        assert send(server, bomb).json()["error"]["code"] == "too_large"
        lying = bomb.replace((10_000_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
        assert send(server, lying).status_code in (400, 413)


def test_image_bombs_are_refused(server, monkeypatch) -> None:
    monkeypatch.setenv("CLICKMASK_MAX_PIXELS", "1000")
    answer = server.get("/images/1/display")
    assert answer.status_code == 422
    assert "decompression bombs" in answer.json()["error"]["message"]
