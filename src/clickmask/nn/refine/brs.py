"""BRS: make the network obey the clicks by changing what it sees of them, or of the image.

Sources: Jang and Kim, "Interactive Image Segmentation via Backpropagating Refinement Scheme", CVPR 2019 (`brs`), and
the two re-implementations that come with f-BRS (Sofiiuk et al., CVPR 2020): `distmap_brs` adds a bias to the maps of
the clicks, `rgb_brs` to the scaled image. Each bias minimises the clicks' energy plus a penalty on its squares, see
`clickmask.nn.refine.search`. `brs` counts the clicked pixels alone and sums their errors, the other two take means
over 3 x 3 windows. The network sees the first 5 clicks; a bias is forgotten when the crop changes.
Departures: the weight of the penalty in `brs` is not known to us, so it is that of the other two; the previous mask is
no map of the clicks and is not changed; and those of `clickmask.nn.refine.search`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from clickmask.core.protocols import Stage
from clickmask.nn.refine.question import (
    DifferentiableBackend,
    NetworkQuestion,
    Weighted,
    Weights,
    differentiable,
)
from clickmask.nn.refine.search import ClickEnergy, Found, Search, Values, lowest
from clickmask.nn.refine.step import BrsMemo, refining_step
from clickmask.predict.click_labels import click_labels
from clickmask.predict.stage import NamedStage, StageContext

Input = Literal["clicks", "image"]


@dataclass(frozen=True, slots=True)
class Brs:
    """Settings.

    Attributes:
        input: what gets the bias: the maps of the clicks, or the image.
        summed: whether errors at the clicked pixels are summed; else means over 3 x 3 windows are taken.
        first_click: the search begins at this click, counted from 1.
        seen_clicks: the network is shown so many clicks.
        penalty: of the squares of the bias.
        search: limits of the search.
    """

    input: Input = "clicks"
    summed: bool = False
    first_click: int = 2
    seen_clicks: int = 5
    penalty: float = 1e-3
    search: Search = field(default_factory=Search)


class SummedEnergy(ClickEnergy):
    """The energy of BRS: squared errors at the clicked pixels, summed."""

    def __call__(self, probability: Tensor) -> Tensor:
        """The energy of (1, 1, H, W) probabilities, a scalar."""
        missed = ((1 - probability[self.positive]) ** 2).sum()
        return missed + (probability[self.negative] ** 2).sum()


def brs(settings: Brs, context: StageContext, name: str) -> Stage:
    """The stage, under the memo key `name`; it asks the network itself and does not call the step inside."""
    backend = differentiable(context.backend, name)

    def search(question: NetworkQuestion, energy: ClickEnergy, kept: BrsMemo | None, weights: Weights | None) -> Found:
        return refined(settings, backend, question, energy, _start(settings, backend, question, kept), weights)

    energy_of = partial(_energy, settings, threshold=context.threshold)
    step = refining_step(backend, name, (settings.first_click, settings.seen_clicks), energy_of, search)
    return lambda _: step


def refined(
    settings: Brs,
    backend: DifferentiableBackend,
    question: NetworkQuestion,
    energy: ClickEnergy,
    start: Values,
    weights: Weights | None,
) -> Found:
    """The search over the bias of one question."""
    network = Weighted(backend.network, weights)
    first = _first_click_map(backend)

    def logits_of(flat: Tensor) -> Tensor:
        if settings.input == "image":
            return network.logits(question.image + flat.view(question.image.shape), question.guidance)
        maps = question.guidance[:, first:]
        guidance = torch.cat([question.guidance[:, :first], maps + flat.view(maps.shape)], dim=1)
        return network.logits(question.image, guidance)

    def penalty_of(flat: Tensor) -> Tensor:
        return settings.penalty * (flat**2).sum()

    return lowest(logits_of, penalty_of, energy, settings.search, start, question.image.device)


def _energy(settings: Brs, question: NetworkQuestion, threshold: float) -> ClickEnergy:
    if not settings.summed:
        return ClickEnergy.of(question.labels, threshold, question.image.device)
    height, width = question.labels.shape
    pixels = click_labels(question.prompts, (height, width), radius=0)
    windows = ClickEnergy.of(pixels, threshold, question.image.device)
    return SummedEnergy(windows.positive, windows.negative, threshold)


def _start(settings: Brs, backend: DifferentiableBackend, question: NetworkQuestion, kept: BrsMemo | None) -> Values:
    if kept is not None and kept.fingerprint == question.fingerprint:
        return kept.values
    if settings.input == "image":
        return np.zeros(question.image.numel())
    return np.zeros(question.guidance[:, _first_click_map(backend) :].numel())


def _first_click_map(backend: DifferentiableBackend) -> int:
    """Number of the first channel of the guidance that tells of clicks: what the network saw last comes before."""
    return 0 if backend.encoding.feedback is None else 1


def _named(name: str, settings: Brs, summary: str) -> NamedStage:
    return NamedStage(summary, partial(_made, settings, name), place="backend", needs=frozenset({"gradients"}))


def _made(settings: Brs, name: str, context: StageContext) -> Stage:
    return brs(settings, context, name)


BRS = _named(
    "brs", Brs(summed=True), "Make the network obey all clicks by changing its maps of them, as first published."
)
DISTMAP_BRS = _named("distmap_brs", Brs(), "Make the network obey all clicks by changing its maps of them.")
RGB_BRS = _named("rgb_brs", replace(Brs(), input="image"), "Make the network obey all clicks by changing the image.")
