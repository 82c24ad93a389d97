"""A finished model that a network in training also learns from: its probabilities, beside the labels.

Distillation (Hinton et al., 2015) pixel by pixel. The teacher is asked what the network is asked, and once more in the
mirror; the mean of both answers is a soft target. Where labels are rough it says what a careful eye sees, and it tells
how sure one can be. Departures: no temperature, because masks are mostly sure, and the labels keep their share.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from clickmask.core.errors import RecipeError
from clickmask.nn.encode import TWINS
from clickmask.nn.losses import soft_cross_entropy
from clickmask.nn.method import Method
from clickmask.nn.torch_backend import load_model_weights, method_of
from clickmask.train.conveyor import Batch
from clickmask.zoo import catalog

TeacherLoss = Callable[[Tensor, Batch], Tensor]
"""(B, 1, S, S) logits of the network in training and its batch -> (B,) loss."""


def teacher_loss(model: str, student: Method, device: torch.device, halves: bool) -> TeacherLoss:
    """How far a network's answers are from a model's.

    Args:
        model: a name of the catalogue, or a model folder, with weights that torch can read.
        student: the method that is trained; the teacher must see clicks the same way.
        device: where both are.
        halves: whether the teacher answers in bfloat16.

    Raises:
        UnknownNameError: no such model.
        WeightsError: it has no weights that torch can read.
        RecipeError: it sees clicks in another encoding.
    """
    spec, folder = catalog.find(model)
    method = method_of(spec)
    encoding = method.make_encoding()
    if (method.encoding, encoding) != (student.encoding, student.make_encoding()):
        raise RecipeError(
            f"The teacher '{model}' sees clicks as '{method.encoding}', the network in training as "
            f"'{student.encoding}'. Choose a teacher with the same encoding and options; `clickmask models NAME` tells."
        )
    network = method.network()
    load_model_weights(network, spec, folder)
    network.to(device).eval().requires_grad_(requires_grad=False)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=halves):
            guidance = TWINS[method.encoding](encoding, batch.clicks, batch.previous)
            images = method.scaling.of_symmetric(batch.images)
            straight = network(images, guidance)["logits"].float()
            mirrored = network(images.flip(3), guidance.flip(3))["logits"].float().flip(3)
            target = (torch.sigmoid(straight) + torch.sigmoid(mirrored)) / 2
        return soft_cross_entropy(logits, target, batch.labels)

    return loss
