"""`clickmask convert-weights`, with checkpoints made up under the authors' names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the torch extra")

import torch
from safetensors.torch import save_file
from torch import Tensor

import clickmask
from clickmask.core.errors import CapabilityError, InputError, WeightsError
from clickmask.core.frames import Frame
from clickmask.core.prompts import Click, Prompts
from clickmask.nn.convert import Conversion, candidates, convert_weights, fitting_method, read_checkpoint
from clickmask.nn.method import find_method
from clickmask.nn.torch_backend import backend_of
from clickmask.nn.weights import fill
from clickmask.zoo.spec import ModelSpec

from .published import GOLDEN, made_state

FILE = "coco_lvis_h18s_itermask.pth"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """The weights of the golden test under the authors' names, made mild enough for half precision."""
    values = made_state(np.load(GOLDEN / "ritm_hrnet18s.npz"))
    return {name: value * 0.5 if name.endswith("cls_head.weight") else value for name, value in values.items()}


@pytest.mark.slow
def test_from_the_authors_file_to_a_model_that_clicks(
    state: dict[str, Tensor], tmp_path: Path, clickmask_command: Any
) -> None:
    torch.save({"state_dict": state, "config": {"class": "a.b.C", "params": {}}}, tmp_path / FILE)
    folder = tmp_path / "model"
    ran = clickmask_command("convert-weights", str(tmp_path / FILE), "-o", str(folder), "--side", "64", "--json")
    assert ran.status == 0, ran.err
    spec = ModelSpec.read(folder)
    assert json.loads(ran.out)["method"] == spec.method == "ritm_hrnet18s"
    assert (spec.licence, spec.training["trained_on"], spec.input_hw) == ("MIT", "COCO, LVIS", (64, 64))
    assert len(spec.training["file_sha256"]) == 64
    method = find_method("ritm_hrnet18s")
    network = method.network()
    assert method.convert is not None
    fill(network, method.convert(state), "authors")
    ours = backend_of(network, method, (64, 64))
    theirs = clickmask.load(str(folder)).pipeline.backend
    frame = Frame.of(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    logits = [b.decode(b.embed(frame), Prompts((Click(20.5, 30.5),)), None) for b in (ours, theirs)]
    chances = [1 / (1 + np.exp(-each)) for each in logits]
    assert np.abs(chances[0] - chances[1]).max() < 0.02


@pytest.mark.parametrize("form", ["plain", "model", "parallel", "safetensors"])
def test_weights_are_found_in_every_usual_form(form: str, tmp_path: Path) -> None:
    values = {"a.weight": torch.rand(2, 3), "b.bias": torch.rand(4)}
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(values, path)
    elif form == "parallel":
        torch.save({"state_dict": {f"module.{name}": value for name, value in values.items()}}, path)
    else:
        torch.save({"model": values} if form == "model" else values, path)
    read = read_checkpoint(path)
    assert read.keys() == values.keys() and all(torch.equal(read[name], values[name]) for name in values)


class Code:
    """What no checkpoint should hold."""

    def __reduce__(self) -> Any:
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"state_dict": {"a": torch.rand(1)}, "extra": Code()}, "would run code from the file; it is not read"),
        ({"state_dict": {}}, "holds no weights by name"),
        ([1, 2], "holds no weights by name"),
        ({"epoch": 3}, "holds no weights by name"),
    ],
)
def test_files_that_are_no_plain_weights_are_refused(
    content: Any, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=says):
        read_checkpoint(tmp_path / "w.pth")
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_and_missing_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no file"):
        read_checkpoint(tmp_path / name)
    (tmp_path / name).write_bytes(b"garbage" * 100)
    with pytest.raises(WeightsError, match=r"is not read|cannot be read as a checkpoint"):
        read_checkpoint(tmp_path / name)


def test_the_method_is_found_by_names_and_shapes(state: dict[str, Tensor]) -> None:
    few = ("compact", "fbrs_resnet34", "ritm_hrnet18s", "ritm_resnet34")  # each is built: all would take long
    assert fitting_method(state, Path("renamed.pth"), few).name == "ritm_hrnet18s"
    with pytest.raises(InputError, match=r"fits none of the methods .*fbrs_resnet34.*Give --method NAME"):
        fitting_method({"a": torch.rand(2)}, Path("renamed.pth"), few)
    with pytest.raises(InputError, match="Say which: --method ritm_hrnet18s or --method ritm_hrnet18s"):
        fitting_method(state, Path("renamed.pth"), ("ritm_hrnet18s", "ritm_hrnet18s"))


def test_a_published_name_leaves_only_its_own_method_to_try() -> None:
    assert candidates(Path("folder") / FILE) == ["ritm_hrnet18s"]
    everything = candidates(Path("renamed.pth"))
    assert {"ritm_hrnet18s", "fbrs_resnet50"} <= set(everything) and "compact" not in everything


def test_refusals_say_what_to_do(state: dict[str, Tensor], tmp_path: Path, clickmask_command: Any) -> None:
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match=r"theirs.pth does not fit the network: it lacks .* it has unknown"):
        convert_weights(Conversion(tmp_path / "theirs.pth", tmp_path / "model", "ritm_resnet34"))
    with pytest.raises(CapabilityError, match="No published weights of 'compact' are known"):
        convert_weights(Conversion(tmp_path / "theirs.pth", tmp_path / "model", "compact"))
    with pytest.raises(InputError, match="multiple of 32 for ritm_hrnet18s, got 100"):
        convert_weights(Conversion(tmp_path / "theirs.pth", tmp_path / "model", "ritm_hrnet18s", side=100))
    assert not (tmp_path / "model").exists()
    for arguments, says in (
        ((FILE,), "It is known: weights of ritm_hrnet18s, licence MIT, trained on COCO, LVIS, 16.5 MB. Add --download"),
        (("nowhere.pth",), "There is no file nowhere.pth"),
        (("nowhere.pth", "--download"), "no published file that clickmask knows. Known: "),
    ):
        ran = clickmask_command("convert-weights", *arguments, "-o", str(tmp_path / "model"))
        assert ran.status == 2 and says in ran.err and "Traceback" not in ran.err
