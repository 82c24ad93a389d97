"""Sparse convolutions against dense ones on a filled grid, their gradients against differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.nn.backbones.sparse_unet import SparseUNet, SparseUNetConfig  # noqa: E402
from clickmask.nn.sparse import SparsePlan, sparse_product  # noqa: E402
from clickmask.spatial.plan import make_plan, unique_rows  # noqa: E402

SIDE = 6
GRID = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.fixture
def filled() -> SparsePlan:
    return SparsePlan.of(make_plan(GRID, 2))


def test_a_submanifold_convolution_on_a_filled_grid_is_a_dense_one(filled):
    rows = torch.randn(SIDE**3, 4, dtype=torch.float64)
    weight = torch.randn(27, 4, 5, dtype=torch.float64)
    dense = torch.nn.functional.conv3d(
        rows.T.reshape(1, 4, SIDE, SIDE, SIDE), weight.permute(2, 1, 0).reshape(5, 4, 3, 3, 3), padding=1
    )
    torch.testing.assert_close(sparse_product(rows, weight, filled.same[0]), dense.reshape(5, -1).T)


def test_steps_between_levels_are_strided_convolutions(filled):
    rows = torch.randn(SIDE**3, 4, dtype=torch.float64)
    weight = torch.randn(8, 4, 5, dtype=torch.float64)
    dense = torch.nn.functional.conv3d(
        rows.T.reshape(1, 4, SIDE, SIDE, SIDE), weight.permute(2, 1, 0).reshape(5, 4, 2, 2, 2), stride=2
    )
    torch.testing.assert_close(sparse_product(rows, weight, filled.down[0]), dense.reshape(5, -1).T)
    coarse = torch.randn((SIDE // 2) ** 3, 4, dtype=torch.float64)
    dense = torch.nn.functional.conv_transpose3d(
        coarse.T.reshape(1, 4, 3, 3, 3), weight.permute(1, 2, 0).reshape(4, 5, 2, 2, 2), stride=2
    )
    torch.testing.assert_close(sparse_product(coarse, weight, filled.up[0]), dense.reshape(5, -1).T)


@pytest.mark.parametrize("kind", ["same", "down", "up"])
def test_the_written_gradient_is_the_true_one(kind):
    coords, _ = unique_rows(np.random.default_rng(0).integers(0, 5, (30, 3)))
    plan = make_plan(coords, 2)
    pairs = getattr(SparsePlan.of(plan), kind)[0]
    rows = torch.randn(len(plan.levels[kind == "up"]), 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(27 if kind == "same" else 8, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r, w: sparse_product(r, w, pairs), (rows, weight))


def test_gradients_that_nobody_needs_are_left_out(filled):
    weight = torch.randn(27, 2, 3, requires_grad=True)
    sparse_product(torch.randn(SIDE**3, 2), weight, filled.same[0]).sum().backward()
    assert weight.grad is not None


def test_a_network_learns_with_all_its_weights():
    torch.manual_seed(0)
    coords, _ = unique_rows(np.random.default_rng(0).integers(0, 12, (200, 3)))
    network = SparseUNet(SparseUNetConfig(3, 1, (4, 6, 8), encoder_blocks=2))
    logits = network(torch.randn(len(coords), 3), SparsePlan.of(make_plan(coords, 3)))
    assert logits.shape == (len(coords), 1)
    logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
