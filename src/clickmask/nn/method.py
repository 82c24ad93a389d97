"""What a method is: everything that training, export, inference and listing must know about a network.

A method's file in `clickmask.nn.models` ends with ``METHODS: tuple[Method, ...]``, and `clickmask.zoo.methods` holds a
line for each, so that they are listed without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from clickmask.encode import ENCODINGS
from clickmask.zoo.methods import METHOD_TARGETS

Outputs = Mapping[str, Tensor]
"""What a network gives: ``"logits"`` (B, 1, H, W) at the input's size, and further training heads by name."""
MethodLoss = Callable[[Outputs, Tensor, Tensor], Tensor]
"""(outputs, labels (B, 1, H, W) of 0, 1 and -1, clicks (B, N, 3) of x, y, sign) -> (B,) loss of each sample."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How pixels are scaled for a network: value / 255, minus the mean, divided by the deviation, per channel."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def of_bytes(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) values in [0, 255] -> float32, scaled."""
        mean, std = self._columns(image)
        return image.float() / (255 * std) - mean / std

    def of_symmetric(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) values in [-1, 1] -> scaled."""
        if self == SYMMETRIC:
            return image
        mean, std = self._columns(image)
        return image / (2 * std) + (0.5 - mean) / std

    def _columns(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (torch.tensor(v, dtype=torch.float32, device=image.device) for v in (self.mean, self.std))
        return mean.view(1, 3, 1, 1), std.view(1, 3, 1, 1)


SYMMETRIC = Scaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Into [-1, 1]."""
IMAGENET = Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""ImageNet's mean and deviation."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training at one input size.

    Attributes:
        side: input side in pixels, a multiple of the method's `side_step`.
        batch: samples in a step.
        steps: number of optimiser steps.
        rate_start, rate_end: the learning rate goes from one to the other along half a cosine.
    """

    side: int
    batch: int
    steps: int
    rate_start: float = 1e-3
    rate_end: float = 1e-3


@dataclass(frozen=True)
class Training:
    """How a method is trained unless a person says otherwise.

    Attributes:
        phases: one after the other, at the small scale that a laptop can finish.
        optimizer: ``adam`` or ``adamw``.
        weight_decay: of ``adamw``.
        betas: of the optimiser.
        schedule: ``iterative`` (RITM's), ``conveyor`` or ``memory`` (ITIS's), see `clickmask.train.recipe`.
        rehearsals: ``iterative`` only: at most so many passes without gradient before the one that trains.
        clicks: fields of `clickmask.train.clicks.ClickRules` that differ from its defaults.
        encoder: prefixes of the parameters that learn with `encoder_rate` times the learning rate.
        encoder_rate: see there; applies where the encoder begins pretrained or a person asks for it.
        warmup: steps of linear warm-up.
        average: decay of the moving average of the weights.
        clip: largest gradient norm.
        input_side: input of the exported model in pixels; the method's published one if None.
    """

    phases: tuple[Phase, ...] = (Phase(128, 32, 3125, 5e-4, 5e-6),)
    optimizer: str = "adam"
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "iterative"
    rehearsals: int = 3
    clicks: Mapping[str, Any] = field(default_factory=dict)
    encoder: tuple[str, ...] = ("encoder.",)
    encoder_rate: float = 1.0
    warmup: int = 100
    average: float = 0.999
    clip: float = 10.0
    input_side: int | None = None


class Build(Protocol):
    """Makes the network of a configuration."""

    def __call__(self, config: Any, *, pretrained: bool) -> nn.Module:
        """The network; with the published weights of its encoder if `pretrained`."""
        ...


@dataclass(frozen=True)
class Method:
    """A published idea in one size.

    Attributes:
        name: what a person types, e.g. ``ritm_hrnet18s``.
        family: of methods that share a file, e.g. ``ritm``.
        summary: one sentence.
        paper: authors, title, venue and year.
        licence: under which the authors publish their code; ours is Apache-2.0 throughout.
        config: frozen dataclass of the network's sizes.
        build: makes the network.
        encoding: name in `clickmask.encode.ENCODINGS`, which needs a twin in `clickmask.nn.encode`.
        loss: its own training loss.
        encoding_options: keyword arguments of the encoding.
        input_hw: size of the input at inference.
        scaling: of pixels.
        capabilities: what the network can do with its guidance: ``previous_mask``, ``box``.
        training: defaults.
        zoom_in: fields of `clickmask.predict.zoom_in.ZoomIn` that differ from its defaults; None for no zoom-in.
        threshold: probability above which a pixel belongs to the mask.
        side_step: input sides are multiples of it.
        least_batch: smallest batch that it can be trained with: 2 where single values are normalised over the batch.
        pretrained: whether `build` has encoder weights to begin with; else training starts from scratch.
        onnx: whether the network can be written as an ONNX graph.
        any_size: whether that graph takes inputs of any size, in steps of `side_step`.
        tiny: a configuration of the same kind, small enough for tests.
        learn: replaces the plain forward pass in training, for networks whose heads need the labels:
            (network, image, guidance, labels, clicks) -> outputs.
        convert: names of the authors' checkpoint -> ours; None where they published none.
        kept: further outputs that its graph gives besides the answer.
        further_graphs: writes graphs beside the main one: (network, method, input height and width, folder) -> the
            files' names; None where one graph is all.
        backend: ``"module:attribute"`` of a backend of its own, called like `clickmask.nn.torch_backend.TorchBackend`;
            the usual one if None.
    """

    name: str
    family: str
    summary: str
    paper: str
    licence: str
    config: Any
    build: Build
    encoding: str
    loss: MethodLoss
    encoding_options: Mapping[str, Any] = field(default_factory=dict)
    input_hw: tuple[int, int] = (256, 256)
    scaling: Scaling = IMAGENET
    capabilities: frozenset[str] = frozenset({"previous_mask"})
    training: Training = field(default_factory=Training)
    zoom_in: Mapping[str, float] | None = field(default_factory=dict)
    threshold: float = 0.5
    side_step: int = 32
    least_batch: int = 1
    pretrained: bool = False
    onnx: bool = True
    any_size: bool = False
    tiny: Any = None
    learn: Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Outputs] | None = None
    convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
    kept: tuple[str, ...] = ()
    further_graphs: Callable[[nn.Module, Method, tuple[int, int], Path], Sequence[str]] | None = None
    backend: str | None = None

    def make_encoding(self) -> Any:
        """The encoding with this method's options."""
        return ENCODINGS.get(self.encoding)(**self.encoding_options)

    def network(self, *, pretrained: bool = False) -> nn.Module:
        """A network of this method's size."""
        return self.build(self.config, pretrained=pretrained)

    def with_config(self, config: Any) -> Method:
        """The same method in another size."""
        return replace(self, config=config)


@dataclass(frozen=True, eq=False)
class Cut:
    """A forward pass, stopped half-way: what scale and bias act on, and what else the rest needs.

    Attributes:
        point: name of the insertion point.
        features: (B, C, h, w), C as `Refinable.insertion_points` tells.
        kept: further maps that the rest of the network reads.
        size_hw: of the network's input.
    """

    point: str
    features: Tensor
    kept: tuple[Tensor, ...]
    size_hw: tuple[int, int]


@runtime_checkable
class Refinable(Protocol):
    """A network that can be stopped at named points, for refinement that back-propagates through its tail only.

    ``network(image, guidance)["logits"]`` equals ``network.rest(network.features(image, guidance, point))`` for each
    point. f-BRS changes the features in between: ``replace(cut, features=cut.features * (1 + scale) + bias)``.

    Attributes:
        insertion_points: name (``"a"``, ``"b"``, ``"c"``, from deep to late) -> channels of the features there.
    """

    insertion_points: Mapping[str, int]

    def features(self, image: Tensor, guidance: Tensor, point: str) -> Cut:
        """The pass up to an insertion point; arguments as of the network's forward."""
        ...

    def rest(self, cut: Cut) -> Tensor:
        """(B, 1, H, W) logits at the input's size."""
        ...


def find_method(name: str) -> Method:
    """A method by name.

    Raises:
        UnknownNameError: no such method.
    """
    return named(METHOD_TARGETS.get(name), name)


def named(methods: Sequence[Method], name: str) -> Method:
    """The method called `name`; LookupError says that the catalogue and the file disagree."""
    for method in methods:
        if method.name == name:
            return method
    raise LookupError(f"The catalogue names a method '{name}' that its file does not hold.")
