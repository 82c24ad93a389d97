"""ITIS, Iteratively Trained Interactive Segmentation (Mahadevan, Voigtlaender, Leibe; BMVC 2018, arXiv 1805.04398).

A DeepLabV3+ sees image, gaussians of the clicks and its previous mask, and learns from the mistakes that it makes
itself: an object's clicks and mask are remembered from one visit to the next, and each visit adds the click that the
last mask calls for (`clickmask.train.object_memory`). The loss is cross-entropy over the hardest quarter of the pixels.

Departures: ResNet-50 at output stride 8 in place of Xception-65, which is out of proportion here, and from scratch,
where theirs begins with weights of semantic segmentation; batch norm is trained; the maps enter as features added to
the stem's; one logit in place of two classes; Adam at 5e-4 down to 5e-6, theirs is 1e-5 from such weights.
"""

from __future__ import annotations

from torch import Tensor

from clickmask.nn.guided import GuidedDeepLab, GuidedDeepLabConfig
from clickmask.nn.losses import hardest_cross_entropy
from clickmask.nn.method import Method, Outputs, Phase, Training

HARDEST = 0.25


def loss(outputs: Outputs, labels: Tensor, clicks: Tensor) -> Tensor:
    """(B,) cross-entropy over the hardest quarter of the pixels."""
    return hardest_cross_entropy(outputs["logits"], labels, HARDEST)


def build(config: GuidedDeepLabConfig, *, pretrained: bool) -> GuidedDeepLab:
    """The network; there are no encoder weights to begin with, and no recipe asks for them."""
    return GuidedDeepLab(config)


CLICKS = {"starts": (0.3, 0.7, 0.0, 0.0), "sampler": "dios", "robot": "largest_component"}
"""A visit without memory begins with one correction of an empty mask (0.3) or with random clicks as DIOS draws them."""
TINY = GuidedDeepLabConfig(depth=18, width=8, stem=8, fusion="conv1e")


def _method(name: str, config: GuidedDeepLabConfig, summary: str) -> Method:
    return Method(
        name=name,
        family="itis",
        summary=summary,
        paper="Mahadevan, Voigtlaender, Leibe: Iteratively Trained Interactive Segmentation, BMVC 2018",
        licence="none published",
        config=config,
        build=build,
        encoding="itis_gaussian",
        loss=loss,
        input_hw=(352, 352) if name == "itis" else (256, 256),
        training=Training(phases=(Phase(128, 32, 3125, 5e-4, 5e-6),), clicks=CLICKS, schedule="memory"),
        least_batch=2,
        tiny=TINY,
    )


METHODS = (
    _method("itis", GuidedDeepLabConfig(50, 256, fusion="conv1e"), "DeepLabV3+ that learns from its own mistakes."),
    _method(
        "itis_small", GuidedDeepLabConfig(18, 64, stem=32, fusion="conv1e"), "ITIS on a slim ResNet-18, for a CPU."
    ),
)
