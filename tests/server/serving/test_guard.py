"""Refusals: hosts, pages, tokens, sizes, and images that may not be fetched or opened."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.server.conftest import AUTH, TOKEN
from tests.server.serving.conftest import address_of, picture

PREDICT = {"image": address_of(picture()), "point_coords": [[20, 20]], "point_labels": [1]}
PATHS = [("GET", "/"), ("POST", "/"), ("POST", "/predict"), ("POST", "/setup"), ("POST", "/webhook"),
         ("GET", "/api/functions"), ("POST", "/api/function_invocations"), ("POST", "/api/v1/predict"),
         ("POST", "/api/v1/images"), ("GET", "/api/v1/openapi.json"), ("GET", "/versions")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nothing_is_done_without_the_token(serving: Any, method: str, path: str) -> None:
    basic = base64.b64encode(b"user:wrong").decode()
    with serving(headers={}) as client:
        wrong = ("Bearer wrong", f"Digest {TOKEN}", f"Basic {basic}", "Basic %%")
        refused = [{}, *({"Authorization": w} for w in wrong), {"Cookie": f"clickmask_8000={TOKEN}"}]
        for headers in refused:
            answer = client.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorised")
        assert client.request(method, f"/{TOKEN}x{path}").status_code == 401
        assert client.request(method, f"{path}?token={TOKEN}").status_code == 401


def test_health_alone_is_open(serving: Any) -> None:
    with serving(headers={}) as client:
        assert client.get("/health").status_code == 200


def test_without_tokens_whoever_reaches_the_port_is_let_in(serving: Any) -> None:
    with serving(headers={}, token_needed=False) as client:
        assert client.get("/api/functions").status_code == 200
        assert client.post("/api/v1/predict", json=PREDICT).status_code == 200
        assert client.get("/api/functions", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/api/functions", headers={"Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "host.docker.internal.evil.example:8000", "", "10.0.0.1:8000"])
def test_foreign_hosts_are_refused(tools: Any, host: str) -> None:
    answer = tools.post("/api/v1/predict", json=PREDICT, headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_host")


def test_further_names_are_answered_when_they_were_given(serving: Any) -> None:
    headers = {"Host": "host.docker.internal:8000"}
    with serving(names=("host.docker.internal",)) as client:
        assert client.get("/api/functions", headers=headers).status_code == 200
    with serving() as client:
        assert client.get("/api/functions", headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:8080", "null"])
def test_pages_of_other_origins_are_refused(tools: Any, origin: str) -> None:
    answer = tools.post("/predict", json={}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_origin")
    assert "access-control-allow-origin" not in answer.headers


def test_large_bodies_are_refused_with_and_without_a_length(serving: Any) -> None:
    with serving(max_body_bytes=1000) as client:
        for path in ("/", "/predict", "/api/v1/images", "/api/v1/predict", f"/{TOKEN}/predict"):
            assert client.post(path, content=b"x" * 1001).status_code == 413
            assert client.post(path, content=(b"x" * 500 for _ in range(3))).status_code == 413


def test_image_bombs_are_refused(tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKMASK_MAX_PIXELS", "1000")
    answer = tools.post("/api/v1/images", content=picture())
    assert answer.status_code == 422 and "decompression bombs" in answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg/>"])
def test_what_is_no_image_is_refused(tools: Any, content: bytes) -> None:
    answer = tools.post("/api/v1/images", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image_damaged")


def asked(client: Any, image: str) -> Any:
    return client.post("/api/v1/predict", json={**PREDICT, "image": image})


def allowed(other_host: Any) -> frozenset[str]:
    return frozenset({f"127.0.0.1:{other_host.port}"})


def test_images_are_fetched_from_allowed_hosts_alone(serving: Any, other_host: Any) -> None:
    with serving(image_hosts=allowed(other_host)) as client:
        assert asked(client, f"{other_host.url}/a.png").status_code == 200
        before = len(other_host.asked)
        for address in (
            f"http://localhost:{other_host.port}/a.png",
            f"http://127.0.0.1:{other_host.port + 1}/a.png",
            f"http://127.0.0.1@127.0.0.1:{other_host.port}/a.png",
            f"http://127.0.0.1:{other_host.port}@evil.example/a.png",
            f"https://127.0.0.1:{other_host.port}.evil.example/a.png",
            f"http://2130706433:{other_host.port}/a.png",
            f"http://[::ffff:127.0.0.1]:{other_host.port}/a.png",
            "http://127.0.0.1/a.png",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/",
            "http://127.0.0.1:99999/a.png",
            "http://[",
        ):
            answer = asked(client, address)
            assert answer.status_code == 400 and "--allow-host" in answer.json()["error"]["message"], address
        assert len(other_host.asked) == before


def test_a_host_without_a_port_means_its_usual_port(serving: Any) -> None:
    with serving(image_hosts=frozenset({"images.example"})) as client:
        sources = client.app.state.sources
        yes = (
            "http://images.example/a.png",
            "https://images.example/a.png",
            "http://images.example:80/",
            "HTTP://Images.Example/",
        )
        assert all(sources.allows(a) for a in yes)
        no = (
            "http://images.example:8080/",
            "https://images.example:80/",
            "http://sub.images.example/",
            "ftp://images.example/",
        )
        assert not any(sources.allows(a) for a in no)


def test_redirections_are_not_followed(serving: Any, other_host: Any) -> None:
    other_host.answers["/go"] = (302, b"", {"Location": f"{other_host.url}/a.png"})
    with serving(image_hosts=allowed(other_host)) as client:
        answer = asked(client, f"{other_host.url}/go")
        assert answer.status_code == 404 and "status 302" in answer.json()["error"]["message"]
        assert [path for path, _ in other_host.asked] == ["/go"]


def test_what_cannot_be_fetched_is_said(serving: Any, other_host: Any) -> None:
    other_host.answers["/text"] = (200, b"hello", {})
    other_host.answers["/large"] = (200, b"x" * 200_001, {})
    with serving(image_hosts=allowed(other_host) | {"127.0.0.1:1"}, max_body_bytes=200_000) as client:
        for path, status in (("/none", 404), ("/text", 422), ("/large", 413)):
            assert asked(client, other_host.url + path).status_code == status
        assert asked(client, "http://127.0.0.1:1/a.png").status_code == 404
        assert asked(client, f"{other_host.url}/a b.png\r\nX: y").status_code in (400, 404)


def test_files_need_a_folder_and_stay_inside(serving: Any, tools: Any, photos: Any) -> None:
    answer = asked(tools, str(photos / "deep" / "a.png"))
    assert answer.status_code == 400 and "--images DIR" in answer.json()["error"]["message"]
    with serving(images_folder=photos) as client:
        assert asked(client, str(photos / "deep" / "a.png")).status_code == 200
        for path in (
            "../private.png",
            "link.png",
            "notes.txt",
            "/etc/passwd",
            "deep",
            "deep/../../private.png",
            "x" * 5000,
        ):
            answer = asked(client, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "image_missing"), path


def test_the_openapi_description_is_behind_the_token(tools: Any) -> None:
    paths = tools.get("/api/v1/openapi.json", headers=AUTH).json()["paths"]
    assert {"/predict", "/api/function_invocations", "/api/v1/predict", "/health"} <= set(paths)
