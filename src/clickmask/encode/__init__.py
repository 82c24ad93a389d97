"""Prompts -> maps, the numpy reference. `clickmask.nn.encode` holds the batched torch twin, tested equal."""

from typing import Protocol

from clickmask.core.frames import FloatMap
from clickmask.core.prompts import Prompts
from clickmask.core.registry import Registry


class Encoding(Protocol):
    """A click encoding: a frozen value with the constants of its method."""

    @property
    def channels(self) -> int:
        """Number of maps."""
        ...

    @property
    def feedback(self) -> str | None:
        """The answer of the network that comes back as `previous`.

        ``logits`` (its mask), the name of another answer such as ``edge``, or None for a network without memory.
        """
        ...

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        """(C, h, w) float32 maps of prompts and previous logits, all in network pixels."""
        ...


ENCODINGS: Registry[type[Encoding]] = Registry(
    "encoding",
    {
        "disk_distance": "clickmask.encode.disk_distance:DiskDistance",
        "disk_mask": "clickmask.encode.disk_mask:DiskMask",
        "edge_disks": "clickmask.encode.edge_disks:EdgeDisks",
        "fca_gaussian": "clickmask.encode.fca_gaussian:FcaGaussian",
        "itis_gaussian": "clickmask.encode.itis_gaussian:ItisGaussian",
        "tanh_distance": "clickmask.encode.tanh_distance:TanhDistance",
        "truncated_distance": "clickmask.encode.truncated_distance:TruncatedDistance",
        "two_disks": "clickmask.encode.two_disks:TwoDisks",
    },
)
"""Click encodings by name."""
