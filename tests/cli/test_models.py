from __future__ import annotations

import json
from typing import Any

import clickmask


def test_the_list_names_every_model(clickmask_command: Any) -> None:
    ran = clickmask_command("models")
    assert ran.status == 0
    head, *rows = ran.out.splitlines()
    assert head.startswith("NAME") and [row.split()[0] for row in rows] == clickmask.models()


def test_one_model_in_detail(clickmask_command: Any) -> None:
    ran = clickmask_command("models", "flood")
    for text in ("Apache-2.0", "256 x 256", "box, previous_mask", "seeded colour regions"):
        assert text in ran.out


def test_json(clickmask_command: Any) -> None:
    assert [spec["name"] for spec in json.loads(clickmask_command("models", "--json").out)] == clickmask.models()
    assert json.loads(clickmask_command("models", "flood", "--json").out)["licence"] == "Apache-2.0"


def test_an_unknown_name_suggests_the_nearest(clickmask_command: Any) -> None:
    ran = clickmask_command("models", "flod")
    assert ran.status == 2 and "Did you mean 'flood'" in ran.err
