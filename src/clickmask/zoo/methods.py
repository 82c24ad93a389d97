"""The table of trainable methods: what each one is, and where its code and the authors' weights are. Data alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from clickmask.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Published:
    """A file of weights that the authors published.

    Attributes:
        file: its name.
        trained_on: the data sets, whose terms apply to the weights as well.
        licence: that the authors give.
        url: where it is published; empty where that is only a page for people (see the method's document).
        megabytes: size of the file, 0 if not known.
        sha256: of the file, empty if not known.
    """

    file: str
    trained_on: str
    licence: str
    url: str = ""
    megabytes: float = 0.0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class MethodLine:
    """One line of the catalogue.

    Attributes:
        name: what a person types after ``--model`` and ``clickmask train``.
        family: methods that share a paper and a file.
        paper: authors and venue.
        year: of publication.
        licence: of the authors' code; ours is Apache-2.0 throughout.
        target: ``"module:attribute"`` of the tuple of `clickmask.nn.method.Method` that holds it.
        summary: one sentence.
        published: weights of the authors that `clickmask convert-weights` reads.
    """

    name: str
    family: str
    paper: str
    year: int
    licence: str
    target: str
    summary: str
    published: tuple[Published, ...] = ()


_COMPACT = "clickmask.nn.models.compact:METHODS"
_RITM, _RITM_PAPER = "clickmask.nn.models.ritm:METHODS", "Sofiiuk et al., ICIP"
_RITM_FILES = "https://github.com/saic-vul/ritm_interactive_segmentation/releases/download/v1.0/"
_FBRS, _FBRS_PAPER = "clickmask.nn.models.fbrs:METHODS", "Sofiiuk et al., CVPR"
_FBRS_FILES = "https://github.com/saic-vul/fbrs_interactive_segmentation/releases/download/v1.0/"


def _ritm(name: str, summary: str, *files: tuple[str, str, float]) -> MethodLine:
    published = tuple(Published(file, data, "MIT", _RITM_FILES + file, size) for file, data, size in files)
    return MethodLine(name, "ritm", _RITM_PAPER, 2022, "MIT", _RITM, summary, published)


def _fbrs(name: str, summary: str, *files: tuple[str, str, float]) -> MethodLine:
    published = tuple(Published(file, data, "MPL-2.0", _FBRS_FILES + file, size) for file, data, size in files)
    return MethodLine(name, "fbrs", _FBRS_PAPER, 2020, "MPL-2.0", _FBRS, summary, published)


def _of(family: str, paper: str, year: int, licence: str) -> Callable[..., MethodLine]:
    """Makes the lines of a family: (name, summary, *published)."""
    target = f"clickmask.nn.models.{family}:METHODS"

    def line(name: str, summary: str, *published: Published) -> MethodLine:
        return MethodLine(name, family, paper, year, licence, target, summary, published)

    return line


_dios = _of("dios", "Xu et al., CVPR", 2016, "none published")
_itis = _of("itis", "Mahadevan et al., BMVC", 2018, "none published")
_edgeflow = _of("edgeflow", "Hao et al., ICCV workshops", 2021, "Apache-2.0")
_fca = _of("fca", "Lin et al., CVPR", 2020, "research and education only")
_FCA_FILES = partial(Published, trained_on="Pascal VOC 2012, SBD", licence="research and education only")
_simpleclick = _of("simpleclick", "Liu et al., ICCV", 2023, "MIT")
_focalclick = _of("focalclick", "Chen et al., CVPR", 2022, "MIT")
_cdnet = _of("cdnet", "Chen et al., ICCV", 2021, "MIT")
_COCO_LVIS = partial(Published, trained_on="COCO, LVIS", licence="MIT")
_COMBINED = partial(
    Published, trained_on="COCO, LVIS, ADE20K, MSRA10K, DUT, YouTube-VOS, ThinObject, HFlicker", licence="MIT"
)


METHODS: tuple[MethodLine, ...] = (
    MethodLine(
        "compact", "compact", "ours", 2026, "Apache-2.0", _COMPACT, "The default network: one light pass a click."
    ),
    # simpleclick
    _simpleclick("simpleclick_xtiny", "A plain transformer of 3.8 million parameters."),
    _simpleclick(
        "simpleclick_b", "SimpleClick on ViT-B, the published standard size.", _COCO_LVIS("cocolvis_vit_base.pth")
    ),
    _simpleclick("simpleclick_l", "SimpleClick on ViT-L."),
    _simpleclick(
        "simpleclick_h", "SimpleClick on ViT-H, the most accurate and slowest.", _COCO_LVIS("cocolvis_vit_huge.pth")
    ),
    # focalclick
    _focalclick(
        "focalclick_hrnet18s_s1",
        "FocalClick on HRNet-18s, coarse pass at half the size.",
        _COCO_LVIS("HRNet18s-S1", megabytes=16.58),
    ),
    _focalclick("focalclick_hrnet18s_s2", "FocalClick on HRNet-18s.", _COCO_LVIS("HRNet18s-S2", megabytes=16.58)),
    _focalclick(
        "focalclick_hrnet32_s2",
        "FocalClick on HRNet-32.",
        _COCO_LVIS("HRNet32-S2", megabytes=119.11),
        _COMBINED("HRNet32-S2", megabytes=119.11),
    ),
    _focalclick(
        "focalclick_segformer_b0_s1",
        "FocalClick on SegFormer-B0, coarse pass at half the size.",
        _COCO_LVIS("SegFormerB0-S1", megabytes=14.38),
    ),
    _focalclick(
        "focalclick_segformer_b0_s2", "FocalClick on SegFormer-B0.", _COCO_LVIS("SegFormerB0-S2", megabytes=14.38)
    ),
    _focalclick(
        "focalclick_segformer_b3_s2",
        "FocalClick on SegFormer-B3, the most accurate of the paper.",
        _COCO_LVIS("SegFormerB3-S2", megabytes=174.56),
        _COMBINED("SegFormerB3-S2", megabytes=174.56),
    ),
    # cdnet
    _cdnet(
        "cdnet_resnet34",
        "DeepLabV3+ on ResNet-34 with feature diffusion; meant for the stage pixel_diffusion.",
        Published("ResNet34", "SBD", "MIT", megabytes=89.72),
        _COCO_LVIS("ResNet34", megabytes=89.72),
    ),
    _cdnet("cdnet_small", "CDNet on a slim ResNet-18, for a CPU."),
    # ritm
    _ritm(
        "ritm_hrnet18s",
        "The small HRNet that RITM recommends.",
        ("coco_lvis_h18s_itermask.pth", "COCO, LVIS", 16.5),
    ),
    _ritm(
        "ritm_hrnet18",
        "HRNet-18 with OCR, trained iteratively.",
        ("coco_lvis_h18_itermask.pth", "COCO, LVIS", 38.8),
        ("sbd_h18_itermask.pth", "SBD", 38.8),
    ),
    _ritm(
        "ritm_hrnet32",
        "HRNet-32 with OCR, trained iteratively.",
        ("coco_lvis_h32_itermask.pth", "COCO, LVIS", 119),
    ),
    _ritm(
        "ritm_hrnet18_baseline",
        "HRNet-18 without previous mask and iterations: what RITM is compared with.",
        ("coco_lvis_h18_baseline.pth", "COCO, LVIS", 38.8),
    ),
    _ritm("ritm_resnet34", "DeepLabV3+ on ResNet-34, trained iteratively."),
    _ritm("ritm_small", "RITM on a slim ResNet-18, for a CPU."),
    # fbrs
    _fbrs(
        "fbrs_hrnet18",
        "HRNet-18 with OCR and distance maps: a base for BRS and f-BRS.",
        ("hrnet18_ocr64_sbd.pth", "SBD", 39),
    ),
    _fbrs(
        "fbrs_hrnet32",
        "HRNet-32 with OCR and distance maps: a base for BRS and f-BRS.",
        ("hrnet32_ocr128_sbd.pth", "SBD", 119),
        ("hrnet32_ocr128_lvis.pth", "COCO, LVIS", 119),
    ),
    _fbrs(
        "fbrs_resnet34",
        "DeepLabV3+ on ResNet-34 with distance maps: a base for BRS and f-BRS.",
        ("resnet34_dh128_sbd.pth", "SBD", 89),
    ),
    _fbrs(
        "fbrs_resnet50",
        "DeepLabV3+ on ResNet-50 with distance maps: a base for BRS and f-BRS.",
        ("resnet50_dh128_sbd.pth", "SBD", 120),
        ("resnet50_dh128_lvis.pth", "COCO, LVIS", 120),
    ),
    _fbrs(
        "fbrs_resnet101",
        "DeepLabV3+ on ResNet-101 with distance maps: a base for BRS and f-BRS.",
        ("resnet101_dh256_sbd.pth", "SBD", 223),
    ),
    _fbrs("fbrs_small", "DeepLabV3+ on a slim ResNet-18 with distance maps: a base for BRS and f-BRS on a CPU."),
    # dios
    _dios("dios", "VGG-16 FCN over distance maps, scores fused at strides 32, 16 and 8; no memory."),
    _dios("dios_small", "DIOS with about an eighth of the channels, for training on a CPU."),
    # itis
    _itis("itis", "DeepLabV3+ that learns from its own mistakes."),
    _itis("itis_small", "ITIS on a slim ResNet-18, for a CPU."),
    # edgeflow
    _edgeflow("edgeflow", "HRNet-18 with OCR that sees its edge again; coarse to fine."),
    _edgeflow("edgeflow_hrnet18s", "EdgeFlow on the small HRNet."),
    _edgeflow("edgeflow_small", "EdgeFlow on an HRNet with half the channels, for a CPU."),
    # fca
    _fca("fca", "FCA-Net on ResNet-101: a branch of its own for the first click.", _FCA_FILES("fcanet-resnet.pth")),
    _fca("fca_res2net101", "FCA-Net on Res2Net-101.", _FCA_FILES("fcanet-res2net.pth")),
    _fca("fca_small", "FCA-Net with a quarter of the channels and fewer blocks, for a CPU."),
)
"""Every trainable method; a contract test holds it equal to what the methods' files say."""

METHOD_TARGETS: Registry[Any] = Registry("method", {line.name: line.target for line in METHODS})
"""Name -> the tuple of methods that holds it, imported on first use. Entry points may add further ones."""


def method_line(name: str) -> MethodLine | None:
    """The catalogue's line about a method; None for an unknown name or a method of another package."""
    return next((line for line in METHODS if line.name == name), None)
