"""Images that are too large for one picture: tiles, their preparation in the background, and clicks on them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from clickmask.server import tiles
from clickmask.server.folder import ImageFolder

from .conftest import DiscModel, Server, running, write_image

HEIGHT, WIDTH = 700, 1100


def picture() -> np.ndarray:
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    return np.dstack(
        [rows * 255 // HEIGHT + 0 * columns, columns * 255 // WIDTH + 0 * rows, (rows + columns) % 256]
    ).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(tiles.TILED_ABOVE_VARIABLE, "100000")
    photos = tmp_path / "photos"
    photos.mkdir()
    tifffile.imwrite(photos / "a.tif", picture(), photometric="rgb", tile=(128, 128), compression="zlib")
    Image.fromarray(picture()).save(photos / "b.png")
    Image.fromarray(picture()).save(photos / "c.jpg", quality=95)
    write_image(photos / "d.png", 1)
    return photos


@pytest.fixture(autouse=True)
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images have their numbers in the order of their names, whatever order the folder lists them in."""
    files = ImageFolder._files
    monkeypatch.setattr(ImageFolder, "_files", lambda self: iter(sorted(files(self))))


@pytest.fixture
def server(folder: Path, model: DiscModel) -> Iterator[Server]:
    with running(folder, model) as started:
        yield started


def decoded(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def when_there(ask: Callable[[], Any]) -> Any:
    """The answer, once the image is prepared."""
    for _ in range(600):
        answer = ask()
        if answer.status_code not in (204, 409):
            return answer
        assert answer.status_code == 204 or answer.json()["error"]["code"] == "preparing"
        time.sleep(0.05)
    raise AssertionError("The image was never prepared.")


def test_an_image_says_that_it_is_shown_in_tiles(server: Server) -> None:
    assert server.get("/images/1").json()["tiles"] is None, "nobody has looked at it"
    assert server.get("/images/1?look=true").json()["tiles"] == {"side": 512, "levels": 2}
    with server.socket(1) as socket:
        assert socket.ready["image"]["tiles"] == {"side": 512, "levels": 2}
    with server.socket(4) as socket:
        assert socket.ready["image"]["tiles"] is None


def test_tiles_of_a_file_with_tiles_are_there_at_once(server: Server) -> None:
    whole = picture()
    first = server.get("/images/1/tiles/0/0/0")
    assert first.headers["content-type"] == "image/png", "exact where the file is"
    np.testing.assert_array_equal(decoded(first), whole[:512, :512])
    np.testing.assert_array_equal(decoded(server.get("/images/1/tiles/0/2/1")), whole[512:, 1024:])
    small = decoded(server.get("/images/1/tiles/1/0/0"))
    assert small.shape == (350, 512, 3) and np.abs(small.astype(int) - whole[::2, :1024:2]).mean() < 4
    again = server.get("/images/1/tiles/0/0/0", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not list((server.folder / ".clickmask").rglob("level-*")), "nothing is copied"


@pytest.mark.parametrize(("image", "kind"), [(2, "image/png"), (3, "image/jpeg")])
def test_other_files_are_prepared_once_in_the_background(folder: Path, model: DiscModel, image: int, kind: str) -> None:
    with running(folder, model) as server:
        answer = when_there(lambda: server.get(f"/images/{image}/tiles/0/0/0"))
        assert answer.headers["content-type"] == kind
        assert np.abs(decoded(answer).astype(int) - picture()[:512, :512]).mean() < (0.1 if image == 2 else 4)
        when_there(lambda: server.get(f"/images/{image}/region?x0=0&y0=0&x1=9&y1=9"))
    (made,) = (folder / ".clickmask").rglob("level-0.rgb")
    before = made.stat().st_mtime_ns
    with running(folder, model) as again:
        assert again.get(f"/images/{image}/tiles/0/1/0").status_code == 200, "the second time at once"
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize("place", ["2/0/0", "0/3/0", "0/0/2", "1/2/0"])
def test_a_tile_that_does_not_exist(server: Server, place: str) -> None:
    assert server.get(f"/images/1/tiles/{place}").json()["error"]["code"] == "not_found"


def test_a_click_on_a_tiled_image_waits_for_what_it_needs(server: Server) -> None:
    for image in (1, 2):
        with server.socket(image, client=f"client-{image}") as socket:
            ack = socket.click(700.5, 600.5)
            assert socket.records[ack["object"]].mask((HEIGHT, WIDTH)).area == 113


def test_progress_is_told(server: Server) -> None:
    with server.socket(2) as socket:
        told = [socket.until("preparing")["done"]]
        while told[-1] < 1:
            told.append(socket.until("preparing")["done"])
        assert told == sorted(told)


def test_a_region_as_one_picture(server: Server) -> None:
    found = decoded(server.get("/images/1/region?x0=100&y0=200&x1=500&y1=600&side=100"))
    assert found.shape == (100, 100, 3)
    want = picture()[200:600, 100:500].reshape(100, 4, 100, 4, 3).mean(axis=(1, 3))
    assert np.abs(found - want).mean() < 4
    assert decoded(server.get("/images/4/region?x0=0&y0=0&x1=64&y1=48")).shape == (48, 64, 3), "of any image"
    for query in ("x0=5&y0=5&x1=5&y1=9", "x0=0&y0=0&x1=1101&y1=5", "x0=0&y0=0&x1=nan&y1=5"):
        assert server.get(f"/images/1/region?{query}").json()["error"]["code"] == "bad_request"


def test_there_is_no_whole_picture_of_it(server: Server) -> None:
    server.get("/images/1/tiles/0/0/0")
    answer = server.get("/images/1/display")
    assert answer.status_code == 413 and "tiles" in answer.json()["error"]["message"]


def test_thumbs_prepare_nothing(server: Server) -> None:
    grey = decoded(server.get("/images/2/thumb"))
    assert grey.std() == 0 and not list((server.folder / ".clickmask").rglob("level-*"))
    assert decoded(server.get("/images/1/thumb")).std() > 0
    when_there(lambda: server.get("/images/2/region?x0=0&y0=0&x1=9&y1=9"))
    assert decoded(server.get("/images/2/thumb")).std() > 0


def test_what_went_wrong_is_told_and_tried_again_when_it_is_opened(server: Server, folder: Path) -> None:
    data = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    answer = when_there(lambda: server.get("/images/2/tiles/0/0/1"))
    assert answer.status_code == 422 and "b.png cannot be prepared" in answer.json()["error"]["message"]
    assert server.get("/images/2/tiles/0/0/1").status_code == 422
    (folder / "b.png").write_bytes(data)
    with server.socket(2) as socket:
        assert socket.ready["type"] == "ready"
        assert when_there(lambda: server.get("/images/2/tiles/0/0/1")).status_code == 200


def test_the_wand_on_a_tiled_image(server: Server) -> None:
    with server.socket(1) as socket:
        ack = socket.do("wand", x=500, y=300, tolerance=2, positive=True)
        assert 0 < socket.records[ack["object"]].mask((HEIGHT, WIDTH)).area < HEIGHT * WIDTH


def test_the_oldest_levels_go_when_there_are_too_many(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "CACHE_BYTES", 0)
    cache = server.http.app.state.services.project.cache_folder
    old = cache / "levels-of-another-time"
    old.mkdir(parents=True)
    (old / "level-0.rgb").write_bytes(b"abc")
    when_there(lambda: server.get("/images/3/region?x0=0&y0=0&x1=9&y1=9"))
    when_there(lambda: server.get("/images/2/region?x0=0&y0=0&x1=9&y1=9"))
    assert not old.exists() and len(list(cache.glob("levels-*"))) == 2, "those in use stay"
