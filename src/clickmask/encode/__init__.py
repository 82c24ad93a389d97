"""Prompts -> maps, the numpy reference. `clickmask.nn.encode` holds the batched torch twin, tested equal."""

from collections.abc import Callable
from typing import Any

from clickmask.core.registry import Registry

ENCODINGS: Registry[Callable[..., Any]] = Registry(
    "encoding", {"disk_distance": "clickmask.encode.disk_distance:DiskDistance"}
)
"""Click encodings by name."""
