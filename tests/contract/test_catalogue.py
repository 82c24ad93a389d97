"""The catalogue of methods, which needs no torch, and the methods' files say the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.encode import ENCODINGS
from clickmask.nn.encode import TWINS
from clickmask.nn.method import find_method
from clickmask.zoo.methods import METHOD_TARGETS, METHODS, MethodLine


@pytest.mark.parametrize("line", METHODS, ids=lambda line: line.name)
def test_the_method_is_what_the_catalogue_tells(line: MethodLine) -> None:
    method = find_method(line.name)
    assert (method.name, method.family, method.summary, method.licence) == (
        line.name,
        line.family,
        line.summary,
        line.licence,
    )
    assert line.summary.endswith(".") and len(line.summary) <= 100
    assert bool(line.published) <= (method.convert is not None)


@pytest.mark.parametrize("target", sorted({line.target for line in METHODS}))
def test_every_method_of_a_file_is_in_the_catalogue(target: str) -> None:
    listed = {line.name for line in METHODS if line.target == target}
    some = next(iter(listed))
    assert {method.name for method in METHOD_TARGETS.get(some)} == listed


def test_names_are_given_once() -> None:
    assert len({line.name for line in METHODS}) == len(METHODS)


def test_every_encoding_has_a_twin() -> None:
    assert set(TWINS) == set(ENCODINGS)


def test_listing_imports_no_torch() -> None:
    code = "import sys; from clickmask.cli.models import models; models(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
