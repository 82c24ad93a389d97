"""How questions about point clouds are answered; the model's index of a cloud is made once."""

from __future__ import annotations

import time
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from clickmask.core.edit import EditRules
from clickmask.core.errors import ConflictError
from clickmask.core.frames import LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, Prompts
from clickmask.predict.cloud_editing import PointRules, PointState, edited, follow_points
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import CloudFrame, Rows
from clickmask.server.clouds.opened import OpenCloud
from clickmask.server.minds import Answer, Question, StateCache


class CloudMind:
    """See `minds.Mind`."""

    def __init__(self) -> None:
        self._states: StateCache[PointState] = StateCache(bytes_of)
        self._frames: WeakKeyDictionary[OpenCloud, CloudFrame] = WeakKeyDictionary()
        self._model: CloudPipeline | None = None

    def prepare(self, model: CloudPipeline, opened: OpenCloud) -> None:
        """Turn the cloud upright, choose its voxels, sort its points by cells."""
        self.frame(model, opened)

    def frame(self, model: CloudPipeline, opened: OpenCloud) -> CloudFrame:
        """The cloud as the model sees it."""
        if model is not self._model:
            self._states.clear()
            self._frames.clear()
            self._model = model
        if opened not in self._frames:
            frame = CloudFrame.of(opened.xyz, opened.rgb, model.options, absent=opened.absent)
            _ = frame.index, frame.bounds  # made when first asked for
            self._frames[opened] = frame
        return self._frames[opened]

    def answer(self, model: CloudPipeline, opened: OpenCloud, question: Question) -> Answer:
        """The mask for the clicks on an object."""
        start = time.perf_counter()
        frame = self.frame(model, opened)
        state = _asked(model, frame, opened, question, self._start(question))
        self._states.keep(question.object_id, state)
        return _answer_of(state, opened, model, start)

    def rethreshold(self, model: CloudPipeline, opened: OpenCloud, question: Question, keep: bool) -> Answer:
        """The mask at another threshold."""
        start = time.perf_counter()
        frame = self.frame(model, opened)
        kept = self._states.longest(question.object_id, question.prompts)
        if kept is None or kept.prompts != question.prompts or kept.raw is None:
            state = _asked(model, frame, opened, question, PointState())
        else:
            before = kept if kept.base is None else replace(kept, mask=kept.base)
            state = edited(frame, before, kept.raw, _rules(question, opened))
        if keep:
            self._states.keep(question.object_id, state)
        return _answer_of(state, opened, model, start)

    def alternatives(self, model: CloudPipeline, opened: OpenCloud, question: Question) -> list[Answer]:
        """The one answer; another threshold gives others."""
        start = time.perf_counter()
        state = _asked(model, self.frame(model, opened), opened, question, PointState())
        return [_answer_of(state, opened, model, start)]

    def logits(self, model: CloudPipeline, opened: OpenCloud, question: Question) -> tuple[LogitMap, float]:
        """Not of clouds, whose medium does not offer it."""
        raise ConflictError("The doubts of a model are shown on pictures, not on point clouds.")

    def _start(self, question: Question) -> PointState:
        """Where to go on from: what is on the screen counts, should the kept state say otherwise."""
        kept = self._states.before(question)
        if question.known is not None:
            prompts, mask = question.known
            fits = len(prompts) and question.prompts.items[: len(prompts)] == prompts.items
            older = kept is None or (kept.prompts == prompts and not _same(kept.mask, mask))
            if fits and older:
                return PointState.of_mask(prompts, mask.columns())
        return PointState() if kept is None else kept


def warm(model: CloudPipeline) -> None:
    """Ask once: the first run of a network is slower than the second."""
    ticks = np.arange(6, dtype=np.float32) * 0.02
    grid = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    frame = CloudFrame.of(grid, None, model.options, voxel=0.02)
    follow_points(model, frame, PointState(), Prompts((Click(0.5, 0.5),)), PointRules())


def bytes_of(state: PointState) -> int:
    """What a state keeps in memory."""
    logits = [part for part in (state.logits, state.raw) if part is not None]
    rows = [state.mask, state.ghosts, *([] if state.base is None else [state.base])]
    return 1000 + sum(part.rows.nbytes + part.values.nbytes for part in logits) + sum(part.nbytes for part in rows)


def _asked(
    model: CloudPipeline, frame: CloudFrame, opened: OpenCloud, question: Question, begun: PointState
) -> PointState:
    """The state after all prompts of a question, of which one begun with has the first ones."""
    return follow_points(model, frame, begun, question.prompts, _rules(question, opened), question.rivals)


def _same(rows: Rows, mask: RunLengthMask) -> bool:
    return len(rows) == mask.area and np.array_equal(rows, mask.columns())


def _rules(question: Question, opened: OpenCloud) -> PointRules:
    """The session's rules for rows instead of boxes."""
    rules = question.rules or EditRules()

    def protected(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if not len(rows):
            return np.zeros(0, dtype=bool)
        first, last = int(rows[0]), int(rows[-1])
        closed = rules.protected((first, 0, last + 1, 1))[0][rows - first]
        return np.asarray(closed if opened.absent is None else closed | opened.absent[rows])

    return PointRules(protected, rules.threshold_logit or 0.0, rules.largest_share)


def _answer_of(state: PointState, opened: OpenCloud, model: CloudPipeline, start: float) -> Answer:
    count = len(opened.xyz)
    mask, ghosts = (RunLengthMask.of_columns(rows, count) for rows in (state.mask, state.ghosts))
    return Answer(mask, model.name, (time.perf_counter() - start) * 1000, ghosts or None, state.waiting)
