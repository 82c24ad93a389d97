"""A classical peer: random walker segmentation (Grady 2006), driven by clicks, without any learning.

Clicked discs are seeds. Until there is a negative click, the image's frame is seeded as background, but for what a
positive disc covers. The linear system is solved directly on the image at 160 pixels of its longer side; the
probability is interpolated back. Our own implementation with SciPy.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from clickmask.core.frames import Crop, Frame, LogitMap, whole
from clickmask.core.prompts import Prompt, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.evaluate.run import Subject

SIDE = 160
DISC = 2
"""Radius of a clicked disc, pixels of the small image."""
BETA = 90.0
"""How strongly differences of colour hold the walker back (Grady's value, for colours scaled to [0, 1])."""
LEAST_WEIGHT = 1e-6
"""Keeps every pixel connected, so that the system has one solution."""
OBJECT, BACKGROUND = 1, 2


def advance(frame: Frame, state: ObjectState, prompt: Prompt) -> ObjectState:
    """See `clickmask.evaluate.run.Subject`."""
    prompts = state.prompts.add(prompt)
    scale = min(SIDE / max(frame.size_hw), 1.0)
    size_hw = max(round(frame.size_hw[0] * scale), 1), max(round(frame.size_hw[1] * scale), 1)
    crop = Crop(whole(frame.size_hw), size_hw)
    probability = object_probability(frame.crop(crop).pixels, seeds(crop.prompts_to_crop(prompts), size_hw))
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    values = np.log(clipped / (1 - clipped)).astype(np.float32)
    return ObjectState(prompts, LogitMap(values, whole(frame.size_hw)))


def seeds(prompts: Prompts, size_hw: tuple[int, int]) -> NDArray[np.int32]:
    """(h, w) labels from clicks in small-image pixels; 0 is undecided, later clicks lie over earlier ones."""
    labels = np.zeros(size_hw, dtype=np.int32)
    if all(click.positive for click in prompts.clicks):
        labels[[0, -1]], labels[:, [0, -1]] = BACKGROUND, BACKGROUND
    for click in prompts.clicks:
        cv2.circle(labels, (int(click.x), int(click.y)), DISC, OBJECT if click.positive else BACKGROUND, -1)
    return labels


def object_probability(pixels: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """(h, w) probability that a walker from a pixel reaches an object seed first."""
    probability = np.asarray(labels == OBJECT, dtype=np.float64).ravel()
    free, seeded = np.flatnonzero(labels == 0), np.flatnonzero(labels)
    if len(free):
        laplacian = grid_laplacian(pixels.astype(np.float64) / 255)
        rows = laplacian[free]
        probability[free] = splu(rows[:, free].tocsc()).solve(-rows[:, seeded] @ probability[seeded])
    return probability.reshape(labels.shape)


def grid_laplacian(colours: NDArray[np.float64]) -> sparse.csr_matrix:
    """Graph Laplacian of the 4-connected pixel grid, (h w, h w), from (h, w, 3) colours in [0, 1]."""
    number = np.arange(colours.shape[0] * colours.shape[1]).reshape(colours.shape[:2])
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    first = np.concatenate([a.ravel() for a, _ in pairs])
    second = np.concatenate([b.ravel() for _, b in pairs])
    flat = colours.reshape(-1, 3)
    weight = np.exp(-BETA * ((flat[first] - flat[second]) ** 2).sum(axis=1)) + LEAST_WEIGHT
    adjacency = sparse.coo_matrix((weight, (first, second)), shape=(number.size, number.size))
    symmetric = (adjacency + adjacency.T).tocsr()
    return sparse.csr_matrix(sparse.diags(np.asarray(symmetric.sum(axis=1)).ravel()) - symmetric)


def build(threads: int | None = None) -> Subject:
    """The peer as a thing to measure; it runs on one thread, whatever `threads` says."""
    return Subject(
        "random_walker", advance, {"weights_bytes": 0, "scipy": scipy.__version__, "side": SIDE, "beta": BETA}
    )
