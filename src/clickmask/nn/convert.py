"""The authors' checkpoints -> model folders. Files are read as plain arrays: no code in them is ever run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from clickmask.core.errors import CapabilityError, InputError, WeightsError
from clickmask.nn.export import export_model, spec_of
from clickmask.nn.method import Method, find_method
from clickmask.nn.weights import fill
from clickmask.zoo.download import checksum
from clickmask.zoo.methods import METHOD_TARGETS, METHODS, Published, method_line
from clickmask.zoo.spec import ModelSpec

STATE_KEYS = ("state_dict", "model", "model_state_dict", "net")
"""Where checkpoints keep their weights if they hold more than those."""
PARALLEL_PREFIX = "module."
"""In front of every name where a network was saved while it was trained on several devices."""


@dataclass(frozen=True)
class Conversion:
    """What a person asks for.

    Attributes:
        source: the authors' file: .pth, .pt or .safetensors.
        output: folder of the model.
        method: name of the method; found by names and shapes if None.
        name: of the model; the output folder's name if None.
        side: network input in pixels; the method's own if None.
    """

    source: Path
    output: Path
    method: str | None = None
    name: str | None = None
    side: int | None = None


def convert_weights(wanted: Conversion) -> ModelSpec:
    """Read a published checkpoint and write a model folder.

    Raises:
        WeightsError: the file cannot be read without running code, or holds other weights than the network has;
            the text lists them.
        CapabilityError: no published weights of the method are known.
        InputError: the side does not fit the network, or no method fits the file.
    """
    state = read_checkpoint(wanted.source)
    method = find_method(wanted.method) if wanted.method else fitting_method(state, wanted.source)
    if method.convert is None:
        raise CapabilityError(
            f"No published weights of '{method.name}' are known, so there is nothing to convert. "
            f"Train it: clickmask train {method.name} --data ..."
        )
    if wanted.side is not None and (wanted.side < method.side_step or wanted.side % method.side_step):
        raise InputError(f"The side must be a multiple of {method.side_step} for {method.name}, got {wanted.side}.")
    network = method.network()
    fill(network, method.convert(state), str(wanted.source))
    digest = checksum(wanted.source)
    file = published(wanted.source.name)
    facts: dict[str, Any] = {
        "weights": f"of the authors: {method.paper}",
        "file": wanted.source.name,
        "file_sha256": digest,
        **({"trained_on": file.trained_on} if file else {}),
    }
    spec = spec_of(method, wanted.name or wanted.output.resolve().name, side=wanted.side)
    licence = file.licence if file else method.licence
    return export_model(network, method, replace(spec, licence=licence, training=facts), wanted.output)


def published(name: str) -> Published | None:
    """What the catalogue knows about a file of that name."""
    return next((file for line in METHODS for file in line.published if file.file == name), None)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The arrays of a checkpoint by name, on the CPU.

    Raises:
        WeightsError: missing, damaged, without weights, or a pickle that wants to run code.
    """
    try:
        content: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}. Check the spelling and the current folder.") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than plain arrays, and reading it would run code from the file; it is not read. "
            "Whoever trusts it can save its arrays alone: torch.save(checkpoint['state_dict'], 'plain.pth')."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read as a checkpoint: {error}.") from error
    return _state(content, path)


def _state(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        for key in STATE_KEYS:
            if isinstance(content.get(key), Mapping):
                content = content[key]
                break
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(f"{path} holds no weights by name: expected a state dictionary, or one under 'state_dict'.")
    if all(str(name).startswith(PARALLEL_PREFIX) for name in content):
        return {str(name).removeprefix(PARALLEL_PREFIX): value for name, value in content.items()}
    return {str(name): value for name, value in content.items()}


def candidates(source: Path) -> list[str]:
    """Methods that a file may belong to: those that the catalogue lists it for, else all with published weights."""
    listed = [line.name for line in METHODS if source.name in {file.file for file in line.published}]
    return listed or [name for name in METHOD_TARGETS if (line := method_line(name)) is None or line.published]


def fitting_method(state: Mapping[str, Tensor], source: Path, names: Sequence[str] | None = None) -> Method:
    """The one method whose network has the names and shapes of a checkpoint.

    Args:
        state: of the checkpoint.
        source: its file, for messages.
        names: methods to try; `candidates` if None.

    Raises:
        InputError: none fits, or several do.
    """
    names = candidates(source) if names is None else names
    fitting = [name for name in names if _fits(find_method(name), state)]
    if len(fitting) == 1:
        return find_method(fitting[0])
    if fitting:
        raise InputError(f"{source} fits several methods. Say which: --method {' or --method '.join(fitting)}")
    tried = ", ".join(names)
    raise InputError(
        f"{source} fits none of the methods with published weights ({tried}). "
        "Give --method NAME to see what is missing or unknown."
    )


def _fits(method: Method, state: Mapping[str, Tensor]) -> bool:
    if method.convert is None:
        return False
    with torch.device("meta"):
        own = method.network().state_dict()
    try:
        theirs = method.convert(state)
    except (KeyError, ValueError, IndexError):
        return False  # a converter may count on names that only its own checkpoints have
    return own.keys() == theirs.keys() and all(own[name].shape == theirs[name].shape for name in own)
