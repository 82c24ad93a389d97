"""The ladder of the fair comparison: equal samples at every stop, whatever happened before."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

from clickmask.train.run_folder import log_entries
from clickmask.zoo.spec import ModelSpec

from .made_up import write_shard

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = {
    "network.widths": "[4, 4, 8, 8, 8]",
    "network.depths": "[1, 1, 1, 1, 1]",
    "network.head": "8",
    "data.scenes": "2",
    "data.weights": "[]",
}


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program, with two small networks on short rungs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import train_family  # type: ignore[import-not-found]

    monkeypatch.setattr(train_family, "RUNGS", ((32, 4, 4, 1.0), (64, 8, 2, 0.1)))
    members = (
        train_family.Member("one", "dios_small", {**SMALL, "clicks": "conveyor", "groups": "2"}),
        train_family.Member("two", "dios_small", SMALL, without=("scenes",)),
    )
    monkeypatch.setattr(train_family, "FAMILY", members)
    threads = torch.get_num_threads()
    yield train_family
    torch.set_num_threads(threads)


def run(family: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: object) -> dict[str, int]:
    shard = tmp_path / "shard.tar"
    if not shard.is_file():
        write_shard(shard, 6)
    output = tmp_path / "runs"
    monkeypatch.setattr(sys, "argv", ["family", "--data", str(shard), "-o", str(output), *map(str, arguments)])
    family.main()
    seen: dict[str, int] = json.loads((output / "family.json").read_text(encoding="utf-8"))
    return seen


def test_steps_and_samples_are_two_names_of_one_place(family: Any) -> None:
    assert [family.samples_at(step) for step in range(8)] == [0, 4, 8, 12, 16, 24, 32, 32]
    assert [family.steps_for(samples) for samples in (0, 1, 4, 5, 16, 17, 24, 99)] == [0, 1, 1, 2, 4, 5, 5, 6]


@pytest.mark.training
def test_rounds_are_equal_for_all_and_end_as_one_go_does(
    family: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("parts", "whole"):
        (tmp_path / name).mkdir()
    assert run(family, monkeypatch, tmp_path / "parts", "--round", 8, "--samples", 16) == {"one": 16, "two": 16}
    assert run(family, monkeypatch, tmp_path / "parts", "--round", 8) == {"one": 32, "two": 32}
    assert "Done" in capsys.readouterr().out
    run(family, monkeypatch, tmp_path / "whole", "--round", 1000)
    for name in ("one", "two"):
        run_folders = [tmp_path / part / "runs" / name for part in ("parts", "whole")]
        steps = [entry["step"] for entry in log_entries(run_folders[0]) if "loss" in entry]
        assert steps == [1, 2, 3, 4, 5, 6], "every step once, over all rounds"
        parts, whole = (torch.load(f / "checkpoint.pt", weights_only=True)["average"] for f in run_folders)
        assert all(torch.equal(value, whole[key]) for key, value in parts.items())
    target = tmp_path / "weights"
    run(family, monkeypatch, tmp_path / "parts", "--minutes", 0, "--export", target)
    spec = ModelSpec.read(target / "one")
    assert (spec.name, spec.method, spec.input_hw, spec.training["samples"]) == ("one", "dios_small", (64, 64), 32)
    assert json.loads((target / "two/curve.json").read_text(encoding="utf-8"))[-1][0] == 32
    assert "| two | 32 |" in (tmp_path / "parts/runs/family.md").read_text(encoding="utf-8")


@pytest.mark.training
def test_no_round_is_begun_that_would_end_too_late(
    family: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(family, monkeypatch, tmp_path, "--round", 8, "--minutes", 0.0001) == {"one": 8, "two": 8}
    assert "Stopped" in capsys.readouterr().out
