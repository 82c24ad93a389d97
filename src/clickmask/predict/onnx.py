"""ONNX Runtime backend: one graph with an image and a guidance input. The light install's only runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime

from clickmask.core.answers import Answer
from clickmask.core.errors import WeightsError
from clickmask.core.frames import BoxFloat, FloatMap, Frame, Image
from clickmask.core.prompts import Prompts
from clickmask.encode import ENCODINGS, Encoding
from clickmask.encode.disk_mask import DiskMask
from clickmask.encode.feedback import seen_again
from clickmask.zoo.spec import ModelSpec, made

FREE_SIZES = ("height", "width")
"""Free dimensions of graphs that take any input size; the session fixes them, which keeps such graphs as quick."""
REFINER_FILE = "refiner.onnx"
REFINER_INPUTS = ("image", "disks", "coarse", "features", "box")

CoarsePass = tuple[Any, Any]
"""Coarse logits (1, 1, H, W) and features (1, C, h, w), as the runtime gives them."""


Session: TypeAlias = onnxruntime.InferenceSession
"""A graph that can be run."""


class OnnxBackend:
    """A network that answers with one logit map.

    Its graph takes ``image`` (1, H, W, 3) uint8 RGB and ``guidance`` (1, C, H, W) float32 and gives
    ``logits`` (1, 1, H, W) float32. Normalisation is part of the graph. A network that sees another of its answers
    again (the encoding's `feedback`) gives that one too, under its name.

    Args:
        path: the .onnx file.
        encoding: turns prompts into guidance.
        input_hw: size of the input.
        capabilities: declared by the model's spec.
        sha256: expected digest of the file; None skips the check.
        threads: ONNX Runtime threads; None leaves the choice to it.

    Raises:
        WeightsError: the file is missing, has another digest or is no such graph.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        input_hw: tuple[int, int],
        capabilities: frozenset[str],
        *,
        sha256: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.input_hw = input_hw
        self.capabilities = capabilities
        self._encoding = encoding
        self.session = open_session(path, sha256, threads, input_hw)

    def embed(self, frame: Frame) -> Image:
        """The pixels themselves: image and prompts meet in the network's first layer."""
        return frame.pixels

    def decode(self, embedding: Image, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`."""
        return self._run(["logits"], embedding, prompts, seen_again(self._encoding, previous, {}))[0]

    def answer(
        self, embedding: Image, prompts: Prompts, previous: FloatMap | None, maps: Mapping[str, FloatMap]
    ) -> Answer:
        """See `clickmask.predict.base.AnsweringBackend.answer`."""
        kept = str(self._encoding.feedback)
        seen = seen_again(self._encoding, previous, maps)
        logits, again = self._run(["logits", kept], embedding, prompts, seen)
        return Answer(logits, {kept: again})

    def _run(self, outputs: list[str], embedding: Image, prompts: Prompts, previous: FloatMap | None) -> list[FloatMap]:
        guidance = self._encoding.encode(prompts, previous, self.input_hw)
        answers = self.session.run(outputs, {"image": embedding[None], "guidance": guidance[None]})
        return [np.asarray(answer[0, 0], dtype=np.float32) for answer in answers]


class RefiningOnnxBackend(OnnxBackend):
    """Two graphs, for `clickmask.predict.focal_click`.

    The first one is that of `OnnxBackend` and gives ``features`` as well. The second takes ``image`` (1, H, W, 3) uint8
    RGB of a window, ``disks`` (1, 2, H, W) of the clicks in it, ``coarse`` and ``features`` of the first, and ``box``
    (1, 4), the window as parts of the first one's input; it gives ``logits`` (1, 1, H, W).

    Args:
        coarse: the first graph, as any other model's.
        refiner: session of the second.
    """

    def __init__(self, coarse: OnnxBackend, refiner: Session) -> None:
        self.input_hw, self.capabilities = coarse.input_hw, coarse.capabilities
        self.session, self._encoding = coarse.session, coarse._encoding
        self._refiner = refiner
        self._disks = DiskMask(previous=False)

    def coarse(self, embedding: Image, prompts: Prompts, previous: FloatMap | None) -> tuple[FloatMap, CoarsePass]:
        """See `clickmask.predict.focal_click.RefiningBackend`."""
        guidance = self._encoding.encode(prompts, previous, self.input_hw)
        feed = {"image": embedding[None], "guidance": guidance[None]}
        logits, features = self.session.run(["logits", "features"], feed)
        return np.asarray(logits[0, 0], dtype=np.float32), (logits, features)

    def refine(self, embedding: Image, prompts: Prompts, kept: CoarsePass, box_xyxy: BoxFloat) -> FloatMap:
        """See `clickmask.predict.focal_click.RefiningBackend`."""
        height, width = self.input_hw
        box = np.array([box_xyxy], dtype=np.float32) / np.array([width, height, width, height], dtype=np.float32)
        values = (embedding[None], self._disks.encode(prompts, None, self.input_hw)[None], *kept, box)
        (refined,) = self._refiner.run(["logits"], dict(zip(REFINER_INPUTS, values, strict=True)))
        return np.asarray(refined[0, 0], dtype=np.float32)


def open_onnx(spec: ModelSpec, folder: Path | None, threads: int | None = None) -> OnnxBackend:
    """The backend of a model folder; WeightsError if its spec names no graph or encoding, or they do not fit."""
    if folder is None or spec.weights is None or spec.encoding is None:
        raise WeightsError(f"The model '{spec.name}' names no ONNX graph. Export it again.")
    encoding = made(spec, "encoding_options", ENCODINGS.get(spec.encoding), spec.encoding_options)
    path, capabilities = folder / spec.weights, frozenset(spec.capabilities)
    backend = OnnxBackend(path, encoding, spec.input_hw, capabilities, sha256=spec.sha256, threads=threads)
    if "refiner" not in capabilities:
        return backend
    if REFINER_FILE not in spec.parts:
        raise WeightsError(f"The model '{spec.name}' names no graph of its refiner. Export it again.")
    refiner = open_session(folder / REFINER_FILE, spec.parts[REFINER_FILE], threads, spec.input_hw, REFINER_INPUTS)
    return RefiningOnnxBackend(backend, refiner)


def open_graph(path: Path, sha256: str | None, threads: int | None, input_hw: tuple[int, int] | None = None) -> Session:
    """A session over any graph; WeightsError if the file is missing, has another digest or cannot be run."""
    data = read_weights(path, sha256)
    try:
        return Session(data, session_options(threads, input_hw), providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors have no common base but this
        raise WeightsError(f"The weights {path} are no ONNX graph that can be run: {error}") from error


def open_session(
    path: Path,
    sha256: str | None,
    threads: int | None,
    input_hw: tuple[int, int],
    expected: tuple[str, ...] = ("image", "guidance"),
) -> Session:
    """A session over a graph with the expected inputs that gives logits; WeightsError for anything else."""
    session = open_graph(path, sha256, threads, input_hw)
    inputs, outputs = {i.name for i in session.get_inputs()}, {o.name for o in session.get_outputs()}
    if inputs != set(expected) or "logits" not in outputs:
        raise WeightsError(
            f"The graph {path} takes {', '.join(sorted(inputs))} and gives {', '.join(sorted(outputs))}; expected "
            f"{' and '.join(expected)}, and logits. `clickmask export` writes such graphs."
        )
    return session


def session_options(threads: int | None, input_hw: tuple[int, int] | None = None) -> onnxruntime.SessionOptions:
    """Options for a desktop: all optimisations, no busy waiting between clicks, free sizes fixed to `input_hw`."""
    options = onnxruntime.SessionOptions()
    for name, size in zip(FREE_SIZES, input_hw or (), strict=input_hw is not None):
        options.add_free_dimension_override_by_name(name, size)  # graphs of one size have no such dimension
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def read_weights(path: Path, sha256: str | None) -> bytes:
    """The file's bytes, checked against a digest; WeightsError tells what to do."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights {path} cannot be read: {error}. Reinstall clickmask or export the model again."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256:
        raise WeightsError(
            f"The weights {path} are not the ones the model was published with (sha256 {digest[:12]}…, "
            f"expected {sha256[:12]}…). Reinstall clickmask or export the model again."
        )
    return data
