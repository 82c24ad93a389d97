"""RITM: Reviving Iterative Training with Mask Guidance (Sofiiuk, Petrov, Konushin; ICIP 2022, arXiv 2102.06583).

The previous mask and disks round the clicks are mixed into the stem of an image network; training clicks on the
network's own mistakes ("ITER-M"), with the normalised focal loss. HRNet with OCR, and DeepLabV3+ on ResNet-34.
Departures: training begins from random weights (no package holds HRNet's), so the encoder learns at the full rate, and
that is twice theirs; the rate falls along a cosine instead of two steps; the attention of OCR is written for its one
class. The ResNet-34 is trained iteratively too, with the previous mask; the authors trained it without.
"""

from __future__ import annotations

from clickmask.nn.guided import (
    GuidedDeepLabConfig,
    GuidedHRNetConfig,
    build_guided,
    convert_deeplab,
    convert_hrnet,
    guided_loss,
)
from clickmask.nn.method import Method, Phase, Training

PAPER = "Sofiiuk, Petrov, Konushin: Reviving Iterative Training with Mask Guidance, ICIP 2022"
CLICKS = {"starts": (0.0, 1.0, 0.0, 0.0), "centred": 0.0, "slots": 24, "gamma": 0.8}
"""Random clicks of both signs at first, then random ones well inside the thickest error."""
TRAINING = Training(phases=(Phase(128, 32, 3125, 1e-3, 1e-5),), clicks=CLICKS)
BASELINE = Training(phases=TRAINING.phases, clicks=CLICKS, rehearsals=0)
TINY_HRNET = GuidedHRNetConfig(width=4, ocr=4, stem=8)
TINY_DEEPLAB = GuidedDeepLabConfig(depth=18, width=8, stem=8)


def _hrnet(name: str, summary: str, config: GuidedHRNetConfig, tiny: GuidedHRNetConfig = TINY_HRNET) -> Method:
    previous = config.guidance == 3
    return Method(
        name=name,
        family="ritm",
        summary=summary,
        paper=PAPER,
        licence="MIT",
        config=config,
        build=build_guided,
        encoding="disk_mask",
        encoding_options={"radius": 5.0, "previous": previous},
        loss=guided_loss,
        capabilities=frozenset({"previous_mask"}) if previous else frozenset(),
        training=TRAINING if previous else BASELINE,
        least_batch=2,
        tiny=tiny,
        convert=convert_hrnet,
    )


def _deeplab(name: str, summary: str, config: GuidedDeepLabConfig) -> Method:
    return Method(
        name=name,
        family="ritm",
        summary=summary,
        paper=PAPER,
        licence="MIT",
        config=config,
        build=build_guided,
        encoding="disk_mask",
        encoding_options={"radius": 5.0, "previous": True},
        loss=guided_loss,
        training=TRAINING,
        least_batch=2,
        tiny=TINY_DEEPLAB,
        convert=convert_deeplab,
    )


METHODS: tuple[Method, ...] = (
    _hrnet("ritm_hrnet18s", "The small HRNet that RITM recommends.", GuidedHRNetConfig()),
    _hrnet("ritm_hrnet18", "HRNet-18 with OCR, trained iteratively.", GuidedHRNetConfig(18, small=False, ocr=64)),
    _hrnet("ritm_hrnet32", "HRNet-32 with OCR, trained iteratively.", GuidedHRNetConfig(32, small=False, ocr=128)),
    _hrnet(
        "ritm_hrnet18_baseline",
        "HRNet-18 without previous mask and iterations: what RITM is compared with.",
        GuidedHRNetConfig(18, small=False, ocr=64, guidance=2),
        GuidedHRNetConfig(width=4, ocr=4, stem=8, guidance=2),
    ),
    _deeplab("ritm_resnet34", "DeepLabV3+ on ResNet-34, trained iteratively.", GuidedDeepLabConfig()),
    _deeplab("ritm_small", "RITM on a slim ResNet-18, for a CPU.", GuidedDeepLabConfig(18, 64, stem=32)),
)
