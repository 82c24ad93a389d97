"""The search that all back-propagating refinement shares: click energy, L-BFGS, early stops, best answer.

Sources: BRS (Jang and Kim, CVPR 2019) and f-BRS (Sofiiuk et al., CVPR 2020), whose constants these are: mean squared
error over 3 x 3 windows round the clicks, separately for each sign; L-BFGS-B with a memory of 20 and at most 20
evaluations; an end as soon as every window is right, or the mask stands still (IoU above 0.99 with the one before).
The logits of the evaluation with the lowest energy are returned. Departures: the search ends by an exception where
theirs hands back a zero gradient; the first steps of L-BFGS, which are probes of length 1 however many values there
are, do not count as standing still; windows of opposite clicks share no pixel; and where a search starts from the
values of the click before, the start at zero is tried as well, so that the energy is never above that of the plain
answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import fmin_l_bfgs_b
from torch import Tensor

from clickmask.core.frames import FloatMap
from clickmask.nn.refine.question import as_logits

Values = NDArray[np.float64]
"""What is searched over, flat."""


@dataclass(frozen=True, slots=True)
class Search:
    """Settings; the values are those of f-BRS.

    Attributes:
        evaluations: of the energy, at most.
        iterations: of L-BFGS, at most.
        memory: corrections that L-BFGS keeps.
        still_iou: successive masks with an IoU above this end the search ...
        still_after: ... once so many evaluations were made.
        gradient: L-BFGS ends when no component is larger.
    """

    evaluations: int = 20
    iterations: int = 40
    memory: int = 20
    still_iou: float = 0.99
    still_after: int = 4
    gradient: float = 1e-8


@dataclass(frozen=True, eq=False)
class Found:
    """The best evaluation of a search.

    Attributes:
        values: that gave it.
        logits: (H, W) float32.
        energy: of it.
        obeyed: whether all windows round the clicks have their label.
        evaluations: that were made.
    """

    values: Values
    logits: FloatMap
    energy: float
    obeyed: bool
    evaluations: int


@dataclass(frozen=True, eq=False)
class ClickEnergy:
    """How far an answer is from the clicks.

    Attributes:
        positive, negative: (1, 1, H, W) bool, the windows of each sign.
        threshold: probability above which a pixel belongs to the mask.
    """

    positive: Tensor
    negative: Tensor
    threshold: float

    @staticmethod
    def of(labels: NDArray[np.int8], threshold: float, device: torch.device) -> ClickEnergy:
        """From a map of labels, see `clickmask.predict.click_labels`."""
        map_ = torch.from_numpy(labels)[None, None].to(device)
        return ClickEnergy(map_ == 1, map_ == 0, threshold)

    def __bool__(self) -> bool:
        """False where no click lies on the grid, so that there is nothing to correct."""
        return bool(self.positive.any() or self.negative.any())

    def __call__(self, probability: Tensor) -> Tensor:
        """The energy of (1, 1, H, W) probabilities, a scalar."""
        parts = [(1 - probability[self.positive]) ** 2, probability[self.negative] ** 2]
        return torch.stack([part.mean() if part.numel() else part.sum() for part in parts]).sum()

    def obeyed(self, probability: Tensor) -> bool:
        """True if every window is on its side of the threshold."""
        inside, outside = probability[self.positive], probability[self.negative]
        return bool((inside > self.threshold).all() and (outside <= self.threshold).all())


LogitsOf = Callable[[Tensor], Tensor]
"""Flat values, which gradients are wanted of -> (1, 1, H, W) logits."""
PenaltyOf = Callable[[Tensor], Tensor]
"""Flat values -> what they cost by themselves, a scalar."""


class _EndedError(Exception):
    """No further evaluation is wanted."""


@dataclass(eq=False)
class _Run:
    """One search while it lasts."""

    logits_of: LogitsOf
    penalty_of: PenaltyOf
    energy: ClickEnergy
    settings: Search
    device: torch.device
    best: Found | None = None
    mask: Tensor | None = None
    count: int = 0
    still: bool = False
    newest_obeyed: bool = False

    def evaluate(self, values: Values) -> tuple[float, Values]:
        """Energy and gradient; ends the search where it should end."""
        flat = torch.tensor(values, dtype=torch.float32, device=self.device, requires_grad=True)
        with torch.enable_grad():
            logits = self.logits_of(flat)
            probability = torch.sigmoid(logits)
            energy = self.energy(probability) + self.penalty_of(flat)
            (gradient,) = torch.autograd.grad(energy, [flat])
        value = float(energy.detach())
        self._keep(values, logits.detach(), value, self.energy.obeyed(probability.detach()))
        return value, np.asarray(gradient.cpu().numpy(), dtype=np.float64)

    def search(self, values: Values) -> tuple[float, Values]:
        """`evaluate`, for L-BFGS: counts and stops."""
        energy, gradient = self.evaluate(values)
        if self._settled():
            raise _EndedError
        return energy, gradient

    def _keep(self, values: Values, logits: Tensor, energy: float, obeyed: bool) -> None:
        self.count += 1
        self.still = self._is_still(torch.sigmoid(logits) > self.energy.threshold)
        self.newest_obeyed = obeyed
        if self.best is None or energy < self.best.energy:
            self.best = Found(values.copy(), as_logits(logits), energy, obeyed, self.count)

    def _is_still(self, mask: Tensor) -> bool:
        before, self.mask = self.mask, mask
        if before is None:
            return False
        union = int((before | mask).sum())
        return union > 0 and int((before & mask).sum()) / union > self.settings.still_iou

    def _settled(self) -> bool:
        still = self.still and self.count >= self.settings.still_after
        return self.newest_obeyed or still or self.count >= self.settings.evaluations


def lowest(
    logits_of: LogitsOf,
    penalty_of: PenaltyOf,
    energy: ClickEnergy,
    settings: Search,
    start: Values,
    device: torch.device,
) -> Found:
    """Search for values of low energy.

    Args:
        logits_of: the network as a function of what is searched over.
        penalty_of: keeps the values small.
        energy: of the clicks.
        settings: of the search.
        start: where to begin; zeros are the plain answer.
        device: of the network.
    """
    run = _Run(logits_of, penalty_of, energy, settings, device)
    begin = start
    if start.any():
        zero = np.zeros_like(start)
        at_zero, _ = run.evaluate(zero)
        at_start, _ = run.evaluate(start)
        begin = start if at_start < at_zero else zero
        run.mask = None  # the two starts are no successive steps
    limits = {"m": settings.memory, "maxfun": settings.evaluations, "maxiter": settings.iterations}
    with suppress(_EndedError):
        fmin_l_bfgs_b(run.search, begin, factr=0, pgtol=settings.gradient, **limits)
    if run.best is None:
        raise RuntimeError("L-BFGS ended without an evaluation.")
    best = run.best
    return Found(best.values, best.logits, best.energy, best.obeyed, run.count)
