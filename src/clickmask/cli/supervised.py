"""Commands that another program runs and follows: what they do as lines of JSON, and an end that comes with its end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import Thread
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from clickmask.train.progress import Progress

STOPPED = 143
"""Exit status of a process that ended because nobody follows it any more: that of one that was terminated."""
POLITENESS = 10
"""How much is left to what a person waits for (nice)."""


def follow_input(end: Callable[[int], Any] = os._exit) -> None:
    """End this process once its standard input is closed, as it is when the program that began it is killed.

    Everything that a training writes is replaced in one move, so it may end anywhere.
    """
    if hasattr(os, "nice"):
        os.nice(POLITENESS)

    def wait() -> None:
        # not sys.stdin: a thread that waits there holds its lock, which the interpreter wants when it ends
        while os.read(0, 1):
            pass
        end(STOPPED)

    Thread(target=wait, name="follow-input", daemon=True).start()


def step_line(progress: Progress) -> None:
    """A step as a line of JSON."""
    _line({"progress": asdict(progress)})


def outcome_line(outcome: Mapping[str, Any]) -> None:
    """What it came to, as the last line."""
    _line({"outcome": dict(outcome)})


def _line(value: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(value))
    sys.stdout.flush()
