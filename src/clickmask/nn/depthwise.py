"""Depthwise convolution with a backward pass that is quick on CPUs.

The library's bfloat16 backward kernels for depthwise convolutions fall back to slow reference code in two
cases: the input gradient of strided convolutions and the weight gradient of kernels larger than 3 x 3
(40 to 90 times a forward pass, measured on an AMX machine with torch 2.13). Both can be written with
kernels that are quick:

- the input gradient is a forward depthwise convolution of the output gradient, spread out over the
  stride, with the kernel turned by 180 degrees;
- the weight gradient of a 5 x 5 kernel is put together from four weight gradients of 3 x 3 kernels over
  shifted views of the input.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution with bias; `padding` pixels on every side."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, groups=weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        grad_x = _input_gradient(grad, weight, x.shape, ctx.stride, ctx.padding) if wants_x else None
        grad_weight = _weight_gradient(x, grad, weight, ctx.stride, ctx.padding) if wants_weight else None
        grad_bias = grad.sum((0, 2, 3)) if wants_bias else None
        return grad_x, grad_weight, grad_bias, None, None


def depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """(B, C, H, W) and (C, 1, k, k) -> depthwise convolution; k is 3 or 5; `padding` only with stride 1.

    On other devices than the CPU, and where no gradient is wanted, this is the library's own convolution.
    """
    if x.device.type != "cpu" or not torch.is_grad_enabled():
        return F.conv2d(x, weight, bias, stride, padding, groups=weight.shape[0])
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight, bias = x.to(dtype), weight.to(dtype), bias.to(dtype)
    return cast(
        Tensor,
        _Depthwise.apply(  # type: ignore[no-untyped-call]
            x, weight, bias, stride, padding
        ),
    )


def _input_gradient(grad: Tensor, weight: Tensor, size: torch.Size, stride: int, padding: int) -> Tensor:
    """Full correlation of the spread-out gradient with the turned kernel."""
    kernel = weight.shape[-1]
    turned = weight.flip(2, 3)
    if stride == 1:
        return F.conv2d(grad, turned, padding=kernel - 1 - padding, groups=weight.shape[0])
    spread = grad.new_zeros((grad.shape[0], size[2], size[3], grad.shape[1])).permute(0, 3, 1, 2)  # (B, C, H, W)
    spread[:, :, : grad.shape[2] * stride : stride, : grad.shape[3] * stride : stride] = grad
    # sample (i, j) of the gradient belongs to input rows i * stride ... + kernel - 1: pad in front only
    return F.conv2d(spread, turned, padding=kernel - 1, groups=weight.shape[0])[:, :, : size[2], : size[3]]


def _weight_gradient(x: Tensor, grad: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    kernel = weight.shape[-1]
    if kernel == 3:
        return _gradient_3x3(x, grad, weight, stride, padding)
    if padding:
        x = F.pad(x, (padding,) * 4)
    out = torch.empty_like(weight)
    height, width = (grad.shape[2] - 1) * stride + 3, (grad.shape[3] - 1) * stride + 3
    for i in (0, kernel - 3):
        for j in (0, kernel - 3):
            view = x[:, :, i : i + height, j : j + width].contiguous(memory_format=torch.channels_last)
            out[:, :, i : i + 3, j : j + 3] = _gradient_3x3(view, grad, weight[:, :, :3, :3], stride, 0)
    return out


def _gradient_3x3(x: Tensor, grad: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    groups = weight.shape[0]
    gradients = torch.ops.aten.convolution_backward(
        grad, x, weight, None, [stride, stride], [padding] * 2, [1, 1], False, [0, 0], groups, [False, True, False]
    )
    return cast(Tensor, gradients[1])
