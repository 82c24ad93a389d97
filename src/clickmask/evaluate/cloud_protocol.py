"""Everything that fixes a number measured on clouds, as one value with a short hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name

RULES: Mapping[str, Mapping[str, str]] = {
    "single": {
        "robot": "of missed and surplus points, each taken whole, the one farthest from everything outside its set; "
        "the set with the larger distance, missed if equal",
        "objects": "one at a time",
    },
    "multi": {
        "robot": "error clusters are pairs of true and answered object; one click in each at first, then one at the "
        "deepest point of the cluster with the greatest depth",
        "objects": "all of a scan together; k clicks are k per object on average; IoU is the mean over its objects",
    },
}
COMMON: Mapping[str, str] = {
    "clickable": "one point per voxel of the data set's spacing, the first in the file's order",
    "iou": "over all points of the scan",
    "stop": "a scan ends early when nothing is wrong; its last IoU then stands",
    "noc": "first click whose IoU is at least the target, else the limit; the mean over objects",
}


@dataclass(frozen=True, slots=True)
class CloudProtocol:
    """One way of measuring on clouds.

    Attributes:
        name: of the preset.
        source: where its rules come from.
        kind: ``single`` or ``multi``.
        start: ``empty``: the first click answers an empty mask; ``answer``: that of the model without any click.
        column: metres; only a column of this edge round the object's box is measured on, as published for
            InterObject3D; None for the whole scan.
        max_clicks: limit, per object.
        iou_targets: for clicks to target.
    """

    name: str
    source: str
    kind: str = "single"
    start: str = "empty"
    column: float | None = None
    max_clicks: int = 20
    iou_targets: tuple[float, ...] = (0.80, 0.85, 0.90)

    def __post_init__(self) -> None:
        if self.max_clicks < 1:
            raise RecipeError(f"max_clicks must be 1 or more, got {self.max_clicks}.")

    def to_json(self) -> dict[str, Any]:
        """All values and rules, and the hash."""
        values = {key: value for key, value in asdict(self).items() if key not in ("name", "source")}
        resolved = {**values, "iou_targets": list(self.iou_targets), **RULES[self.kind], **COMMON}
        canonical = json.dumps(resolved, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
        return {"name": self.name, "source": self.source, "hash": digest, **resolved}


CLOUD_PROTOCOLS: Mapping[str, CloudProtocol] = {
    protocol.name: protocol
    for protocol in (
        CloudProtocol("single", "InterObject3D's robot (Kontogianni 2023), whole scans, start from an empty mask"),
        CloudProtocol(
            "interobject3d",
            "InterObject3D (Kontogianni 2023): 5 m columns, start from the model's answer without clicks",
            start="answer",
            column=5.0,
        ),
        CloudProtocol("multi", "AGILE3D (Yue 2024): several objects at once", kind="multi"),
    )
}


def find_cloud_protocol(name: str, max_clicks: int | None = None) -> CloudProtocol:
    """A preset, with another limit of clicks if one is given; UnknownNameError where there is none."""
    if name not in CLOUD_PROTOCOLS:
        raise UnknownNameError(unknown_name("protocol for point clouds", name, sorted(CLOUD_PROTOCOLS)))
    protocol = CLOUD_PROTOCOLS[name]
    if max_clicks is None or max_clicks == protocol.max_clicks:
        return protocol
    return replace(protocol, max_clicks=max_clicks, name=f"{name}, {max_clicks} clicks")
