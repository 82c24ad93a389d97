"""The folder of a run: resolved recipe, data description, checkpoint and log, each replaced in one step."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from clickmask.core.errors import FormatError, RecipeError, StorageError, WeightsError
from clickmask.formats.files import write_atomically
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import RECIPE_FILE, read_recipe

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
DATA = "data.json"


class RunFolder:
    """One run's folder.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to resume."""
        return (self.path / CHECKPOINT).is_file()

    def check(self, recipe: Recipe, resume: bool) -> None:
        """Refuse a folder that cannot take this run, before any work is done.

        Raises:
            RecipeError: it holds a run already and `resume` is false, or a run of another recipe.
        """
        if not self._taken:
            return
        if not resume:
            raise RecipeError(
                f"{self.path} holds a training run already. Continue it with --resume, or choose another folder."
            )
        if read_recipe(self.path) != recipe:
            raise RecipeError(
                f"{self.path} was trained with other settings (see {RECIPE_FILE} there). "
                "Leave out --set and --from to go on with those, or choose another folder."
            )

    def claim(self, recipe: Recipe, resume: bool) -> None:
        """Make the folder with its recipe, or `check` it.

        Raises:
            StorageError: it cannot be written.
        """
        self.check(recipe, resume)
        if not self._taken:
            with _storing(self.path):
                write_atomically(self.path / RECIPE_FILE, recipe.to_json().encode())

    @property
    def _taken(self) -> bool:
        return (self.path / RECIPE_FILE).is_file() or self.has_checkpoint

    def describe_data(self, description: Mapping[str, Any]) -> None:
        """Write what the run learns from, or check that it is the same as before.

        Raises:
            RecipeError: the training photographs or those held out are others than at the start.
        """
        before = self._described()
        if before is None:
            with _storing(self.path):
                write_atomically(self.path / DATA, (json.dumps(description, indent=2) + "\n").encode())
            return
        same_masks = before["sources"]["masks"] == description["sources"]["masks"]
        if not same_masks or any(before[part] != description[part] for part in ("training", "validation")):
            raise RecipeError(
                f"{self.path} was trained on other photographs or another --masks (see {DATA} there), so it cannot be "
                "resumed with these. Leave out --data, --val and --masks to go on with the first ones, or begin a new "
                f"run from it: --from {self.path}"
            )

    def described_sources(self) -> dict[str, Any] | None:
        """Paths and reading of masks that the run began with, None where that is not known."""
        before = self._described()
        return None if before is None else dict(before["sources"])

    def _described(self) -> dict[str, Any] | None:
        """The data description, None without one."""
        path = self.path / DATA
        if not path.is_file():
            return None
        try:
            description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            missing = {"sources", "training", "validation"} - description.keys()
        except (OSError, ValueError, AttributeError) as error:
            raise RecipeError(f"{path} cannot be read: {error}. Remove it to resume without its check.") from error
        if missing:
            raise RecipeError(f"{path} lacks {', '.join(sorted(missing))}. Remove it to resume without its check.")
        return description

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append one line to the log."""
        with _storing(self.path), (self.path / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def cut_log(self, step: int) -> None:
        """Drop what was logged after `step`, so that a resumed run's log reads like an unbroken one."""
        path = self.path / LOG
        if path.is_file():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _logged_step(line) <= step]
            with _storing(self.path):
                write_atomically(path, "".join(f"{line}\n" for line in kept).encode())

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint; one that is interrupted leaves the old one."""
        temporary = self.path / f"{CHECKPOINT}.part"
        with _storing(self.path):
            with temporary.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / CHECKPOINT)

    def load(self) -> dict[str, Any]:
        """The checkpoint, on the CPU.

        Raises:
            WeightsError: there is none, or it is damaged.
        """
        path = self.path / CHECKPOINT
        if not path.is_file():
            raise WeightsError(
                f"{self.path} holds no {CHECKPOINT}: train first, with "
                f"`clickmask train RECIPE --data ... -o {self.path}`."
            )
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file makes the reader raise nearly anything
            raise WeightsError(f"{path} is damaged and cannot be loaded: {error}.") from error
        return state


def log_entries(folder: Path) -> list[dict[str, Any]]:
    """Lines of a run's log; one that a kill cut short is left out."""
    path = folder / LOG
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if _logged_step(line) < math.inf]


def _logged_step(line: str) -> float:
    """The step of a log line, infinite for one that was cut short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a StorageError."""
    try:
        yield
    except (OSError, FormatError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise StorageError(
            f"The run folder {folder} cannot be written: {error} What was saved before is unchanged: "
            "make room or choose a writable folder, then go on with --resume."
        ) from error
