"""A request as the tensors that a network sees, for stages that take the place of the plain question."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from clickmask.core.answers import NetworkMemo, with_network_memo
from clickmask.core.errors import CapabilityError
from clickmask.core.frames import Crop, FloatMap, Frame, LogitMap, whole
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import SEQUENCE, Backend, Memo, Request, Result
from clickmask.encode import Encoding
from clickmask.nn.method import Method
from clickmask.predict.click_labels import WINDOW, click_labels

Weights = Mapping[str, Tensor]
"""Parameters by name that stand in for the network's own. Never changed in place."""


class DifferentiableBackend(Backend, Protocol):
    """What the capability ``"gradients"`` promises; see `clickmask.nn.torch_backend.TorchBackend`."""

    network: nn.Module
    encoding: Encoding
    method: Method

    def guidance(self, prompts: Prompts, previous: FloatMap | None) -> Tensor:
        """(1, C, H, W) guidance of prompts and previous logits in input pixels."""
        ...


def differentiable(backend: Backend, stage: str) -> DifferentiableBackend:
    """The backend, for a stage that differentiates its network; CapabilityError if it has no gradients."""
    if "gradients" not in backend.capabilities:
        raise CapabilityError(f"The stage '{stage}' needs gradients; load the model with backend=\"torch\".")
    return cast(DifferentiableBackend, backend)


@dataclass(frozen=True, eq=False)
class NetworkQuestion:
    """One request in the network's pixels.

    Attributes:
        image: (1, 3, H, W), scaled.
        guidance: (1, C, H, W).
        prompts: in input pixels, those beyond the network's limit included.
        previous: (H, W) logits of the last answer, None at the start.
        labels: (H, W) int8, see `clickmask.predict.click_labels`: 3 x 3 windows round the clicks.
        fingerprint: of the pixels: equal for the same crop of the same image.
    """

    image: Tensor
    guidance: Tensor
    prompts: Prompts
    previous: FloatMap | None
    labels: NDArray[np.int8]
    fingerprint: int


def ask(backend: DifferentiableBackend, request: Request, seen_clicks: int | None = None) -> NetworkQuestion:
    """Bring a request to the network's input.

    Args:
        backend: see `differentiable`.
        request: in any frame.
        seen_clicks: the network is shown only so many clicks, the first ones; None for all.
    """
    crop = Crop(whole(request.frame.size_hw), backend.input_hw)
    frame = request.frame.crop(crop)
    prompts = crop.prompts_to_crop(request.prompts)
    previous = None if request.previous is None else request.previous.sample(crop)
    return NetworkQuestion(
        backend.embed(frame),
        backend.guidance(first_clicks(prompts, seen_clicks), previous),
        prompts,
        previous,
        click_labels(prompts, backend.input_hw, WINDOW),
        fingerprint(frame),
    )


def first_clicks(prompts: Prompts, count: int | None) -> Prompts:
    """The prompts without the clicks after the first `count`."""
    if count is None or len(prompts.clicks) <= count:
        return prompts
    late = {id(click) for click in prompts.clicks[count:]}
    return Prompts(tuple(p for p in prompts if not (isinstance(p, Click) and id(p) in late)))


def fingerprint(frame: Frame) -> int:
    """A checksum of the frame's pixels."""
    return zlib.crc32(np.ascontiguousarray(frame.pixels).tobytes())


def placed(logits: FloatMap, request: Request, memo: Memo) -> Result:
    """Logits over the whole frame of the request.

    What else the network said at the click before is dropped from the memo: it belongs to another answer. A network
    that wants to see it again has it made from the mask.
    """
    return Result(LogitMap(logits, whole(request.frame.size_hw)), with_network_memo(memo, NetworkMemo()))


def as_logits(logits: Tensor) -> FloatMap:
    """(1, 1, H, W) -> (H, W) float32."""
    return np.asarray(logits.detach()[0, 0].float().cpu().numpy(), dtype=np.float32)


class Weighted:
    """A network that answers with other weights than its own, which stay as they are.

    Args:
        network: in evaluation mode.
        weights: that stand in for its parameters of the same names; none for its own.
    """

    def __init__(self, network: nn.Module, weights: Weights | None = None) -> None:
        self.network = network
        self._weights = {f"network.{name}": value for name, value in (weights or {}).items()}
        self._caller = _Caller(network)

    def logits(self, image: Tensor, guidance: Tensor) -> Tensor:
        """(1, 1, H, W) logits at the input's size."""
        return cast(Tensor, self.call("forward", image, guidance)["logits"])

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the network."""
        if not self._weights:
            return getattr(self.network, method)(*arguments)
        return functional_call(self._caller, self._weights, (method, *arguments))


class _Caller(nn.Module):
    """Makes every method of a network reachable through `forward`, which is all that `functional_call` knows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, method: str, *arguments: Any) -> Any:
        return getattr(self.network, method)(*arguments)


def sequence_weights(memo: Memo) -> Weights | None:
    """Weights that the objects of a sequence share, None where nothing was learned yet."""
    return cast("Weights | None", memo.get(SEQUENCE))


def plain_logits(backend: DifferentiableBackend, question: NetworkQuestion, weights: Weights | None) -> FloatMap:
    """The network's answer without any refinement."""
    with torch.inference_mode():
        return as_logits(Weighted(backend.network, weights).logits(question.image, question.guidance))
