from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="graphs are written with the torch extra's onnx")

from clickmask.cli.main import main
from clickmask.zoo import catalog, sam
from clickmask.zoo.methods import MethodLine, Published
from clickmask.zoo.spec import ModelSpec

from ..predict.sam_graphs import EXPORTS, write_pair


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status, and everything that was printed on one line."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", ["clickmask", *arguments])
        main()
    told = capsys.readouterr()
    return int(stopped.value.code or 0), " ".join((told.out + told.err).split())


def test_a_pair_of_graphs_becomes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder, decoder = write_pair(tmp_path, EXPORTS["sam"])
    folder = tmp_path / "mine"
    status, told = run(capsys, "import-sam", str(encoder), str(decoder), "-o", str(folder), "--licence", "MIT")
    assert status == 0 and "mine: SAM-type pair of graphs" in told and f"--model {folder}" in told
    assert ModelSpec.read(folder).licence == "MIT"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.onnx", "x.onnx"], "There is no nothing.onnx"),
        (["sam_vit_b"], "There is no sam_vit_b. To fetch it from its authors: --download (licence Apache-2.0)"),
        (["mobilesan", "--download"], "Unknown SAM-type model 'mobilesan'. Did you mean 'mobilesam'"),
    ],
)
def test_what_cannot_be_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    status, text = run(capsys, "import-sam", *arguments, "-o", str(tmp_path / "out"))
    assert status == 2 and told in text
    assert not (tmp_path / "out").exists()


def test_an_encoder_alone_is_not_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder, _ = write_pair(tmp_path, EXPORTS["sam"])
    status, text = run(capsys, "import-sam", str(encoder), "-o", str(tmp_path / "out"))
    assert status == 2 and "image.onnx alone is no SAM model. Give ENCODER.onnx DECODER.onnx" in text


def test_published_files_are_fetched_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_pair(tmp_path / "there", EXPORTS["sam"])
    files = tuple(Published(p.name, "nothing", "MIT", f"https://example.org/{p.name}") for p in paths)
    line = MethodLine("toy_sam", "sam", "ours", 2026, "MIT", "", "For tests.", files)
    monkeypatch.setattr("clickmask.cli.import_sam.sam_line", lambda name: line if name == "toy_sam" else None)

    def fetched(file: Published, target: Path, report: object) -> str:
        data = (tmp_path / "there" / file.file).read_bytes()
        target.write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    monkeypatch.setattr("clickmask.zoo.download.download", fetched)
    status, told = run(capsys, "import-sam", "toy_sam", "--download", "-o", str(tmp_path / "toy"), "--json")
    assert status == 0 and "licence MIT, trained on nothing, from https://example.org/image.onnx" in told
    assert ModelSpec.read(tmp_path / "toy").licence == "MIT"


def test_every_line_can_be_fetched_and_tells_how() -> None:
    assert len({line.name for line in sam.SAM_LINES}) == len(sam.SAM_LINES)
    for line in sam.SAM_LINES:
        kinds = [Path(file.file).suffix for file in line.published]
        assert kinds in ([".onnx", ".onnx"], [".json", ".safetensors"])
        assert all(file.url.startswith("https://") and file.url.endswith(file.file) for file in line.published)
        assert line.summary.endswith(".") and len(line.summary) <= 100
        assert f"import-sam {line.name} --download" in catalog.how_to_get(line.name)


def test_the_list_of_models_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = run(capsys, "models", "--json")
    names = {entry["name"]: entry["ready"] for entry in json.loads(told)}
    assert status == 0 and names["mobilesam"] is False and names["sam_vit_b"] is False
    status, told = run(capsys, "models", "edgesam")
    assert status == 0 and "S-Lab-1.0" in told and "clickmask import-sam edgesam --download" in told
    status, told = run(capsys, "segment", "x.png", "--positive", "1,1", "--model", "sam2_tiny", "-o", "y.png")
    assert status == 2
