"""Composition root: the only place that wires specs, backends, encodings and stages together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from clickmask.core.errors import WeightsError
from clickmask.core.protocols import Backend, Stage, Step
from clickmask.core.registry import Registry
from clickmask.zoo import catalog
from clickmask.zoo.spec import ModelSpec

if TYPE_CHECKING:
    from pathlib import Path

    from clickmask.predict.predictor import Pipeline, Predictor

T = TypeVar("T")

STAGES: Registry[Stage] = Registry("stage", {"flip": "clickmask.predict.flip:flip_averaging"})
"""Stages that a person can add by name, wrapped directly round the backend in the order given."""


def load(
    name: str = "default",
    *,
    stages: Sequence[str] = (),
    threads: int | None = None,
) -> Predictor:
    """A predictor for a model.

    Args:
        name: one of `models()`, or the folder of an exported model.
        stages: further stages by name, e.g. ``["flip"]``.
        threads: CPU threads of the network; None leaves the choice to the runtime.

    Raises:
        UnknownNameError: no such model or stage.
        WeightsError: the weights are missing or damaged.
    """
    from clickmask.predict.predictor import Predictor

    return Predictor(build_pipeline(name, stages=stages, threads=threads))


def models() -> list[str]:
    """Names that `load` knows, the default first."""
    return catalog.names()


def build_pipeline(
    name: str = "default",
    *,
    stages: Sequence[str] = (),
    threads: int | None = None,
    threshold: float | None = None,
) -> Pipeline:
    """The model with its stages, for callers that keep many states: the annotator, the evaluator.

    Args:
        name: one of `models()`, or the folder of an exported model.
        stages: further stages by name.
        threads: CPU threads of the network.
        threshold: probability above which a pixel belongs to the mask; the spec's if None.
    """
    from clickmask.predict.predictor import Pipeline

    spec, folder = catalog.find(name)
    if threshold is not None:
        spec = replace(spec, threshold=threshold)
    backend = _backend(spec, folder, threads)
    return Pipeline(spec, backend, assemble(spec, backend, stages))


def assemble(spec: ModelSpec, backend: Backend, stages: Sequence[str] = ()) -> Step:
    """Wrap stages round a backend: innermost those asked for by name, then zoom-in, then progressive merge."""
    from clickmask.predict.base import backend_step
    from clickmask.predict.merge import ProgressiveMerge, progressive_merge
    from clickmask.predict.predictor import logit
    from clickmask.predict.zoom_in import ZoomIn, zoom_in

    step = backend_step(backend)
    wrappers: list[Stage] = [STAGES.get(name) for name in stages]
    if spec.zoom_in is not None:
        wrappers.append(zoom_in(_made(spec, "zoom_in", ZoomIn, spec.zoom_in), spec.input_hw))
    wrappers.append(progressive_merge(ProgressiveMerge(), logit(spec.threshold)))
    for wrap in wrappers:
        step = wrap(step)
    return step


def _made(spec: ModelSpec, field: str, kind: Callable[..., T], options: Mapping[str, Any]) -> T:
    try:
        return kind(**options)
    except TypeError as error:
        raise WeightsError(f"The model '{spec.name}' has settings in '{field}' that do not exist: {error}.") from error


def _backend(spec: ModelSpec, folder: Path | None, threads: int | None) -> Backend:
    if spec.runtime == "flood":
        from clickmask.predict.flood import FloodBackend

        return FloodBackend()
    if spec.runtime != "onnx" or folder is None or spec.weights is None or spec.encoding is None:
        raise WeightsError(
            f"The model '{spec.name}' names the runtime '{spec.runtime}', which this clickmask does not have."
        )
    from clickmask.encode import ENCODINGS
    from clickmask.predict.onnx import OnnxBackend

    encoding = _made(spec, "encoding_options", ENCODINGS.get(spec.encoding), spec.encoding_options)
    capabilities = frozenset(spec.capabilities)
    return OnnxBackend(
        folder / spec.weights, encoding, spec.input_hw, capabilities, sha256=spec.sha256, threads=threads
    )
