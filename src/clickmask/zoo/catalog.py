"""The table of known models: folders with weights inside the package, and models without weights."""

from __future__ import annotations

from pathlib import Path

from clickmask.core.errors import UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

WEIGHTS_FOLDER = Path(__file__).parent / "weights"

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
    bundled = [p.parent.name for p in WEIGHTS_FOLDER.glob(f"*/{SPEC_FILE}")]
    return sorted([*bundled, *WITHOUT_WEIGHTS], key=lambda name: (name != "default", name))


def find(name: str) -> tuple[ModelSpec, Path | None]:
    """Spec and folder of a model; `name` may also be the path of a model folder.

    Raises:
        UnknownNameError: neither a known name nor a folder with a spec.
        WeightsError: the folder's spec is damaged.
    """
    if name in WITHOUT_WEIGHTS:
        return WITHOUT_WEIGHTS[name], None
    for folder in (WEIGHTS_FOLDER / name, Path(name)):
        if (folder / SPEC_FILE).is_file():
            return ModelSpec.read(folder), folder
    hint = "A folder written by `clickmask export` works too; `clickmask models` lists all models."
    raise UnknownNameError(f"{unknown_name('model', name, names())} {hint}")
