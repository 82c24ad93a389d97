"""Losses over logit maps. All take logits and labels and give one value an image, so that batches can be weighed.

Labels are (B, 1, H, W) float: 0, 1, and -1 for pixels that do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]

FIRST_GUESS_WEIGHT = 0.4
"""Of OCR's first guess beside the answer itself, as in RITM and what follows it."""


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) mean over the pixels that count."""
    valid = (labels >= 0).float()
    loss = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none") * valid
    return loss.sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1)


def first_guess(outputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """(B,) weighted cross-entropy of the first guess that OCR refines, which stands under ``"aux"``."""
    return FIRST_GUESS_WEIGHT * binary_cross_entropy(outputs["aux"], labels)


def soft_cross_entropy(logits: Tensor, target: Tensor, labels: Tensor) -> Tensor:
    """(B,) mean over the pixels that count of the cross-entropy with (B, 1, H, W) probabilities."""
    valid = (labels >= 0).float()
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * valid
    return loss.sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """(B,) mean over the pixels that count, each with its weight; `weights` has the shape of the labels."""
    weights = weights * (labels >= 0)
    loss = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none") * weights
    return loss.sum((1, 2, 3)) / weights.sum((1, 2, 3)).clamp(min=1e-6)


def hardest_cross_entropy(logits: Tensor, labels: Tensor, share: float = 0.25) -> Tensor:
    """(B,) bootstrapped cross-entropy: the mean over the `share` of pixels with the highest loss (ITIS takes 25 %)."""
    loss = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none") * (labels >= 0)
    counted = (labels >= 0).sum((1, 2, 3))
    kept = (counted * share).ceil().clamp(min=1)
    most = int(kept.max())
    hardest = loss.flatten(1).topk(most, dim=1).values
    inside = torch.arange(most, device=loss.device) < kept[:, None]
    return (hardest * inside).sum(1) / kept


def normalised_focal(logits: Tensor, labels: Tensor, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """(B,) normalised focal loss (Sofiiuk et al., 2019): focal weights, scaled back to cross-entropy's total size.

    The factor is taken per image and without gradient, as the published code does.
    """
    valid = (labels >= 0).float()
    target = labels.clamp(min=0)
    right = 1 - (target - torch.sigmoid(logits)).abs()
    beta = (1 - right) ** gamma * valid
    factor = (valid.sum((1, 2, 3)) / beta.sum((1, 2, 3)).clamp(min=1e-6)).detach()
    weight = (alpha * target + (1 - alpha) * (1 - target)) * beta
    # -log of the right class's probability, from logits for precision
    surprise = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return factor * (weight * surprise).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1)


def weighted_normalised_focal(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """(B,) normalised focal loss with a weight for each pixel, (B, 1, H, W) (FocalClick, Chen et al., 2022).

    The focal factor is that of the unweighted loss; the mean is taken by weight.
    """
    valid = (labels >= 0).float()
    target = labels.clamp(min=0)
    beta = (target - torch.sigmoid(logits)).abs() ** 2 * valid
    factor = (valid.sum((1, 2, 3)) / beta.sum((1, 2, 3)).clamp(min=1e-6)).detach()
    surprise = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    total = (0.5 * weights * beta * surprise).sum((1, 2, 3))
    return factor * total / (weights * valid).sum((1, 2, 3)).clamp(min=1e-6)


def soft_iou(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) one minus intersection over union of probabilities; 0 for an empty target that is predicted empty."""
    valid = (labels >= 0).float()
    target = labels.clamp(min=0) * valid
    probability = torch.sigmoid(logits) * valid
    intersection = (probability * target).sum((1, 2, 3))
    union = (probability + target - probability * target).sum((1, 2, 3))
    return 1 - (intersection + 1) / (union + 1)


def bce_iou(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) cross-entropy plus soft IoU: quick to start with, and the second term is what clicks are counted by."""
    return binary_cross_entropy(logits, labels) + soft_iou(logits, labels)


def nfl_iou(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) normalised focal loss plus soft IoU."""
    return 2 * normalised_focal(logits, labels) + soft_iou(logits, labels)


LOSSES: dict[str, Loss] = {
    "bce": binary_cross_entropy,
    "nfl": normalised_focal,
    "soft_iou": soft_iou,
    "bce_iou": bce_iou,
    "nfl_iou": nfl_iou,
}
