"""Groups of samples, each determined by the seed and its number, drawn in the background while the network works."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Click
from clickmask.encode import Encoding
from clickmask.encode.feedback import RecallingEncoding, recalls
from clickmask.train.samples import Sample, SampleMaker

CLICK_SLOTS = 48
"""Clicks that a sample can hold; further ones replace the oldest. RITM's sampler draws up to 24 of each sign."""
GROUP_SPAN = 1 << 20
"""Samples of group number n have the indices n * size ...; the random life of a group is drawn from n + GROUP_SPAN."""
AHEAD = 2
"""Groups that each worker process has been asked for before they are needed."""


@dataclass(frozen=True, eq=False)
class Group:
    """Samples of the same age.

    Attributes:
        number: decides its samples and its life.
        age: steps taken.
        life: steps until it is replaced.
        images: (b, S, S, 3) uint8.
        labels: (b, S, S) uint8: 0, 1 or IGNORE.
        previous: (b, S, S) probabilities of the answer that the network sees again.
        clicks: of each sample.
    """

    number: int
    age: int
    life: int
    images: np.ndarray
    labels: np.ndarray
    previous: FloatMap
    clicks: tuple[tuple[Click, ...], ...]


@dataclass(frozen=True)
class GroupDrawer:
    """Draws groups; a value that travels to worker processes.

    Attributes:
        maker: draws samples.
        seed: of everything random.
        lives: relative chances that a group stays for 1, 2, 3 ... steps.
        size: samples in a group.
        side: of the network's input in pixels.
        encoding: of the method; says what is seen before the first answer.
    """

    maker: SampleMaker
    seed: int
    lives: tuple[float, ...]
    size: int
    side: int
    encoding: Encoding

    def draw(self, number: int) -> Group:
        """Group number `number`, the same at every call and in every process."""
        lives = np.array(self.lives)
        rng = np.random.default_rng((self.seed, number, GROUP_SPAN))
        life = 1 + int(rng.choice(len(lives), p=lives / lives.sum()))
        samples = [self.maker.sample(number * self.size + i, self.side) for i in range(self.size)]
        return _fresh(number, life, samples, self.encoding)

    def sharing(self, workers: int) -> GroupDrawer:
        """The same drawer for each of so many processes that share this one's memory for photographs."""
        return replace(self, maker=self.maker.with_budget_of(1 / workers))


class GroupSource:
    """Hands out groups in the order of their numbers.

    Args:
        drawer: what draws them.
        workers: 1 draws the next group in a thread of this process, more draw in as many processes of their own.
            A GPU needs about one a processor core: a sample takes some 16 ms to make.
    """

    def __init__(self, drawer: GroupDrawer, workers: int = 1) -> None:
        self._drawer = drawer
        self._depth = 1 if workers == 1 else AHEAD * workers
        self._pool: Executor = ThreadPoolExecutor(1) if workers == 1 else _processes(drawer, workers)
        self._draw = drawer.draw if workers == 1 else _draw_here
        self._waiting: dict[int, Future[Group]] = {}

    def take(self, number: int) -> Group:
        """Group number `number`; those that follow it are begun."""
        future = self._waiting.pop(number, None) or self._pool.submit(self._draw, number)
        self._waiting = {n: f for n, f in self._waiting.items() if n > number}
        for ahead in range(number + 1, number + 1 + self._depth):
            if ahead not in self._waiting:
                self._waiting[ahead] = self._pool.submit(self._draw, ahead)
        return future.result()

    def draw(self, number: int) -> Group:
        """Group number `number`, whatever is taken next."""
        return self._drawer.draw(number)

    def close(self) -> None:
        """Stop what works in the background."""
        self._pool.shutdown(wait=True, cancel_futures=True)


_HERE: list[GroupDrawer] = []
"""The drawer of a worker process; one at most."""


def _processes(drawer: GroupDrawer, workers: int) -> ProcessPoolExecutor:
    # a fresh interpreter each: a process that has used a GPU, or threads, cannot be forked safely
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _begin, (drawer.sharing(workers),))


def _begin(drawer: GroupDrawer) -> None:
    cv2.setNumThreads(1)  # there is a process for every core already
    _HERE[:] = [drawer]


def _draw_here(number: int) -> Group:
    return _HERE[0].draw(number)


def _fresh(number: int, life: int, samples: Iterable[Sample], encoding: Encoding) -> Group:
    samples = list(samples)
    return Group(
        number,
        0,
        life,
        np.stack([s.image for s in samples]),
        np.stack([s.label for s in samples]),
        np.stack([first_seen(s.start.previous, encoding) for s in samples]),
        tuple(s.start.clicks[-CLICK_SLOTS:] for s in samples),
    )


def first_seen(previous: FloatMap, encoding: Encoding) -> FloatMap:
    """(h, w) probabilities that a network sees before its first answer, from those of a mask that was given."""
    if not recalls(encoding):
        return previous
    # a box is a mask of doubt, 0.5 and no more: it has no outline
    return cast(RecallingEncoding, encoding).of_mask(previous > 0.5).astype(np.float32)
