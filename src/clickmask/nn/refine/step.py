"""The step of every stage that searches for better answers by gradients: when it searches, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clickmask.core.protocols import Request, Result, Step
from clickmask.nn.refine.question import (
    DifferentiableBackend,
    NetworkQuestion,
    Weights,
    ask,
    placed,
    plain_logits,
    sequence_weights,
)
from clickmask.nn.refine.search import ClickEnergy, Found, Values


@dataclass(frozen=True, eq=False)
class BrsMemo:
    """What a back-propagating stage remembers.

    Attributes:
        values: found at the last click: s, then b, or the bias of an input.
        fingerprint: of the crop that they were found on.
        energy: that they reached.
        obeyed: whether every clicked window had its label then.
    """

    values: Values
    fingerprint: int
    energy: float
    obeyed: bool

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(self.values.nbytes)


SearchStep = Callable[[NetworkQuestion, ClickEnergy, BrsMemo | None, Weights | None], Found]
"""(question, energy of its clicks, what was found at the last click, weights of the sequence) -> what is found."""


def refining_step(
    backend: DifferentiableBackend,
    name: str,
    clicks: tuple[int, int],
    energy_of: Callable[[NetworkQuestion], ClickEnergy],
    search: SearchStep,
) -> Step:
    """A step that asks the network itself, plainly at first and by `search` from a certain click on.

    Args:
        backend: whose network is asked.
        name: key of the memo.
        clicks: the click, counted from 1, at which the search begins, and how many clicks the network is shown.
        energy_of: what the search lowers; falsy without clicks inside the crop.
        search: see `SearchStep`.
    """
    first_click, seen_clicks = clicks

    def step(request: Request) -> Result:
        question = ask(backend, request, seen_clicks)
        energy = energy_of(question)
        weights = sequence_weights(request.memo)
        if len(request.prompts.clicks) < first_click or not energy:
            return placed(plain_logits(backend, question, weights), request, request.memo)
        kept = request.memo.get(name)
        found = search(question, energy, kept if isinstance(kept, BrsMemo) else None, weights)
        memo = BrsMemo(found.values, question.fingerprint, found.energy, found.obeyed)
        return placed(found.logits, request, {**request.memo, name: memo})

    return step
