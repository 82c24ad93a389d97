from __future__ import annotations

from dataclasses import fields, replace

import pytest

from clickmask.core.errors import InputError, UnknownNameError
from clickmask.evaluate.protocol import PROTOCOLS, ROBOT_RULES, find_protocol
from clickmask.simulate import ROBOTS

HASHES = {"published": "e741a95c4f68", "focalclick": "f604fd8b5c88", "itis": "ce8745af10d9"}


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_hashes_are_pinned(name: str) -> None:
    # a changed hash means changed rules: say so in the change note, since old figures are no longer comparable
    assert PROTOCOLS[name].hash == HASHES[name]


def test_published_constants() -> None:
    published = PROTOCOLS["published"]
    assert (published.robot, published.max_clicks, published.threshold) == ("ritm_center", 20, 0.49)
    assert published.iou_targets == (0.80, 0.85, 0.90, 0.95)


def test_every_value_but_the_name_changes_the_hash() -> None:
    published = PROTOCOLS["published"]
    changes = {"robot": "random_error", "max_clicks": 19, "iou_targets": (0.9,), "threshold": 0.5, "seed": 1}
    changes["initial_masks"] = "the truth, spoiled"
    assert changes.keys() == {field.name for field in fields(published)} - {"name", "source"}
    hashes = {replace(published, **{key: value}).hash for key, value in changes.items()}
    assert len(hashes | {published.hash}) == len(changes) + 1
    assert replace(published, name="another", source="nowhere").hash == published.hash


def test_another_limit_shows_in_name_and_hash() -> None:
    changed = find_protocol("published", 5)
    assert (changed.name, changed.max_clicks) == ("published, 5 clicks", 5)
    assert find_protocol("published", 20) == PROTOCOLS["published"]


def test_every_robot_has_its_rule_written_down() -> None:
    assert ROBOT_RULES.keys() == set(ROBOTS.names())


@pytest.mark.parametrize(
    "change", [{"max_clicks": 0}, {"threshold": 1.0}, {"iou_targets": ()}, {"iou_targets": (90,)}, {"robot": "me"}]
)
def test_nonsense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(PROTOCOLS["published"], **change)


def test_unknown_protocol_names_its_neighbour() -> None:
    with pytest.raises(UnknownNameError, match="'published'"):
        find_protocol("publish")
