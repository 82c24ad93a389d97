"""The build hook: when it compiles the client, and what it says where it cannot."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("hatchling", reason="hatchling is not installed")

HOOK = Path(__file__).parents[1] / "hatch_build.py"


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook at work on a made-up client; npm only notes what it was asked."""
    spec = importlib.util.spec_from_file_location("hatch_build_under_test", HOOK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    web, static = tmp_path / "web", tmp_path / "static"
    (web / "src").mkdir(parents=True)
    (web / "index.html").write_text("<html>")
    (web / "src" / "main.ts").write_text("1\n")
    for name, value in {"WEB": web, "STATIC": static, "STAMP": static / "source.sha256"}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.delenv(module.SKIP_VARIABLE, raising=False)
    monkeypatch.setattr(module, "require_node", lambda: None)
    module.asked = []  # type: ignore[attr-defined]

    def npm(*arguments: str) -> None:
        module.asked.append(" ".join(arguments))
        static.mkdir(exist_ok=True)
        (static / "index.html").write_text("built")

    monkeypatch.setattr(module, "npm", npm)
    return module


def test_compiles_once_and_again_only_after_a_change(hook: Any) -> None:
    assert hook.build_if_stale()
    assert not hook.build_if_stale()
    (hook.WEB / "src" / "main.ts").write_text("2\n")
    assert hook.build_if_stale()
    (hook.WEB / "src" / "new.ts").write_text("")
    assert hook.build_if_stale()
    assert hook.asked == ["ci", "run build"] * 3


def test_line_ends_of_another_system_are_no_change(hook: Any) -> None:
    hook.build_if_stale()
    (hook.WEB / "src" / "main.ts").write_bytes(b"1\r\n")
    assert hook.is_fresh()


def test_compiles_when_the_result_is_gone(hook: Any) -> None:
    hook.build_if_stale()
    (hook.STATIC / "index.html").unlink()
    assert hook.build_if_stale()


def test_can_be_told_to_go_without_the_client(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hook.SKIP_VARIABLE, "1")
    assert not hook.build_if_stale()
    assert hook.asked == []


def test_says_what_to_install_when_node_is_missing(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(hook.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs Node 20 .*not found here: node and npm(.|\n)*apt install nodejs"):
        hook.require_node()


def test_says_which_node_is_too_old(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(hook.shutil, "which", lambda name: f"/bin/{name}")
    answer = subprocess.CompletedProcess([], 0, stdout="v18.1.0\n")
    monkeypatch.setattr(hook.subprocess, "run", lambda *_args, **_more: answer)
    with pytest.raises(RuntimeError, match=r"found Node v18\.1\.0"):
        hook.require_node()
