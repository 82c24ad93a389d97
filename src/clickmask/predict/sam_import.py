"""A model folder out of a pair of SAM-type graphs that somebody else has exported."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from clickmask.core.errors import InputError, StorageError
from clickmask.predict.onnx import open_graph
from clickmask.predict.sam_onnx import PIXELS, SamGraphs, SamOnnxBackend
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
USUAL_SIDE = 1024
UNIT_INPUTS = ("batched_images",)
"""Encoder inputs with pixels from 0 to 1, normalised in the graph: EfficientSAM's."""
STRETCHED = "high_res_feats_0"
"""Decoder input of SAM 2's exports, whose images are stretched to squares."""


def import_pair(
    encoder: Path,
    decoder: Path,
    folder: Path,
    *,
    name: str | None = None,
    licence: str = "unknown",
    pixels: str | None = None,
) -> ModelSpec:
    """Copy both graphs into a model folder and describe them; they are run once before anything is written.

    Args:
        encoder: graph with the image as its only input.
        decoder: graph that takes its outputs, points and labels.
        folder: made if missing.
        name: of the model; the folder's name if None.
        licence: of the weights, SPDX where there is one.
        pixels: one of `PIXELS`; told by the encoder's input if None.

    Raises:
        InputError: unknown `pixels`.
        WeightsError: the graphs do not fit each other or cannot be run.
        StorageError: the folder cannot be written.
    """
    if pixels is not None and pixels not in PIXELS:
        raise InputError(f"Unknown kind of pixels '{pixels}'. Accepted: {', '.join(PIXELS)}.")
    sessions = open_graph(encoder, None, None), open_graph(decoder, None, None)
    (node,) = sessions[0].get_inputs()[:1]
    graphs = SamGraphs(
        decoder=DECODER,
        decoder_sha256=_digest(decoder),
        pixels=pixels or _pixels_of(node),
        padded=STRETCHED not in {each.name for each in sessions[1].get_inputs()},
    )
    sides = _sides_of(node)
    offers = SamOnnxBackend(*sessions, graphs, sides, frozenset()).offers()
    spec = ModelSpec(
        name=name or folder.resolve().name,
        method="sam",
        summary=f"SAM-type pair of graphs: {encoder.name} and {decoder.name}.",
        licence=licence,
        runtime="sam_onnx",
        input_hw=sides,
        capabilities=tuple(sorted(offers)),
        weights=ENCODER,
        sha256=_digest(encoder),
        config=asdict(graphs),
    )
    return write_folder(spec, folder, {encoder: ENCODER, decoder: DECODER})


def write_folder(spec: ModelSpec, folder: Path, files: dict[Path, str]) -> ModelSpec:
    """Copy files under new names and write the spec, last; StorageError if the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, target in files.items():
            if source.resolve() != (folder / target).resolve():
                shutil.copyfile(source, folder / target)
        (folder / SPEC_FILE).write_text(spec.to_json(), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"The model folder {folder} cannot be written: {error}. Choose another one with -o."
        ) from error
    return replace(spec)


def _pixels_of(node: Any) -> str:
    if node.name in UNIT_INPUTS:
        return "unit"
    return "bytes" if node.shape[-1] == 3 or node.type == "tensor(uint8)" else "normalised"


def _sides_of(node: Any) -> tuple[int, int]:
    """Height and width of the encoder's input; 1024 where the graph leaves them open."""
    sides = node.shape[-3:-1] if node.shape[-1] == 3 else node.shape[-2:]
    height, width = (side if isinstance(side, int) and side > 1 else USUAL_SIDE for side in sides)
    return height, width


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
