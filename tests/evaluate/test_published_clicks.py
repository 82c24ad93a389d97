"""Files in the authors' form give the figures that the authors' rules give, worked out by hand."""

import math

import pytest

from clickmask.core.errors import FormatError
from clickmask.evaluate.published_clicks import figures, mean_iou_at, noc, read_published

# InterObject3D: percent, clicks from 0, twenty clicks
PERCENT = "\n".join(
    [f"1 scene0423_00 1 {k} {v}" for k, v in enumerate([0.0, 70, 82, 88, 91, *[95] * 16])]
    + [f"2 scene0423_00 2 {k} {v}" for k, v in enumerate([0.0, 10, 20, 30, 40, *[50] * 16])]
    + [f"3 scene0500_00 1 {k} 0.0" for k in range(21)]
)
# AGILE3D, several objects: fractions, clicks per object on average
SHARES = "0 0568_00 2 0.0 0.0\n0 0568_00 2 1.0 0.5\n0 0568_00 2 1.5 0.82\n0 0568_00 2 2.0 0.87\n0 0568_00 2 20.0 0.89\n"


def test_percent_and_fractions_are_told_apart():
    assert read_published(PERCENT)["0423_00_1"][1] == (1.0, 0.7)
    assert read_published(SHARES)["0568_00_2"][1] == (1.0, 0.5)


def test_figures_by_hand():
    told = figures(read_published(PERCENT))
    assert told["IoU@1"] == pytest.approx((70 + 10 + 0) / 3)
    assert told["IoU@3"] == pytest.approx((88 + 30) / 3)
    assert told["IoU@15"] == pytest.approx((95 + 50) / 3)
    assert told["NoC@80"] == pytest.approx((2 + 20 + 20) / 3)
    assert told["NoC@85"] == pytest.approx((3 + 20 + 20) / 3)
    assert told["NoC@90"] == pytest.approx((4 + 20 + 20) / 3)


def test_objects_that_stay_at_zero_can_be_left_out_as_on_semantickitti():
    assert noc(read_published(PERCENT), 0.8, drop_zero=True) == pytest.approx((2 + 20) / 2)


def test_clicks_may_be_fractions():
    table = read_published(SHARES)
    assert noc(table, 0.8) == 1.5
    assert noc(table, 0.85) == 2.0
    assert noc(table, 0.9) == 20.0
    assert mean_iou_at(table, 2) == 0.87


def test_objects_that_end_early_below_the_target_are_not_counted():
    assert noc(read_published("1 a 1 0 0\n1 a 1 1 0.9\n1 b 1 0 0\n1 b 1 1 0.2\n"), 0.8) == 1.0
    assert math.isnan(mean_iou_at({}, 1))


def test_other_lines_are_named():
    with pytest.raises(FormatError, match="Line 2"):
        read_published("1 a 1 0 0\nscene,object\n")
