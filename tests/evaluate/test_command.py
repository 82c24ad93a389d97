from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from clickmask.cli.evaluate import evaluate
from clickmask.core.errors import FormatError, InputError, StorageError, UnknownNameError
from clickmask.data import open_dataset
from clickmask.evaluate.protocol import find_protocol
from clickmask.evaluate.run_folder import RunFolder, tasks_of

from .made_up import model, write_folder

APP = typer.Typer()
APP.command()(evaluate)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos", 3)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(APP, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def measure(photos: Path, output: Path, *more: object) -> Result:
    return run(f"folder={photos}", "--model", "flood", "-o", output, *more)


def test_writes_records_summary_and_report(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    result = measure(photos, output)
    assert result.exit_code == 0
    assert "folder" in result.stdout and "flood; protocol published" in result.stdout
    lines = [json.loads(line) for line in (output / "records.jsonl").read_text().splitlines()]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["datasets"]["folder"]["clicks"] == len(lines)
    assert {line["image"] for line in lines} == {"00", "01", "02"}
    assert {"click", "x", "y", "positive", "iou", "boundary_iou", "seconds"} <= lines[0].keys()
    assert (output / "report.html").stat().st_size > 10_000
    assert sorted(path.name for path in output.iterdir()) == [
        "records.jsonl",
        "report.html",
        "run.json",
        "summary.json",
    ]


def test_json_prints_the_summary_and_nothing_else(photos: Path, tmp_path: Path) -> None:
    result = measure(photos, tmp_path / "run", "--json", "--limit", 1)
    assert json.loads(result.stdout) == json.loads((tmp_path / "run/summary.json").read_text())


def test_the_same_command_goes_on_where_it_was(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    measure(photos, output, "--limit", 2)
    before = (output / "records.jsonl").read_bytes()
    measure(photos, output)
    after = (output / "records.jsonl").read_bytes()
    assert after.startswith(before) and len(after) > len(before)
    measure(photos, output)
    assert (output / "records.jsonl").read_bytes() == after


def test_another_data_set_joins_the_run(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    measure(photos, output)
    more = write_folder(tmp_path / "more", 1)
    run(f"folder={photos}", f"berkeley={more}", "--model", "flood", "-o", output)
    assert list(json.loads((output / "summary.json").read_text())["datasets"]) == ["folder", "berkeley"]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (["--max-clicks", "5"], r"protocol 'published' \(\w+\), now it is 'published, 5 clicks'"),
        (["--protocol", "focalclick"], "now it is 'focalclick'"),
        (["--refine", "flip"], "model stages"),
        (["--masks", "nonzero"], "'mask_values': 'binary'"),
    ],
)
def test_another_question_is_refused_with_the_remedy(
    photos: Path, tmp_path: Path, change: list[str], difference: str
) -> None:
    measure(photos, tmp_path / "run", "--limit", 1)
    with pytest.raises(InputError, match=f"(?s){difference}.*another folder with -o"):
        measure(photos, tmp_path / "run", *change)


def test_records_without_a_description_are_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/records.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"without run\.json"):
        measure(photos, tmp_path / "run")


def test_a_damaged_line_is_named(photos: Path, tmp_path: Path) -> None:
    measure(photos, tmp_path / "run")
    records = tmp_path / "run/records.jsonl"
    lines = records.read_text().splitlines(keepends=True)
    records.write_text("".join([*lines[:2], "{}\n", *lines[2:]]), encoding="utf-8")
    with pytest.raises(FormatError, match=r"Line 3 of .*records\.jsonl"):
        measure(photos, tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (["folder"], InputError, "Expected DATASET=DIR"),
        (["folder="], InputError, "Expected DATASET=DIR"),
        (["folder={0}", "folder={0}"], InputError, "given twice"),
        (["folders={0}"], UnknownNameError, "Did you mean 'folder'"),
        (["folder={0}", "--protocol", "publish"], UnknownNameError, "Did you mean 'published'"),
        (["folder={0}", "--masks", "palette"], InputError, "trimap"),
        (["folder={0}", "--model", "flod"], UnknownNameError, "flood"),
        (["folder={0}", "--refine", "flop"], UnknownNameError, "flip"),
        (["folder={0}/nowhere"], InputError, "does not exist"),
    ],
)
def test_bad_arguments(photos: Path, tmp_path: Path, arguments: list[str], error: type[Exception], text: str) -> None:
    given = [argument.format(photos) for argument in arguments]
    model = [] if "--model" in given else ["--model", "flood"]
    with pytest.raises(error, match=text):
        run(*given, *model, "-o", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_in_place_of_the_folder_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="is a file; -o names the folder"):
        measure(photos, tmp_path / "run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_and_the_run_goes_on_later(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    output.mkdir()
    measure(photos, output, "--limit", 1)
    kept = (output / "records.jsonl").read_bytes()
    folder = RunFolder(output)
    dataset = open_dataset("folder", photos)
    (output / "records.jsonl").rename(output / "kept.jsonl")
    (output / "records.jsonl").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"records\.jsonl cannot be written: No space left"):
        list(folder.measure_rest(tasks_of([dataset]), model, find_protocol("published")))
    (output / "kept.jsonl").rename(output / "records.jsonl")
    measure(photos, output)
    assert (output / "records.jsonl").read_bytes().startswith(kept)


def test_fewer_clicks_give_fewer_figures(photos: Path, tmp_path: Path) -> None:
    measure(photos, tmp_path / "run", "--max-clicks", 2)
    figures = json.loads((tmp_path / "run/summary.json").read_text())["datasets"]["folder"]
    assert figures["NoC@90"] <= 2
    assert "IoU@2" in figures and "IoU@3" not in figures


class Outline(HTMLParser):
    """Counts elements and collects every reference."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.references += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_needs_nothing_else_and_is_well_formed(photos: Path, tmp_path: Path) -> None:
    odd = "<b>&odd"
    for part in ("images", "masks"):
        (photos / part / "00.png").rename(photos / part / f"{odd}.png")
    measure(photos, tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert outline.references and all(r.startswith("data:image/jpeg;base64,") for r in outline.references)
    assert "http" not in page and "url(" not in page and "script" not in outline.tags
    assert outline.tags["image"] == 3
    assert "&lt;b&gt;&amp;odd" in page and outline.tags["b"] == 3 + 5


def test_results_are_the_same_with_two_processes(photos: Path, tmp_path: Path) -> None:
    one, two = (
        json.loads(measure(photos, tmp_path / f"run{jobs}", "--jobs", jobs, "--json").stdout) for jobs in (1, 2)
    )
    timed = {"SPC"}
    figures = [{k: v for k, v in s["datasets"]["folder"].items() if k not in timed} for s in (one, two)]
    assert figures[0] == figures[1]
