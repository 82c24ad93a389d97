"""What a run learns from: recorded scans with labels, catalogues of furniture, and scenes made from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from clickmask.core.errors import InputError, RecipeError
from clickmask.formats.cloud_file import is_cloud, read_cloud
from clickmask.spatial.scale import suggest_voxel
from clickmask.spatial.upright import upright
from clickmask.train.clouds.furniture import Model, read_catalogues
from clickmask.train.clouds.scenes import MAKERS, Scene
from clickmask.train.clouds.shapes import Shape

HELD_OUT = 10
"""Every tenth model of a catalogue is kept for scenes to judge by."""
USES = 8
POOL = 24


@dataclass(frozen=True, eq=False)
class Material:
    """What scenes come from.

    Attributes:
        models: of furniture; may be empty, then primitives stand in.
        recorded: scans with labels.
        files: how many files were read, by kind, for the run's notes.
    """

    models: Sequence[Model]
    recorded: Sequence[Scene]
    files: Mapping[str, int]


@dataclass(frozen=True)
class SceneShares:
    """How often each kind of scene is drawn, relative to the others; recorded scans only where there are some."""

    scan: float = 0.22
    tabletop: float = 0.18
    room: float = 0.48
    street: float = 0.12


class SceneSource:
    """Scenes in random order, each used for several samples before it is let go.

    Args:
        material: models and scans.
        shares: how often each kind is drawn.
    """

    def __init__(self, material: Material, shares: SceneShares) -> None:
        self._material = material
        wanted = asdict(shares)
        kinds = [kind for kind, share in wanted.items() if share > 0 and (kind != "scan" or material.recorded)]
        if not kinds:
            raise RecipeError("No kind of scene is left to learn from: give --data with scans, or shares above 0.")
        weights = np.array([wanted[kind] for kind in kinds])
        self._kinds, self._weights = kinds, weights / weights.sum()
        self._pool: list[tuple[Scene, int]] = []

    def scene(self, rng: np.random.Generator) -> Scene:
        """The next scene to draw a sample from."""
        if len(self._pool) < POOL:
            scene = self._new(rng)
            self._pool.append((scene, 1))
            return scene
        place = int(rng.integers(POOL))
        scene, uses = self._pool[place]
        if uses >= USES:
            scene, uses = self._new(rng), 0
        self._pool[place] = (scene, uses + 1)
        return scene

    def _new(self, rng: np.random.Generator) -> Scene:
        kind = self._kinds[int(rng.choice(len(self._kinds), p=self._weights))]
        if kind == "scan":
            return self._material.recorded[int(rng.integers(len(self._material.recorded)))]
        return MAKERS[kind](self._material.models, rng)


def read_material(paths: Sequence[Path], cache: Path | None = None, held_out: bool = False) -> Material:
    """Models and scans under the paths.

    Args:
        paths: folders or files: `.sh3f` catalogues, clouds with instance labels in any format.
        cache: file that keeps the models' points, since reading catalogues takes minutes; written if missing.
        held_out: give the models that training never sees, instead of all others.
    """
    models: list[Model] = []
    recorded: list[Scene] = []
    counts = {"catalogues": 0, "scans": 0}
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no {path}. --data takes .sh3f catalogues and labelled clouds.")
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        catalogues = [file for file in files if file.suffix == ".sh3f"]
        if catalogues:
            models += _cached(path, cache)
            counts["catalogues"] += len(catalogues)
        scans = [file for file in files if is_cloud(file)]
        recorded += [read_scan(file) for file in scans]
        counts["scans"] += len(scans)
    kept = [model for i, model in enumerate(models) if (i % HELD_OUT == 0) == held_out]
    return Material(kept, recorded, counts)


def read_scan(file: Path) -> Scene:
    """A labelled cloud, upright; InputError without labels. Label 0 is what surrounds all things."""
    cloud = read_cloud(file)
    if cloud.instance is None:
        raise InputError(
            f"{file} has no labels to learn from. Leave it out, or label its points in a field 'instance'."
        )
    xyz = (cloud.xyz @ upright(cloud.xyz).T).astype(np.float32)
    return Scene(xyz, cloud.rgb, cloud.instance, (0,), suggest_voxel(xyz), "scan")


def _cached(path: Path, cache: Path | None) -> list[Model]:
    if cache is not None and cache.is_file():
        return load_models(cache)
    models = read_catalogues(path)
    if cache is not None:
        save_models(models, cache)
    return models


def save_models(models: Sequence[Model], file: Path) -> None:
    """Keep models as arrays."""
    np.savez(
        file,
        names=np.array([model.name for model in models]),
        categories=np.array([model.category for model in models]),
        flat=np.array([model.shape.flat_top for model in models]),
        xyz=np.stack([model.shape.xyz for model in models]),
        rgb=np.stack([model.shape.rgb for model in models]),
    )


def load_models(file: Path) -> list[Model]:
    """Models kept by `save_models`."""
    with np.load(file) as data:
        rows = zip(data["names"], data["categories"], data["flat"], data["xyz"], data["rgb"], strict=True)
        return [Model(str(n), str(c), Shape(xyz, rgb, bool(flat))) for n, c, flat, xyz, rgb in rows]
