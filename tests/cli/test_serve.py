from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`clickmask serve` as a process of its own; its address and itself."""
    command = [sys.executable, "-m", "clickmask", "serve", "--model", "flood", "--port", "0", "--images", str(tmp_path)]
    environment = {**os.environ, "CLICKMASK_TOKEN": TOKEN}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
    assert found
    yield found.group(), process
    process.terminate()
    process.communicate(timeout=30)


def test_it_serves_under_the_printed_address_and_stops(served: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = served
    assert address.endswith(f"/{TOKEN}/")
    with urllib.request.urlopen(f"{address}health", timeout=30) as answer:
        assert json.load(answer)["status"] == "UP"
    with urllib.request.urlopen(f"{address}api/functions", timeout=30) as answer:
        assert list(json.load(answer)) == ["clickmask"]
    process.send_signal(2)
    _, err = process.communicate(timeout=30)
    assert "Stopped." in err


@pytest.mark.parametrize(
    ("arguments", "environment", "text"),
    [
        (("--model", "floot"), {}, "Did you mean 'flood'"),
        (("--images", "nowhere"), {}, "no folder nowhere"),
        (("--allow-host", "http://localhost:8080"), {}, "without http://"),
        (("--allow-host", "localhost/path"), {}, "without http://"),
        (("--allow-host", "*"), {}, "takes a host"),
        (("--name", "a:8080"), {}, "--name takes the name of a host"),
        (("--host", "no.such.host.invalid"), {}, "takes an address of this machine"),
        ((), {"CLICKMASK_TOKEN": "short"}, "CLICKMASK_TOKEN must have at least 16"),
        ((), {"CLICKMASK_TOKEN": "with spaces and / in between"}, "CLICKMASK_TOKEN must have"),
        (("--refine", "flop"), {}, "Did you mean 'flip'"),
    ],
)
def test_bad_arguments_are_refused(
    clickmask_command: Any,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    text: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    model = () if "--model" in arguments else ("--model", "flood")
    ran = clickmask_command("serve", *model, "--port", "0", *arguments)
    assert ran.status == 2 and text in ran.err and "Traceback" not in ran.err, ran
