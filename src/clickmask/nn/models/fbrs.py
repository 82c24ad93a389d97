"""The base networks of f-BRS (Sofiiuk, Petrov, Barinova, Konushin; CVPR 2020, arXiv 2001.10331).

Distances to the nearest click, squashed by tanh, are mixed with the image before an unchanged backbone ("distance maps
fusion"). No previous mask, no iterations: what a click does beyond that is the refinement's work, see `fbrs_b` and its
siblings among the stages. Departures: as in `clickmask.nn.models.ritm`. The authors' code is under the MPL-2.0; nothing
of it is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from clickmask.nn.guided import (
    GuidedDeepLabConfig,
    GuidedHRNetConfig,
    build_guided,
    convert_deeplab,
    convert_hrnet,
    guided_loss,
)
from clickmask.nn.method import Method, Phase, Training

PAPER = "Sofiiuk, Petrov, Barinova, Konushin: f-BRS, CVPR 2020"
FUSION = "dmf_norm_last"
NORM_RADIUS, SMALL_NORM_RADIUS = 260.0, 80.0
"""Distance in pixels that is squashed to tanh(2): as published, for crops of 320 to 480, and for crops of 64 to 128."""
SMALL = GuidedDeepLabConfig(18, 64, 0.2, FUSION, guidance=2, stem=32)
TINY_DEEPLAB = GuidedDeepLabConfig(18, 8, 0.2, FUSION, guidance=2, stem=8)
TRAINING = Training(
    phases=(Phase(128, 32, 3125, 5e-4, 5e-6),),
    clicks={"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 10, "gamma": 0.7},
    rehearsals=0,
)


def _method(
    name: str,
    summary: str,
    config: Any,
    tiny: Any,
    convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    norm_radius: float = NORM_RADIUS,
) -> Method:
    return Method(
        name=name,
        family="fbrs",
        summary=summary,
        paper=PAPER,
        licence="MPL-2.0",
        config=config,
        build=build_guided,
        encoding="tanh_distance",
        encoding_options={"norm_radius": norm_radius},
        loss=guided_loss,
        capabilities=frozenset(),
        training=TRAINING,
        least_batch=2,
        tiny=tiny,
        convert=convert,
    )


def _deeplab(depth: int, width: int, dropout: float) -> Method:
    return _method(
        f"fbrs_resnet{depth}",
        f"DeepLabV3+ on ResNet-{depth} with distance maps: a base for BRS and f-BRS.",
        GuidedDeepLabConfig(depth, width, dropout, FUSION, guidance=2),
        TINY_DEEPLAB,
        convert_deeplab,
    )


def _hrnet(width: int, ocr: int) -> Method:
    return _method(
        f"fbrs_hrnet{width}",
        f"HRNet-{width} with OCR and distance maps: a base for BRS and f-BRS.",
        GuidedHRNetConfig(width, False, ocr, FUSION, guidance=2),
        GuidedHRNetConfig(4, True, 4, FUSION, guidance=2, stem=8),
        convert_hrnet,
    )


METHODS: tuple[Method, ...] = (
    _hrnet(18, 64),
    _hrnet(32, 128),
    _deeplab(34, 128, 0.2),
    _deeplab(50, 128, 0.2),
    _deeplab(101, 256, 0.5),
    _method(
        "fbrs_small",
        "DeepLabV3+ on a slim ResNet-18 with distance maps: a base for BRS and f-BRS on a CPU.",
        SMALL,
        TINY_DEEPLAB,
        convert_deeplab,
        SMALL_NORM_RADIUS,
    ),
)
