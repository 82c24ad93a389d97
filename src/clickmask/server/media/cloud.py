"""Point clouds: a mask is one row with a cell for every point, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clickmask.core.errors import ImageError, InputError, MissingExtraError
from clickmask.formats.cloud_file import read_cloud
from clickmask.formats.cloud_names import cloud_names
from clickmask.server.clouds.bench import PointBench
from clickmask.server.clouds.mind import CloudMind
from clickmask.server.clouds.opened import OpenCloud
from clickmask.server.media.medium import FOR_VOLUMES, Head, Opened, Picture
from clickmask.server.menus import CLOUDS
from clickmask.server.schemas import command_types
from clickmask.spatial.drawing import by_height, draw
from clickmask.spatial.upright import upright

POINTS_DRAWN = 200_000
"""A thumbnail shows no more of them anyway."""
FOR_PIXELS = frozenset({"box", "scribble", "lasso", "paint", "polygon", "wand"})
"""Commands that mean pixels, or lines through them."""


class PointClouds:
    """See `medium.Medium`."""

    kind = "cloud"
    title = "point clouds"
    model_kind = CLOUDS
    commands = command_types() - FOR_PIXELS - FOR_VOLUMES
    looking = frozenset({"shape", "split", "accept"})
    offers: frozenset[str] = frozenset()

    def measure(self, size_hw: tuple[int, int]) -> str:
        """The number of points."""
        return f"{size_hw[1]} points"

    def mind(self) -> CloudMind:
        """Asks models of clouds."""
        return CloudMind()

    def bench(self, opened: Opened | None) -> PointBench:
        """Points."""
        return PointBench(opened if isinstance(opened, OpenCloud) else None)

    def found(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        """Files with the name or the content of a cloud."""
        return cloud_names(folder, names)

    def head(self, file: Path) -> Head | None:
        """Nothing: text files tell their number of points only when they are read."""
        return None

    def open(self, file: Path) -> OpenCloud:
        """The columns that clicks and the page need."""
        try:
            return OpenCloud.of(read_cloud(file))
        except MissingExtraError as error:
            raise ImageError(f"{file.name}: {error}") from error
        except InputError as error:
            raise ImageError(str(error).replace(f"{file.parent}/", "")) from error
        except MemoryError as error:
            raise ImageError(f"{file.name} claims more points than this machine can hold.") from error

    def thumb(self, file: Path, side: int) -> Picture:
        """The cloud from above at an angle, in its colours or coloured by height."""
        cloud = self.open(file)
        rows = cloud.order[:POINTS_DRAWN]
        turned = cloud.xyz[rows] @ upright(cloud.xyz[rows]).T.astype(np.float32)
        colours = by_height(turned[:, 2]) if cloud.rgb is None else cloud.rgb[rows]
        nothing = np.zeros((0, 3), dtype=np.float32)
        shown = np.zeros(len(rows), dtype=bool)
        return draw(turned, colours, shown, nothing, (2 * side, 2 * side), filled=0.94)[0]

    def browser_type(self, file: Path) -> str | None:
        """None: browsers show no clouds."""
        return None

    def picture(self, file: Path) -> Picture:
        """The thumbnail, larger."""
        return self.thumb(file, 512)


CLOUD = PointClouds()
