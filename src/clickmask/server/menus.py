"""The models that can be chosen for one kind of input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clickmask.core.errors import CapabilityError

IMAGES, CLOUDS = "image", "cloud"
"""Kinds of models: of images, and of point clouds."""


class Described(Protocol):
    """What a menu shows of a model."""

    @property
    def name(self) -> str:
        """What is chosen."""
        ...

    @property
    def summary(self) -> str:
        """One sentence."""
        ...

    @property
    def licence(self) -> str:
        """Of its weights."""
        ...


@dataclass(frozen=True)
class ModelMenu:
    """Models of one kind.

    Attributes:
        build: makes one by its name; called in a worker thread.
        warm: asks a fresh one once.
        specs: what can be chosen, the default first.
        default: name of the one to begin with.
    """

    build: Callable[[str], Any]
    warm: Callable[[Any], None]
    specs: Callable[[], Mapping[str, Described]]
    default: str


def no_models(kind: str) -> ModelMenu:
    """The menu of a server that was started without models of a kind: what is saved can be seen, clicks wait."""

    def refuse(name: str) -> Any:
        raise CapabilityError(f"This server was started without models for inputs of the kind '{kind}'.")

    return ModelMenu(refuse, lambda model: None, dict, "none")
