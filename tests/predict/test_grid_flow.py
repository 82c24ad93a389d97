from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.predict import grid_flow
from clickmask.predict.grid_flow import GridEnergy, minimise

SHAPES = [(1, 1), (1, 6), (6, 1), (2, 4), (4, 2), (3, 3)]


def random_energy(rng: np.random.Generator, shape: tuple[int, int], strength: int) -> GridEnergy:
    """Costs that can be outweighed by the neighbours, with ties."""
    weights = [rng.integers(0, 6, shape).astype(np.int32) for _ in range(4)]
    return GridEnergy(rng.integers(-strength, strength + 1, shape).astype(np.int32), tuple(weights))  # type: ignore[arg-type]


def by_hand(energy: GridEnergy, labels: np.ndarray) -> int:
    """The sum, pixel by pixel."""
    height, width = labels.shape
    total = 0
    for i, j in product(range(height), range(width)):
        total += int(energy.cost[i, j]) * int(labels[i, j])
        for weight, (down, right) in zip(energy.weights, ((0, 1), (1, 0), (1, 1), (1, -1)), strict=True):
            if i + down < height and 0 <= j + right < width and labels[i, j] != labels[i + down, j + right]:
                total += int(weight[i, j])
    return total


def least(energy: GridEnergy, fixed: np.ndarray) -> int:
    """Brute force over every labelling that has the given labels."""
    open_ = np.argwhere(fixed < 0)
    labels, best = fixed > 0, None
    for bits in product((False, True), repeat=len(open_)):
        labels[tuple(open_.T)] = bits
        value = energy.value(labels)
        best = value if best is None else min(best, value)
    assert best is not None
    return best


@given(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES))
def test_the_energy_is_the_sum_that_the_text_tells(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    energy, labels = random_energy(rng, shape, 10), rng.random(shape) < 0.5
    assert energy.value(labels) == by_hand(energy, labels)


@pytest.mark.parametrize("sweeps", [0, 1, 200])
@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES), st.sampled_from([1, 8, 40]), st.booleans())
def test_no_labelling_of_a_small_grid_is_better(
    sweeps: int, seed: int, shape: tuple[int, int], strength: int, held: bool
) -> None:
    """With pixels settled beforehand and without: both ways lead to the minimum."""
    rng = np.random.default_rng(seed)
    energy = random_energy(rng, shape, strength)
    fixed = np.where(rng.random(shape) < (0.3 if held else 0), rng.integers(0, 2, shape), -1).astype(np.int8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_flow, "SWEEPS", sweeps)
        labels = minimise(energy, fixed)
    assert np.array_equal(labels[fixed >= 0], fixed[fixed >= 0] == 1)
    assert energy.value(labels) == least(energy, fixed)


def test_settling_changes_no_minimum_of_a_large_grid() -> None:
    rng = np.random.default_rng(3)
    energy = random_energy(rng, (60, 80), 12)
    values = []
    for sweeps in (0, 200):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grid_flow, "SWEEPS", sweeps)
            values.append(energy.value(minimise(energy)))
    assert values[0] == values[1]


def test_what_is_given_is_left_as_it_was() -> None:
    energy, fixed = random_energy(np.random.default_rng(0), (5, 6), 8), np.full((5, 6), -1, np.int8)
    arrays = [energy.cost, *energy.weights, fixed]
    before = [a.copy() for a in arrays]
    minimise(energy, fixed)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


def test_energies_that_do_not_fit_are_refused() -> None:
    large = np.full((1, 4), 2**30, np.int32)
    energy = GridEnergy(
        large * np.array([[1, 1, -1, -1]], np.int32), (np.full((1, 4), 2**29 * 3, np.int32),) * 3 + (large,)
    )
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OverflowError, match="scale the energy down"):
        patch.setattr(grid_flow, "SWEEPS", 0)
        patch.setattr(grid_flow, "LARGEST_FLOW", 2**30)
        minimise(energy)
