"""Stochastic depth (Huang et al., 2016, arXiv 1603.09382): leave a residual branch out, sample by sample."""

from __future__ import annotations

from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """In training a sample's branch is zero with the chance given, and scaled up otherwise so that its mean stays."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, branch: Tensor) -> Tensor:
        """(B, ...) -> (B, ...)."""
        if not self.training or self.chance == 0:
            return branch
        shape = (branch.shape[0],) + (1,) * (branch.ndim - 1)
        kept = branch.new_empty(shape).bernoulli_(1 - self.chance)
        return branch * kept / (1 - self.chance)
