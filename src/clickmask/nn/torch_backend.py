"""Torch runtime: any method's network as a backend. Gradient stages stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clickmask.core.answers import Answer
from clickmask.core.errors import RecipeError, WeightsError
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import Backend
from clickmask.core.typed import typed
from clickmask.encode.feedback import seen_again
from clickmask.nn.method import Method, Refinable, find_method
from clickmask.nn.weights import load_graph_weights, load_weights
from clickmask.zoo.spec import ModelSpec


class TorchBackend:
    """A network that takes an image and guidance and gives one logit map.

    Capabilities are those of the method, ``"gradients"`` (the network can be differentiated) and, where the network has
    insertion points for f-BRS (`clickmask.nn.method.Refinable`), ``"features"``.

    Args:
        network: in evaluation mode; its device is where everything happens.
        method: says how prompts and pixels become its inputs.
        input_hw: size of the input; the method's if None.
    """

    def __init__(self, network: nn.Module, method: Method, input_hw: tuple[int, int] | None = None) -> None:
        self.network, self.method = network, method
        self.input_hw = input_hw or method.input_hw
        self.encoding = method.make_encoding()
        features = {"features"} if isinstance(network, Refinable) else set[str]()
        self.capabilities = method.capabilities | {"gradients"} | features

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def embed(self, frame: Frame) -> Tensor:
        """(1, 3, H, W) scaled as the method wants, on the network's device."""
        image = torch.from_numpy(np.ascontiguousarray(frame.pixels)).permute(2, 0, 1)[None]
        return self.method.scaling.of_bytes(image.to(self.device))

    def guidance(
        self, prompts: Prompts, previous: FloatMap | None, maps: Mapping[str, FloatMap] | None = None
    ) -> Tensor:
        """(1, C, H, W) guidance of prompts, previous logits and other answers, on the network's device.

        Args:
            prompts: in input pixels.
            previous: (H, W) logits of the mask.
            maps: (H, W) other answers that the network sees again, see `clickmask.encode.feedback`; where there are
                none, they follow from the mask.
        """
        seen = seen_again(self.encoding, previous, maps or {})
        return torch.from_numpy(self.encoding.encode(prompts, seen, self.input_hw))[None].to(self.device)

    def decode(self, embedding: Tensor, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`."""
        with torch.inference_mode():
            return _array(self.network(embedding, self.guidance(prompts, previous))["logits"])

    def answer(
        self, embedding: Tensor, prompts: Prompts, previous: FloatMap | None, maps: Mapping[str, FloatMap]
    ) -> Answer:
        """See `clickmask.predict.base.AnsweringBackend.answer`."""
        kept = self.encoding.feedback
        with torch.inference_mode():
            outputs = self.network(embedding, self.guidance(prompts, previous, maps))
        return Answer(_array(outputs["logits"]), {kept: _array(outputs[kept])})


def _array(logits: Tensor) -> FloatMap:
    return np.asarray(logits[0, 0].float().cpu().numpy(), dtype=np.float32)


def open_torch(spec: ModelSpec, folder: Path | None, threads: int | None = None) -> Backend:
    """The backend of a model folder, from its safetensors file or, without one, from the weights in its ONNX graph.

    Raises:
        WeightsError: missing, damaged or other weights than the method's network has.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    method = method_of(spec)
    network = method.network()
    load_model_weights(network, spec, folder)
    return backend_of(network, method, spec.input_hw)


def backend_of(network: nn.Module, method: Method, input_hw: tuple[int, int]) -> Backend:
    """The network, set to evaluation, as a backend: the method's own kind where it has one."""
    kind = TorchBackend if method.backend is None else _imported(method.backend)
    backend: Backend = kind(network.eval(), method, input_hw)
    return backend


def method_of(spec: ModelSpec) -> Method:
    """The method that a spec names, in the size that it tells.

    Raises:
        WeightsError: the sizes are no sizes of that method.
    """
    method = find_method(spec.method)
    if not spec.config:
        return method
    try:
        config = typed(type(method.config), _as_json({**asdict(method.config), **spec.config}), "config")
    except RecipeError as error:
        raise WeightsError(f"The model '{spec.name}' is no '{spec.method}' of this clickmask: {error}") from error
    return method.with_config(config)


def load_model_weights(network: nn.Module, spec: ModelSpec, folder: Path | None) -> None:
    """Fill a network with the weights of a model folder; WeightsError if it has none that torch can read."""
    if folder is not None and spec.torch_weights is not None:
        load_weights(network, folder / spec.torch_weights, spec.torch_sha256)
    elif folder is not None and spec.weights is not None and spec.runtime == "torch":
        load_weights(network, folder / spec.weights, spec.sha256)
    elif folder is not None and spec.weights is not None and spec.runtime == "onnx":
        load_graph_weights(network, folder / spec.weights)
    else:
        raise WeightsError(
            f"The model '{spec.name}' has no weights for torch. `clickmask models` tells what each model runs on."
        )


def _as_json(value: Any) -> Any:
    """Tuples as lists, all the way down, as JSON would bring them."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, tuple | list) else value


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
