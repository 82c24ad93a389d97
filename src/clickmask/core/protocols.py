"""The shapes of the pipeline: what travels, and what a backend, a step and a stage promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from clickmask.core.edit import EditRules
from clickmask.core.frames import FloatMap, Frame, LogitMap
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.prompts import Prompts

Memo = Mapping[str, Any]
"""What stages remember between clicks, by stage name. Never changed in place."""
SEQUENCE = "sequence"
"""Memo key of what holds for all objects of a sequence; every stage passes it on as it is."""


@dataclass(frozen=True, eq=False)
class Request:
    """One question to a step. Prompts and previous logits are in the frame's pixels.

    Attributes:
        frame: the image, or a crop of it.
        prompts: everything said about the object so far.
        previous: the last answer (or the initial mask), None at the start.
        memo: what the stages returned last time.
        rules: of an editing session; None for a bare prediction.
    """

    frame: Frame
    prompts: Prompts
    previous: LogitMap | None = None
    memo: Memo = field(default_factory=dict)
    rules: EditRules | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """The answer: logits in the pixels of the request's frame, and the memo for the next click."""

    logits: LogitMap
    memo: Memo = field(default_factory=dict)


Step = Callable[[Request], Result]
Stage = Callable[[Step], Step]


class Backend(Protocol):
    """A runtime that holds one network.

    Attributes:
        input_hw: size of the network's input.
        capabilities: what it offers, e.g. ``"previous_mask"``, ``"box"``, ``"gradients"``. With ``"recall"`` (it wants
            to see more of its answer again than the mask) or ``"multimask"`` (it offers several masks on an ambiguous
            prompt) it is an `clickmask.predict.base.AnsweringBackend`.
    """

    @property
    def input_hw(self) -> tuple[int, int]: ...

    @property
    def capabilities(self) -> frozenset[str]: ...

    def embed(self, frame: Frame) -> Any:
        """The part of the answer that depends on the image alone; `frame` has the size `input_hw`."""
        ...

    def decode(self, embedding: Any, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """(h, w) logits of size `input_hw`.

        Args:
            embedding: from `embed`.
            prompts: in input pixels; clicks outside the input are allowed.
            previous: (h, w) previous logits in input pixels, None at the start.
        """
        ...


@dataclass(frozen=True, eq=False)
class ObjectState:
    """Everything known about the object in progress. Undo is the earlier value.

    Attributes:
        prompts: in source pixels.
        logits: the newest answer in source pixels, None before the first prompt.
        memo: what the stages remember.
    """

    prompts: Prompts = field(default_factory=Prompts)
    logits: LogitMap | None = None
    memo: Memo = field(default_factory=dict)

    def mask(self, size_hw: tuple[int, int], threshold_logit: float = 0.0) -> BoolMask:
        """(H, W) bool: pixels above the threshold; empty before the first prompt."""
        return np.zeros(size_hw, dtype=bool) if self.logits is None else self.logits.mask(size_hw, threshold_logit)

    def run_lengths(self, size_hw: tuple[int, int], threshold_logit: float = 0.0) -> RunLengthMask:
        """The mask as run lengths, without building the whole array."""
        if self.logits is None:
            return RunLengthMask.empty(size_hw)
        return self.logits.run_lengths(size_hw, threshold_logit)
