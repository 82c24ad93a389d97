"""Sparse convolution in plain PyTorch: rows are gathered, multiplied and added to where they belong.

Autograd over the obvious code spends most of its time in the backward of a gather; with the backward
written out a training step is five to ten times faster on a CPU. Submanifold convolutions (Graham,
Engelcke, van der Maaten 2018): a voxel has an output exactly where it has an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clickmask.spatial.pairs import PairList, PlanPairs
from clickmask.spatial.plan import Plan


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which input row goes to which output row through which of K weight matrices.

    Rows and splits as in `clickmask.spatial.pairs.PairList`, as tensors and a tuple.
    """

    source: Tensor
    target: Tensor
    splits: tuple[int, ...]
    outputs: int
    centre: int | None = None

    def reversed(self, outputs: int) -> Pairs:
        """The pairs the other way round: what was output is input."""
        return Pairs(self.target, self.source, self.splits, outputs, self.centre)


@dataclass(frozen=True, eq=False)
class SparsePlan:
    """A cloud's plan as pairs, for one batch.

    Attributes:
        same: per level, the pairs of 3x3x3 convolutions.
        down: per level but the last, the pairs from it to the next coarser one.
        up: the same the other way round.
    """

    same: tuple[Pairs, ...]
    down: tuple[Pairs, ...]
    up: tuple[Pairs, ...]

    @staticmethod
    def of(plan: Plan, device: torch.device | str = "cpu") -> SparsePlan:
        """The pairs of a plan."""
        pairs = PlanPairs.of(plan)
        down = tuple(_tensors(step, device) for step in pairs.down)
        up = tuple(step.reversed(len(level)) for step, level in zip(down, plan.levels, strict=False))
        return SparsePlan(tuple(_tensors(level, device) for level in pairs.same), down, up)


def _tensors(pairs: PairList, device: torch.device | str) -> Pairs:
    source, target = torch.from_numpy(pairs.source).to(device), torch.from_numpy(pairs.target).to(device)
    return Pairs(source, target, tuple(pairs.splits.tolist()), pairs.outputs, pairs.centre)


class _SparseProduct(torch.autograd.Function):
    """(N, Cin) rows and (K, Cin, Cout) matrices to (M, Cout) rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, pairs: Pairs) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.pairs = pairs
        if pairs.centre is None:
            out = rows.new_zeros(pairs.outputs, weight.shape[2])
        else:
            out = rows @ weight[pairs.centre]
        for k, source, target in _parts(pairs):
            out.index_add_(0, target, rows.index_select(0, source) @ weight[k])
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, weight = ctx.saved_tensors
        pairs: Pairs = ctx.pairs
        grad = grad.contiguous()
        need_rows, need_weight = ctx.needs_input_grad[:2]
        grad_weight = torch.zeros_like(weight) if need_weight else None
        grad_rows = None
        if need_rows:
            centre = pairs.centre
            grad_rows = torch.zeros_like(rows) if centre is None else grad @ weight[centre].T
        if grad_weight is not None and pairs.centre is not None:
            torch.mm(rows.T, grad, out=grad_weight[pairs.centre])
        for k, source, target in _parts(pairs):
            part = grad.index_select(0, target)
            if grad_weight is not None:
                torch.mm(rows.index_select(0, source).T, part, out=grad_weight[k])
            if grad_rows is not None:
                grad_rows.index_add_(0, source, part @ weight[k].T)
        return grad_rows, grad_weight, None


def _parts(pairs: Pairs) -> list[tuple[int, Tensor, Tensor]]:
    """Matrix number, input rows and output rows of every matrix that has pairs."""
    return [
        (k, pairs.source[first:last], pairs.target[first:last])
        for k, (first, last) in enumerate(zip(pairs.splits, pairs.splits[1:], strict=False))
        if last > first
    ]


def sparse_product(rows: Tensor, weight: Tensor, pairs: Pairs) -> Tensor:
    """out[t] = sum over pairs (s, t) of matrix k of rows[s] @ weight[k].

    Args:
        rows: (N, Cin) float.
        weight: (K, Cin, Cout) float.
        pairs: see `Pairs`.

    Returns:
        (M, Cout), differentiable once in `rows` and `weight`.
    """
    out: Tensor = _SparseProduct.apply(rows, weight, pairs)  # type: ignore[no-untyped-call]
    return out


class SparseConv(nn.Module):
    """A convolution without bias over K places; the pairs decide which ones.

    Args:
        inputs: channels in.
        outputs: channels out.
        places: K, 27 for 3x3x3 and 8 for the steps between two levels.
        fan: places that a voxel meets on average, for the size of the first weights (He 2015).
    """

    def __init__(self, inputs: int, outputs: int, places: int, fan: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(places, inputs, outputs) * (2.0 / (inputs * fan)) ** 0.5)

    def forward(self, rows: Tensor, pairs: Pairs) -> Tensor:
        """(N, Cin) to (M, Cout)."""
        return sparse_product(rows, self.weight, pairs)
