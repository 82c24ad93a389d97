"""Figures from steps of (clicks, IoU), as the evaluators of InterObject3D and AGILE3D count them, and their files.

A file has one line per object and click: ``number scene object clicks iou``. InterObject3D writes IoU in percent,
AGILE3D as a fraction, and clicks per object on average where several objects are measured together. Clicks begin
at 0: the answer before any click.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from clickmask.core.errors import FormatError

Steps = Sequence[tuple[float, float]]
"""(clicks, IoU as a fraction) of one object, in order."""


def read_published(text: str) -> dict[str, list[tuple[float, float]]]:
    """Steps of every object of a file in the authors' form, by ``scene_object``.

    Raises:
        FormatError: a line of another form.
    """
    table: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            clicks, value = float(words[3]), float(words[4])
        except (IndexError, ValueError) as error:
            raise FormatError(f"Line {number} is not 'number scene object clicks iou': {line[:80]!r}.") from error
        table.setdefault(f"{words[1].replace('scene', '')}_{words[2]}", []).append((clicks, value))
    percent = max((value for steps in table.values() for _, value in steps), default=0.0) > 1.0
    scale = 100.0 if percent else 1.0
    return {name: [(clicks, value / scale) for clicks, value in steps] for name, steps in table.items()}


def mean_iou_at(table: Mapping[str, Steps], clicks: float) -> float:
    """IoU@k: mean over all lines with exactly that many clicks; NaN where there is none."""
    values = [value for steps in table.values() for made, value in steps if made == clicks]
    return float(np.mean(values)) if values else float("nan")


def noc(table: Mapping[str, Steps], target: float, limit: float = 20.0, drop_zero: bool = False) -> float:
    """NoC@q: mean over objects of the first click with that IoU, `limit` for those that never reach it.

    Args:
        table: steps by object. Objects that neither reach the target nor have a step at the limit are not counted.
        target: as a fraction.
        limit: clicks of an object that never gets there.
        drop_zero: leave out objects whose IoU is 0 at the limit, as InterObject3D does on SemanticKITTI.
    """
    found = [_first(steps, target, limit, drop_zero) for steps in table.values()]
    counted = [clicks for clicks in found if clicks is not None]
    return float(np.mean(counted)) if counted else float("nan")


def _first(steps: Steps, target: float, limit: float, drop_zero: bool) -> float | None:
    for clicks, value in steps:
        if value >= target:
            return clicks
        if clicks >= limit and not (drop_zero and value == 0):
            return clicks
    return None


def figures(
    table: Mapping[str, Steps],
    clicks: Sequence[float] = (1, 3, 5, 10, 15),
    targets: Sequence[float] = (0.8, 0.85, 0.9),
    drop_zero: bool = False,
) -> dict[str, float]:
    """IoU@k in percent and NoC@q, as the papers' tables give them."""
    at = {f"IoU@{k:g}": 100 * mean_iou_at(table, k) for k in clicks}
    return {**at, **{f"NoC@{100 * q:g}": noc(table, q, drop_zero=drop_zero) for q in targets}}
