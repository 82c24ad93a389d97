"""SAM, SAM-HQ and SAM 2 / 2.1 through transformers, from a folder with a checkpoint in its format.

Sources: SAM (Kirillov et al., ICCV 2023), HQ-SAM (Ke et al., NeurIPS 2023), SAM 2 (Ravi et al., 2024). The networks are
those of transformers (Apache-2.0); nothing is downloaded. Its processors, which need torchvision, are not used: pixels
and points are prepared in `clickmask.predict.sam`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clickmask.core.answers import Answer
from clickmask.core.errors import MissingExtraError, WeightsError
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Prompts
from clickmask.predict.sam import PADDING, WHOLE_IMAGE, chosen, padded_input, points_of
from clickmask.predict.sam_import import write_folder
from clickmask.zoo.spec import ModelSpec

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
CAPABILITIES = frozenset({WHOLE_IMAGE, "box", "multimask", "previous_mask"})
TOKENS = 3
"""Masks of one click."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of SAM in transformers.

    Attributes:
        model: name of its class.
        padded: whether images keep their shape and are padded.
        embeddings: what its `get_image_embeddings` gives -> keyword arguments of its `forward`.
    """

    model: str
    padded: bool
    embeddings: Callable[[Any], dict[str, Any]]


KINDS = {
    "sam": Kind("SamModel", padded=True, embeddings=lambda e: {"image_embeddings": e}),
    "sam_hq": Kind(
        "SamHQModel", padded=True, embeddings=lambda e: {"image_embeddings": e[0], "intermediate_embeddings": e[1]}
    ),
    "sam2": Kind("Sam2Model", padded=False, embeddings=lambda e: {"image_embeddings": e}),
    "sam2_video": Kind("Sam2Model", padded=False, embeddings=lambda e: {"image_embeddings": e}),
}
"""By the `model_type` of the checkpoint's config; checkpoints of SAM 2 are published as video models."""


class SamTorchBackend:
    """See `clickmask.predict.sam.WholeImageBackend`.

    Args:
        network: a model of transformers, in evaluation mode.
        kind: which one.
    """

    capabilities = CAPABILITIES

    def __init__(self, network: Any, kind: Kind) -> None:
        self.network, self._kind = network, kind
        self.padded = kind.padded
        side = int(network.config.prompt_encoder_config.image_size)
        self.input_hw = (side, side)
        self.low_res_hw = (side // 4, side // 4)

    def embed(self, frame: Frame) -> dict[str, Any]:
        """The network's arguments that depend on the image alone."""
        with torch.inference_mode():
            found = self.network.get_image_embeddings(torch.from_numpy(padded_input(frame.pixels, self.input_hw)))
        return self._kind.embeddings(found)

    def decode(self, embedding: dict[str, Any], prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`, but at the low resolution."""
        return self.answer(embedding, prompts, previous).logits

    def answer(self, embedding: dict[str, Any], prompts: Prompts, previous: FloatMap | None) -> Answer:
        """See `clickmask.predict.sam.WholeImageBackend.answer`."""
        arguments = {**embedding, **_prompted(prompts)}
        if previous is not None:
            arguments["input_masks"] = torch.from_numpy(np.ascontiguousarray(previous))[None, None]
        answers = [self._asked(arguments, several) for several in (False, True)]
        masks = np.concatenate([answer[0] for answer in answers])
        scores = [score for answer in answers for score in answer[1]]
        return chosen(masks, scores, prompts)

    def _asked(self, arguments: dict[str, Any], several: bool) -> tuple[FloatMap, list[float]]:
        """(C, h, w) logits and C scores, C being 3 or 1. The decoder is light: it is asked twice."""
        with torch.inference_mode():
            answer = self.network(**arguments, multimask_output=several)
        count = TOKENS if several else 1
        masks: Tensor = answer.pred_masks[0, 0, :count]
        return masks.float().numpy(), answer.iou_scores[0, 0, :count].float().tolist()


def _prompted(prompts: Prompts) -> dict[str, Tensor]:
    """Points and box as transformers takes them; it adds the padding point and the labels of corners itself."""
    points = points_of(prompts)
    clicks = len(prompts.clicks)
    arguments: dict[str, Tensor] = {}
    if clicks:
        arguments["input_points"] = torch.from_numpy(points.coordinates_xy[None, None, :clicks])
        arguments["input_labels"] = torch.from_numpy(points.labels[None, None, :clicks]).int()
    if prompts.box is not None:
        arguments["input_boxes"] = torch.from_numpy(points.coordinates_xy[clicks:].reshape(1, 1, 4))
    elif not clicks:
        arguments["input_points"] = torch.zeros(1, 1, 1, 2)
        arguments["input_labels"] = torch.full((1, 1, 1), PADDING, dtype=torch.int)
    return arguments


def open_sam_torch(spec: ModelSpec, folder: Path | None, threads: int | None = None) -> SamTorchBackend:
    """The backend of a model folder.

    Raises:
        MissingExtraError: transformers is not installed.
        WeightsError: the folder holds no checkpoint of a kind that is known, or one with other weights.
    """
    if folder is None:
        raise WeightsError(f"The model '{spec.name}' has no files. `clickmask import-sam` makes a model folder.")
    if threads is not None:
        torch.set_num_threads(threads)
    return _opened(folder)


def _opened(folder: Path) -> SamTorchBackend:
    transformers = _transformers()
    try:
        model_type = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder} is no checkpoint of transformers: {error}") from error
    if model_type not in KINDS:
        raise WeightsError(f"{folder} holds a '{model_type}'. Accepted: {', '.join(KINDS)}.")
    kind = KINDS[model_type]
    try:
        network, told = getattr(transformers, kind.model).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"The weights in {folder} cannot be read: {error}") from error
    if told["missing_keys"]:
        missing = sorted(told["missing_keys"])
        raise WeightsError(f"The weights in {folder} lack {len(missing)} tensors: {', '.join(missing[:5])} …")
    return SamTorchBackend(network.eval().float(), kind)


def import_checkpoint(source: Path, folder: Path, *, name: str | None = None, licence: str = "unknown") -> ModelSpec:
    """Copy a checkpoint of transformers into a model folder and describe it.

    Args:
        source: folder with ``config.json`` and ``model.safetensors``.
        folder: made if missing.
        name: of the model; the folder's name if None.
        licence: of the weights, SPDX where there is one.

    Raises:
        MissingExtraError, WeightsError: see `open_sam_torch`.
        StorageError: the folder cannot be written.
    """
    backend = _opened(source)
    spec = ModelSpec(
        name=name or folder.resolve().name,
        method="sam",
        summary=f"{type(backend.network).__name__.removesuffix('Model')} from a checkpoint of transformers.",
        licence=licence,
        runtime="sam_torch",
        input_hw=backend.input_hw,
        capabilities=tuple(sorted(CAPABILITIES)),
        weights=WEIGHTS_FILE,
    )
    return write_folder(spec, folder, {source / each: each for each in (CONFIG_FILE, WEIGHTS_FILE)})


def _transformers() -> Any:
    try:
        transformers = import_module("transformers")
    except ImportError as error:
        raise MissingExtraError("SAM through transformers", "sam") from error
    transformers.logging.disable_progress_bar()
    return transformers
