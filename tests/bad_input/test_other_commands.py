"""Bad input to the commands that read folders and runs: status 2, and a text that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty folder, one with a picture, one with a broken picture and scan, and a plain file."""
    (tmp_path / "empty").mkdir()
    for folder in ("good/images", "broken"):
        (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "good" / "images" / "a.png")
    (tmp_path / "broken" / "a.jpg").write_text("hello")
    (tmp_path / "broken" / "scan.ply").write_text("hello")
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


FLOOD = ("--model", "flood")
CASES = [
    (("annotate", "nowhere", "--no-browser", *FLOOD), "no file or folder nowhere"),
    (("annotate", "empty", "--no-browser", *FLOOD), "no image in"),
    (("annotate", "broken/a.jpg", "--no-browser", *FLOOD), "Accepted: JPEG"),
    (("annotate", "broken/scan.ply", "--no-browser", *FLOOD), "PLY"),
    (("annotate", "good", "--no-browser", "--model", "floot"), "Did you mean 'flood'"),
    (("annotate", "good", "--no-browser", "--project", "file", *FLOOD), "file"),
    (("annotate", "good", "--no-browser", "--port", "70000", *FLOOD), "65535"),
    (("evaluate", "grabcut", "-o", "run", *FLOOD), "DATASET=DIR"),
    (("evaluate", "grabcat=good", "-o", "run", *FLOOD), "Did you mean 'grabcut'"),
    (("evaluate", "folder=nowhere", "-o", "run", *FLOOD), "nowhere"),
    (("evaluate", "folder=empty", "-o", "run", *FLOOD), "empty"),
    (("evaluate", "folder=good", "-o", "run", "--protocol", "publishd", *FLOOD), "Did you mean 'published'"),
    (("evaluate", "folder=good", "-o", "run", "--max-clicks", "0", *FLOOD), "--max-clicks"),
    (("train", "smok", "--data", "good", "-o", "run"), "Did you mean 'smoke'"),
    (("train", "smoke", "--data", "nowhere", "-o", "run"), "nowhere"),
    (("train", "smoke", "--data", "file", "-o", "run"), "file is not training data"),
    (("export", "empty", "-o", "model"), "empty"),
    (("models", "empty"), "Unknown model 'empty'"),
    (("convert", "nowhere", "out", "--from", "coco", "--to", "png"), "no file or folder nowhere"),
    (("convert", "broken/a.jpg", "out", "--from", "coco", "--to", "png"), "not valid JSON"),
    (("convert", "broken/a.jpg", "out", "--from", "png", "--to", "coco"), "not an image"),
    (("convert", "good", "out", "--from", "cocoa", "--to", "png"), "Did you mean 'coco'"),
]


@pytest.mark.parametrize(("arguments", "text"), CASES, ids=lambda v: " ".join(v[:3]) if isinstance(v, tuple) else "")
@pytest.mark.usefixtures("places")
def test_it_is_refused_with_a_text_that_helps(clickmask_command: Any, arguments: tuple[str, ...], text: str) -> None:
    if arguments[0] in ("train", "export"):
        pytest.importorskip("torch", reason="needs the train extra")
    ran = clickmask_command(*arguments)
    assert ran.status == 2 and text in ran.err and "Traceback" not in ran.err, ran
