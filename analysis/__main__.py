"""`python -m analysis measure | report | results | findings`: studies of a checkpoint, and the pages made of them."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.experiments import QUICK, Effort, Experiments
from analysis.registry import STUDIES
from analysis.report import report
from analysis.results_page import (
    Results,
    ablations_section,
    findings_page,
    read_results,
    read_studies,
    results_page,
    stored_ablations,
)
from analysis.store import StudyStore, measure
from hug.checkpoint import shown_name
from hug.config import DataConfig
from hug.console import BUNDLED, forgive_console, require_writable
from hug.evaluate.measurements import lines
from hug.files import only_writer, reason, write_text


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    studies = commands.add_parser(
        "measure", aliases=["prepare"], help="compute the studies, with their metrics, beside the checkpoint"
    )
    _experiments(studies)
    html = commands.add_parser("report", help="an HTML report with CSV tables; studies are computed where they lack")
    _experiments(html)
    html.add_argument("--out", type=Path, required=True, help="folder of the report")
    results = commands.add_parser("results", help="aims, baselines and every measure, as Markdown")
    results.add_argument("--checkpoints", nargs="+", required=True, help="folders or Hub ids, measured before")
    results.add_argument(
        "--ablations", nargs="+", default=[],
        help="more of them, compared with the first checkpoint; without any the page keeps the section that it has",
    )  # fmt: skip
    results.add_argument("--out", type=Path, default=Path("docs/results.md"), help="page to write (%(default)s)")
    findings = commands.add_parser("findings", help="which claims hold and which do not, as Markdown")
    findings.add_argument("--checkpoints", nargs="+", required=True, help="folders or Hub ids with stored studies")
    findings.add_argument("--out", type=Path, default=Path("docs/findings.md"), help="page to write (%(default)s)")
    for command, run in ((studies, _measure), (html, _report), (results, _results), (findings, _findings)):
        command.set_defaults(run=run)
    return top


def _experiments(to: argparse.ArgumentParser) -> None:
    data, effort = DataConfig(), Effort()
    to.add_argument("--checkpoint", default=BUNDLED, help="folder or Hub id (%(default)s)")
    to.add_argument("--root", "--data", help="folder of a data set; without it only the gallery is studied")
    to.add_argument("--split", default="test", help="split to study (%(default)s)")
    to.add_argument("--categories", nargs="+", default=list(data.categories), help="categories to read")
    to.add_argument("--cache", default=data.cache, help="folder of the frozen tokens (%(default)s)")
    to.add_argument("--studies", nargs="+", metavar="STUDY", help=f"only some of {', '.join(STUDIES)}")
    to.add_argument("--photos", type=Path, help="folder of real photographs to degrade and measure")
    to.add_argument("--quick", action="store_true", help="few resamples and pictures")
    to.add_argument(
        "--pictures", type=int,
        help=f"clean pictures a category to degrade and edit ({effort.pictures}, quick {QUICK.pictures})",
    )  # fmt: skip


def experiments_of(args: argparse.Namespace) -> Experiments:
    if args.pictures is not None and args.pictures < 1:
        raise ValueError(f"--pictures must be at least 1, got {args.pictures}")
    data = DataConfig(root=args.root, categories=args.categories, cache=args.cache) if args.root else None
    effort = QUICK if args.quick else Effort()
    effort = effort if args.pictures is None else dataclasses.replace(effort, pictures=args.pictures)
    return Experiments.load(args.checkpoint, data, args.split, effort, args.photos)


def main(argv: Sequence[str] | None = None) -> int:
    forgive_console()
    args = parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        print(f"python -m analysis {args.command}: {reason(error)}", file=sys.stderr)
        return 1
    return 0


def _measure(args: argparse.Namespace) -> None:
    experiments = experiments_of(args)
    require_writable(experiments.folder, "--checkpoint, such as a copy of this one")
    with only_writer(experiments.folder):
        store = measure(experiments, names=args.studies)
    print("\n".join([store.text(), "", *lines(store.metrics)]))


def _report(args: argparse.Namespace) -> None:
    experiments = experiments_of(args)
    try:
        store = StudyStore.load(experiments.folder, experiments.model.weights_hash)
    except ValueError as stale:
        print(stale, file=sys.stderr)
        store = None
    if store is None or experiments.data is not None and not store.origin.data:
        store = measure(experiments, args.out, args.studies)  # beside the report: a checkpoint may be read-only
    path = report(store, shown_name(experiments.folder), _about(experiments, store), args.out)
    print(f"{len(store.tables)} studies are in {path}")
    for name, why in store.skipped.items():
        print(f"  {name} skipped: {why}")


def _about(experiments: Experiments, store: StudyStore) -> dict[str, str]:
    model, origin = experiments.model, store.origin
    return {
        "objective": model.objective.name,
        "components": f"{model.config.components} of {model.config.dim} dimensions",
        "weights": origin.weights,
        "backbone": f"{model.backbone.name} ({model.backbone.fingerprint})",
        "data": ", ".join(f"{k} {v}" for k, v in origin.data.items()) or "the gallery alone",
        "gallery": f"{len(experiments.index)} pictures ({origin.gallery})",
        "commit": origin.commit,
    }


def _results(args: argparse.Namespace) -> None:
    results = read_results(args.checkpoints)
    if args.ablations:
        ablations = ablations_section([next(iter(results.values())), *map(Results.load, args.ablations)])
    else:
        ablations = stored_ablations(args.out.read_text("utf-8")) if args.out.exists() else ""
    write_text(args.out, results_page(results, ablations))
    print(f"results of {len(args.checkpoints)} checkpoints are in {args.out}")


def _findings(args: argparse.Namespace) -> None:
    write_text(args.out, findings_page(read_studies(args.checkpoints)))
    print(f"findings of {len(args.checkpoints)} checkpoints are in {args.out}")


if __name__ == "__main__":
    sys.exit(main())
