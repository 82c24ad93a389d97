from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from clickmask import __version__
from clickmask.cli import main
from clickmask.core.errors import PromptError, WeightsError


def test_version_and_help(clickmask_command: Any) -> None:
    assert clickmask_command("--version").out == f"clickmask {__version__}\n"
    helped = clickmask_command("--help")
    assert helped.status == 0 and all(name in helped.out for name in main.SUMMARIES)


def test_without_a_command_the_help_is_shown(clickmask_command: Any) -> None:
    ran = clickmask_command()
    assert ran.status == 2 and "Commands:" in ran.out + ran.err


def test_an_unknown_command_or_option_suggests_the_nearest(clickmask_command: Any) -> None:
    ran = clickmask_command("segmnt")
    assert ran.status == 2 and "Did you mean 'segment'" in ran.err
    ran = clickmask_command("segment", "--positiv", "1,2")
    assert ran.status == 2 and "--positive" in ran.err


@pytest.mark.parametrize(
    ("error", "status"), [(PromptError("no such place"), 2), (WeightsError("damaged"), 2), (KeyboardInterrupt(), 130)]
)
def test_errors_become_one_line_and_a_status(
    clickmask_command: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main, "load_command", fail)
    ran = clickmask_command("models")
    assert ran.status == status and ran.out == ""
    if status != 130:
        assert ran.err == f"Error: {error}\n"


@pytest.mark.parametrize("name", sorted(main.SUMMARIES))
def test_every_command_explains_itself_with_an_example(clickmask_command: Any, name: str) -> None:
    ran = clickmask_command(name, "--help")
    assert ran.status == 0 and f"clickmask {name}" in ran.out.split("For example")[1]


def test_the_table_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys; sys.argv = ['clickmask', '--help']\n"
        "from clickmask.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('cv2', 'onnxruntime', 'scipy', 'fastapi', 'torch', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_completion_knows_commands_models_and_formats() -> None:
    for words, expected in [("clickmask annot", "annotate"), ("clickmask segment --model flo", "flood"),
                            ("clickmask convert a b --from labelm", "labelme")]:  # fmt: skip
        environment = {
            "_CLICKMASK_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        code = "from clickmask.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
        )
        assert done.stdout.split() == [expected], done.stderr
