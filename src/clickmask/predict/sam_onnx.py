"""SAM-type models as a pair of ONNX graphs, without torch: an encoder for the image and a decoder for the prompts.

Reads the common exports, told apart by the names of their inputs and outputs: SAM's own and MobileSAM's, EdgeSAM's,
EfficientSAM's, SAM 2's, and those of transformers. Low-resolution logits are read, never the full-size masks that some
decoders make as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.answers import Answer
from clickmask.core.errors import WeightsError
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Click, Prompts
from clickmask.predict.onnx import Session, open_graph
from clickmask.predict.sam import WHOLE_IMAGE, chosen, padded_input, points_of
from clickmask.zoo.spec import ModelSpec, made

Feed = dict[str, NDArray[Any]]

COORDINATES = ("point_coords", "batched_point_coords", "input_points")
LABELS = ("point_labels", "batched_point_labels", "input_labels")
PREVIOUS, HAS_PREVIOUS, SIZE = "mask_input", "has_mask_input", "orig_im_size"
MASKS = ("low_res_masks", "pred_masks", "low_res_logits", "masks", "output_masks")
"""Outputs with logits, the low-resolution ones first."""
SCORES = ("iou_predictions", "iou_scores", "scores")
IMAGE_PARTS = ("image_embeddings", "image_embed", "embeddings")
"""The embedding, where encoder and decoder call it by different names."""
PIXELS = ("normalised", "unit", "bytes")


@dataclass(frozen=True, slots=True)
class SamGraphs:
    """What a spec's `config` tells about a pair.

    Attributes:
        decoder: its file, beside the encoder's.
        decoder_sha256: of that file.
        pixels: what the encoder takes: ``normalised`` (ImageNet's mean and deviation), ``unit`` (0 to 1) or ``bytes``
            (0 to 255).
        padded: whether the image keeps its shape and is padded (SAM), or is stretched (SAM 2).
        side: sides of the low-resolution logits.
    """

    decoder: str = "decoder.onnx"
    decoder_sha256: str | None = None
    pixels: str = "normalised"
    padded: bool = True
    side: int = 256


class SamOnnxBackend:
    """A pair of graphs, see `clickmask.predict.sam.WholeImageBackend`.

    Args:
        encoder, decoder: sessions.
        graphs: how they are used.
        input_hw: size of the encoder's input.
        capabilities: declared by the model's spec.

    Raises:
        WeightsError: the graphs are no such pair; the text tells their inputs and outputs.
    """

    def __init__(
        self,
        encoder: Session,
        decoder: Session,
        graphs: SamGraphs,
        input_hw: tuple[int, int],
        capabilities: frozenset[str],
    ) -> None:
        self.input_hw, self.capabilities = input_hw, capabilities
        self.padded, self.low_res_hw = graphs.padded, (graphs.side, graphs.side)
        self._encoder, self._decoder, self._pixels = encoder, decoder, graphs.pixels
        (node,) = encoder.get_inputs()[:1]
        sides = node.shape[-3:-1] if node.shape[-1] == 3 else node.shape[-2:]
        # graphs that take bytes of any size normalise and pad by themselves: padding of ours would be normalised too
        self._pads_itself = graphs.pixels == "bytes" and not all(isinstance(side, int) for side in sides)
        self._ranks = {node.name: len(node.shape) for node in decoder.get_inputs()}
        self._types = {node.name: _dtype(node.type) for node in decoder.get_inputs()}
        self._outputs = [_one_of(decoder, MASKS, "masks"), _one_of(decoder, SCORES, "scores")]
        self._check()

    def embed(self, frame: Frame) -> Feed:
        """The decoder's inputs that depend on the image alone."""
        (node,) = self._encoder.get_inputs()
        channels_last = node.shape[-1] == 3
        image = self._scaled(frame)
        image = image.transpose(0, 2, 3, 1) if channels_last else image
        image = image[0] if len(node.shape) == 3 else image
        names = [output.name for output in self._encoder.get_outputs()]
        values = self._encoder.run(names, {node.name: np.ascontiguousarray(image.astype(_dtype(node.type)))})
        return self._matched(dict(zip(names, values, strict=True)))

    def decode(self, embedding: Feed, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`, but at the low resolution."""
        return self.answer(embedding, prompts, previous).logits

    def answer(self, embedding: Feed, prompts: Prompts, previous: FloatMap | None) -> Answer:
        """See `clickmask.predict.sam.WholeImageBackend.answer`."""
        masks, scores = self._decoder.run(self._outputs, embedding | self._prompted(prompts, previous))
        side = self.low_res_hw[0]
        if masks.shape[-2:] != (side, side):
            raise WeightsError(
                f"The decoder gives masks of {masks.shape[-2]} x {masks.shape[-1]} pixels, expected {side} x {side}. "
                "Export it with low-resolution logits, or import the pair again."
            )
        return chosen(masks.reshape(-1, side, side).astype(np.float32), scores.ravel().tolist(), prompts)

    def offers(self) -> frozenset[str]:
        """Capabilities of the pair, found by asking it about an empty image."""
        frame = Frame.of(np.zeros((*self.input_hw, 3), dtype=np.uint8))
        several = bool(self.answer(self.embed(frame), Prompts((Click(1.0, 1.0),)), None).candidates)
        return frozenset(
            {WHOLE_IMAGE, "box"}
            | ({"multimask"} if several else set())
            | ({"previous_mask"} if PREVIOUS in self._ranks else set())
        )

    def _prompted(self, prompts: Prompts, previous: FloatMap | None) -> Feed:
        points = points_of(prompts)
        empty = np.zeros((1, 1, *self.low_res_hw), dtype=np.float32)
        values: Feed = {
            **dict.fromkeys(COORDINATES, points.coordinates_xy),
            **dict.fromkeys(LABELS, points.labels),
            PREVIOUS: empty if previous is None else previous[None, None],
            HAS_PREVIOUS: np.array([previous is not None], dtype=np.float32),
            SIZE: np.array(self.input_hw, dtype=np.float32),
        }
        wanted = {name: values[name] for name in self._ranks if name in values}
        return {name: self._shaped(name, value) for name, value in wanted.items()}

    def _shaped(self, name: str, value: NDArray[Any]) -> NDArray[Any]:
        """With as many leading axes as the graph wants (exports differ), and of its type."""
        missing = self._ranks[name] - value.ndim
        return value.reshape((1,) * max(missing, 0) + value.shape).astype(self._types[name])

    def _scaled(self, frame: Frame) -> FloatMap:
        """(1, 3, H, W) float32."""
        image = padded_input(frame.pixels, self.input_hw)
        if self._pixels == "normalised":
            return image
        height, width = frame.size_hw
        pixels = frame.pixels.astype(np.float32).transpose(2, 0, 1)
        if self._pads_itself:
            return pixels[None]
        image[0, :, :height, :width] = pixels / np.float32(255) if self._pixels == "unit" else pixels
        return image

    def _matched(self, values: Feed) -> Feed:
        """The encoder's outputs under the names of the decoder's inputs."""
        matched = {name: value for name, value in values.items() if name in self._ranks}
        for main in IMAGE_PARTS:
            if main in self._ranks and main not in matched:
                matched[main] = next(value for name, value in values.items() if name not in matched)
        return matched

    def _check(self) -> None:
        """Refuse a pair that does not belong together."""
        told = _told(self._encoder, "encoder") + "; " + _told(self._decoder, "decoder")
        encoder_inputs, outputs = self._encoder.get_inputs(), {o.name for o in self._encoder.get_outputs()}
        filled = outputs | {*COORDINATES, *LABELS, PREVIOUS, HAS_PREVIOUS, SIZE}
        mains = [name for name in IMAGE_PARTS if name in self._ranks]
        unknown = sorted(set(self._ranks) - filled - (set(mains) if outputs - set(self._ranks) else set()))
        prompted = all(any(name in self._ranks for name in names) for names in (COORDINATES, LABELS))
        if len(encoder_inputs) != 1 or unknown or not prompted or len(mains) != 1:
            lacks = f"Nothing gives {', '.join(unknown)}. " if unknown else ""
            raise WeightsError(f"These graphs are no SAM encoder and decoder that fit each other. {lacks}{told}.")


def open_sam_onnx(spec: ModelSpec, folder: Path | None, threads: int | None = None) -> SamOnnxBackend:
    """The backend of a model folder with both graphs; WeightsError if one is missing, damaged or of another kind."""
    if folder is None or spec.weights is None:
        raise WeightsError(f"The model '{spec.name}' names no graphs. `clickmask import-sam` makes a model folder.")
    graphs = made(spec, "config", SamGraphs, spec.config)
    if graphs.pixels not in PIXELS:
        raise WeightsError(f"The model '{spec.name}' wants pixels '{graphs.pixels}'. Accepted: {', '.join(PIXELS)}.")
    encoder = open_graph(folder / spec.weights, spec.sha256, threads)
    decoder = open_graph(folder / graphs.decoder, graphs.decoder_sha256, threads)
    return SamOnnxBackend(encoder, decoder, graphs, spec.input_hw, frozenset(spec.capabilities))


def _one_of(session: Session, names: tuple[str, ...], what: str) -> str:
    found = [name for name in names if name in {output.name for output in session.get_outputs()}]
    if not found:
        raise WeightsError(f"This graph gives no {what} ({', '.join(names)}). {_told(session, 'It')}.")
    return found[0]


def _told(session: Session, what: str) -> str:
    inputs = ", ".join(f"{node.name}{node.shape}" for node in session.get_inputs())
    return f"{what} takes {inputs} and gives {', '.join(node.name for node in session.get_outputs())}"


def _dtype(kind: str) -> Any:
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
    return kinds.get(kind, np.float32)
