from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from clickmask.core.errors import UnknownNameError, WeightsError
from clickmask.zoo import catalog
from clickmask.zoo.spec import SPEC_FILE, ModelSpec


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder that holds the models `default` and `another`, and something that is no model."""
    for name in ("default", "another"):
        (tmp_path / name).mkdir()
        spec = replace(catalog.WITHOUT_WEIGHTS["flood"], name=name)
        (tmp_path / name / SPEC_FILE).write_text(spec.to_json(), encoding="utf-8")
    (tmp_path / "half").mkdir()
    monkeypatch.setattr(catalog, "WEIGHTS_FOLDER", tmp_path)
    return tmp_path


def test_the_default_comes_first_and_the_rest_by_name(bundled: Path) -> None:
    assert catalog.names() == ["default", "another", "flood"]
    assert bundled.is_dir()


def test_models_are_found_by_name(bundled: Path) -> None:
    spec, folder = catalog.find("another")
    assert (spec.name, folder) == ("another", bundled / "another")
    assert catalog.find("flood") == (catalog.WITHOUT_WEIGHTS["flood"], None)


def test_models_are_found_by_folder(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalog.find(str(bundled / "another"))[0].name == "another"
    monkeypatch.chdir(bundled)
    assert catalog.find("./default")[0].name == "default"


def test_an_unknown_name_tells_the_nearest_and_what_else_works(bundled: Path) -> None:
    expected = r"Unknown model 'anothr'. Did you mean 'another'\? A folder written by `clickmask export` works too"
    with pytest.raises(UnknownNameError, match=expected):
        catalog.find("anothr")
    with pytest.raises(UnknownNameError, match=r"Known: default, .*another, .*flood"):
        catalog.find("xyz")
    with pytest.raises(UnknownNameError, match="Unknown model ''"):
        catalog.find("")
    with pytest.raises(UnknownNameError, match="Unknown model"):
        catalog.find(str(bundled / "half"))


def test_bundled_weights_are_the_ones_their_spec_tells() -> None:
    for folder in (path.parent for path in catalog.WEIGHTS_FOLDER.glob(f"*/{SPEC_FILE}")):
        spec = ModelSpec.read(folder)
        assert spec.name == folder.name
        assert spec.weights is not None
        assert hashlib.sha256((folder / spec.weights).read_bytes()).hexdigest() == spec.sha256
        assert spec.licence and spec.summary.endswith(".")


def test_a_method_without_weights_says_how_to_get_some(bundled: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"'compact' has no weights here(.|\n)*clickmask train compact --data"
    ) as told:
        catalog.find("compact")
    assert "convert-weights" not in str(told.value)  # its authors are we


def test_weights_are_found_in_the_folders_of_the_environment(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = bundled / "elsewhere"
    (elsewhere / "mine").mkdir(parents=True)
    spec = replace(catalog.WITHOUT_WEIGHTS["flood"], name="mine")
    (elsewhere / "mine" / SPEC_FILE).write_text(spec.to_json())
    monkeypatch.setenv("CLICKMASK_WEIGHTS", f"{bundled / 'nowhere'}{os.pathsep}{elsewhere}")
    assert catalog.names() == ["default", "another", "flood", "mine"]
    assert catalog.find("mine") == (spec, elsewhere / "mine")
