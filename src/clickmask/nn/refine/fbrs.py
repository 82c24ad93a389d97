"""f-BRS: make the network obey the clicks by scaling and shifting the channels of one of its layers.

Source: Sofiiuk, Petrov, Barinova and Konushin, "f-BRS: Rethinking Backpropagating Refinement for Interactive
Segmentation", CVPR 2020, arXiv 2001.10331. Features F at an insertion point become F * (1 + s) + b; s and b minimise
the clicks' energy plus 0.001 * (sum of s^2 + 10 * sum of b^2), see `clickmask.nn.refine.search`. The network sees the
first 8 clicks, later ones act through s and b alone; the search begins at the second click, from the values of the
click before. The three insertion points, from deep to late, are the network's (`clickmask.nn.method.Refinable`).
Departures: the previous mask is seen where the network takes one, so features cannot be kept between clicks; and
those of `clickmask.nn.refine.search`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from clickmask.core.errors import CapabilityError
from clickmask.core.protocols import Stage
from clickmask.nn.method import Cut, Refinable
from clickmask.nn.refine.question import (
    DifferentiableBackend,
    NetworkQuestion,
    Weighted,
    Weights,
    differentiable,
)
from clickmask.nn.refine.search import ClickEnergy, Found, Search, Values, lowest
from clickmask.nn.refine.step import BrsMemo, refining_step
from clickmask.predict.stage import NamedStage, StageContext


@dataclass(frozen=True, slots=True)
class FBrs:
    """Settings; the values are the published ones.

    Attributes:
        point: insertion point, ``"a"``, ``"b"`` or ``"c"``.
        first_click: the search begins at this click, counted from 1.
        seen_clicks: the network is shown so many clicks.
        penalty: of the squares of s.
        bias_factor: times `penalty`, of the squares of b.
        search: limits of the search.
    """

    point: str
    first_click: int = 2
    seen_clicks: int = 8
    penalty: float = 1e-3
    bias_factor: float = 10.0
    search: Search = field(default_factory=Search)


def fbrs(settings: FBrs, context: StageContext, name: str) -> Stage:
    """The stage, under the memo key `name`; it asks the network itself and does not call the step inside."""
    backend = differentiable(context.backend, name)
    network = backend.network
    if not isinstance(network, Refinable) or settings.point not in network.insertion_points:
        raise CapabilityError(f"The stage '{name}' needs a network with the insertion point '{settings.point}'.")
    channels = network.insertion_points[settings.point]

    def energy_of(question: NetworkQuestion) -> ClickEnergy:
        return ClickEnergy.of(question.labels, context.threshold, question.image.device)

    def search(question: NetworkQuestion, energy: ClickEnergy, kept: BrsMemo | None, weights: Weights | None) -> Found:
        start = np.zeros(2 * channels) if kept is None else kept.values
        return refined(settings, backend, question, energy, start, weights)

    step = refining_step(backend, name, (settings.first_click, settings.seen_clicks), energy_of, search)
    return lambda _: step


def refined(
    settings: FBrs,
    backend: DifferentiableBackend,
    question: NetworkQuestion,
    energy: ClickEnergy,
    start: Values,
    weights: Weights | None,
) -> Found:
    """The search over s and b of one question."""
    network = Weighted(backend.network, weights)
    with torch.no_grad():
        cut = cast(Cut, network.call("features", question.image, question.guidance, settings.point))

    def logits_of(flat: Tensor) -> Tensor:
        scale, bias = (part.view(1, -1, 1, 1) for part in flat.chunk(2))
        return cast(Tensor, network.call("rest", replace(cut, features=cut.features * (1 + scale) + bias)))

    def penalty_of(flat: Tensor) -> Tensor:
        scale, bias = flat.chunk(2)
        return settings.penalty * ((scale**2).sum() + settings.bias_factor * (bias**2).sum())

    return lowest(logits_of, penalty_of, energy, settings.search, start, question.image.device)


def _named(point: str, where: str) -> NamedStage:
    name = f"fbrs_{point}"
    make: Callable[[StageContext], Stage] = partial(_made, FBrs(point), name)
    return NamedStage(
        f"Make the network obey all clicks by scaling its channels {where}.",
        make,
        place="backend",
        needs=frozenset({"gradients", "features"}),
    )


def _made(settings: FBrs, name: str, context: StageContext) -> Stage:
    return fbrs(settings, context, name)


FBRS: Mapping[str, NamedStage] = {
    "a": _named("a", "behind the encoder"),
    "b": _named("b", "in the decoder"),
    "c": _named("c", "before the head"),
}
FBRS_A, FBRS_B, FBRS_C = FBRS["a"], FBRS["b"], FBRS["c"]
