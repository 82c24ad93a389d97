"""clickmask turns a few clicks into an exact object mask.

>>> predictor = clickmask.load()                     # doctest: +SKIP
>>> predictor.set_image(clickmask.read_image("photo.jpg"))  # doctest: +SKIP
>>> mask = predictor.add_click(320, 240)             # doctest: +SKIP

Public names are imported on first use, so that `import clickmask` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickmask.api import cloud_models as cloud_models
    from clickmask.api import load as load
    from clickmask.api import load_cloud as load_cloud
    from clickmask.api import load_volume as load_volume
    from clickmask.api import models as models
    from clickmask.core.errors import ClickmaskError as ClickmaskError
    from clickmask.core.errors import InputError as InputError
    from clickmask.core.masks import RunLengthMask as RunLengthMask
    from clickmask.core.prompts import Box as Box
    from clickmask.core.prompts import Click as Click
    from clickmask.formats.cloud_file import read_cloud as read_cloud
    from clickmask.formats.cloud_file import write_cloud as write_cloud
    from clickmask.formats.image_file import read_image as read_image
    from clickmask.formats.volume_file import read_labels as read_labels
    from clickmask.formats.volume_file import read_volume as read_volume
    from clickmask.formats.volume_file import write_labels as write_labels
    from clickmask.predict.cloud_predictor import CloudPredictor as CloudPredictor
    from clickmask.predict.predictor import Predictor as Predictor
    from clickmask.predict.volume_predictor import VolumePredictor as VolumePredictor
    from clickmask.spatial.segments import LabelVolume as LabelVolume
    from clickmask.spatial.segments import Segment as Segment
    from clickmask.spatial.volume import Volume as Volume

__version__ = "0.1.0"

_PUBLIC = {
    "Box": "clickmask.core.prompts",
    "Click": "clickmask.core.prompts",
    "ClickmaskError": "clickmask.core.errors",
    "InputError": "clickmask.core.errors",
    "Predictor": "clickmask.predict.predictor",
    "RunLengthMask": "clickmask.core.masks",
    "cloud_models": "clickmask.api",
    "load": "clickmask.api",
    "load_cloud": "clickmask.api",
    "load_volume": "clickmask.api",
    "models": "clickmask.api",
    "CloudPredictor": "clickmask.predict.cloud_predictor",
    "read_cloud": "clickmask.formats.cloud_file",
    "LabelVolume": "clickmask.spatial.segments",
    "Segment": "clickmask.spatial.segments",
    "Volume": "clickmask.spatial.volume",
    "VolumePredictor": "clickmask.predict.volume_predictor",
    "read_image": "clickmask.formats.image_file",
    "read_labels": "clickmask.formats.volume_file",
    "read_volume": "clickmask.formats.volume_file",
    "write_cloud": "clickmask.formats.cloud_file",
    "write_labels": "clickmask.formats.volume_file",
}

__all__ = sorted([*_PUBLIC, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'clickmask' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
