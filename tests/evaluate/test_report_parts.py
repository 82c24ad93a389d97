from __future__ import annotations

import re

import numpy as np
import pytest

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click
from clickmask.evaluate.cases import worst
from clickmask.evaluate.charts import clicks_chart, iou_chart, spark
from clickmask.evaluate.records import ClickRecord, ObjectKey, ObjectRecords, lines_of

EMPTY = RunLengthMask.empty((4, 4))


def records(name: str, *ious: float) -> ObjectRecords:
    key = ObjectKey("made-up", name, "1")
    last = len(ious)
    return tuple(
        ClickRecord(key, k, Click(0.5, 0.5), iou, iou, 0.0, EMPTY if k == last else None)
        for k, iou in enumerate(ious, start=1)
    )


def test_worst_cases_are_failures_then_the_slowest() -> None:
    objects = [
        records("quick", 0.95, 0.95, 0.95),
        records("fails, near", 0.5, 0.8, 0.89),
        records("at the limit", 0.1, 0.1, 0.9),
        records("fails, far", 0.1, 0.1, 0.1),
        records("second click", 0.2, 0.91, 0.91),
    ]
    names = [chosen[0].key.image for chosen in worst(objects, 0.9, 3)]
    assert names == ["fails, far", "fails, near", "at the limit", "second click", "quick"]


def test_clicks_chart_counts_every_object_once() -> None:
    curves = np.array([[0.95, 0.95, 0.95], [0.1, 0.1, 0.9], [0.1, 0.1, 0.1], [0.1, 0.1, 0.2]])
    chart = clicks_chart(curves, 0.9)
    titles = re.findall(r"<title>(.*?)</title>", chart)
    assert titles == [
        "reached at click 1: 1",
        "reached at click 3: 1",
        "never reached: 2",
    ]


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (7, 3)])
def test_charts_stay_inside_their_frame(shape: tuple[int, int]) -> None:
    curves = np.random.default_rng(0).uniform(size=shape)
    for chart in (iou_chart(curves, curves / 2), clicks_chart(curves, 0.9)):
        _, _, width, height = map(float, re.search(r'viewBox="([^"]+)"', chart).group(1).split())  # type: ignore[union-attr]
        for attribute, limit in (("cx", width), ("x1", width), ("x2", width), ("cy", height), ("y1", height)):
            assert all(0 <= float(v) <= limit for v in re.findall(rf'\b{attribute}="([^"]+)"', chart))
        for points in re.findall(r'points="([^"]+)"', chart):
            places = np.array([pair.split(",") for pair in points.split()], dtype=float)
            assert (places >= 0).all() and (places <= (width, height)).all()


def test_spark_of_one_click() -> None:
    assert 'points="2.0,2.0"' in spark([1.0], 0.9)


def test_records_survive_the_file() -> None:
    mask = np.zeros((5, 7), dtype=bool)
    mask[1:3, 2:6] = True
    key = ObjectKey("made-up", 'a "quoted" näme', "3")
    before = (
        ClickRecord(key, 1, Click(2.5, 1.5, True), 0.25, 0.125, 0.5),
        ClickRecord(key, 2, Click(0.5, 4.5, False), 1 / 3, 0.1, 0.25, RunLengthMask.encode(mask)),
    )
    assert tuple(ClickRecord.from_line(line) for line in lines_of(before).splitlines()) == before
