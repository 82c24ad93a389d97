"""Adaptation: clicks are labels, so learn from them while they are made.

Source: Kontogianni, Gygli, Uijlings and Ferrari, "Continuous Adaptation for Interactive Object Segmentation by
Learning from Corrections", ECCV 2020, arXiv 1911.12709. `adapt_image` (IA) fits the weights to one object: at every
correction a few steps on

    H(p; clicks) + keep * H(p; mask before) + anchor * sum of importance * (weight - weight at the start)^2

with cross-entropies H, the first over discs round the clicks, and importances by memory-aware synapses (Aljundi et
al., ECCV 2018), scaled to mean 1. `adapt_sequence` (SA) learns from each finished object, with its clicks and its
mask as targets, weights that the next one begins with. Both may be asked for together. The paper's constants are not
known to us; ours are in the settings. Departures: only weights outside the encoder learn; the answer and the weights
of the step with the lowest loss are kept; SA learns from the first click alone, which is what should do more next
time, seen as the whole image and as the crop that was used last.

Weights are values here: the network's own never change, so starting afresh restores them to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clickmask.core.frames import Crop, FloatMap, Frame, whole
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import SEQUENCE, Memo, ObjectState, Request, Result, Stage, Step
from clickmask.nn.refine.question import (
    DifferentiableBackend,
    NetworkQuestion,
    Weighted,
    Weights,
    ask,
    differentiable,
    placed,
    plain_logits,
    sequence_weights,
)
from clickmask.predict.click_labels import click_labels
from clickmask.predict.stage import Carry, NamedStage, StageContext
from clickmask.predict.zoom_in import ZoomMemo

NAME = "adapt_image"


@dataclass(frozen=True, slots=True)
class Learning:
    """Settings of either kind.

    Attributes:
        steps: of Adam, at each correction (IA) or finished object (SA).
        rate: learning rate.
        keep: weight of the dense target: the mask before (IA), the finished mask (SA).
        anchor: weight of the distance to the weights at the start.
        radius: of the discs round clicks, in network pixels.
        first_click: IA begins at this click: there is nothing to correct before.
    """

    steps: int = 10
    rate: float = 1e-4
    keep: float = 1.0
    anchor: float = 1.0
    radius: float = 5.0
    first_click: int = 2


IMAGE = Learning()
"""IA."""
SEQUENCE_LEARNING = Learning(steps=2, anchor=0.0)
"""SA: a small step. Nothing holds it back to where the sequence began."""


@dataclass(frozen=True, eq=False)
class AdaptMemo:
    """What IA remembers of one object.

    Attributes:
        weights: as they are now.
        importance: of each weight for the network's answers, mean 1 over all.
        losses: at the start and after each step of the last click.
    """

    weights: Weights
    importance: Weights
    losses: tuple[float, ...]

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(value.nbytes for value in (*self.weights.values(), *self.importance.values()))


@dataclass(frozen=True, eq=False)
class Example:
    """One input with what the answer should be.

    Attributes:
        image, guidance: as the network sees them.
        clicks: (1, 1, H, W) float: 1 and 0 in discs round the clicks, -1 elsewhere.
        dense: (1, 1, H, W) probabilities for every pixel, None for none.
    """

    image: Tensor
    guidance: Tensor
    clicks: Tensor
    dense: Tensor | None


def adapt_image(settings: Learning, context: StageContext) -> Stage:
    """IA; it asks the network itself and does not call the step inside."""
    backend = differentiable(context.backend, NAME)

    def step(request: Request) -> Result:
        question = ask(backend, request)
        start = sequence_weights(request.memo)
        kept = request.memo.get(NAME)
        if len(request.prompts.clicks) < settings.first_click or question.previous is None:
            return placed(plain_logits(backend, question, start), request, request.memo)
        begin = trainable(backend, start)
        now, importance = (
            (kept.weights, kept.importance)
            if isinstance(kept, AdaptMemo)
            else (begin, importances(backend, question, begin))
        )
        example = _correction(settings, question)
        weights, losses = fit(settings, backend, [example], now, begin, importance)
        logits = plain_logits(backend, question, weights)
        return placed(logits, request, {**request.memo, NAME: AdaptMemo(weights, importance, losses)})

    return lambda _: step


def adapt_sequence(context: StageContext) -> Stage:
    """SA, while clicks are made: answer with the weights that the sequence has learned so far."""
    backend = differentiable(context.backend, "adapt_sequence")

    def stage(inner: Step) -> Step:
        def step(request: Request) -> Result:
            weights = sequence_weights(request.memo)
            if weights is None:
                return inner(request)
            return placed(plain_logits(backend, ask(backend, request), weights), request, request.memo)

        return step

    return stage


def learn_from(settings: Learning, context: StageContext) -> Carry:
    """SA, when an object is finished: a function (image, finished state) -> memo with the new weights."""
    backend = differentiable(context.backend, "adapt_sequence")

    def carry(frame: Frame, state: ObjectState) -> Memo:
        if state.logits is None or not state.prompts.clicks:
            return {}
        start = trainable(backend, sequence_weights(state.memo))
        examples = list(_finished(settings, backend, frame, state, context.threshold_logit))
        nothing = {name: torch.zeros_like(value) for name, value in start.items()}
        weights, _ = fit(settings, backend, examples, start, start, nothing)
        return {SEQUENCE: weights}

    return carry


def trainable(backend: DifferentiableBackend, weights: Weights | None) -> Weights:
    """The weights outside the encoder by name: those given, else copies of the network's own."""
    if weights is not None:
        return weights
    encoder = backend.method.training.encoder
    own = backend.network.named_parameters()
    return {name: value.detach().clone() for name, value in own if not name.startswith(encoder)}


def fit(
    settings: Learning,
    backend: DifferentiableBackend,
    examples: list[Example],
    begin: Weights,
    anchor: Weights,
    importance: Weights,
) -> tuple[Weights, tuple[float, ...]]:
    """Steps of Adam from `begin`; returns the weights of the lowest loss, and the loss at every step.

    Args:
        settings: of the learning.
        backend: holds the network, which stays as it is.
        examples: to learn from; each step sees all.
        begin: weights to begin with.
        anchor: weights that the result should stay near.
        importance: how near, by weight.
    """
    moving = {name: value.clone().requires_grad_(True) for name, value in begin.items()}
    optimizer = torch.optim.Adam(moving.values(), lr=settings.rate)
    best, losses = begin, list[float]()
    for turn in range(settings.steps + 1):
        with torch.enable_grad():
            loss = _loss(settings, backend, examples, moving)
            loss = loss + settings.anchor * _distance(moving, anchor, importance)
        losses.append(float(loss.detach()))
        if losses[-1] == min(losses):
            best = {name: value.detach().clone() for name, value in moving.items()}
        if turn < settings.steps:
            gradients = torch.autograd.grad(loss, list(moving.values()), materialize_grads=True)
            for value, gradient in zip(moving.values(), gradients, strict=True):
                value.grad = gradient
            optimizer.step()
    return best, tuple(losses)


def importances(backend: DifferentiableBackend, question: NetworkQuestion, weights: Weights) -> Weights:
    """Memory-aware synapses: how much the answer's squared length changes with each weight; mean 1 over all."""
    wanted = {name: value.clone().requires_grad_(True) for name, value in weights.items()}
    with torch.enable_grad():
        length = (Weighted(backend.network, wanted).logits(question.image, question.guidance) ** 2).mean()
    sizes = [g.abs() for g in torch.autograd.grad(length, list(wanted.values()), materialize_grads=True)]
    mean = sum(float(s.sum()) for s in sizes) / max(sum(s.numel() for s in sizes), 1)
    return {name: size / mean if mean > 0 else torch.ones_like(size) for name, size in zip(wanted, sizes, strict=True)}


def _loss(settings: Learning, backend: DifferentiableBackend, examples: list[Example], weights: Weights) -> Tensor:
    network = Weighted(backend.network, weights)
    losses = []
    for example in examples:
        logits = network.logits(example.image, example.guidance)
        clicked = example.clicks >= 0
        if clicked.any():
            losses.append(F.binary_cross_entropy_with_logits(logits[clicked], example.clicks[clicked]))
        if example.dense is not None:
            losses.append(settings.keep * F.binary_cross_entropy_with_logits(logits, example.dense))
    return torch.stack(losses).sum()


def _distance(weights: Weights, anchor: Weights, importance: Weights) -> Tensor:
    parts = [(importance[name] * (value - anchor[name]) ** 2).sum() for name, value in weights.items()]
    return torch.stack(parts).sum()


def _correction(settings: Learning, question: NetworkQuestion) -> Example:
    """What a new click teaches of the object in progress."""
    dense = None
    if question.previous is not None:
        dense = torch.sigmoid(_map(question.previous, question.image))
    clicks = _click_targets(settings, question.prompts, question.image)
    return Example(question.image, question.guidance, clicks, dense)


def _finished(
    settings: Learning, backend: DifferentiableBackend, frame: Frame, state: ObjectState, threshold: float
) -> Iterator[Example]:
    """What a finished object teaches: its mask from its first click, in the whole image and in the last crop."""
    logits = state.logits
    if logits is None:
        return
    boxes = [whole(frame.size_hw)]
    zoomed = state.memo.get("zoom_in")
    if isinstance(zoomed, ZoomMemo) and zoomed.box_xyxy not in boxes:
        boxes.append(zoomed.box_xyxy)
    for box in boxes:
        crop = Crop(box, backend.input_hw)
        prompts = crop.prompts_to_crop(state.prompts)
        first = next((click for click in prompts.clicks if click.positive), prompts.clicks[0])
        image = backend.embed(frame.crop(crop))
        mask = (logits.sample(crop) > threshold).astype(np.float32)
        clicks = _click_targets(settings, prompts, image)
        yield Example(image, backend.guidance(Prompts((first,)), None), clicks, _map(mask, image))


def _click_targets(settings: Learning, prompts: Prompts, image: Tensor) -> Tensor:
    labels = click_labels(prompts, (image.shape[2], image.shape[3]), settings.radius)
    return _map(labels.astype(np.float32), image)


def _map(values: FloatMap, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))[None, None].to(like.device)


_GRADIENTS = frozenset({"gradients"})
ADAPT_IMAGE = NamedStage(
    "Fit the network's decoder to the object in progress, a few steps at every correction.",
    lambda context: adapt_image(IMAGE, context),
    place="backend",
    needs=_GRADIENTS | {"previous_mask"},
)
ADAPT_SEQUENCE = NamedStage(
    "Let every finished object teach the network's decoder something for the next one.",
    adapt_sequence,
    place="weights",
    needs=_GRADIENTS,
    carry=lambda context: learn_from(SEQUENCE_LEARNING, context),
)
