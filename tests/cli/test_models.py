from __future__ import annotations

import json
from typing import Any

import clickmask


def test_the_list_names_every_model(clickmask_command: Any) -> None:
    ran = clickmask_command("models")
    assert ran.status == 0
    head, *rows = ran.out.split("\n\n")[0].splitlines()
    assert head.startswith("NAME") and [row.split()[0] for row in rows] == clickmask.models()


def test_one_model_in_detail(clickmask_command: Any) -> None:
    ran = clickmask_command("models", "flood")
    for text in ("Apache-2.0", "256 x 256", "box, previous_mask", "seeded colour regions"):
        assert text in ran.out


def test_json(clickmask_command: Any) -> None:
    told = json.loads(clickmask_command("models", "--json").out)
    ready = [(spec["name"], spec.get("kind")) for spec in told if spec["ready"]]
    assert [name for name, kind in ready if kind != "cloud"] == clickmask.models()
    assert [name for name, kind in ready if kind == "cloud"] == clickmask.cloud_models()
    assert json.loads(clickmask_command("models", "flood", "--json").out)["licence"] == "Apache-2.0"


def test_models_for_point_clouds_have_their_own_list(clickmask_command: Any) -> None:
    listed = clickmask_command("models").out.partition("For point clouds:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line and "Apache-2.0" in line][
        : len(clickmask.cloud_models())
    ] == clickmask.cloud_models()
    for name in clickmask.cloud_models():
        assert json.loads(clickmask_command("models", name, "--json").out)["kind"] == "cloud"
        assert "sha256" in clickmask_command("models", name).out


def test_an_unknown_name_suggests_the_nearest(clickmask_command: Any) -> None:
    ran = clickmask_command("models", "flod")
    assert ran.status == 2 and "Did you mean 'flood'" in ran.err
