"""The training loop: steps, moving average, checkpoints, log, validation. Resumes to the bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.core.registry import unknown_name
from clickmask.encode.disk_distance import DiskDistance
from clickmask.nn.encode import encode_disk_distance
from clickmask.nn.losses import LOSSES
from clickmask.nn.models.compact import build
from clickmask.train.conveyor import Batch, Conveyor
from clickmask.train.photos import Encoded
from clickmask.train.recipes import RECIPE_FILE, Phase, Recipe
from clickmask.train.samples import SampleMaker

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
PHASE_GROUPS = 1 << 24
"""Groups of phase n are numbered from n * PHASE_GROUPS, so that no sample is drawn in two phases."""
ENCODING = DiskDistance()


@dataclass(frozen=True, slots=True)
class Progress:
    """What a caller may show after a step.

    Attributes:
        step, steps: done and planned.
        loss: of this step.
        iou: mean IoU of this step's masks with their targets.
        samples_per_second: since the start of this process.
        seconds_left: estimate.
    """

    step: int
    steps: int
    loss: float
    iou: float
    samples_per_second: float
    seconds_left: float


Validate = Callable[[nn.Module, int], dict[str, float]]


class Trainer:
    """One run in one folder.

    Args:
        recipe: what to do.
        photos: training data, see `clickmask.train.photos.read_sources`.
        folder: run folder; made if missing.
        resume: continue from its checkpoint; without one the run starts from the beginning.
        device: ``cpu`` or ``cuda``.
        validate: called with the averaged network and the step.

    Raises:
        RecipeError: the folder holds a run already and `resume` is false, or a run of another recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        photos: Sequence[Encoded],
        folder: Path,
        *,
        resume: bool = False,
        device: str = "cpu",
        validate: Validate | None = None,
    ) -> None:
        if recipe.loss not in LOSSES:
            raise UnknownNameError(unknown_name("loss", recipe.loss, sorted(LOSSES)))
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        _claim(folder, recipe, resume)
        torch.manual_seed(recipe.seed)
        self.network = build(recipe.network, pretrained=recipe.pretrained).to(self.device)
        self.average = build(recipe.network, pretrained=False).to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = _optimizer(self.network, recipe)
        self.maker = SampleMaker(photos, recipe.data, recipe.seed)
        self.step = 0
        self._validate = validate
        self._saved: dict[str, Any] | None = None
        if resume and (folder / CHECKPOINT).is_file():
            self._load()

    def run(self, report: Callable[[Progress], None] = lambda progress: None, until: int | None = None) -> None:
        """Train to the end of the recipe, or to step `until`; a checkpoint is written at the end either way."""
        self._started, self._first, self._samples = time.monotonic(), self.step, 0
        stop = self.recipe.steps if until is None else min(until, self.recipe.steps)
        first = 0
        for index, phase in enumerate(self.recipe.phases):
            if self.step < min(first + phase.steps, stop):
                self._run_phase(index, phase, first, stop, report)
            first += phase.steps

    def _run_phase(self, index: int, phase: Phase, first: int, stop: int, report: Callable[[Progress], None]) -> None:
        conveyor = Conveyor(self.maker, self.recipe, phase, index * PHASE_GROUPS)
        saved, self._saved = self._saved, None
        if saved is not None and self.step > first:
            conveyor.restore(saved)
        else:
            conveyor.fill()
        try:
            while self.step < min(first + phase.steps, stop):
                rate = self._rate(phase, self.step - first)
                loss, iou = self._train_step(conveyor, rate)
                self.step += 1
                self._samples += phase.batch
                self._note(loss, iou, rate, phase, stop, report)
                if self.step % self.recipe.check_every == 0 or self.step == stop:
                    self._save(conveyor)
                self._maybe_validate(stop)
        finally:
            conveyor.close()

    def _train_step(self, conveyor: Conveyor, rate: float) -> tuple[float, float]:
        batch = _to(conveyor.batch(), self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(batch.images, encode_disk_distance(ENCODING, batch.clicks, batch.previous))
        losses = LOSSES[self.recipe.loss](logits, batch.labels)
        loss = (losses * self._weights(batch.ages)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self._update_average()
        probabilities = torch.sigmoid(logits.detach()).float().cpu()
        conveyor.advance(probabilities[:, 0].numpy())
        return float(loss.detach()), _mean_iou(probabilities, batch.labels.cpu())

    def _weights(self, ages: Tensor) -> Tensor:
        weights = torch.tensor(self.recipe.click_weights, device=ages.device)
        return weights[ages.clamp(max=len(weights) - 1)]

    def _rate(self, phase: Phase, step: int) -> float:
        along = (1 - math.cos(math.pi * step / max(phase.steps - 1, 1))) / 2
        rate = phase.rate_start + (phase.rate_end - phase.rate_start) * along
        return rate * min((self.step + 1) / max(self.recipe.warmup, 1), 1.0)

    def _update_average(self) -> None:
        # a short memory at the start, so that the first weights are forgotten
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            ours: list[Tensor] = list(self.average.parameters())
            theirs: list[Tensor] = list(self.network.parameters())
            torch._foreach_lerp_(ours, theirs, 1 - decay)

    def _note(
        self, loss: float, iou: float, rate: float, phase: Phase, stop: int, report: Callable[[Progress], None]
    ) -> None:
        elapsed = time.monotonic() - self._started
        left = elapsed / max(self.step - self._first, 1) * (stop - self.step)
        report(Progress(self.step, stop, loss, iou, self._samples / elapsed, left))
        entry = {
            "step": self.step,
            "loss": loss,
            "iou": iou,
            "rate": rate,
            "side": phase.side,
            "seconds": round(elapsed, 2),
        }
        self.log(entry)

    def _maybe_validate(self, stop: int) -> None:
        every = self.recipe.validate_every
        if self._validate is not None and (self.step == stop or (every and self.step % every == 0)):
            self.log({"step": self.step, "validation": self._validate(self.average, self.step)})

    def log(self, entry: dict[str, Any]) -> None:
        """Append one line to the run's log."""
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def _save(self, conveyor: Conveyor) -> None:
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "conveyor": conveyor.state(),
        }
        temporary = self.folder / f"{CHECKPOINT}.part"
        torch.save(state, temporary)
        temporary.replace(self.folder / CHECKPOINT)

    def _load(self) -> None:
        state = torch.load(self.folder / CHECKPOINT, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self._saved = state["step"], state["conveyor"]
        _cut_log(self.folder / LOG, self.step)


def _claim(folder: Path, recipe: Recipe, resume: bool) -> None:
    """Make the run folder, or check that it holds the same recipe."""
    path = folder / RECIPE_FILE
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(recipe.to_json(), encoding="utf-8")
        return
    if not resume:
        raise RecipeError(
            f"{folder} holds a training run already. Continue it with --resume, or choose another folder."
        )
    if path.read_text(encoding="utf-8") != recipe.to_json():
        raise RecipeError(
            f"{folder} was trained with other settings (see {RECIPE_FILE}). "
            "Give the same ones, or choose another folder."
        )


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; the encoder learns more slowly, vectors are not decayed."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        share = recipe.encoder_rate if name.startswith("encoder.") else 1.0
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    rows = [{"params": p, "share": s, "weight_decay": d} for (s, d), p in groups.items()]
    return torch.optim.AdamW(rows, lr=0.0, foreach=True)


def _to(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    values = {name: getattr(batch, name).to(device, non_blocking=True) for name in Batch.__dataclass_fields__}
    return Batch(**values)


def _mean_iou(probabilities: Tensor, labels: Tensor) -> float:
    valid, truth, mask = labels >= 0, labels == 1, probabilities > 0.5
    intersection = (mask & truth).sum((1, 2, 3)).float()
    union = ((mask | truth) & valid).sum((1, 2, 3)).clamp(min=1).float()
    return float((intersection / union).mean())


def _cut_log(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint, so that a resumed run's log reads like an unbroken one."""
    if not path.is_file():
        return
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _logged_step(line) <= step]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _logged_step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return math.inf
