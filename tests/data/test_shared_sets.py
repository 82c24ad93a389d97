from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clickmask.data import open_dataset
from clickmask.simulate.ritm_center import ritm_center


@pytest.mark.parametrize(("name", "objects", "with_ignore"), [("grabcut", 50, 42), ("berkeley", 100, 0)])
def test_the_benchmark_sets_have_the_published_objects(
    shared_data: Path, name: str, objects: int, with_ignore: int
) -> None:
    dataset = open_dataset(name, shared_data / "bench" / name)
    assert len(dataset.samples) == dataset.published_objects == objects
    assert sum(sample.truth().ignore is not None for sample in dataset.samples) == with_ignore


def test_the_first_click_on_a_real_object_lies_deep_inside(shared_data: Path) -> None:
    image, truth = open_dataset("grabcut", shared_data / "bench/grabcut").samples[0].load()
    click = ritm_center(truth.mask, np.zeros(image.shape[:2], dtype=bool), truth.ignore)
    assert click is not None and click.positive
    row, column = int(click.y), int(click.x)
    assert truth.scored[row - 3 : row + 4, column - 3 : column + 4].all()
