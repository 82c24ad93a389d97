"""SAM-type models: what there is, and where their authors publish it. They are used as published, not trained here."""

from __future__ import annotations

from functools import partial

from clickmask.zoo.methods import MethodLine, Published

_HUB = "https://huggingface.co/"
_SA1B = "SA-1B"


def _checkpoint(
    repository: str, megabytes: float, trained_on: str = _SA1B, licence: str = "Apache-2.0"
) -> list[Published]:
    """The two files of a checkpoint in the format of transformers."""
    base = f"{_HUB}{repository}/resolve/main/"
    made = partial(Published, trained_on=trained_on, licence=licence)
    return [
        made("config.json", url=base + "config.json"),
        made("model.safetensors", url=base + "model.safetensors", megabytes=megabytes),
    ]


def _line(name: str, paper: str, year: int, licence: str, summary: str, files: list[Published]) -> MethodLine:
    return MethodLine(name, "sam", paper, year, licence, "", summary, tuple(files))


_sam = partial(_line, paper="Kirillov et al., ICCV", year=2023, licence="Apache-2.0")
_hq = partial(_line, paper="Ke et al., NeurIPS", year=2023, licence="Apache-2.0")
_sam2 = partial(_line, paper="Ravi et al., arXiv 2408.00714", year=2024, licence="Apache-2.0")
_MOBILE = f"{_HUB}Acly/MobileSAM/resolve/main/"
_EDGE = f"{_HUB}spaces/chongzhou/EdgeSAM/resolve/main/weights/"

SAM_LINES: tuple[MethodLine, ...] = (
    _sam("sam_vit_b", summary="SAM on ViT-B, through transformers.", files=_checkpoint("facebook/sam-vit-base", 375)),
    _sam("sam_vit_l", summary="SAM on ViT-L, through transformers.", files=_checkpoint("facebook/sam-vit-large", 1250)),
    _sam("sam_vit_h", summary="SAM on ViT-H, through transformers.", files=_checkpoint("facebook/sam-vit-huge", 2560)),
    _hq(
        "sam_hq_vit_b",
        summary="SAM with finer masks on ViT-B, through transformers.",
        files=_checkpoint("syscv-community/sam-hq-vit-base", 0, "SA-1B, HQSeg-44K"),
    ),
    _hq(
        "sam_hq_vit_l",
        summary="SAM with finer masks on ViT-L, through transformers.",
        files=_checkpoint("syscv-community/sam-hq-vit-large", 0, "SA-1B, HQSeg-44K"),
    ),
    _hq(
        "sam_hq_vit_h",
        summary="SAM with finer masks on ViT-H, through transformers.",
        files=_checkpoint("syscv-community/sam-hq-vit-huge", 0, "SA-1B, HQSeg-44K"),
    ),
    _sam2(
        "sam2_tiny",
        summary="SAM 2.1 on Hiera-T, through transformers.",
        files=_checkpoint("facebook/sam2.1-hiera-tiny", 156, "SA-V, SA-1B"),
    ),
    _sam2(
        "sam2_small",
        summary="SAM 2.1 on Hiera-S, through transformers.",
        files=_checkpoint("facebook/sam2.1-hiera-small", 184, "SA-V, SA-1B"),
    ),
    _sam2(
        "sam2_base_plus",
        summary="SAM 2.1 on Hiera-B+, through transformers.",
        files=_checkpoint("facebook/sam2.1-hiera-base-plus", 323, "SA-V, SA-1B"),
    ),
    _sam2(
        "sam2_large",
        summary="SAM 2.1 on Hiera-L, through transformers.",
        files=_checkpoint("facebook/sam2.1-hiera-large", 898, "SA-V, SA-1B"),
    ),
    _line(
        "mobilesam",
        "Zhang et al., arXiv 2306.14289",
        2023,
        "Apache-2.0",
        "MobileSAM as a pair of ONNX graphs; needs no torch.",
        [
            Published(
                "mobile_sam_image_encoder.onnx",
                _SA1B,
                "Apache-2.0",
                _MOBILE + "mobile_sam_image_encoder.onnx",
                28.2,
                "580f5fb648ea1062c0aabc26217aed56921985f03f0cbbd852bba81d760cc749",
            ),
            Published(
                "sam_mask_decoder_multi.onnx", _SA1B, "Apache-2.0", _MOBILE + "sam_mask_decoder_multi.onnx", 16.5
            ),
        ],
    ),
    _line(
        "edgesam",
        "Zhou et al., arXiv 2312.06660",
        2023,
        "S-Lab-1.0",
        "EdgeSAM as a pair of ONNX graphs; needs no torch. Not for commercial use.",
        [
            Published("edge_sam_3x_encoder.onnx", _SA1B, "S-Lab-1.0", _EDGE + "edge_sam_3x_encoder.onnx"),
            Published("edge_sam_3x_decoder.onnx", _SA1B, "S-Lab-1.0", _EDGE + "edge_sam_3x_decoder.onnx"),
        ],
    ),
)
"""The encoder, or the configuration, comes first."""


def sam_line(name: str) -> MethodLine | None:
    """The line of a SAM-type model; None for another name."""
    return next((line for line in SAM_LINES if line.name == name), None)
