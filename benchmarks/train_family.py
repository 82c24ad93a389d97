"""Trains every method of the fair comparison alike: same photographs, crops and robot, in rounds of equal samples.

    make family
    python benchmarks/train_family.py --data train-*.tar --val val-000.tar -o runs/family --until 04:25
    python benchmarks/train_family.py --data train-*.tar -o runs/family --device cuda --minutes 25 --round 20000

Method after method trains for a round, goes on in the next one exactly from its checkpoint, and a round is only begun
if there is time for all: so at every stop all have seen the same number of samples. Each has a run folder below
RUN_DIR, which `clickmask train --resume` and `clickmask export` know as any other. The rungs below are the same for
all; the rest, losses and clicks and rates, is each method's own. RUN_DIR/family.md tells how far they are, and
--export writes model folders of the present state into a folder such as weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import torch

from clickmask.core.errors import ClickmaskError
from clickmask.evaluate.run_folder import replace_text
from clickmask.nn.export import spec_of
from clickmask.nn.method import Phase, find_method
from clickmask.train.command import TrainOptions, data_description, export
from clickmask.train.loop import Trainer, Validate
from clickmask.train.memory import cache_bytes, keep_freed_memory
from clickmask.train.photos import PhotoSource
from clickmask.train.precision import tiny_numbers_flushed
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import SET_WEIGHTS, find_recipe
from clickmask.train.run_folder import RunFolder, log_entries
from clickmask.train.samples import SampleMaker
from clickmask.train.sources import read_sources
from clickmask.train.validation import held_out_objects, validator

RUNGS = ((64, 8, 1250, 1.0), (128, 16, 1251, 1.0), (128, 32, 2187, 0.01))
"""Crop side, batch, steps, and the rate at a rung's end as a share of the method's own: 10,000 samples, then 20,016,
then 69,984. Small crops and batches first, because many small steps teach most at the beginning."""
CROPS_KEPT = 6000
"""Crops in memory: methods that train one after the other see the same ones."""
VALIDATION_CLICKS = 5
CURVE_FILE, CURVE_POINTS = "curve.json", 24


@dataclass(frozen=True)
class Member:
    """One network of the comparison.

    Attributes:
        name: of its run folder.
        recipe: whose training it is.
        changes: fields of the recipe that differ.
        without: sets of photographs that it never sees.
        small: whether a CPU trains it unless told otherwise.
    """

    name: str
    recipe: str
    changes: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    small: bool = True


SCRATCH = {"pretrained": "false", "encoder_rate": "1.0"}
FAMILY = (
    Member("compact", "compact"),
    Member("compact_scratch", "compact", SCRATCH),
    Member("dios_small", "dios_small"),
    # so few objects that each is seen again within a round: what ITIS learns from
    Member("itis_small", "itis_small", {"objects": "256"}),
    Member("fca_small", "fca_small"),
    Member("fbrs_small", "fbrs_small"),
    Member("cdnet_small", "cdnet_small"),
    Member("simpleclick_xtiny", "simpleclick_xtiny"),
    Member("focalclick_segformer_b0_s1", "focalclick_segformer_b0_s1"),
    Member("ritm_small", "ritm_small"),
    Member("edgeflow_small", "edgeflow_small"),
    # what adaptation is measured with: cells are new to it
    Member("compact_without_nuclei", "compact", without=("nuclei_dsb2018", "scenes")),
    # three times the work of the others: named with --only, or on a GPU
    Member("ritm_hrnet18s", "ritm_hrnet18s", small=False),
    Member("edgeflow_hrnet18s", "edgeflow_hrnet18s", small=False),
)


def main() -> None:
    """Train round after round until the time or the samples are used up."""
    arguments = parse_arguments()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    try:
        with tiny_numbers_flushed():
            ladder = Ladder(arguments)
            ladder.climb()
            if arguments.export is not None:
                ladder.export(arguments.export)
    except ClickmaskError as error:
        sys.exit(f"Error: {error}")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="SHARD")
    parser.add_argument(
        "--val", nargs="*", type=Path, default=[], metavar="SHARD", help="validate on these now and then"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN_DIR")
    parser.add_argument("--only", nargs="+", choices=[m.name for m in FAMILY], help="train these alone")
    parser.add_argument("--samples", type=int, default=100_000, help="of each network at most")
    parser.add_argument("--round", type=int, default=480, help="samples of a round, rounded to whole steps")
    parser.add_argument("--until", metavar="HH:MM", help="begin no round that would end later")
    parser.add_argument("--minutes", type=float, help="the same, from now")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, help="processes that draw samples; with a GPU all cores but one")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write models when the time is up; 0 minutes: now")
    parser.add_argument("--check", type=int, default=4, help="validate after every so many rounds")
    parser.add_argument("--objects", type=int, default=24, help="of a validation")
    return parser.parse_args()


class Ladder:
    """The members and how far they are."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        usual = [m for m in FAMILY if m.small or arguments.device == "cuda"]
        self.members = usual if arguments.only is None else [m for m in FAMILY if m.name in arguments.only]
        self.deadline = deadline_of(arguments)
        self.photos = read_sources(arguments.data)
        self.held = read_sources(arguments.val) if arguments.val else []
        usual = 1 if arguments.device == "cpu" else max((os.cpu_count() or 1) - 1, 1)
        self.workers = arguments.workers or usual
        self.makers: dict[tuple[str, ...], SampleMaker] = {}

    def climb(self) -> None:
        """Rounds, until the next one would end too late."""
        taken, number = 0.0, 0
        while (goal := self._goal()) is not None:
            left = self.deadline - time.time()
            if taken > left or left <= 0:
                print(f"Stopped: a round takes {taken:.0f} s, {max(left, 0):.0f} s are left.", flush=True)
                return
            number += 1
            started = time.time()
            for member in self.members:
                self._turn(member, goal, check=number % self.arguments.check == 0)
            taken = time.time() - started
            report(self.arguments.output, self.members)
            print(f"{datetime.now():%H:%M:%S} all at {goal} samples; the round took {taken:.0f} s", flush=True)
        print("Done: all have seen their samples.", flush=True)

    def export(self, target: Path) -> None:
        """Model folders with the curve of their training beside the weights."""
        for member in self.members:
            folder = self.arguments.output / member.name
            side = phase_at(recipe_of(member), steps_done(folder)).side
            export(folder, target / member.name, name=member.name, side=side)
            replace_text(target / member.name / CURVE_FILE, json.dumps(curve_of(folder)) + "\n")
            print(target / member.name, flush=True)

    def _goal(self) -> int | None:
        """Samples that all have seen after the next round; None if there is nothing left to do."""
        least = min(samples_seen(self.arguments.output / m.name) for m in self.members)
        most = min(self.arguments.samples, samples_at(sum(rung[2] for rung in RUNGS)))
        return None if least >= most else min(least + self.arguments.round, most)

    def _turn(self, member: Member, goal: int, check: bool) -> None:
        """Bring a member to at least `goal` samples."""
        folder, recipe = self.arguments.output / member.name, recipe_of(member)
        step = steps_for(goal)
        if steps_done(folder) >= step:
            return
        started, photos = time.time(), self._photos(member)
        options = TrainOptions(member.recipe, self.arguments.data, folder, validation=self.arguments.val)
        RunFolder(folder).describe_data(data_description(options, photos, self.held, ()))
        trainer = Trainer(
            recipe,
            photos,
            folder,
            resume=True,
            device=self.arguments.device,
            validate=self._validate(recipe, step) if check and self.held else None,
            workers=self.workers,
            maker=self._maker(member, recipe, photos),
        )
        before = trainer.step
        trainer.run(until=step)
        entries = [e for e in log_entries(folder) if "loss" in e and e["step"] > before]
        loss, iou = (sum(e[key] for e in entries) / len(entries) for key in ("loss", "iou"))
        samples = samples_at(trainer.step) - samples_at(before)
        print(
            f"  {member.name:28s} {samples_at(trainer.step):7d} samples  loss {loss:.3f}  IoU {iou:.3f}  "
            f"{samples / (time.time() - started):.1f} samples/s",
            flush=True,
        )

    def _photos(self, member: Member) -> Sequence[PhotoSource]:
        return [photo for photo in self.photos if photo.group not in member.without]

    def _maker(self, member: Member, recipe: Recipe, photos: Sequence[PhotoSource]) -> SampleMaker:
        """One for all who learn from the same photographs: they share what is decoded, and the crops."""
        if member.without not in self.makers:
            maker = SampleMaker(photos, recipe.data, recipe.seed, cache_bytes())
            maker.remember_crops(CROPS_KEPT if self.workers == 1 else 0)
            self.makers[member.without] = maker
        return self.makers[member.without].with_clicks(recipe.data.clicks)

    def _validate(self, recipe: Recipe, step: int) -> Validate:
        """Asks at the size that the network learns at: at another one, those from scratch see nothing yet."""
        method = find_method(recipe.method).with_config(recipe.network)
        objects = held_out_objects(self.held, self.arguments.objects, recipe.data)
        spec = spec_of(method, recipe.name, side=phase_at(recipe, step).side)
        return validator(objects, method, spec, VALIDATION_CLICKS)


def recipe_of(member: Member) -> Recipe:
    """The member's own recipe on the rungs that all climb."""
    own = find_recipe(member.recipe, member.changes)
    rate = own.phases[0].rate_start
    phases = tuple(Phase(side, batch, steps, rate, rate * share) for side, batch, steps, share in RUNGS)
    weights = tuple((name, weight) for name, weight in SET_WEIGHTS if name not in member.without)
    data = replace(own.data, weights=weights, scenes=0 if "scenes" in member.without else own.data.scenes)
    # a checkpoint is written at every round's end
    limits = {"check_every": 1000, "validate_every": 0, "warmup": 100, "input_side": RUNGS[1][0]}
    return replace(own, name=member.recipe, phases=phases, data=data, **limits).check()


def phase_at(recipe: Recipe, step: int) -> Phase:
    """The rung that a step lies on."""
    for phase in recipe.phases:
        if step <= phase.steps:
            return phase
        step -= phase.steps
    return recipe.phases[-1]


def curve_of(folder: Path) -> list[tuple[int, float]]:
    """Training IoU over samples, as means over at most CURVE_POINTS stretches of a run."""
    entries = [entry for entry in log_entries(folder) if "loss" in entry]
    size = max(-(-len(entries) // CURVE_POINTS), 1)
    parts = [entries[i : i + size] for i in range(0, len(entries), size)]
    return [(samples_at(part[-1]["step"]), round(sum(e["iou"] for e in part) / len(part), 4)) for part in parts]


def steps_for(samples: int) -> int:
    """Steps after which at least so many samples were seen."""
    steps = 0
    for _, batch, count, _ in RUNGS:
        here = min(-(-max(samples, 0) // batch), count)
        steps, samples = steps + here, samples - here * batch
    return steps


def samples_at(step: int) -> int:
    """Samples seen at a step."""
    seen = 0
    for _, batch, count, _ in RUNGS:
        here = min(max(step, 0), count)
        seen, step = seen + here * batch, step - here
    return seen


def steps_done(folder: Path) -> int:
    """Steps in a run's checkpoint."""
    run = RunFolder(folder)
    return int(run.load()["step"]) if run.has_checkpoint else 0


def samples_seen(folder: Path) -> int:
    """Samples that a run has learned from."""
    return samples_at(steps_done(folder))


def deadline_of(arguments: argparse.Namespace) -> float:
    """Seconds since the epoch when everything has to be over; infinite if nobody said."""
    now = datetime.now()
    if arguments.minutes is not None:
        return (now + timedelta(minutes=arguments.minutes)).timestamp()
    if arguments.until is None:
        return float("inf")
    clock = datetime.strptime(arguments.until, "%H:%M")
    then = now.replace(hour=clock.hour, minute=clock.minute, second=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


def report(output: Path, members: Sequence[Member]) -> None:
    """Write family.md: samples, training IoU of the last steps, and the last validation of each member."""
    lines = [
        "| network | samples | loss | training IoU | IoU@1 / 3 / 5 on held-out photographs |",
        "|---|---|---|---|---|",
    ]
    for member in members:
        entries = log_entries(output / member.name)
        steps = [e for e in entries if "loss" in e][-60:]
        checks = [e["validation"] for e in entries if "validation" in e]
        loss, iou = (sum(e[key] for e in steps) / len(steps) for key in ("loss", "iou"))
        held = " / ".join(f"{checks[-1][f'iou@{k}']:.3f}" for k in (1, 3, 5)) if checks else "–"
        lines.append(f"| {member.name} | {samples_at(steps[-1]['step'])} | {loss:.3f} | {iou:.3f} | {held} |")
    (output / "family.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (output / "family.json").write_text(json.dumps({m.name: samples_seen(output / m.name) for m in members}) + "\n")


if __name__ == "__main__":
    main()
