"""The training loop: steps, moving average, checkpoints, log, validation. Resumes to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clickmask.encode.feedback import recalls
from clickmask.nn.encode import TWINS
from clickmask.nn.losses import LOSSES
from clickmask.nn.method import Outputs, Phase, find_method
from clickmask.train.conveyor import Batch, Conveyor
from clickmask.train.memory import cache_bytes
from clickmask.train.object_memory import ObjectMemory
from clickmask.train.photos import PhotoSource
from clickmask.train.precision import halves
from clickmask.train.progress import Clock, Progress, samples_until
from clickmask.train.recipe import OWN_LOSS, Recipe
from clickmask.train.run_folder import RunFolder
from clickmask.train.samples import SampleMaker
from clickmask.train.teacher import teacher_loss

PHASE_GROUPS = 1 << 24
"""Groups of phase n are numbered from n * PHASE_GROUPS, so that no sample is drawn in two phases."""

SEED_SPAN = 1 << 32
"""Steps of one seed before another seed's numbers begin."""

Validate = Callable[[nn.Module, int], dict[str, float]]
Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A report that shows nothing."""


class Trainer:
    """One run in one folder.

    Args:
        recipe: what to do.
        photos: training data, see `clickmask.train.sources.read_sources`.
        folder: run folder; made if missing.
        resume: continue from its checkpoint; without one the run starts from the beginning.
        device: ``cpu`` or ``cuda``.
        validate: called with the averaged network and the step.
        workers: that draw samples, see `clickmask.train.groups.GroupSource`; the run does not depend on it.
        maker: draws the samples, with the recipe's data rules and seed; one of its own if None.

    Raises:
        RecipeError: the folder holds a run already and `resume` is false, or a run of another recipe.
    """

    def __init__(  # noqa: PLR0913 - what a run consists of
        self,
        recipe: Recipe,
        photos: Sequence[PhotoSource],
        folder: Path,
        *,
        resume: bool = False,
        device: str = "cpu",
        validate: Validate | None = None,
        workers: int = 1,
        maker: SampleMaker | None = None,
    ) -> None:
        self.recipe, self.folder, self.device = recipe.check(), RunFolder(folder), torch.device(device)
        self._halves = halves(recipe.precision, self.device)
        self.maker = maker or SampleMaker(photos, recipe.data, recipe.seed, cache_bytes())
        torch.manual_seed(recipe.seed)
        self.method = find_method(recipe.method).with_config(recipe.network)
        self._encoding = self.method.make_encoding()
        self.network = self.method.network(pretrained=recipe.pretrained).to(self.device)
        self.average = self.method.network().to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self._teacher = teacher_loss(recipe.teacher, self.method, self.device, self._halves) if recipe.teacher else None
        self.optimizer = _optimizer(self.network, recipe)
        self.step = 0
        self._validate, self._workers = validate, workers
        self.seconds = 0.0
        self._saved: dict[str, Any] | None = None
        self.folder.claim(recipe, resume)
        if resume and self.folder.has_checkpoint:
            self._load()
        self.folder.cut_log(self.step if self.step else -1)

    def run(self, report: Report = silent, until: int | None = None) -> None:
        """Train to the end of the recipe, or to step `until`; a checkpoint is written at the end either way."""
        stop = self.recipe.steps if until is None else min(until, self.recipe.steps)
        self._clock = Clock(self.recipe, self.step, stop, self.seconds)
        if self.step == 0 and self._validate is not None:
            self._check(self._validate)
        first = 0
        for index, phase in enumerate(self.recipe.phases):
            if self.step < min(first + phase.steps, stop):
                self._run_phase(index, first, stop, report)
            first += phase.steps
        self.seconds = self._clock.seconds

    def start_from(self, load: Callable[[nn.Module], None]) -> None:
        """Let `load` fill the network's weights before the first step."""
        load(self.network)
        self.average.load_state_dict(self.network.state_dict())

    def _run_phase(self, index: int, first: int, stop: int, report: Report) -> None:
        phase = self.recipe.phases[index]
        kind = ObjectMemory if self.recipe.clicks == "memory" else Conveyor
        conveyor = kind(self.maker, self.recipe, phase, index * PHASE_GROUPS, self._workers)
        saved, self._saved = self._saved, None
        try:
            if saved is not None and self.step > first:
                conveyor.restore(saved)
            else:
                conveyor.fill()
            while self.step < min(first + phase.steps, stop):
                rate = self._rate(phase, self.step - first)
                loss, iou = self._train_step(conveyor, rate)
                self.step += 1
                self._note(loss, iou, rate, phase, stop, report)
                if self.step % self.recipe.check_every == 0 or self.step == stop:
                    self._save(conveyor)
        finally:
            conveyor.close()

    def _train_step(self, conveyor: Conveyor | ObjectMemory, rate: float) -> tuple[float, float]:
        while conveyor.rehearsing:
            self._hand_on(conveyor, self._rehearsed(conveyor.batch()))
        batch = _to(conveyor.batch(), self.device)
        # dropout follows from seed and step, so that a resumed run drops what an unbroken one drops
        torch.manual_seed((self.recipe.seed * SEED_SPAN + self.step) % (1 << 63))
        outputs = self._outputs(batch)
        loss = (self._losses(outputs, batch) * self._weights(batch.ages)).mean()
        self._descend(loss, rate)
        self._hand_on(conveyor, outputs)
        return float(loss.detach()), _mean_iou(_probabilities(outputs["logits"]), batch.labels.cpu())

    def _hand_on(self, conveyor: Conveyor | ObjectMemory, outputs: Outputs) -> None:
        """Give the samples the network's answers."""
        again = self._encoding.feedback if recalls(self._encoding) else "logits"
        conveyor.advance(*(_probabilities(outputs[name])[:, 0].numpy() for name in ("logits", again)))

    def _rehearsed(self, batch: Batch) -> Outputs:
        """What the network would answer in use, without gradient."""
        self.network.eval()
        with torch.no_grad():
            outputs = self._outputs(_to(batch, self.device))
        self.network.train()
        return outputs

    def _outputs(self, batch: Batch) -> Outputs:
        """What the network gives, in float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._halves):
            guidance = TWINS[self.method.encoding](self._encoding, batch.clicks, batch.previous)
            images = self.method.scaling.of_symmetric(batch.images)
            if self.method.learn is not None and self.network.training:
                outputs = self.method.learn(self.network, images, guidance, batch.labels, batch.clicks)
            else:
                outputs = self.network(images, guidance)
        return {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}

    def _losses(self, outputs: Outputs, batch: Batch) -> Tensor:
        """(B,) loss of each sample."""
        if self.recipe.loss == OWN_LOSS:
            losses = self.method.loss(outputs, batch.labels, batch.clicks)
        else:
            losses = LOSSES[self.recipe.loss](outputs["logits"], batch.labels)
        if self._teacher is None:
            return losses
        share = self.recipe.teacher_share
        return (1 - share) * losses + share * self._teacher(outputs["logits"], batch)

    def _descend(self, loss: Tensor, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self._update_average()

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
            # statistics of batch normalisation are means already
            for ours_kept, theirs_kept in zip(self.average.buffers(), self.network.buffers(), strict=True):
                ours_kept.copy_(theirs_kept)

    def _note(self, loss: float, iou: float, rate: float, phase: Phase, stop: int, report: Report) -> None:
        """Log a step, validate if it is time, and report both."""
        speed, left = self._clock.tick(phase.batch, phase.side)
        seconds = round(self._clock.seconds, 2)
        entry = {"step": self.step, "loss": loss, "iou": iou, "rate": rate, "side": phase.side, "seconds": seconds}
        self.folder.log(entry)
        every = self.recipe.validate_every
        figures = None
        if self._validate is not None and (self.step == stop or (every and self.step % every == 0)):
            figures = self._check(self._validate)
        seen = samples_until(self.recipe, self.step)
        report(Progress(self.step, stop, phase.side, loss, iou, speed, left, figures, seen))

    def _check(self, validate: Validate) -> dict[str, float]:
        figures = validate(self.average, self.step)
        self.folder.log({"step": self.step, "validation": figures})
        self._clock.skip()
        return figures

    def _save(self, conveyor: Conveyor | ObjectMemory) -> None:
        state = {
            "step": self.step,
            "seconds": self._clock.seconds,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "conveyor": conveyor.state(),
        }
        self.folder.save(state)

    def _load(self) -> None:
        state = self.folder.load()
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self._saved = state["step"], state["conveyor"]
        self.seconds = state.get("seconds", 0.0)  # not in checkpoints of 0.1.0.dev


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The encoder learns at a rate of its own, vectors are not decayed."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        share = recipe.encoder_rate if name.startswith(recipe.encoder) else 1.0
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    rows = [{"params": p, "share": s, "weight_decay": d} for (s, d), p in groups.items()]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(
            [{**row, "weight_decay": 0.0} for row in rows], lr=0.0, betas=recipe.betas, foreach=True
        )
    return torch.optim.AdamW(rows, lr=0.0, betas=recipe.betas, foreach=True)


def _to(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    values = {name: getattr(batch, name).to(device, non_blocking=True) for name in Batch.__dataclass_fields__}
    return Batch(**values)


def _probabilities(logits: Tensor) -> Tensor:
    """(B, 1, S, S) on the CPU, without gradient."""
    return torch.sigmoid(logits.detach()).float().cpu()


def _mean_iou(probabilities: Tensor, labels: Tensor) -> float:
    """Mean over the batch; a sample whose mask and target are both empty counts 1."""
    valid, truth, mask = labels >= 0, labels == 1, probabilities > 0.5
    intersection = (mask & truth).sum((1, 2, 3)).float()
    union = ((mask | truth) & valid).sum((1, 2, 3)).float()
    return float(torch.where(union > 0, intersection / union.clamp(min=1), 1.0).mean())
