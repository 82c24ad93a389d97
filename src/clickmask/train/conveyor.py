"""Batches in which samples live for several clicks.

RITM (Sofiiuk et al., 2021) draws a batch, runs 0 to 3 clicks on it without gradient and then takes one training
step: more than half of the forward passes teach nothing. Here every forward pass is a training step: after
it, the network's own answer decides each sample's next click, and the sample stays for the next step until
its life ends. The batch is made of groups that are replaced at different times, so that every step sees
samples of several ages. A group is determined by the seed and its number; with the answers so far it can be kept in
a checkpoint and continued to the bit.

RITM's own way is there too (`Recipe.clicks` is ``iterative``): then the whole batch is one group, all passes but the
last one of its life are rehearsals without gradient, and the last one trains.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clickmask.core.frames import FloatMap, Image
from clickmask.core.prompts import Click
from clickmask.nn.method import Phase, find_method
from clickmask.train.augment import IGNORE, Label
from clickmask.train.clicks import ClickRules, next_click
from clickmask.train.groups import CLICK_SLOTS, Group, GroupDrawer, GroupSource
from clickmask.train.recipe import Recipe
from clickmask.train.samples import SampleMaker

NO_CLICK = -1.0


@dataclass(frozen=True, eq=False)
class Batch:
    """What the network sees in one step.

    Attributes:
        images: (B, 3, S, S) in [-1, 1].
        labels: (B, 1, S, S) 0, 1, or -1 where nothing counts.
        previous: (B, 1, S, S) probabilities of the answer that the network sees again.
        clicks: (B, N, 3) x, y, sign; sign -1 for no click.
        ages: (B,) steps that each sample has taken.
    """

    images: Tensor
    labels: Tensor
    previous: Tensor
    clicks: Tensor
    ages: Tensor


class Conveyor:
    """Groups of one phase. `batch` gives the present one, `advance` takes the answers and moves on.

    The next groups are drawn in the background while the network works.

    Args:
        maker: draws samples.
        recipe: how samples live and which clicks they get.
        phase: size of inputs and batches.
        first_group: number of the first group.
        workers: see `clickmask.train.groups.GroupSource`; the samples do not depend on it.
    """

    def __init__(self, maker: SampleMaker, recipe: Recipe, phase: Phase, first_group: int, workers: int = 1) -> None:
        self._recipe = recipe
        self._size = phase.batch // recipe.batch_groups
        encoding = find_method(recipe.method).make_encoding()
        drawer = GroupDrawer(maker, recipe.seed, recipe.life_chances, self._size, phase.side, encoding)
        self._source = GroupSource(drawer, workers)
        self._growers = ThreadPoolExecutor(min(workers, recipe.batch_groups))
        self._next_number = first_group
        self.groups: tuple[Group, ...] = ()

    @property
    def rehearsing(self) -> bool:
        """Whether the present batch is only there to be answered, not to be learned from."""
        return self._recipe.iterative and self.groups[0].age < self.groups[0].life - 1

    def fill(self) -> None:
        """Draw the first groups."""
        self.groups = tuple(self._take() for _ in range(self._recipe.batch_groups))

    def close(self) -> None:
        """Stop what works in the background."""
        self._source.close()
        self._growers.shutdown(wait=True, cancel_futures=True)

    def batch(self) -> Batch:
        """The present batch."""
        return batch_of(
            np.concatenate([g.images for g in self.groups]),
            np.concatenate([g.labels for g in self.groups]),
            np.concatenate([g.previous for g in self.groups]),
            np.stack([click_rows(c) for g in self.groups for c in g.clicks]),
            [g.age for g in self.groups for _ in range(self._size)],
        )

    def advance(self, probabilities: FloatMap, seen_again: FloatMap | None = None) -> None:
        """Give the network's answers to the samples; old groups make place for new ones.

        Args:
            probabilities: (B, S, S) of the mask.
            seen_again: (B, S, S) of the answer that the network sees at the next click; the mask if None.
        """
        count = self._recipe.batch_groups
        masks = np.split(probabilities, count)
        again = masks if seen_again is None else np.split(seen_again, count)
        grown = list(self._growers.map(self._grow, self.groups, masks, again))
        self.groups = tuple(self._take() if g.age >= g.life else g for g in grown)

    def state(self) -> dict[str, Any]:
        """Everything that cannot be drawn again, as tensors and plain numbers."""
        return {"next": self._next_number, "groups": [_group_state(g) for g in self.groups]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.groups = tuple(self._regrown(g) for g in state["groups"])
        self._next_number = state["next"]

    def _take(self) -> Group:
        group = self._source.take(self._next_number)
        self._next_number += 1
        return group

    def _grow(self, group: Group, probabilities: FloatMap, seen_again: FloatMap) -> Group:
        age = group.age + 1
        if age >= group.life:
            return replace(group, age=age)
        rng = np.random.default_rng((self._recipe.seed, group.number, age))
        rules = self._recipe.data.clicks
        clicks = tuple(
            _with_next(c, label, p, rules, rng)
            for c, label, p in zip(group.clicks, group.labels, probabilities, strict=True)
        )
        return replace(group, age=age, previous=seen_again, clicks=clicks)

    def _regrown(self, state: dict[str, Any]) -> Group:
        group = self._source.draw(state["number"])
        previous = state["previous"].numpy()
        clicks = tuple(click_values(rows) for rows in state["clicks"].numpy())
        return replace(group, age=state["age"], previous=previous, clicks=clicks)


def batch_of(images: Image, labels: Label, previous: FloatMap, clicks: np.ndarray, ages: list[int]) -> Batch:
    """A batch out of arrays: (B, S, S, 3) images, (B, S, S) labels and previous probabilities, (B, N, 3) clicks."""
    values = labels.astype(np.float32)
    values[labels == IGNORE] = -1
    return Batch(
        torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1,  # (B, 3, S, S), channels last
        torch.from_numpy(values)[:, None],
        torch.from_numpy(previous)[:, None],
        torch.from_numpy(clicks),
        torch.tensor(ages),
    )


def _with_next(
    clicks: tuple[Click, ...], label: np.ndarray, probability: FloatMap, rules: ClickRules, rng: np.random.Generator
) -> tuple[Click, ...]:
    click = next_click(label == 1, probability > 0.5, label == IGNORE, clicks, rules, rng)
    return clicks if click is None else (*clicks, click)[-CLICK_SLOTS:]


def click_rows(clicks: tuple[Click, ...]) -> np.ndarray:
    """(CLICK_SLOTS, 3) float32 x, y, sign of at most CLICK_SLOTS clicks."""
    rows = np.full((CLICK_SLOTS, 3), NO_CLICK, dtype=np.float32)
    for row, click in zip(rows, clicks, strict=False):
        row[:] = click.x, click.y, float(click.positive)
    return rows


def click_values(rows: np.ndarray) -> tuple[Click, ...]:
    """Inverse of `click_rows`."""
    return tuple(Click(float(x), float(y), sign == 1) for x, y, sign in rows if sign != NO_CLICK)


def _group_state(group: Group) -> dict[str, Any]:
    return {
        "number": group.number,
        "age": group.age,
        "previous": torch.from_numpy(group.previous.copy()),
        "clicks": torch.from_numpy(np.stack([click_rows(c) for c in group.clicks])),
    }
