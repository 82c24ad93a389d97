"""Which models there are: folders with weights, models without weights, and methods that wait for training."""

from __future__ import annotations

import os
from pathlib import Path

from clickmask.core.errors import UnknownNameError, WeightsError
from clickmask.core.registry import unknown_name
from clickmask.zoo.cloud_spec import CLOUD_SPEC_FILE, CloudSpec
from clickmask.zoo.methods import METHOD_TARGETS, method_line
from clickmask.zoo.sam import SAM_LINES, sam_line
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
DEFAULT_CLOUD = "points"
WEIGHTS_VARIABLE = "CLICKMASK_WEIGHTS"
"""Environment variable with further folders of model folders."""

WITHOUT_WEIGHTS = {
    "flood": ModelSpec(
        name="flood",
        method="seeded colour regions",
        summary="Grows the region of similar colour round each positive click; learns nothing, needs nothing.",
        licence="Apache-2.0",
        runtime="flood",
        input_hw=(256, 256),
        capabilities=("box", "previous_mask"),
        zoom_in=None,
    )
}


def names() -> list[str]:
    """Names of all models that can be loaded as they are, the default first."""
    found = {path.parent.name for folder in weights_folders() for path in folder.glob(f"*/{SPEC_FILE}")}
    return sorted(found | WITHOUT_WEIGHTS.keys(), key=lambda name: (name != "default", name))


def find(name: str) -> tuple[ModelSpec, Path | None]:
    """Spec and folder of a model; `name` may also be the path of a model folder.

    Raises:
        UnknownNameError: neither a known name nor a folder with a spec.
        WeightsError: the folder's spec is damaged, or the name is a method's that has no weights here.
    """
    if name in WITHOUT_WEIGHTS:
        return WITHOUT_WEIGHTS[name], None
    for folder in (*(each / name for each in weights_folders()), Path(name)):
        if (folder / SPEC_FILE).is_file():
            return ModelSpec.read(folder), folder
    if name in METHOD_TARGETS or sam_line(name) is not None:
        raise WeightsError(how_to_get(name))
    hint = "A folder written by `clickmask export` works too; `clickmask models` lists all models."
    listed = {*names(), *METHOD_TARGETS.names(), *(line.name for line in SAM_LINES)}
    known = sorted(listed, key=lambda each: (each != "default", each))
    raise UnknownNameError(f"{unknown_name('model', name, known)} {hint}")


def cloud_names() -> list[str]:
    """Names of all models for point clouds, the default one first."""
    found = {path.parent.name for folder in weights_folders() for path in folder.glob(f"*/{CLOUD_SPEC_FILE}")}
    return sorted(found, key=lambda name: (name != DEFAULT_CLOUD, name))


def find_cloud(name: str) -> tuple[CloudSpec, Path] | None:
    """Spec and folder of a model for clouds, by name or path; None if it is none.

    Raises:
        WeightsError: the folder's spec is damaged.
    """
    for folder in (*(each / name for each in weights_folders()), Path(name)):
        if (folder / CLOUD_SPEC_FILE).is_file():
            return CloudSpec.read(folder), folder
    return None


def weights_folders() -> list[Path]:
    """Where model folders lie: inside the package, in $CLICKMASK_WEIGHTS, and in a checkout's ``weights/``."""
    chosen = [Path(text) for text in os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep) if text]
    checkout = Path(__file__).parents[3]
    in_checkout = [checkout / "weights"] if (checkout / "pyproject.toml").is_file() else []
    return [folder for folder in (WEIGHTS_FOLDER, *chosen, *in_checkout) if folder.is_dir()]


def how_to_get(name: str) -> str:
    """What to do about a method without weights."""
    sam = sam_line(name)
    if sam is not None:
        licences = ", ".join(sorted({file.licence for file in sam.published}))
        return (
            f"The model '{name}' is not here. To get it (licence of the weights: {licences}):\n"
            f"  from its authors:  clickmask import-sam {name} --download -o weights/{name}\n"
            f"  or your own files: clickmask import-sam ENCODER.onnx DECODER.onnx -o weights/{name}"
        )
    line = method_line(name)
    ways = [
        f"  train it:  clickmask train {name} --data my_photos -o runs/{name}\n"
        f"             clickmask export runs/{name} -o weights/{name}"
    ]
    if line is not None and line.published:
        ways.append(
            f"  or convert the authors' file:  clickmask convert-weights FILE --method {name} -o weights/{name}"
        )
    return f"The method '{name}' has no weights here. To get some:\n" + "\n".join(ways)
