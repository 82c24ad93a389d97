"""Everything that fixes a benchmark number, as one value with a short hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.simulate import ROBOTS

FIXED_RULES: Mapping[str, str] = {
    "initial_mask": "none: the robot's first click answers an all-zero prediction",
    "resolution": "masks are compared at the image's own resolution",
    "iou": "ignored pixels count neither in the intersection nor in the union",
    "stop": "all clicks are made; an object ends early only when no error is left to click, its last IoU then stands",
    "noc": "first click whose IoU is at least the target, else the limit; the mean over objects",
    "nof": "objects that never reach the target",
}
"""What no preset varies. Part of the hash, so that a change of any rule shows."""

ROBOT_RULES: Mapping[str, str] = {
    "ritm_center": "deepest pixel of the thickest error; exact distances, frame is an edge, clicked pixels are 0; "
    "equal pixels: first in row-major order; missed as deep as surplus: negative",
    "random_error": "uniform among pixels deeper than half the thickest error's 5x5 chamfer depth",
    "largest_component": "uniform among the deepest pixels of the largest 8-connected error region",
}


@dataclass(frozen=True, slots=True)
class EvalProtocol:
    """One way of measuring.

    Attributes:
        name: of the preset.
        source: where the constants come from.
        robot: name in `clickmask.simulate.ROBOTS`.
        max_clicks: limit per object, 20 in all published tables.
        iou_targets: for clicks-to-target, ascending, in (0, 1].
        threshold: probability above which a pixel belongs to the mask.
        seed: of robots that draw at random; each object gets its own stream.
        initial_masks: how the masks are made that objects begin with besides beginning with nothing; None for none.
    """

    name: str
    source: str
    robot: str = "ritm_center"
    max_clicks: int = 20
    iou_targets: tuple[float, ...] = (0.80, 0.85, 0.90, 0.95)
    threshold: float = 0.49
    seed: int = 0
    initial_masks: str | None = None

    def __post_init__(self) -> None:
        ROBOTS.target(self.robot)
        if self.max_clicks < 1:
            raise RecipeError(f"max_clicks must be 1 or more, got {self.max_clicks}.")
        if not 0 < self.threshold < 1:
            raise RecipeError(f"The threshold is a probability between 0 and 1, got {self.threshold}.")
        if not self.iou_targets or not all(0 < target <= 1 for target in self.iou_targets):
            raise RecipeError(f"IoU targets lie in (0, 1], got {self.iou_targets}.")

    @property
    def threshold_logit(self) -> float:
        """The threshold on the scale of logits."""
        return math.log(self.threshold / (1 - self.threshold))

    def resolved(self) -> dict[str, Any]:
        """Every value and rule as JSON types; what the hash is taken of, without the name and its source."""
        values = {key: value for key, value in asdict(self).items() if key not in ("name", "source", "initial_masks")}
        robot_rule = ROBOT_RULES.get(self.robot, ROBOTS.target(self.robot))
        rules = {**values, "iou_targets": list(self.iou_targets), "robot_rule": robot_rule, **FIXED_RULES}
        if self.initial_masks is not None:
            rules["initial_mask"] = f"each object twice: {FIXED_RULES['initial_mask']}; and from {self.initial_masks}"
        return rules

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change with any value or rule."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """Name, source, all values and rules, and the hash."""
        return {"name": self.name, "source": self.source, "hash": self.hash, **self.resolved()}


PROTOCOLS: Mapping[str, EvalProtocol] = {
    protocol.name: protocol
    for protocol in (
        EvalProtocol("published", "RITM and its descendants (Sofiiuk 2021): their evaluation scripts' defaults"),
        EvalProtocol("focalclick", "FocalClick (Chen 2022): its evaluation scripts pass threshold 0.5", threshold=0.5),
        EvalProtocol(
            "itis",
            "DIOS (Xu 2016) and ITIS (Mahadevan 2018): largest error region, ties at random",
            robot="largest_component",
            threshold=0.5,
        ),
    )
}


def find_protocol(name: str, max_clicks: int | None = None) -> EvalProtocol:
    """A preset, with another limit of clicks if one is given; its name then says so.

    Raises:
        UnknownNameError: no such preset.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError(unknown_name("protocol", name, sorted(PROTOCOLS)))
    protocol = PROTOCOLS[name]
    if max_clicks is None or max_clicks == protocol.max_clicks:
        return protocol
    return replace(protocol, name=f"{name}, {max_clicks} clicks", max_clicks=max_clicks)
