from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.nn.depthwise import depthwise_conv2d  # noqa: E402

Tensor = torch.Tensor


def tensors(kernel: int, size_hw: tuple[int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 6, *size_hw), (6, 1, kernel, kernel), (6,)]
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("stride", "padded"), [(1, True), (1, False), (2, False)])
@pytest.mark.parametrize("size_hw", [(11, 14), (12, 9), (5, 5)])
def test_answers_and_gradients_are_those_of_the_library(
    kernel: int, stride: int, padded: bool, size_hw: tuple[int, int]
) -> None:
    padding = kernel // 2 if padded else 0
    ours, theirs = tensors(kernel, size_hw), tensors(kernel, size_hw)
    got = depthwise_conv2d(*ours, stride, padding)
    expected = torch.nn.functional.conv2d(*theirs, stride, padding, groups=6)
    torch.testing.assert_close(got, expected)
    direction = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    got.backward(direction)
    expected.backward(direction)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.grad is not None and other.grad is not None
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-4)


def test_only_the_gradients_that_are_wanted() -> None:
    x, weight, bias = tensors(3, (8, 8))
    depthwise_conv2d(x.detach(), weight, bias.detach(), 1, 1).sum().backward()
    assert x.grad is None and bias.grad is None and weight.grad is not None


def test_without_gradients_it_is_the_plain_convolution() -> None:
    x, weight, bias = tensors(5, (9, 9))
    with torch.no_grad():
        out = depthwise_conv2d(x, weight, bias, 2, 0)
    assert out.grad_fn is None
    torch.testing.assert_close(out, torch.nn.functional.conv2d(x, weight, bias, 2, 0, groups=6))


def test_autocast_computes_in_bfloat16() -> None:
    x, weight, bias = tensors(5, (12, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = depthwise_conv2d(x, weight, bias, 1, 2)
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    reference = tensors(5, (12, 12))
    torch.nn.functional.conv2d(*reference, 1, 2, groups=6).sum().backward()
    assert weight.grad is not None and weight.grad.dtype == torch.float32
    # bfloat16 keeps eight bits: sums of hundreds of values agree to some parts in a hundred of the largest
    scale = float(reference[1].grad.abs().max())
    torch.testing.assert_close(weight.grad, reference[1].grad, rtol=0, atol=0.03 * scale)
