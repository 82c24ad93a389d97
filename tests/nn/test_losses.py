from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.nn.losses import LOSSES, binary_cross_entropy, normalised_focal, soft_iou  # noqa: E402

Tensor = torch.Tensor


def logits_of(*probabilities: float) -> Tensor:
    return torch.logit(torch.tensor(probabilities, dtype=torch.float64)).float().view(1, 1, 1, -1)


def labels_of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def test_cross_entropy_by_hand() -> None:
    loss = binary_cross_entropy(logits_of(0.8, 0.3, 0.9), labels_of(1, 0, -1))
    assert loss.item() == pytest.approx(-(math.log(0.8) + math.log(0.7)) / 2, rel=1e-5)


def test_normalised_focal_loss_by_hand() -> None:
    """METHODS 2.2: q = 1 - |y - p|, beta = (1 - q)^2, k = valid / sum of beta; mean of -a k beta log q."""
    q = (0.8, 0.7)
    beta = [(1 - v) ** 2 for v in q]
    k = 2 / sum(beta)
    expected = sum(-0.5 * k * b * math.log(v) for b, v in zip(beta, q, strict=True)) / 2
    loss = normalised_focal(logits_of(0.8, 0.3, 0.01), labels_of(1, 0, -1))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_normalised_focal_loss_weighs_the_classes() -> None:
    q = (0.8, 0.7)
    beta = [(1 - v) ** 2 for v in q]
    k = 2 / sum(beta)
    expected = -k * (0.7 * beta[0] * math.log(q[0]) + 0.3 * beta[1] * math.log(q[1])) / 2
    loss = normalised_focal(logits_of(0.8, 0.3), labels_of(1, 0), alpha=0.7)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_focal_factor_carries_no_gradient() -> None:
    """The gradient is that of sum(beta x surprise) with the factor held fixed."""
    logits = logits_of(0.8, 0.3, 0.6).requires_grad_()
    labels = labels_of(1, 0, 0)
    normalised_focal(logits, labels).sum().backward()
    probability = torch.sigmoid(logits.detach())
    factor = 3 / ((labels - probability).abs() ** 2).sum()
    free = logits.detach().clone().requires_grad_()
    p = torch.sigmoid(free)
    q = 1 - (labels - p).abs()
    (factor * 0.5 * ((1 - q) ** 2 * -q.log()).sum() / 3).backward()
    torch.testing.assert_close(logits.grad, free.grad, rtol=1e-4, atol=1e-6)


def test_soft_iou_by_hand() -> None:
    loss = soft_iou(logits_of(0.8, 0.3, 0.9), labels_of(1, 0, -1))
    assert loss.item() == pytest.approx(1 - (0.8 + 1) / (0.8 + 1 - 0.8 + 0.3 + 1), rel=1e-5)


def test_soft_iou_of_nothing_found_where_nothing_is() -> None:
    assert soft_iou(torch.full((1, 1, 4, 4), -30.0), torch.zeros(1, 1, 4, 4)).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_ignores_what_does_not_count(name: str) -> None:
    loss = LOSSES[name]
    logits = torch.randn(3, 1, 6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = (torch.rand(3, 1, 6, 5, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    labels[1] = -1  # a whole image that does not count
    labels[2, :, :3] = -1
    values = loss(logits, labels)
    assert values.shape == (3,)
    assert torch.isfinite(values).all()
    assert values[1].item() == pytest.approx(0, abs=1e-6)
    values.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[labels < 0].any()
    assert logits.grad[2, :, 3:].any()


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_gives_one_value_an_image_and_falls_with_better_logits(name: str) -> None:
    labels = (torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    signs = 2 * labels - 1
    good, bad, wrong = (LOSSES[name](logits, labels) for logits in (6 * signs, 0 * signs, -6 * signs))
    assert (good < bad).all() and (bad < wrong).all()
    torch.testing.assert_close(LOSSES[name](signs[:1], labels[:1]), LOSSES[name](signs, labels)[:1])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_stays_finite_at_extreme_logits(name: str) -> None:
    logits = torch.tensor([-200.0, 200.0, -200.0, 200.0]).view(1, 1, 2, 2).requires_grad_()
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0]).view(1, 1, 2, 2)
    for truth in (labels, (logits.detach() > 0).float()):
        value = LOSSES[name](logits, truth)
        assert torch.isfinite(value).all()
        value.sum().backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
