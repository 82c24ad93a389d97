"""Composition root: the only place that wires specs, backends, encodings and stages together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from clickmask.core.errors import InputError, MissingExtraError, UnknownNameError, WeightsError
from clickmask.core.protocols import Backend, Stage, Step
from clickmask.core.registry import Registry, unknown_name
from clickmask.zoo import catalog
from clickmask.zoo.spec import ModelSpec, made

if TYPE_CHECKING:
    from pathlib import Path

    from clickmask.predict.cloud_predictor import CloudPipeline, CloudPredictor
    from clickmask.predict.clouds import CloudBackend
    from clickmask.predict.predictor import Pipeline, Predictor
    from clickmask.predict.quality import Quality
    from clickmask.predict.stage import Carry, NamedStage
    from clickmask.predict.views import CloserViews
    from clickmask.predict.volume_predictor import VolumePredictor

STAGES: Registry[NamedStage] = Registry(
    "stage",
    {
        "flip": "clickmask.predict.flip:FLIP",
        "graph_cut": "clickmask.predict.graph_cut:GRAPH_CUT",
        "pixel_diffusion": "clickmask.predict.pixel_diffusion:PIXEL_DIFFUSION",
        "exposure": "clickmask.predict.exposure:EXPOSURE",
        "obey_clicks": "clickmask.predict.obey:OBEY_CLICKS",
        "connected_to_clicks": "clickmask.predict.connected:CONNECTED_TO_CLICKS",
        "drop_islands": "clickmask.predict.connected:DROP_ISLANDS",
        "cascade": "clickmask.predict.cascade:CASCADE",
        "focus": "clickmask.predict.focus:FOCUS",
        "progressive_merge": "clickmask.predict.merge:PROGRESSIVE_MERGE",
        "brs": "clickmask.nn.refine.brs:BRS",
        "distmap_brs": "clickmask.nn.refine.brs:DISTMAP_BRS",
        "rgb_brs": "clickmask.nn.refine.brs:RGB_BRS",
        "fbrs_a": "clickmask.nn.refine.fbrs:FBRS_A",
        "fbrs_b": "clickmask.nn.refine.fbrs:FBRS_B",
        "fbrs_c": "clickmask.nn.refine.fbrs:FBRS_C",
        "adapt_image": "clickmask.nn.refine.adapt:ADAPT_IMAGE",
        "adapt_sequence": "clickmask.nn.refine.adapt:ADAPT_SEQUENCE",
    },
)
"""Stages that a person can add by name; each is wrapped at its place, in the order given where places are equal."""

OpenBackend = Callable[[ModelSpec, "Path | None", "int | None"], Backend]
"""(spec, folder of the weights, CPU threads) -> the backend; WeightsError if they do not fit."""

BACKENDS: Registry[OpenBackend] = Registry(
    "backend",
    {
        "flood": "clickmask.predict.flood:open_flood",
        "onnx": "clickmask.predict.onnx:open_onnx",
        "sam_onnx": "clickmask.predict.sam_onnx:open_sam_onnx",
        "sam_torch": "clickmask.nn.sam:open_sam_torch",
        "torch": "clickmask.nn.torch_backend:open_torch",
    },
)
"""Runtimes by the name that a spec gives."""

OpenCloudBackend = Callable[["Path", "str | None", "int | None"], "CloudBackend"]
"""(weights, their sha256, CPU threads) -> the backend."""

CLOUD_BACKENDS: Registry[OpenCloudBackend] = Registry(
    "cloud backend",
    {
        "onnx": "clickmask.predict.onnx_cloud:OnnxCloudBackend",
        "torch": "clickmask.nn.cloud_backend:open_torch_cloud",
    },
)
"""Runtimes of models for point clouds; both read the same file."""


def load(
    name: str = "default",
    *,
    stages: Sequence[str] = (),
    threads: int | None = None,
    backend: str | None = None,
) -> Predictor:
    """A predictor for a model of images; for a model of point clouds a `CloudPredictor`, see `load_cloud`.

    Args:
        name: one of `models()` or `cloud_models()`, or the folder of an exported model.
        stages: further stages by name, e.g. ``["flip", "graph_cut"]``; see docs/refinement.md.
        threads: CPU threads of the network; None leaves the choice to the runtime.
        backend: ``"torch"`` or ``"onnx"``; None takes what the model was exported for.

    Raises:
        UnknownNameError: no such model or stage.
        WeightsError: the weights are missing or damaged, or do not run on that backend.
        MissingExtraError: torch is asked for and not installed.
    """
    from clickmask.predict.predictor import Predictor

    if catalog.find_cloud(name) is not None:
        if stages:
            raise InputError(f"Stages are for images; the model '{name}' is for point clouds. Leave them out.")
        # the name decides; typed callers with clouds use load_cloud
        return cast("Predictor", load_cloud(name, threads=threads, backend=backend))
    return Predictor(build_pipeline(name, stages=stages, threads=threads, backend=backend))


def load_cloud(name: str = "points", *, threads: int | None = None, backend: str | None = None) -> CloudPredictor:
    """A predictor for point clouds; `load` comes here for models that are for clouds.

    Args:
        name: one of `cloud_models()`, or the folder of an exported model.
        threads: CPU threads of the network; None leaves the choice to the runtime.
        backend: ``"torch"`` or ``"onnx"``, which is also what None takes; torch reads the same weights.

    Raises:
        UnknownNameError: no such model.
        WeightsError: the weights are missing or damaged.
        MissingExtraError: torch is asked for and not installed.
    """
    from clickmask.predict.cloud_predictor import CloudPredictor

    return CloudPredictor(build_cloud_pipeline(name, threads=threads, backend=backend))


def load_volume(
    name: str = "default", *, stages: Sequence[str] = (), threads: int | None = None, backend: str | None = None
) -> VolumePredictor:
    """A predictor for the slices of volumes, with any model for images; arguments and errors as of `load`."""
    from clickmask.predict.volume_predictor import VolumePredictor

    return VolumePredictor(build_pipeline(name, stages=stages, threads=threads, backend=backend))


def build_cloud_pipeline(
    name: str = "points", *, threads: int | None = None, backend: str | None = None
) -> CloudPipeline:
    """A model for clouds with its options, for callers that keep many states; arguments as in `load_cloud`."""
    from clickmask.predict.cloud_predictor import CloudPipeline
    from clickmask.predict.clouds import CloudOptions

    found = catalog.find_cloud(name)
    if found is None:
        hint = "A model for images does not take point clouds." if name in catalog.names() else ""
        raise UnknownNameError(f"{unknown_name('model for point clouds', name, catalog.cloud_names())} {hint}".strip())
    spec, folder = found
    try:
        options = CloudOptions(**spec.options)
    except TypeError as error:
        raise WeightsError(f"The model '{spec.name}' has options that do not exist: {error}.") from error
    if (backend or "onnx") not in CLOUD_BACKENDS:
        raise UnknownNameError(unknown_name("backend", str(backend), CLOUD_BACKENDS.names()))
    try:
        opener = CLOUD_BACKENDS.get(backend or "onnx")
    except ImportError as error:
        if backend != "torch" or (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError(f"The model '{spec.name}' on torch", "torch") from error
    return CloudPipeline(spec.name, options, opener(folder / spec.weights, spec.sha256, threads), spec.sha256)


def cloud_models() -> list[str]:
    """Names of the models for point clouds, the default one first."""
    return catalog.cloud_names()


def models() -> list[str]:
    """Names that `load` knows, the default first."""
    return catalog.names()


def build_pipeline(
    name: str = "default",
    *,
    stages: Sequence[str] = (),
    threads: int | None = None,
    threshold: float | None = None,
    backend: str | None = None,
) -> Pipeline:
    """The model with its stages, for callers that keep many states: the annotator, the evaluator.

    Args:
        name: one of `models()`, or the folder of an exported model.
        stages: further stages by name.
        threads: CPU threads of the network.
        threshold: probability above which a pixel belongs to the mask; the spec's if None.
        backend: ``"torch"`` or ``"onnx"``; None takes what the model was exported for.
    """
    from clickmask.predict.predictor import Pipeline

    spec, folder = catalog.find(name)
    if threshold is not None:
        spec = replace(spec, threshold=threshold)
    opened = _backend(spec, folder, threads, backend)
    spec = replace(spec, runtime=backend or spec.runtime, capabilities=tuple(sorted(opened.capabilities)))
    step, carries = assemble(spec, opened, stages), _carries(spec, opened, stages)
    return Pipeline(spec, opened, step, _views(spec, opened), _quality(spec), carries)


def _views(spec: ModelSpec, backend: Backend) -> CloserViews | None:
    """Closer views for a spec that has settings of them."""
    from clickmask.predict.base import backend_step
    from clickmask.predict.views import Views, closer_views

    if spec.views is None:
        return None
    return closer_views(made(spec, "views", Views, spec.views), backend_step(backend), spec.input_hw)


def _quality(spec: ModelSpec) -> Quality:
    from clickmask.predict.quality import Quality

    return Quality() if spec.quality is None else made(spec, "quality", Quality, spec.quality)


def assemble(spec: ModelSpec, backend: Backend, stages: Sequence[str] = ()) -> Step:
    """Wrap stages round a backend, each at its place: network, zoom-in, answer, and progressive merge outermost.

    The spec's own stages come before those that are asked for.

    Raises:
        UnknownNameError: no such stage.
        InputError: a stage is named twice.
        CapabilityError: a stage needs what the backend does not offer, or two exclude each other.
    """
    from clickmask.predict.merge import ProgressiveMerge, progressive_merge
    from clickmask.predict.predictor import logit
    from clickmask.predict.reach import within_reach
    from clickmask.predict.stage import StageContext, in_place
    from clickmask.predict.zoom_in import ZoomIn, zoom_in

    named = _named_stages(spec, backend, stages)
    context = StageContext(backend, logit(spec.threshold))
    inside = [stage for place in ("weights", "backend", "network") for stage in in_place(named, place)]
    wrappers: list[Stage] = [stage.make(context) for stage in inside]
    if spec.zoom_in is not None:
        wrappers.append(zoom_in(made(spec, "zoom_in", ZoomIn, spec.zoom_in), spec.input_hw))
    wrappers += [stage.make(context) for stage in in_place(named, "answer")]
    wrappers.append(within_reach)
    wrappers.append(progressive_merge(ProgressiveMerge(), context.threshold_logit))
    step = _innermost(backend, context.threshold_logit)
    for wrap in wrappers:
        step = wrap(step)
    return step


def find_stage(name: str) -> NamedStage:
    """A stage of the table.

    Raises:
        UnknownNameError: no such stage.
        MissingExtraError: it differentiates networks, and torch is not installed.
    """
    try:
        return STAGES.get(name)
    except ImportError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError(f"The stage '{name}'", "torch") from error


def _carries(spec: ModelSpec, backend: Backend, stages: Sequence[str]) -> tuple[Carry, ...]:
    """What the stages learn from a finished object, innermost first."""
    from clickmask.predict.predictor import logit
    from clickmask.predict.stage import StageContext

    context = StageContext(backend, logit(spec.threshold))
    return tuple(stage.carry(context) for stage in _named_stages(spec, backend, stages) if stage.carry is not None)


def _innermost(backend: Backend, threshold_logit: float) -> Step:
    """The question to the network; two of them where it has a refiner."""
    from clickmask.predict.base import backend_step
    from clickmask.predict.focal_click import CAPABILITY, FocalClick, RefiningBackend, focal_click_step

    if CAPABILITY in backend.capabilities:
        return focal_click_step(cast(RefiningBackend, backend), FocalClick(), threshold_logit)
    return backend_step(backend)


def _named_stages(spec: ModelSpec, backend: Backend, names: Sequence[str]) -> list[NamedStage]:
    """The stages, once it is clear that they can work together on this backend."""
    from clickmask.predict.stage import check_stages

    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InputError(f"The stage '{twice[0]}' is named twice. Each can be used once.")
    named = {name: find_stage(name) for name in (*spec.stages, *names)}
    check_stages(named, backend, spec.name)
    return list(named.values())


def _backend(spec: ModelSpec, folder: Path | None, threads: int | None, runtime: str | None) -> Backend:
    wanted = runtime or spec.runtime
    if spec.runtime != wanted and not (wanted == "torch" and spec.runtime == "onnx"):
        raise WeightsError(
            f"The model '{spec.name}' cannot run on '{wanted}': it is made for '{spec.runtime}'. Leave out the backend"
            + (", or export the run again: graphs are written where the method allows." if wanted == "onnx" else ".")
        )
    if wanted not in BACKENDS:
        raise WeightsError(
            f"The model '{spec.name}' names the runtime '{wanted}', which this clickmask does not have. "
            f"Known: {', '.join(BACKENDS)}."
        )
    try:
        opener = BACKENDS.get(wanted)
    except MissingExtraError:
        raise
    except ImportError as error:
        if wanted != "torch" or (error.name or "").startswith("clickmask"):
            raise
        raise MissingExtraError(f"The model '{spec.name}' on torch", "torch") from error
    return opener(spec, folder, threads)
