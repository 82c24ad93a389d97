"""What the built wheel holds: everything that a person needs who has neither Node nor the sources."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(repository)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_browser_client_is_in_it(wheel: zipfile.ZipFile) -> None:
    page = wheel.read("clickmask/server/static/index.html").decode()
    scripts = re.findall(r'src="/(static/[^"]+\.js)"', page)
    assert scripts and all(re.search(r"-[\w-]{8}\.js$", script) for script in scripts), page
    assert all(f"clickmask/server/{script}" in wheel.namelist() for script in scripts)


def test_the_page_of_the_notebook_widget_is_in_it(wheel: zipfile.ZipFile) -> None:
    assert {"clickmask/notebook/widget.js", "clickmask/notebook/widget.css"} <= set(wheel.namelist())


def test_the_samples_are_in_it(wheel: zipfile.ZipFile) -> None:
    pictures = [n for n in wheel.namelist() if n.startswith("clickmask/server/sample/") and n.endswith(".jpg")]
    assert pictures and wheel.getinfo(pictures[0]).file_size > 10_000
    assert 100_000 < wheel.getinfo("clickmask/server/sample/table.ply").file_size < 400_000


@pytest.mark.weights
def test_the_default_model_is_in_it(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "clickmask/zoo/weights/default/spec.json" in names
    assert any(n.startswith("clickmask/zoo/weights/default/") and n.endswith(".onnx") for n in names)


def test_types_and_licence_are_in_it_and_tests_are_not(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "clickmask/py.typed" in names and any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith(("tests/", "web/")) or "node_modules" in n]


def test_the_light_install_asks_for_no_torch(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(next(n for n in wheel.namelist() if n.endswith("METADATA"))).decode()
    needed = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", metadata, re.MULTILINE)
    assert "onnxruntime" in needed and "torch" not in needed
