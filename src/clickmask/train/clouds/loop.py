"""The training loop for clouds: samples in flight, each at its own click; every answer is learned from.

A batch is a handful of samples. After each step the network's own answers decide where the robot clicks
next, so iterative training (RITM; AGILE3D) costs no pass without a gradient.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clickmask.nn.backbones.sparse_unet import SparseUNet, SparseUNetConfig
from clickmask.nn.cloud_method import CLOUD_METHODS
from clickmask.nn.sparse import SparsePlan
from clickmask.predict.onnx_cloud import one_logit
from clickmask.spatial.plan import join
from clickmask.train.clouds.random_samples import draw_random_sample
from clickmask.train.clouds.samples import Sample, SampleOptions, draw_sample
from clickmask.train.clouds.sources import SceneShares, SceneSource

CHECKPOINT, LOG, RECIPE = "checkpoint.pt", "log.jsonl", "recipe.json"


@dataclass(frozen=True)
class CloudRecipe:
    """A training on clouds.

    Attributes:
        name: of the recipe.
        method: name in `clickmask.nn.cloud_method.CLOUD_METHODS`.
        summary: one sentence.
        steps: optimiser steps at most.
        minutes: time at most; the schedule follows whichever of the two is further. 0 for no limit.
        batch: samples in flight.
        rate: highest learning rate (AdamW), reached after `warmup` steps, then a cosine to 0.
        warmup: steps of the rise.
        weight_decay: of AdamW.
        clip: greatest norm of the gradient.
        average: decay of the moving average of the weights, which is what gets exported.
        seed: of all draws.
        network: size.
        samples: how samples are drawn.
        shares: how often each kind of scene is drawn.
    """

    name: str = "points"
    method: str = "points"
    summary: str = "The default model for clouds: iterative clicks, distances, previous mask, mixed scales."
    steps: int = 12_000
    minutes: float = 0.0
    batch: int = 4
    rate: float = 2e-3
    warmup: int = 150
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.998
    seed: int = 0
    network: SparseUNetConfig = field(default_factory=lambda: SparseUNetConfig(14, widths=(16, 32, 64, 80, 96)))
    samples: SampleOptions = field(default_factory=SampleOptions)
    shares: SceneShares = field(default_factory=SceneShares)


class CloudTrainer:
    """One run in one folder; `resume` goes on from its checkpoint."""

    def __init__(self, recipe: CloudRecipe, source: SceneSource, folder: Path, resume: bool = False) -> None:
        self.recipe, self.source, self.folder = recipe, source, folder
        self.method = CLOUD_METHODS.get(recipe.method)
        self._draw = {"iterative": draw_sample, "random": draw_random_sample}[self.method.clicks]
        torch.manual_seed(recipe.seed)
        self.network, self.average = SparseUNet(recipe.network), SparseUNet(recipe.network)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(_groups(self.network, recipe.weight_decay), lr=0.0)
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if resume and (folder / CHECKPOINT).is_file():
            self._load()
        self.rng = np.random.default_rng((recipe.seed, self.step))
        (folder / RECIPE).write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
        self._flight: list[Sample] = []

    def run(self, report: Callable[[dict[str, float]], None], save_every: float = 120.0) -> None:
        """Train to the end of the recipe; a checkpoint every `save_every` seconds and at the end."""
        started, before, saved = time.monotonic(), self.seconds, time.monotonic()
        while self.progress < 1:
            figures = self._train_step()
            self.step += 1
            self.seconds = before + time.monotonic() - started
            self._note(figures)
            report(figures)
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        spent = self.seconds / (60 * self.recipe.minutes) if self.recipe.minutes else 0.0
        return max(self.step / self.recipe.steps, spent)

    def _train_step(self) -> dict[str, float]:
        while len(self._flight) < self.recipe.batch:
            sample = self._draw(self.source.scene(self.rng), self.recipe.samples, self.rng)
            if sample is not None:
                self._flight.append(sample)
        batch = self._flight
        plan = SparsePlan.of(join([sample.plan for sample in batch]))
        rows = torch.from_numpy(np.concatenate([sample.channels() for sample in batch]))
        logits = self.network(rows, plan).split([len(sample.share) for sample in batch])
        answers = zip(logits, batch, strict=True)
        losses = [self.method.loss(part, torch.from_numpy(sample.share)) for part, sample in answers]
        loss = torch.stack(losses).mean()
        self._descend(loss)
        probabilities = [probability(one_logit(part.detach().numpy())) for part in logits]
        figures = _figures(float(loss.detach()), batch, probabilities)
        answered = zip(batch, probabilities, strict=True)
        self._flight = [sample for sample, answer in answered if sample.advance(answer, self.rng)]
        return figures

    def _descend(self, loss: Tensor) -> None:
        rate = self.recipe.rate * min((self.step + 1) / self.recipe.warmup, 1.0)
        rate *= (1 + math.cos(math.pi * min(self.progress, 1.0))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            ours, theirs = self.average.state_dict(), self.network.state_dict()
            for name, value in theirs.items():
                if value.dtype.is_floating_point:
                    ours[name].lerp_(value, 1 - decay)

    def _note(self, figures: dict[str, float]) -> None:
        entry = {"step": self.step, "seconds": round(self.seconds, 1), **figures}
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "method": self.recipe.method,
            "config": asdict(self.recipe.network),
        }
        part = self.folder / f"{CHECKPOINT}.part"
        torch.save(state, part)
        part.replace(self.folder / CHECKPOINT)

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self.folder / CHECKPOINT, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def probability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sigmoid without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float32)


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Matrices are decayed, vectors are not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def _figures(loss: float, batch: list[Sample], probabilities: list[NDArray[np.float32]]) -> dict[str, float]:
    ious: list[float] = []
    firsts: list[float] = []
    for sample, answer in zip(batch, probabilities, strict=True):
        mask, truth = answer > 0.5, sample.truth
        value = float((mask & truth).sum() / max((mask | truth).sum(), 1))
        (ious if sample.previous is not None else firsts).append(value)
    figures = {"loss": loss, "voxels": float(sum(len(sample.share) for sample in batch))}
    if ious:
        figures["iou"] = float(np.mean(ious))
    if firsts:
        figures["iou_first"] = float(np.mean(firsts))
    return figures
