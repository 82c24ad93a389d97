"""Objects that are visited again and again, each with the clicks and the mask of its last visit.

Source: ITIS (Mahadevan et al., BMVC 2018). In every epoch each object is seen once; the network's answer of that visit,
as a mask, is what it sees at the next one, together with one further click into the mask's largest mistake. With a
chance of 0.3 an object is forgotten at a visit and begins anew. Departure: while an object is remembered its crop and
colours stay the same (theirs are drawn anew); when it begins anew they are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clickmask.core.frames import FloatMap
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.nn.method import Phase, find_method
from clickmask.train.augment import IGNORE
from clickmask.train.clicks import next_click
from clickmask.train.conveyor import Batch, batch_of, click_rows, click_values
from clickmask.train.groups import CLICK_SLOTS, first_seen
from clickmask.train.recipe import Recipe
from clickmask.train.samples import Sample, SampleMaker


@dataclass(frozen=True, eq=False)
class Remembered:
    """What is known of an object.

    Attributes:
        generation: how often it began anew; decides its crop.
        visits: so far.
        clicks: for the next visit.
        seen: (S * S / 8,) uint8, the bits of what the network sees again at the next visit; None to begin anew.
    """

    generation: int = -1
    visits: int = 0
    clicks: tuple[Click, ...] = ()
    seen: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Visit:
    """An object and its sample; `anew` if nothing of it is remembered."""

    number: int
    sample: Sample
    anew: bool


class ObjectMemory:
    """The objects of one phase, with the interface of `clickmask.train.conveyor.Conveyor`.

    Args:
        maker: draws samples.
        recipe: `objects` and `forget` say how many there are and how often one is forgotten.
        phase: size of inputs and batches.
        first_group: keeps the samples of phases apart.
        workers: threads that draw samples; the samples do not depend on it.
    """

    rehearsing = False
    """Every pass is one to learn from."""

    def __init__(self, maker: SampleMaker, recipe: Recipe, phase: Phase, first_group: int, workers: int = 1) -> None:
        self._maker, self._recipe, self._phase, self._first = maker, recipe, phase, first_group
        self._encoding = find_method(recipe.method).make_encoding()
        self._pool = ThreadPoolExecutor(workers)
        self._pending: list[Future[Sample]] = []
        self._position = 0
        self._memories: dict[int, Remembered] = {}
        self._visits: tuple[Visit, ...] = ()

    def fill(self) -> None:
        """Nothing is remembered at first."""

    def close(self) -> None:
        """Stop the background threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def batch(self) -> Batch:
        """The present batch; the next one's samples are drawn in the background."""
        if not self._visits:
            self._visits = self._take()
        samples = [visit.sample for visit in self._visits]
        memories = [self._memories[visit.number] for visit in self._visits]
        pairs = list(zip(self._visits, memories, strict=True))
        return batch_of(
            np.stack([sample.image for sample in samples]),
            np.stack([sample.label for sample in samples]),
            np.stack([self._previous(visit, memory) for visit, memory in pairs]),
            np.stack([click_rows(self._clicks(visit, memory)) for visit, memory in pairs]),
            [memory.visits - 1 for memory in memories],
        )

    def advance(self, probabilities: FloatMap, seen_again: FloatMap | None = None) -> None:
        """Remember the network's answers; see `Conveyor.advance`."""
        again = probabilities if seen_again is None else seen_again
        for visit, mask, seen in zip(self._visits, probabilities > 0.5, again > 0.5, strict=True):
            self._memories[visit.number] = self._after(visit, mask, seen)
        self._visits = ()

    def state(self) -> dict[str, Any]:
        """Everything that cannot be drawn again, as tensors and plain numbers; to be called after `advance`."""
        numbers = sorted(self._memories)
        memories = [self._memories[number] for number in numbers]
        size = -(-(self._phase.side**2) // 8)
        seen = [np.zeros(size, np.uint8) if m.seen is None else m.seen for m in memories]
        clicks = [click_rows(m.clicks) for m in memories]
        return {
            "position": self._position,
            "objects": torch.tensor([(n, m.generation, m.visits) for n, m in zip(numbers, memories, strict=True)]),
            "clicks": torch.from_numpy(np.stack(clicks) if clicks else np.zeros((0, CLICK_SLOTS, 3), np.float32)),
            "seen": torch.from_numpy(np.stack(seen) if seen else np.zeros((0, size), np.uint8)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._position = state["position"]
        rows = zip(state["objects"].tolist(), state["clicks"].numpy(), state["seen"].numpy(), strict=True)
        self._memories = {
            number: Remembered(generation, visits, click_values(clicks), seen)
            for (number, generation, visits), clicks, seen in rows
        }

    def _take(self) -> tuple[Visit, ...]:
        numbers = self._numbers(self._position)
        plan = [self._planned(number) for number in numbers]
        samples = [pending.result() for pending in self._pending or self._submitted(numbers, plan)]
        for number, (generation, _) in zip(numbers, plan, strict=True):
            old = self._memories.get(number, Remembered())
            self._memories[number] = Remembered(generation, old.visits + 1, old.clicks, old.seen)
        self._position += 1
        following = self._numbers(self._position)
        self._pending = self._submitted(following, [self._planned(number) for number in following])
        return tuple(Visit(n, s, anew) for n, s, (_, anew) in zip(numbers, samples, plan, strict=True))

    def _numbers(self, position: int) -> list[int]:
        """Objects of a batch: every epoch all of them in an order of its own; what does not fill a batch is left."""
        size = self._phase.batch
        epoch, place = divmod(position, self._recipe.objects // size)
        rng = np.random.default_rng((self._recipe.seed, self._first, epoch))
        order = rng.permutation(self._recipe.objects)
        return [int(n) for n in order[place * size : (place + 1) * size]]

    def _planned(self, number: int) -> tuple[int, bool]:
        """Generation of an object at its next visit, and whether it begins anew."""
        memory = self._memories.get(number, Remembered())
        chance = self._rng(number, memory.visits).random()
        anew = memory.generation < 0 or chance < self._recipe.forget
        return memory.generation + int(anew), anew

    def _submitted(self, numbers: Sequence[int], plan: Sequence[tuple[int, bool]]) -> list[Future[Sample]]:
        """Samples that are being drawn."""
        first = self._first * self._phase.batch
        places = [first + generation * self._recipe.objects for generation, _ in plan]
        pairs = zip(numbers, places, strict=True)
        return [self._pool.submit(self._maker.sample, place + number, self._phase.side) for number, place in pairs]

    def _previous(self, visit: Visit, memory: Remembered) -> FloatMap:
        side = self._phase.side
        if visit.anew or memory.seen is None:
            return first_seen(visit.sample.start.previous, self._encoding)
        return np.unpackbits(memory.seen, count=side * side).reshape(side, side).astype(np.float32)

    def _clicks(self, visit: Visit, memory: Remembered) -> tuple[Click, ...]:
        return (visit.sample.start.clicks if visit.anew else memory.clicks)[-CLICK_SLOTS:]

    def _after(self, visit: Visit, mask: BoolMask, seen: BoolMask) -> Remembered:
        memory, label = self._memories[visit.number], visit.sample.label
        clicks = self._clicks(visit, memory)
        rng = self._rng(visit.number, memory.visits)
        click = next_click(label == 1, mask, label == IGNORE, clicks, self._recipe.data.clicks, rng)
        clicks = clicks if click is None else (*clicks, click)[-CLICK_SLOTS:]
        return Remembered(memory.generation, memory.visits, clicks, np.packbits(seen))

    def _rng(self, number: int, visits: int) -> np.random.Generator:
        return np.random.default_rng((self._recipe.seed, self._first, number, visits))
