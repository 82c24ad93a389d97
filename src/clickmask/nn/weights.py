"""Weights on disk: safetensors files, and the weights that an exported ONNX graph carries. Never pickles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.formats.files import write_atomically

TORCH_FILE = "model.safetensors"
HALF_SUFFIX = ".half"
"""Ends the names of tensors that an exported graph stores in half precision."""
SHOWN = 8
"""Names that an error lists before it says how many more there are."""


def save_weights(network: nn.Module, path: Path) -> str:
    """Write a network's weights, matrices and kernels in half precision; returns the file's SHA-256."""
    data = safetensors_bytes({name: _stored(value) for name, value in network.state_dict().items()})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def _stored(value: Tensor) -> Tensor:
    # vectors are small, and the variances of batch normalisation may leave the range of half precision
    value = value.detach().cpu().contiguous()
    return value.half() if value.ndim > 1 and value.dtype == torch.float32 else value


def load_weights(network: nn.Module, path: Path, sha256: str | None = None) -> None:
    """Fill a network from a safetensors file.

    Raises:
        WeightsError: the file is missing, has another digest, is damaged, or holds other weights than the network has.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"The weights {path} cannot be read: {error}. Export or convert the model again.") from error
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256:
        raise WeightsError(
            f"The weights {path} are not the ones the model was published with (sha256 {digest[:12]}…, expected "
            f"{sha256[:12]}…). Export or convert the model again."
        )
    try:
        state = parse_safetensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"The weights {path} are no safetensors file: {error}.") from error
    fill(network, state, str(path))


def fill(network: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Give a network exactly the weights it has names for.

    Raises:
        WeightsError: names are missing or unknown, or shapes differ; the text lists them and begins with `origin`.
    """
    own = network.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    wrong = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    problems = [("lacks", missing), ("has unknown", unknown), ("has another size of", wrong)]
    texts = [f"{verb} {listed(names)}" for verb, names in problems if names]
    if texts:
        raise WeightsError(f"{origin} does not fit the network: it {'; it '.join(texts)}.")
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def load_graph_weights(network: nn.Module, path: Path) -> None:
    """Take the weights of an exported graph back into a network of the same shape.

    Raises:
        WeightsError: the graph holds other weights than the network has.
    """
    tensors = {t.name.removesuffix(HALF_SUFFIX): t for t in onnx.load(str(path)).graph.initializer}
    state = network.state_dict()
    found = {name: tensors.get(f"network.{name}") for name in state if not name.endswith(".scale")}
    missing = [name for name, tensor in found.items() if tensor is None]
    if missing:
        raise WeightsError(f"{path} is not an exported network of this kind: it lacks {', '.join(missing[:5])} …")
    values = {name: torch.from_numpy(numpy_helper.to_array(t).astype(np.float32)) for name, t in found.items() if t}
    wrong = [name for name, value in values.items() if value.shape != state[name].shape]
    if wrong:
        raise WeightsError(f"{path} was exported from a network of another size: {', '.join(wrong[:5])} …")
    scales = {name: torch.ones_like(value) for name, value in state.items() if name.endswith(".scale")}
    network.load_state_dict({**values, **scales})
