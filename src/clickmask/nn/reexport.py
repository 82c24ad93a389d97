"""A model that is there already, written again: the same weights for another input size, or a graph made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clickmask.core.errors import InputError, WeightsError
from clickmask.nn.export import export_model
from clickmask.nn.torch_backend import load_model_weights, method_of
from clickmask.zoo import catalog
from clickmask.zoo.methods import METHOD_TARGETS
from clickmask.zoo.spec import ModelSpec


def export_again(model: str, output: Path, *, name: str | None = None, side: int | None = None) -> ModelSpec:
    """Write a model folder with the weights and settings of another one.

    Args:
        model: a name of the catalogue, or a model folder.
        output: folder for ``model.safetensors``, ``model.onnx`` (where the method allows) and ``spec.json``.
        name: of the new model; the output folder's name if None.
        side: network input in pixels, a multiple of the method's step; the model's own if None. Measured results do
            not hold for another size and are left out then.

    Raises:
        UnknownNameError: no such model.
        WeightsError: it has no weights that torch can read, or what was written answers differently.
        InputError: the side does not fit the network, or the output is a file.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; a model is a folder. Choose another name for -o.")
    spec, folder = catalog.find(model)
    if spec.method not in METHOD_TARGETS:
        raise WeightsError(
            f"The model '{spec.name}' has no weights of a method of clickmask, so it cannot be exported."
        )
    method = method_of(spec)
    if side is not None and (side < method.side_step or side % method.side_step):
        raise InputError(f"The side must be a multiple of {method.side_step} for {method.name}, got {side}.")
    network = method.network()
    load_model_weights(network, spec, folder)
    size = spec.input_hw if side is None else (side, side)
    results = spec.results if size == spec.input_hw else {}
    written = replace(spec, name=name or output.resolve().name, input_hw=size, results=results)
    return export_model(network, method, written, output)
