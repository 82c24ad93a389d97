"""HRNet (Sun et al., CVPR 2019; Wang et al., TPAMI 2020) as an encoder: branches at four resolutions that exchange.

Maps are brought to a common size with corners aligned, as the weights of RITM and f-BRS expect.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clickmask.nn.backbones.residual import BasicBlock, Bottleneck, conv_norm, conv_norm_relu

STEM_CHANNELS = 64


class HRNet(nn.Module):
    """Features of all four branches, joined at stride 4.

    Args:
        width: channels of the finest branch; the others have 2, 4 and 8 times as many.
        small: fewer blocks ("HRNet-18-small" v2).
        stem: channels of the stem, 64 in the published forms.

    Attributes:
        channels: of the joined features, 15 times the width.
    """

    def __init__(self, width: int, *, small: bool = False, stem: int = STEM_CHANNELS) -> None:
        super().__init__()
        blocks = 2 if small else 4
        self.channels = 15 * width
        self.stem1 = conv_norm_relu(3, stem, 3, stride=2)
        self.stem2 = conv_norm_relu(stem, stem, 3, stride=2)
        first = [Bottleneck(stem, stem), *(Bottleneck(4 * stem, stem) for _ in range(blocks - 1))]
        self.first = nn.Sequential(*first)
        widths = [width << level for level in range(4)]
        self.transitions = nn.ModuleList(
            [_transition([4 * stem], widths[:2]), _transition(widths[:2], widths[:3]), _transition(widths[:3], widths)]
        )
        counts = (1, 3, 2) if small else (1, 4, 3)
        self.stages = nn.ModuleList(
            [nn.ModuleList([Exchange(widths[: n + 2], blocks) for _ in range(counts[n])]) for n in range(3)]
        )

    def forward(self, image: Tensor, extra: Tensor | None = None, late: Sequence[Tensor] = ()) -> Tensor:
        """(B, 15 width, H/4, W/4).

        Args:
            image: (B, 3, H, W).
            extra: (B, stem, H/2, W/2) added after the first convolution: the door for guidance.
            late: none, or three maps (B, width, H/4, W/4) added to the finest branch before each stage.
        """
        x = self.stem1(image)
        x = self.first(self.stem2(x if extra is None else x + extra))
        branches = [x]
        for number, (transition, stage) in enumerate(zip(self.transitions, self.stages, strict=True)):
            # a branch goes on as it is, or changes its channels; new ones begin from the coarsest
            steps = list(transition.children())
            branches = [step(branches[min(n, len(branches) - 1)]) for n, step in enumerate(steps)]
            if late:
                branches[0] = branches[0] + late[number]
            for exchange in stage.children():
                branches = exchange(branches)
        return torch.cat([branches[0], *(resized(b, branches[0]) for b in branches[1:])], dim=1)


class Exchange(nn.Module):
    """Blocks in each branch, then every branch becomes the sum of all, brought to its size and channels."""

    def __init__(self, widths: list[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([nn.Sequential(*(BasicBlock(w, w) for _ in range(blocks))) for w in widths])
        self.paths = nn.ModuleList(
            [
                nn.ModuleList([_path(widths, source, target) for source in range(len(widths))])
                for target, _ in enumerate(widths)
            ]
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        """Maps at strides 4, 8, ... -> maps of the same shapes."""
        inner = [branch(x) for branch, x in zip(self.branches, branches, strict=True)]
        answers = []
        for target, paths in enumerate(self.paths):
            parts = [path(inner[source]) for source, path in enumerate(paths.children())]
            total = parts[0]
            for source, part in enumerate(parts[1:], start=1):
                total = total + (resized(part, inner[target]) if source > target else part)
            answers.append(F.relu(total))
        return answers


def resized(x: Tensor, like: Tensor) -> Tensor:
    """`x` (B, C, h, w) bilinearly at the height and width of `like`, corners aligned."""
    size = [int(n) for n in like.shape[2:]]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """From the branches of one stage to those of the next: the last one is new, half as fine."""
    steps: list[nn.Module] = []
    for n, width in enumerate(after):
        if n >= len(before):
            steps.append(nn.Sequential(conv_norm_relu(before[-1], width, 3, stride=2)))
        elif before[n] != width:
            steps.append(conv_norm_relu(before[n], width, 3))
        else:
            steps.append(nn.Identity())
    return nn.ModuleList(steps)


def _path(widths: list[int], source: int, target: int) -> nn.Module:
    """What one branch goes through before it is added to another; resizing upwards happens afterwards."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(*conv_norm(widths[source], widths[target], 1))
    steps: list[nn.Module] = [
        conv_norm_relu(widths[source], widths[source], 3, stride=2) for _ in range(target - source - 1)
    ]
    return nn.Sequential(*steps, nn.Sequential(*conv_norm(widths[source], widths[target], 3, stride=2)))
