"""Networks for clouds through ONNX Runtime: the light install's way to click in 3D.

Inputs of a graph: ``channels`` (N, C) float32, for each level i ``same{i}_source``, ``_target``, ``_splits``
and ``rows{i}``, for each step ``down{i}_source``, ``_target``, ``_splits``; see `clickmask.spatial.pairs`.
Output: ``logits`` (N, 1), or (N, 2) whose difference is the logit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clickmask.core.errors import WeightsError
from clickmask.predict.onnx import read_weights, session_options
from clickmask.spatial.pairs import PairList, PlanPairs
from clickmask.spatial.plan import Plan


class OnnxCloudBackend:
    """A network for voxels in an ONNX file.

    Args:
        path: the file.
        sha256: expected digest, None to skip the check.
        threads: CPU threads; None leaves the choice to the runtime.

    Raises:
        WeightsError: the file is missing, damaged or not the expected one.
    """

    def __init__(self, path: Path, sha256: str | None = None, threads: int | None = None) -> None:
        graph = read_weights(path, sha256)
        try:
            self._session = onnxruntime.InferenceSession(graph, session_options(threads), ["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors have no common base but this
            raise WeightsError(f"The weights {path} are no ONNX graph that can be run: {error}") from error
        names = {value.name for value in self._session.get_inputs()}
        if not {"channels", "rows0", "same0_source"} <= names:
            raise WeightsError(f"The graph {path} is none for clouds: it takes {', '.join(sorted(names))}.")
        self.depth = sum(name.startswith("rows") for name in names)
        self._known: tuple[Plan, dict[str, NDArray[np.int64]]] | None = None

    def run(self, plan: Plan, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) logits of (N, C) voxels."""
        if self._known is None or self._known[0] is not plan:
            self._known = (plan, feeds(plan))
        (logits,) = self._session.run(["logits"], {"channels": channels, **self._known[1]})
        return one_logit(np.asarray(logits))


def one_logit(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) out of one logit a voxel, or of two: background and object."""
    return np.ascontiguousarray(logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0])


def feeds(plan: Plan) -> dict[str, NDArray[np.int64]]:
    """A plan as inputs of a graph."""
    pairs = PlanPairs.of(plan)
    out = {f"rows{i}": np.array([len(level)], dtype=np.int64) for i, level in enumerate(plan.levels)}
    for i, same in enumerate(pairs.same):
        out |= _named(f"same{i}", same)
    for i, down in enumerate(pairs.down):
        out |= _named(f"down{i}", down)
    return out


def _named(name: str, pairs: PairList) -> dict[str, NDArray[np.int64]]:
    return {f"{name}_source": pairs.source, f"{name}_target": pairs.target, f"{name}_splits": pairs.splits}
