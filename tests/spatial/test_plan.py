import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.spatial import plan as planning
from clickmask.spatial.plan import STEPS, join, level_of, make_plan, unique_rows

voxel_sets = st.sets(st.tuples(*[st.integers(-9, 9)] * 3), min_size=1, max_size=60)


def coords_of(cells):
    return np.array(sorted(cells), dtype=np.int64)


@given(voxel_sets)
def test_neighbours_are_the_voxels_one_step_away(cells):
    coords = coords_of(cells)
    rows = {tuple(row): i for i, row in enumerate(coords.tolist())}
    level = level_of(coords)
    for i, place in enumerate(coords):
        expected = [rows.get(tuple((place + step).tolist()), len(coords)) for step in STEPS]
        assert level.neighbours[i].tolist() == expected


def test_bisection_finds_what_the_dense_grid_finds(monkeypatch):
    coords, _ = unique_rows(np.random.default_rng(0).integers(-20, 20, (400, 3)))
    dense = level_of(coords).neighbours
    monkeypatch.setattr(planning, "DENSE_CELLS", 0)
    np.testing.assert_array_equal(level_of(coords).neighbours, dense)


@given(voxel_sets)
def test_children_and_parents_are_each_others_inverse(cells):
    plan = make_plan(coords_of(cells), 3)
    for i in range(2):
        fine, coarse = plan.levels[i].coords, plan.levels[i + 1].coords
        np.testing.assert_array_equal(coarse[plan.parents[i]], fine >> 1)
        children = plan.children(i)
        for row, slots in enumerate(children):
            for slot, child in enumerate(slots):
                if child < len(fine):
                    assert plan.parents[i][child] == row
                    assert tuple(fine[child] & 1) == (slot >> 2, slot >> 1 & 1, slot & 1)
        assert (children < len(fine)).sum() == len(fine)


@given(st.lists(voxel_sets, min_size=1, max_size=3))
def test_joined_clouds_do_not_touch(sets):
    plans = [make_plan(coords_of(cells), 3) for cells in sets]
    joined = join(plans)
    for i in range(3):
        start, total = 0, len(joined.levels[i])
        for plan in plans:
            size = len(plan.levels[i])
            table = joined.levels[i].neighbours[start : start + size]
            back = np.where(table == total, size, table - start)
            np.testing.assert_array_equal(back, plan.levels[i].neighbours)
            start += size


def test_a_cloud_across_too_many_voxels_is_refused():
    with pytest.raises(OverflowError, match="larger voxels"):
        make_plan(np.array([[0, 0, 0], [1 << 40, 1 << 40, 1 << 40]]), 1)
