import numpy as np

from clickmask.simulate.cloud_clusters import LabelClick, cluster_clicks

LINE = np.stack([np.arange(12.0), np.zeros(12), np.zeros(12)], axis=1)


def labels(text):
    return np.array([int(c) for c in text], dtype=np.int32)


def test_every_object_gets_a_click_at_first_the_deepest_first():
    clicks = cluster_clicks(LINE, labels("011110022200"), labels("000000000000"), first=True)
    assert clicks == [LabelClick(2, 1), LabelClick(8, 2)]


def test_later_the_largest_error_gets_one():
    assert cluster_clicks(LINE, labels("011111022200"), labels("000000022220"), first=False) == [LabelClick(3, 1)]


def test_pairs_of_true_and_answered_objects_are_clusters_of_their_own():
    # 3 points of object 1 answered as 2 and 3 answered as nothing: no cluster of 6
    clicks = cluster_clicks(LINE, labels("111111000000"), labels("222000000000"), first=True)
    assert {click.label for click in clicks} == {1} and len(clicks) == 2


def test_surplus_belongs_to_no_object():
    assert cluster_clicks(LINE, labels("011100000000"), labels("011111110000"), first=False) == [LabelClick(5, 0)]


def test_nothing_wrong_means_no_click():
    assert cluster_clicks(LINE, labels("011100000000"), labels("011100000000"), first=False) == []
