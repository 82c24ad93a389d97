"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadline: how long an example takes depends on what else the machine does.
# no test asserts a time: neither an example's nor that of making one up on a busy machine
settings.register_profile("clickmask", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("clickmask")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the benchmark and training data, which are not part of the project; skips without it."""
    folder = Path(os.environ.get("CLICKMASK_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; set CLICKMASK_SHARED to the folder that holds data/")
    return folder


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def clickmask_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `clickmask` with the given arguments inside the test's own process."""
    from clickmask.cli.main import main

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["clickmask", *(str(a) for a in arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run
