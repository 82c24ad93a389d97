import numpy as np

from clickmask.simulate.cloud_clicks import PointClick, deepest_error, depths_inside

LINE = np.stack([np.arange(10.0), np.zeros(10), np.zeros(10)], axis=1)


def flags(*rows):
    out = np.zeros(10, dtype=bool)
    out[list(rows)] = True
    return out


def test_the_first_click_is_the_objects_deepest_point():
    assert deepest_error(LINE, flags(2, 3, 4, 5, 6), flags()) == PointClick(4, True)


def test_the_deeper_of_missed_and_surplus_wins_and_ties_are_positive():
    assert deepest_error(LINE, flags(0, 1, 2, 3), flags(0, 1, 2, 3, 6, 7, 8)) == PointClick(7, False)
    assert deepest_error(LINE, flags(1), flags(5)) == PointClick(1, True)


def test_sets_are_taken_whole_against_everything_outside_them():
    # depth of a missed point counts to the nearest point that is not missed, right or wrong
    depths = depths_inside(LINE, flags(2, 3, 4))
    assert depths.tolist() == [1, 2, 1]


def test_nothing_wrong_means_no_click():
    assert deepest_error(LINE, flags(1, 2), flags(1, 2)) is None


def test_a_cloud_that_is_all_object():
    assert deepest_error(LINE, np.ones(10, dtype=bool), flags()) == PointClick(0, True)


def test_drawn_clicks_stay_in_the_deep_half():
    rng = np.random.default_rng(0)
    drawn = {deepest_error(LINE, flags(0, 1, 2, 3, 4, 5), flags(), rng).index for _ in range(60)}
    assert drawn == {0, 1, 2, 3}
