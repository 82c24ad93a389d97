"""One table for our models and their peers, all measured by the same runner under the same protocol.

    python benchmarks/compare.py grabcut=DIR berkeley=DIR -o runs/compare --subjects default minisam opencv_grabcut

Each subject gets a folder of its own below RUN_DIR, with records and report; a stopped comparison continues.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import grabcut_peer
import minisam_peer
import random_walker_peer
from rich.console import Console

from clickmask.cli.evaluate import answer_with_progress, build_subject, open_all
from clickmask.core.errors import ClickmaskError
from clickmask.data import ReadOptions
from clickmask.evaluate.protocol import PROTOCOLS, find_protocol
from clickmask.evaluate.run import SubjectBuilder
from clickmask.evaluate.summary import percent
from clickmask.evaluate.whole_run import Question

PEERS = {
    "minisam": minisam_peer.build,
    "opencv_grabcut": grabcut_peer.build,
    "random_walker": random_walker_peer.build,
}
CLICKS = (1, 2, 3, 5)


def main() -> None:
    """Measure and print a Markdown table."""
    arguments = parse_arguments()
    summaries = {}
    try:
        for name in arguments.subjects:
            Console(stderr=True).print(f"measuring {name}")
            summaries[name] = measure(name, arguments)
    except ClickmaskError as error:
        sys.exit(f"Error: {error}")
    print(table(summaries))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", metavar="DATASET=DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN_DIR")
    parser.add_argument("--subjects", nargs="+", default=["default", "minisam"], help=f"models, or {', '.join(PEERS)}")
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="published")
    parser.add_argument("--limit", type=int, help="only the first N objects of each data set")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Summary of one subject."""
    question = Question(
        build=builder(name, None if arguments.jobs == 1 else 1),
        protocol=find_protocol(arguments.protocol),
        datasets=open_all(arguments.datasets, ReadOptions()),
        limit=arguments.limit,
        jobs=arguments.jobs,
        command=shlex.join(["python", *sys.argv]),
    )
    return answer_with_progress(question, arguments.output / Path(name).name)


def builder(name: str, threads: int | None) -> SubjectBuilder:
    """What makes a subject: a peer, or a model of the catalogue."""
    if name in PEERS:
        return partial(PEERS[name], threads)
    return partial(build_subject, name, (), threads)


def table(summaries: dict[str, dict[str, Any]]) -> str:
    """Markdown, one row per data set and subject."""
    protocol = next(iter(summaries.values()))["protocol"]
    targets = [percent(target) for target in protocol["iou_targets"]]
    heads = ["data set", "model", *(f"NoC@{t}" for t in targets), "NoF@90", *(f"IoU@{k}" for k in CLICKS), "ms/click"]
    lines = [f"| {' | '.join(heads)} |", f"|---|---|{'---:|' * (len(heads) - 2)}"]
    for dataset in next(iter(summaries.values()))["datasets"]:
        for name, summary in summaries.items():
            figures = summary["datasets"][dataset]
            cells = [*(f"{figures[f'NoC@{t}']:.2f}" for t in targets), str(figures["NoF@90"])]
            cells += [*(f"{figures[f'IoU@{k}']:.3f}" for k in CLICKS), f"{figures['SPC'] * 1000:.0f}"]
            lines.append(f"| {dataset} | {name} | {' | '.join(cells)} |")
    objects = ", ".join(f"{name} {f['objects']}" for name, f in next(iter(summaries.values()))["datasets"].items())
    return "\n".join([*lines, "", f"Protocol {protocol['name']} ({protocol['hash']}); objects: {objects}."])


if __name__ == "__main__":
    main()
