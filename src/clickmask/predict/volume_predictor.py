"""Click on slices of a volume, carry masks along: one object at a time, with undo. What users hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clickmask.core.check import check_mask
from clickmask.core.errors import InputError, PromptError
from clickmask.core.frames import Frame
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt
from clickmask.core.protocols import ObjectState
from clickmask.core.window import Window
from clickmask.predict.predictor import Pipeline, advance
from clickmask.predict.propagate import BORDER, LIMIT, Carried, Ended, StopRules, propagate
from clickmask.spatial.volume import Plane, Slicing, Volume, rendered

Direction = Literal["both", "forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = ("both", "forward", "backward")


@dataclass(frozen=True, eq=False)
class VolumeState:
    """The object's states on the slices that it is on, by slice."""

    slices: Mapping[int, ObjectState] = field(default_factory=dict)


@dataclass(frozen=True)
class Propagation:
    """What a propagation did: the slices that were filled, in order, and why each direction ended."""

    carried: tuple[Carried, ...]
    ended: tuple[Ended, ...]


class VolumePredictor:
    """A volume, the object in progress on its slices, and unlimited undo.

    Slices are numbered as in the file, from 0; clicks are in pixels of a slice as it is shown (see `Slicing`), origin
    at its top left corner.

    >>> predictor = clickmask.load_volume()                         # doctest: +SKIP
    >>> predictor.set_volume(clickmask.read_volume("ct.nii.gz"))    # doctest: +SKIP
    >>> mask = predictor.add_click(40, 120.5, 88.5)                 # doctest: +SKIP
    >>> predictor.propagate(40)                                     # doctest: +SKIP
    >>> predictor.voxels.sum()                                      # doctest: +SKIP
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._volume: Volume | None = None
        self._slicing: Slicing | None = None
        self._window = Window(0, 1)
        self._frames: dict[int, Frame] = {}
        self._states: tuple[VolumeState, ...] = (VolumeState(),)
        self._position = 0

    def set_volume(self, volume: Volume, plane: Plane | None = None, window: Window | None = None) -> None:
        """Open a volume; what was clicked before is forgotten.

        Args:
            volume: whose voxels must not be changed afterwards.
            plane: of the slices; None for the one that the volume was recorded in.
            window: through which the model sees it; None for that of the file, else percentiles.
        """
        self._volume = volume
        self._slicing = volume.slicing(plane or volume.acquired_plane())
        self._window = window or volume.default_window()
        self._frames = {}
        self._states, self._position = (VolumeState(),), 0

    @property
    def volume(self) -> Volume:
        """The open volume; PromptError before `set_volume`."""
        if self._volume is None:
            raise PromptError("No volume is open. Call set_volume(volume) first.")
        return self._volume

    @property
    def slicing(self) -> Slicing:
        """How its slices are taken; PromptError before `set_volume`."""
        if self._slicing is None:
            raise PromptError("No volume is open. Call set_volume(volume) first.")
        return self._slicing

    def frame(self, index: int) -> Frame:
        """The picture of a slice as the model sees it; InputError if there is no such slice."""
        if index not in self._frames:
            if len(self._frames) > 8:  # the slices round the one that is worked on
                self._frames.pop(next(iter(self._frames)))
            self._frames[index] = Frame.of(rendered(self.volume, self.slicing, index, self._window))
        return self._frames[index]

    def add_click(self, index: int, x: float, y: float, positive: bool = True) -> BoolMask:
        """Click on a slice; the object's mask on it, (H, W) bool. PromptError outside the slice."""
        return self._add(index, Click(float(x), float(y), bool(positive)))

    def add_box(self, index: int, x0: float, y0: float, x1: float, y1: float) -> BoolMask:
        """A box on a slice, half-open; the object's mask on it. PromptError if it misses the slice."""
        return self._add(index, Box(float(x0), float(y0), float(x1), float(y1)))

    def set_mask(self, index: int, mask: ArrayLike) -> BoolMask:
        """Take a mask, (H, W), as the object on a slice; later clicks on it correct it."""
        checked = check_mask(mask, self.slicing.size_hw)
        return self._add(index, MaskPrompt(RunLengthMask.encode(checked)))

    def propagate(
        self, index: int, direction: Direction = "both", *, to: int | None = None, rules: StopRules | None = None
    ) -> Propagation:
        """Carry the mask of a slice to its neighbours and on, until the object ends. One step of the history.

        Slices on the way that the object is on already are replaced: what was corrected there is the start of another
        propagation, not of this one.

        Args:
            index: the slice to start from.
            direction: "forward" to higher numbers, "backward", or "both".
            to: the last slice to go to; None for the end of the volume. Not with "both".
            rules: when the object has ended.

        Raises:
            PromptError: the object has no mask on the slice.
            InputError: a direction that does not exist, or a last slice that does not lie in it.
        """
        start = self._state_of(index).run_lengths(self.slicing.size_hw, self.pipeline.threshold_logit)
        if not start:
            raise PromptError(f"The object has no mask on slice {index}. Click there first.")
        slices = dict(self.state.slices)
        carried: list[Carried] = []
        ended: list[Ended] = []
        end = BORDER if to is None else LIMIT
        for ahead in ways(self.slicing.count, index, direction, to):
            for step in propagate(self.pipeline, self.frame, start, index, ahead, rules, end):
                if isinstance(step, Ended):
                    ended.append(step)
                else:
                    carried.append(step)
                    prompt = MaskPrompt(step.mask)
                    slices[step.index] = advance(self.pipeline, self.frame(step.index), ObjectState(), prompt)
        self._push(VolumeState(slices))
        return Propagation(tuple(carried), tuple(ended))

    def mask(self, index: int) -> BoolMask:
        """(H, W) bool: the object on one slice."""
        return self._state_of(index).mask(self.slicing.size_hw, self.pipeline.threshold_logit)

    @property
    def voxels(self) -> NDArray[np.bool_]:
        """(Z, Y, X) bool: the object in the volume's own order."""
        labels = np.zeros(self.volume.shape_zyx, dtype=bool)
        for index in self.state.slices:
            self.slicing.take(labels, index)[:] = self.mask(index)
        return labels

    @property
    def state(self) -> VolumeState:
        """The object in progress, an immutable value."""
        return self._states[self._position]

    def undo(self) -> None:
        """Back to before the newest prompt or propagation; at the start nothing happens."""
        self._position = max(self._position - 1, 0)

    def redo(self) -> None:
        """Forward again; at the end nothing happens."""
        self._position = min(self._position + 1, len(self._states) - 1)

    def reset(self) -> None:
        """Forget the object and its history; the volume stays."""
        self._states, self._position = (VolumeState(),), 0

    def _state_of(self, index: int) -> ObjectState:
        if not 0 <= index < self.slicing.count:
            raise InputError(f"The volume has {self.slicing.plane} slices 0 to {self.slicing.count - 1}, got {index}.")
        return self.state.slices.get(index, ObjectState())

    def _add(self, index: int, prompt: Prompt) -> BoolMask:
        state = advance(self.pipeline, self.frame(index), self._state_of(index), prompt)
        self._push(VolumeState({**self.state.slices, index: state}))
        return self.mask(index)

    def _push(self, state: VolumeState) -> None:
        self._states = (*self._states[: self._position + 1], state)
        self._position += 1


def ways(count: int, index: int, direction: str, to: int | None = None) -> Iterable[range]:
    """The slices to go to in each direction, in order.

    Raises:
        InputError: a direction that does not exist, or a last slice that does not lie in it.
    """
    if direction not in DIRECTIONS:
        raise InputError(f"A direction is one of {', '.join(DIRECTIONS)}; got '{direction}'.")
    if to is not None and (direction == "both" or not 0 <= to < count or (to > index) != (direction == "forward")):
        raise InputError(f"Slice {to} does not lie {direction} of slice {index} in 0 to {count - 1}.")
    forward = range(index + 1, count if to is None else to + 1)
    backward = range(index - 1, -1 if to is None else to - 1, -1)
    return {"both": (forward, backward), "forward": (forward,), "backward": (backward,)}[direction]
