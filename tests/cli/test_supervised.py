from __future__ import annotations

import json
import subprocess
import sys

import pytest

from clickmask.cli.supervised import STOPPED, outcome_line, step_line
from clickmask.train.progress import Progress

FOLLOWS = "from clickmask.cli.supervised import follow_input; follow_input(); print('there', flush=True); {then}"


def begun(then: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", FOLLOWS.format(then=then)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    return process


def test_a_followed_process_ends_when_nobody_follows_it() -> None:
    with begun("import time; time.sleep(600)") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == STOPPED


def test_it_ends_by_itself_while_somebody_does() -> None:
    with begun("pass") as process:
        assert process.wait(60) == 0


def test_steps_and_the_outcome_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    step_line(Progress(3, 10, 64, 0.5, 0.8, 12.5, 7.0, samples=24))
    outcome_line({"steps": 10, "first": {}, "last": {"iou@1": 0.5}})
    first, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    told = first["progress"]
    assert (told["step"], told["steps"], told["samples"], told["seconds_left"]) == (3, 10, 24, 7.0)
    assert last == {"outcome": {"steps": 10, "first": {}, "last": {"iou@1": 0.5}}}
