"""The fair comparison: every model with and without every refinement, same robot, same data, one page.

    make compare
    python benchmarks/compare_methods.py grabcut=DIR berkeley=DIR -o runs/compare
    python benchmarks/compare_methods.py grabcut=DIR -o runs/mine --models default runs/a --refine graph_cut

Without --models: all models that can be loaded, and the peers. A pair of model and stage that makes no sense is listed
with the reason, a method without weights as not trained yet. Each row has a folder of its own below RUN_DIR; a
comparison that was stopped continues where it was. RUN_DIR then holds comparison.html and comparison.md, and so does
the folder that --publish names. Paragraphs of --notes, a text file, stand above the tables.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from compare import PEERS
from comparison_page import Row, Skipped, html_page, markdown_page
from costs import Costs, costs_of
from first_clicks import first_clicks
from rich.console import Console

from clickmask.api import find_stage
from clickmask.cli.evaluate import answer_with_progress, build_subject, open_all
from clickmask.core.errors import CapabilityError, ClickmaskError, WeightsError
from clickmask.data import Dataset, ReadOptions
from clickmask.evaluate.protocol import PROTOCOLS, find_protocol
from clickmask.evaluate.run import SubjectBuilder
from clickmask.evaluate.run_folder import replace_text
from clickmask.evaluate.whole_run import Question
from clickmask.zoo import catalog
from clickmask.zoo.methods import METHODS

REFINEMENTS = (
    "flip",
    "cascade",
    "graph_cut",
    "pixel_diffusion",
    "connected_to_clicks",
    "fbrs_b",
    "fbrs_c",
    "adapt_image",
)
COSTS_FILE = "costs.json"


@dataclass(frozen=True)
class Contender:
    """One row to measure.

    Attributes:
        model: name of a model or a peer.
        stage: added to it; None for none.
        backend: runtime that the stage needs; None for the model's own.
    """

    model: str
    stage: str | None = None
    backend: str | None = None

    @property
    def label(self) -> str:
        """As the page calls it."""
        name = Path(self.model).name
        return name if self.stage is None else f"{name} + {self.stage}"

    @property
    def folder(self) -> str:
        """Name of its run's folder."""
        return re.sub(r"[^\w.-]+", "_", self.label)

    def builder(self, threads: int | None) -> SubjectBuilder:
        """What makes the subject."""
        if self.model in PEERS:
            return partial(PEERS[self.model], threads)
        return partial(build_subject, self.model, () if self.stage is None else (self.stage,), threads, self.backend)


def main() -> None:
    """Measure what is not measured yet, then write both pages."""
    arguments = parse_arguments()
    console = Console(stderr=True)
    try:
        datasets = open_all(arguments.datasets, ReadOptions())
        contenders, skipped = chosen(arguments.models, arguments.refine)
        rows = []
        for number, contender in enumerate(contenders, start=1):
            console.print(f"{number} of {len(contenders)}: {contender.label}")
            rows.append(measured(contender, datasets, arguments))
    except ClickmaskError as error:
        sys.exit(f"Error: {error}")
    notes = paragraphs(arguments.notes)
    pages = {"html": html_page(rows, skipped, notes), "md": markdown_page(rows, skipped, notes)}
    targets = [arguments.output / "comparison", *([arguments.publish] if arguments.publish else [])]
    for path in (target.with_suffix(f".{kind}") for target in targets for kind in pages):
        replace_text(path, pages[path.suffix[1:]])
        print(path)


def paragraphs(notes: Path | None) -> list[str]:
    """What is parted by empty lines in a file, each on one line."""
    text = "" if notes is None else notes.read_text(encoding="utf-8")
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", metavar="DATASET=DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN_DIR")
    parser.add_argument("--models", nargs="+", help=f"names, folders of exported models, or {', '.join(PEERS)}")
    parser.add_argument("--refine", nargs="*", default=list(REFINEMENTS), help="stages to try with every model")
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="published")
    parser.add_argument("--limit", type=int, help="only the first N objects of each data set")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--publish", type=Path, metavar="PAGE", help="write PAGE.html and PAGE.md too")
    parser.add_argument("--notes", type=Path, metavar="TEXT", help="paragraphs that say what the figures mean")
    parser.add_argument("--object", type=int, default=0, help="number of the object whose first clicks are shown")
    return parser.parse_args()


def chosen(models: Sequence[str] | None, stages: Sequence[str]) -> tuple[list[Contender], list[Skipped]]:
    """The rows to measure, and what there is nothing to measure of, with the reason."""
    names = [*catalog.names(), *PEERS] if models is None else list(models)
    contenders, skipped = list[Contender](), list[Skipped]()
    for model in names:
        contenders.append(Contender(model))
        for stage in () if model in PEERS else stages:
            pair = Contender(model, stage, "torch" if "gradients" in find_stage(stage).needs else None)
            try:
                pair.builder(1)()
            except (CapabilityError, WeightsError) as error:
                skipped.append(Skipped(pair.label, str(error)))
            else:
                contenders.append(pair)
    if models is None:
        trained = {catalog.find(name)[0].method for name in catalog.names()}
        skipped += [Skipped(line.name, "not trained yet") for line in METHODS if line.name not in trained]
    return contenders, skipped


def measured(contender: Contender, datasets: Sequence[Dataset], arguments: argparse.Namespace) -> Row:
    """One row, from its folder as far as it is there."""
    protocol = find_protocol(arguments.protocol)
    question = Question(
        build=contender.builder(None if arguments.jobs == 1 else 1),
        protocol=protocol,
        datasets=datasets,
        limit=arguments.limit,
        jobs=arguments.jobs,
        command=shlex.join(["python", *sys.argv]),
    )
    folder = arguments.output / contender.folder
    summary = answer_with_progress(question, folder)
    sample = datasets[0].samples[min(arguments.object, len(datasets[0].samples) - 1)]
    views = first_clicks(contender.builder(1), sample, protocol, folder)
    costs, training = kept_costs(contender, folder), training_of(contender)
    return Row(contender.label, contender.stage is not None, summary, costs, views, folder, training)


def training_of(contender: Contender) -> dict[str, Any]:
    """What the model's folder tells about its training."""
    if contender.model in PEERS:
        return {}
    spec, folder = catalog.find(contender.model)
    curve = None if folder is None else folder / "curve.json"
    learned = {"curve": json.loads(curve.read_text(encoding="utf-8"))} if curve is not None and curve.is_file() else {}
    return {**spec.training, **learned}


def kept_costs(contender: Contender, folder: Path) -> Costs:
    """Size and work of the network, counted once."""
    file = folder / COSTS_FILE
    if file.is_file():
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Costs(**values)
    found = Costs() if contender.model in PEERS else costs_of(contender.model)
    replace_text(file, json.dumps(asdict(found)) + "\n")
    return found


if __name__ == "__main__":
    main()
