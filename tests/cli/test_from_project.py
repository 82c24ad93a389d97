from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickmask.cli.annotate import _models
from clickmask.cli.project_data import export_projects
from clickmask.core.errors import InputError, StorageError
from clickmask.core.masks import RunLengthMask
from clickmask.store.project import open_project
from clickmask.store.values import Edit, FileStamp, ImageFacts, ObjectValue, Origin
from clickmask.zoo import catalog

SIZE = (12, 16)


def annotated(images: Path, project: Path | None = None) -> np.ndarray:
    """A folder with one photograph, one finished object on it and one in progress."""
    images.mkdir(exist_ok=True)
    Image.fromarray(np.full((*SIZE, 3), 90, dtype=np.uint8)).save(images / "a.png")
    mask = np.zeros(SIZE, dtype=bool)
    mask[2:9, 3:7], mask[4, 4] = True, False
    opened = open_project(images, project)
    stamp = FileStamp(1, 1.0)
    image = opened.store.add_images({"a.png": stamp})[0].id
    opened.store.set_image_facts(image, ImageFacts("digest", SIZE, 1), stamp)
    for phase in ("finished", "in_progress"):
        value = ObjectValue(1, RunLengthMask.encode(mask), phase=phase)  # type: ignore[arg-type]
        opened.store.apply(image, Edit("click", "click", ((None, value),)), Origin("ann"))
    opened.close()
    return mask


@pytest.mark.parametrize("where", ["images", "inside", "elsewhere"])
def test_finished_objects_become_training_data(tmp_path: Path, where: str) -> None:
    images = tmp_path / "photos"
    kept = tmp_path / "work" if where == "elsewhere" else None
    mask = annotated(images, kept)
    given = {"images": images, "inside": images / ".clickmask", "elsewhere": tmp_path / "work"}[where]
    (file,) = export_projects([given], tmp_path / "run")
    document = json.loads(file.read_text())
    assert [i["file_name"] for i in document["images"]] == [str(images / "a.png")]
    assert [a["area"] for a in document["annotations"]] == [mask.sum()]
    sources = pytest.importorskip("clickmask.train.sources", exc_type=ImportError)
    (photo,) = sources.read_sources((file,), "binary")
    assert photo is not None


def test_a_run_that_goes_on_learns_from_what_it_began_with(tmp_path: Path) -> None:
    annotated(tmp_path / "photos")
    (file,) = export_projects([tmp_path / "photos"], tmp_path / "run")
    file.write_text("kept")
    assert export_projects([tmp_path / "photos"], tmp_path / "run")[0].read_text() == "kept"


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no annotation project"):
        export_projects([tmp_path], tmp_path / "run")
    opened = open_project(tmp_path)
    with pytest.raises(StorageError, match="another clickmask"):
        export_projects([tmp_path], tmp_path / "run")
    opened.close()
    with pytest.raises(InputError, match="no finished object"):
        export_projects([tmp_path], tmp_path / "run")


def test_models_of_the_project_stand_in_the_menu(tmp_path: Path) -> None:
    spec, _ = catalog.find("default")
    for name, text in (("mine", spec.to_json()), ("broken", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.json").write_text(text)
    offered = _models(tmp_path, str(tmp_path / "mine"))
    assert next(iter(offered)) == "default"
    assert offered["mine"].name == "mine"
    assert "broken" not in offered
    assert str(tmp_path / "mine") in offered
