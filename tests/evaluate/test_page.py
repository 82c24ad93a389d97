from __future__ import annotations

import re
from pathlib import Path

import pytest

from clickmask.data import DATASETS
from clickmask.data.sample import MASK_VALUES
from clickmask.evaluate.protocol import PROTOCOLS
from clickmask.simulate import ROBOTS

from .made_up import write_folder

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.fixture
def page() -> str:
    if not PAGE.is_file():
        pytest.skip(f"{PAGE} is not part of this copy")
    return PAGE.read_text(encoding="utf-8")


def test_the_page_names_everything_that_is_registered(page: str) -> None:
    names = [*DATASETS.names(), *PROTOCOLS, *ROBOTS.names(), *MASK_VALUES]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert PROTOCOLS["published"].hash in page


def test_its_example_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "my_photos", 1)
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})
    assert re.match(r"00 1 0\.\d+\n", capsys.readouterr().out)
