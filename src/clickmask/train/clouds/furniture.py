"""Models of furniture and household things from catalogues of Sweet Home 3D (`.sh3f`, Debian: sweethome3d-furniture).

A catalogue is a zip archive with a list of models (properties), Wavefront OBJ geometry, MTL materials and
pictures. Only points drawn on the surfaces are kept. The catalogues are never part of this package: whoever
trains installs them; their authors' licences (CC0, CC BY 3.0) belong on the card of what learned from them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickmask.core.errors import FormatError, InputError
from clickmask.train.clouds.shapes import Shape

CATALOGUE = "PluginFurnitureCatalog.properties"
POINTS = 12_000
"""Drawn on the surface of each model."""
GREY = (150.0, 150.0, 150.0)


@dataclass(frozen=True, eq=False)
class Model:
    """One model of a catalogue.

    Attributes:
        name: for people.
        category: the catalogue's own, e.g. ``"Living room"``.
        shape: points of its surface in metres.
        outdoors: a vehicle, a person or something else that stands in a street.
    """

    name: str
    category: str
    shape: Shape

    @property
    def outdoors(self) -> bool:
        """Whether the category belongs in a street."""
        return self.category in ("Vehicles", "Characters", "Exterior")


def read_catalogues(folder: Path, seed: int = 0) -> list[Model]:
    """All models of the `.sh3f` files in a folder, in the order of file names and numbers.

    Raises:
        InputError: no catalogue there.
        FormatError: a damaged catalogue.
    """
    files = sorted(folder.rglob("*.sh3f")) if folder.is_dir() else [folder]
    if not files or not files[0].is_file():
        raise InputError(f"No .sh3f catalogue in {folder}. On Debian, sweethome3d-furniture installs five of them.")
    rng = np.random.default_rng(seed)
    return [model for file in files for model in _models(file, rng)]


def _models(file: Path, rng: np.random.Generator) -> Iterator[Model]:
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in _entries(archive.read(CATALOGUE).decode("latin-1")):
                shape = _shape(archive, entry, rng)
                if shape is not None:
                    yield Model(entry["name"], entry.get("category", ""), shape)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise FormatError(f"{file} cannot be read as a furniture catalogue: {error}.") from error


def _entries(text: str) -> list[dict[str, str]]:
    """The numbered records of a properties file."""
    records: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        name, hash_sign, number = key.strip().partition("#")
        if equals and hash_sign and number.isdigit():
            records.setdefault(int(number), {})[name] = value.strip()
    wanted = ("name", "model", "width", "depth", "height")
    return [record for _, record in sorted(records.items()) if all(key in record for key in wanted)]


def _shape(archive: zipfile.ZipFile, entry: Mapping[str, str], rng: np.random.Generator) -> Shape | None:
    """Points of a model at its true size, z up; None for a model without a surface."""
    path = PurePosixPath(entry["model"].lstrip("/"))
    if path.suffix.lower() != ".obj":
        return None
    mesh = read_obj(archive.read(str(path)).decode("latin-1"))
    if not len(mesh.corners):
        return None
    colours = {} if mesh.library is None else _materials(archive, path.parent / mesh.library)
    xyz, rgb = mesh.draw(POINTS, colours, rng)
    if "modelRotation" in entry:
        turn = np.array(entry["modelRotation"].split(), dtype=np.float32).reshape(3, 3)
        xyz = xyz @ turn.T
    xyz = np.stack([xyz[:, 0], -xyz[:, 2], xyz[:, 1]], axis=1)  # y is up in the catalogues
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    size = np.array([float(entry[key]) / 100 for key in ("width", "depth", "height")])
    middle = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    xyz = (xyz - middle) * (size / np.maximum(high - low, 1e-6))
    return Shape(xyz.astype(np.float32), rgb, flat_top=_flat(xyz, size))


def _flat(xyz: NDArray[np.floating], size: NDArray[np.floating]) -> bool:
    """Whether a good part of the top is level."""
    top = xyz[xyz[:, 2] > size[2] - 0.02]
    if len(top) < 0.04 * len(xyz):
        return False
    return bool((np.ptp(top[:, :2], axis=0) > 0.7 * size[:2]).all())


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of an OBJ file.

    Attributes:
        vertices: (V, 3) float64.
        corners: (F, 3) int64 rows of `vertices`.
        material: (F,) int64 index into `names`.
        names: of the materials.
        library: file name of the material library, None without one.
    """

    vertices: NDArray[np.float64]
    corners: NDArray[np.int64]
    material: NDArray[np.int64]
    names: tuple[str, ...]
    library: str | None

    def draw(
        self, count: int, colours: Mapping[str, tuple[float, float, float]], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """`count` points drawn evenly over the triangles, and the colours of their materials."""
        a, b, c = (self.vertices[self.corners[:, i]] for i in range(3))
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        areas = areas + 1e-12 + 1e-9 * areas.sum()
        face = rng.choice(len(areas), count, p=areas / areas.sum())
        u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
        xyz = (1 - u) * a[face] + u * (1 - v) * b[face] + u * v * c[face]
        table = np.array([colours.get(name, GREY) for name in self.names])
        return xyz.astype(np.float32), table[self.material[face]].astype(np.uint8)


def read_obj(text: str) -> Mesh:
    """Vertices and faces of a Wavefront OBJ file; polygons become fans, everything else is passed over."""
    vertices: list[str] = []
    corners: list[tuple[int, int, int]] = []
    material: list[int] = []
    names, current, library = ["default"], 0, None
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "v":
            vertices.append(rest)
        elif word == "f":
            ring = [int(corner.partition("/")[0]) for corner in rest.split()]
            ring = [i - 1 if i > 0 else len(vertices) + i for i in ring]
            corners += [(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)]
            material += [current] * max(len(ring) - 2, 0)
        elif word == "usemtl":
            name = rest.strip()
            current = names.index(name) if name in names else len(names)
            names += [name] if current == len(names) else []
        elif word == "mtllib":
            library = rest.strip()
    places = [row.split()[:3] for row in vertices]
    return Mesh(
        np.array(places, dtype=np.float64).reshape(-1, 3),
        np.array(corners, dtype=np.int64).reshape(-1, 3),
        np.array(material, dtype=np.int64),
        tuple(names),
        library,
    )


def _materials(archive: zipfile.ZipFile, path: PurePosixPath) -> dict[str, tuple[float, float, float]]:
    """Mean colour of each material, 0 to 255: that of its picture where it has one."""
    try:
        text = archive.read(str(path)).decode("latin-1")
    except KeyError:
        return {}
    colours: dict[str, tuple[float, float, float]] = {}
    name = ""
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "newmtl":
            name = rest.strip()
            colours[name] = GREY
        elif word == "Kd" and name:
            r, g, b = (255 * min(max(float(v), 0.0), 1.0) for v in rest.split()[:3])
            colours[name] = (r, g, b)
        elif word == "map_Kd" and name:
            colours[name] = _picture(archive, path.parent / rest.strip().split()[-1]) or colours[name]
    return colours


def _picture(archive: zipfile.ZipFile, path: PurePosixPath) -> tuple[float, float, float] | None:
    """Mean colour of a picture in the archive, None if it is not there or not a picture."""
    try:
        with Image.open(io.BytesIO(archive.read(str(path)))) as image:
            image.draft("RGB", (16, 16))
            r, g, b = np.asarray(image.convert("RGB").resize((8, 8))).reshape(-1, 3).mean(axis=0)
    except (KeyError, OSError):
        return None
    return float(r), float(g), float(b)
