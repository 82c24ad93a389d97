"""Stages that a person can ask for by name: what each needs, and where in the pipeline it sits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from clickmask.core.errors import CapabilityError
from clickmask.core.frames import Frame
from clickmask.core.protocols import Backend, Memo, ObjectState, Stage

Place = Literal["weights", "backend", "network", "answer"]
"""Where a stage is wrapped, from the inside out.

``weights``: chooses the weights that the network answers with.
``backend``: takes the place of the plain question to the network; only one can.
``network``: round the network, in the pixels of its crop.
``answer``: outside zoom-in, in the pixels of the image.
"""
PLACES: tuple[Place, ...] = ("weights", "backend", "network", "answer")

REMEDIES: Mapping[str, str] = {
    "gradients": 'Gradients need the torch runtime: load the model with backend="torch" (on the command line '
    "--backend torch), after pip install 'clickmask[torch]'.",
    "features": "The stage stops the network half-way: choose a model whose network has insertion points, on the torch "
    "runtime.",
    "previous_mask": "Choose a model that takes its previous answer as input; `clickmask models NAME` tells.",
}
"""By capability: how to get a backend that has it."""


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is made for.

    Attributes:
        backend: the runtime under the pipeline.
        threshold_logit: pixels with a logit above this belong to the mask.
    """

    backend: Backend
    threshold_logit: float = 0.0

    @property
    def threshold(self) -> float:
        """The same as a probability."""
        return 1 / (1 + math.exp(-self.threshold_logit))


Carry = Callable[[Frame, ObjectState], Memo]
"""(image, state of a finished object) -> the memo that the next object begins with."""


@dataclass(frozen=True, slots=True)
class NamedStage:
    """One entry of the table of stages.

    Attributes:
        summary: one sentence for lists.
        make: builds the stage for one pipeline.
        place: where it is wrapped.
        needs: capabilities that the backend must have.
        carry: what a finished object teaches the next one; None for stages that know of one object alone.
    """

    summary: str
    make: Callable[[StageContext], Stage]
    place: Place = "answer"
    needs: frozenset[str] = field(default_factory=frozenset)
    carry: Callable[[StageContext], Carry] | None = None


def check_stages(stages: Mapping[str, NamedStage], backend: Backend, model: str) -> None:
    """Refuse what cannot work, before anything is computed.

    Args:
        stages: by name, in the order asked for.
        backend: the runtime that they are to sit on.
        model: its name, for the message.

    Raises:
        CapabilityError: the backend lacks what a stage needs, or two stages want the same place.
    """
    for name, stage in stages.items():
        for lacking in sorted(stage.needs - backend.capabilities, key=lambda need: (need != "gradients", need)):
            offered = ", ".join(sorted(backend.capabilities)) or "nothing"
            remedy = REMEDIES.get(lacking, "Choose a model that offers it; `clickmask models NAME` tells.")
            raise CapabilityError(
                f"The stage '{name}' needs {lacking.replace('_', ' ')}, which the model '{model}' as it is loaded does "
                f"not offer (it offers {offered.replace('_', ' ')}). {remedy}"
            )
    rivals = [name for name, stage in stages.items() if stage.place == "backend"]
    if len(rivals) > 1:
        raise CapabilityError(
            f"The stages {' and '.join(repr(name) for name in rivals)} each take the place of the plain question to "
            "the network, so only one of them can be used. Choose one."
        )


def in_place(stages: Sequence[NamedStage], place: Place) -> list[NamedStage]:
    """The stages of one place, in the order asked for."""
    return [stage for stage in stages if stage.place == place]
