"""Recipes: by name, with single fields changed, to JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.core.errors import InputError, RecipeError, UnknownNameError
from clickmask.nn.guided import GuidedHRNetConfig
from clickmask.nn.method import Phase
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import RECIPE_FILE, RECIPES, SUMMARIES, find_recipe, read_recipe


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipe_can_be_run_and_survives_json(name: str, tmp_path: Path) -> None:
    recipe = find_recipe(name)
    assert recipe.name == name and SUMMARIES[name].endswith(".")
    (tmp_path / RECIPE_FILE).write_text(recipe.to_json())
    assert read_recipe(tmp_path) == recipe


def test_overrides_reach_every_depth() -> None:
    recipe = find_recipe(
        "smoke",
        {
            "seed": "3",
            "loss": "nfl",
            "average": "0",
            "pretrained": "false",
            "lives": "[1, 2]",
            "network.encoder": "lite1",
            "network.widths.0": "48",
            "phases.0.steps": "7",
            "data.clicks.starts": "[1, 0, 0, 0]",
            "data.weights": '[["mine", 2]]',
        },
    )
    assert (recipe.seed, recipe.loss, recipe.average, recipe.pretrained) == (3, "nfl", 0.0, False)
    assert recipe.lives == (1.0, 2.0) and recipe.network.encoder == "lite1"
    assert recipe.network.widths == (48, 64, 96, 128, 128)
    assert recipe.phases == (replace(RECIPES["smoke"].phases[0], steps=7),)
    assert recipe.data.clicks.starts == (1.0, 0.0, 0.0, 0.0) and recipe.data.weights == (("mine", 2.0),)
    assert RECIPES["smoke"].seed == 0, "the table is untouched"


def test_phases_may_be_lists_or_objects() -> None:
    recipe = find_recipe("smoke", {"phases": '[[64, 4, 10], {"side": 128, "batch": 2, "steps": 5, "rate_end": 0}]'})
    assert recipe.phases == (Phase(64, 4, 10), Phase(128, 2, 5, rate_end=0.0))
    assert recipe.steps == 15


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("sede", "3", "Did you mean 'seed'"),
        ("network.encodr", "lite1", "Did you mean 'encoder'"),
        ("seed.deeper", "3", "nothing below 'seed'"),
        ("phases.1.steps", "3", "no position of a list of 1"),
        ("phases.first.steps", "3", "the first one is 0"),
        ("seed", "1.5", "seed must be a whole number"),
        ("seed", "true", "seed must be a whole number"),
        ("pretrained", "1", "true or false"),
        ("average", "high", "is not a value"),
        ("average", "1", "0 <= average < 1"),
        ("average", "NaN", "must be a number"),
        ("clip", "0", "above 0"),
        ("lives", "3", "must be a list"),
        ("lives", "[]", "not all 0"),
        ("lives", "[0, 0]", "not all 0"),
        ("lives", '["a"]', r"lives\.0 must be a number"),
        ("phases", "[]", "at least one"),
        ("phases", "[[64]]", "incomplete"),
        ("phases", "[[64, 4, 10, 1, 1, 1]]", "an object or a list with side"),
        ("phases", '[{"side": 64, "batch": 4, "stepz": 3}]', "Did you mean 'steps'"),
        ("phases.0.side", "65", "multiple of 32"),
        ("phases.0.steps", "0", "at least 1"),
        ("phases.0.batch", "5", r"multiple of groups \(2\)"),
        ("network.widths", "[1, 2]", "list of 5"),
        ("input_side", "100", "multiple of 32"),
        ("check_every", "0", "at least 1"),
        ("data.clicks.starts", "[1, 1, 0, 0]", "sum to 1"),
        ("loss", "nlf", "Did you mean 'nfl'"),
        ("clicks", "iteratve", "Did you mean 'iterative'"),
    ],
)
def test_overrides_that_make_no_sense_are_refused(field: str, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_recipe("smoke", {field: text})


def test_unknown_recipe_names_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match=r"'finetune'.*--list"):
        find_recipe("fine-tune")


def test_recipe_written_before_a_field_existed_has_its_default(tmp_path: Path) -> None:
    recipe = find_recipe("compact")
    values = json.loads(recipe.to_json())
    for later in ("clicks", "rehearsals", "start"):
        del values[later]
    del values["data"]["longest_side"]
    (tmp_path / RECIPE_FILE).write_text(json.dumps(values))
    assert read_recipe(tmp_path) == recipe


def test_unreadable_recipes_say_why(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no training run.*recipe\.json"):
        read_recipe(tmp_path)
    for text, says in (("{", "cannot be read"), ('{"name": "x", "future": 1}', "future"), ("{}", "incomplete")):
        (tmp_path / RECIPE_FILE).write_text(text)
        with pytest.raises(RecipeError, match=says):
            read_recipe(tmp_path)


def test_iterative_recipe_takes_whole_batches_and_ritm_counts() -> None:
    recipe = find_recipe("compact-iterative")
    assert recipe.batch_groups == 1 and recipe.life_chances == (1.0,) * 4
    assert find_recipe("compact").batch_groups == 4
    assert find_recipe("smoke", {"clicks": "iterative", "phases.0.batch": "5"}).iterative
    assert Recipe("r", clicks="iterative", rehearsals=1).life_chances == (1.0, 1.0)


def test_every_method_has_a_recipe_of_its_own_ways() -> None:
    recipe = find_recipe("ritm_hrnet18s", {"network.ocr": "32"})
    assert (recipe.name, recipe.method, recipe.loss, recipe.clicks) == (
        "ritm_hrnet18s",
        "ritm_hrnet18s",
        "own",
        "iterative",
    )
    assert (recipe.optimizer, recipe.weight_decay, recipe.pretrained) == ("adam", 0.0, False)
    assert (recipe.data.clicks.slots, recipe.data.clicks.gamma, recipe.rehearsals) == (24, 0.8, 3)
    assert recipe.network == GuidedHRNetConfig(ocr=32)
    assert find_recipe("fbrs_resnet34").rehearsals == 0


def test_a_method_s_recipe_survives_json(tmp_path: Path) -> None:
    recipe = find_recipe("ritm_resnet34", {"network.depth": "18"})
    (tmp_path / RECIPE_FILE).write_text(recipe.to_json())
    assert read_recipe(tmp_path) == recipe


def test_a_run_from_before_there_were_methods_is_one_of_the_default_network(tmp_path: Path) -> None:
    recipe = find_recipe("smoke")
    values = json.loads(recipe.to_json())
    for later in ("method", "encoder", "optimizer", "betas", "precision"):
        del values[later]
    (tmp_path / RECIPE_FILE).write_text(json.dumps(values))
    assert read_recipe(tmp_path) == recipe


def test_a_recipe_can_train_another_method_s_network() -> None:
    recipe = find_recipe("smoke", {"method": "ritm_hrnet18s", "network.width": "8"})
    assert (recipe.name, recipe.method, recipe.clicks) == ("smoke", "ritm_hrnet18s", "conveyor")
    assert recipe.network == GuidedHRNetConfig(width=8)
    assert not recipe.pretrained
    with pytest.raises(RecipeError, match=r"no weights of ritm_hrnet18s's encoder.*pretrained must be false"):
        find_recipe("ritm_hrnet18s", {"pretrained": "true"})
    with pytest.raises(RecipeError, match=r"field.*'encoder'.*width"):
        find_recipe("ritm_hrnet18s", {"network.encoder": "lite1"})
    with pytest.raises(RecipeError, match="batch must be at least 2 for ritm_hrnet18s, got 1"):
        find_recipe("ritm_hrnet18s", {"phases": "[[128, 1, 5]]"})
    with pytest.raises(UnknownNameError, match="Unknown method 'ritmo'"):
        find_recipe("smoke", {"method": "ritmo"})
