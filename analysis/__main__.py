"""`python -m analysis prepare | report | findings`: studies of a checkpoint, computed beforehand or as a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.findings import findings_page, read_prepared
from analysis.ground import Effort, Ground
from analysis.registry import STUDIES
from analysis.report import report
from analysis.store import Prepared, prepare
from hug.config import DataConfig
from hug.files import write_text


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    _ground(commands.add_parser("prepare", help="compute the studies that the tabs show, beside the checkpoint"))
    made = commands.add_parser("report", help="an HTML report with CSV tables; studies are computed where they lack")
    _ground(made)
    made.add_argument("--out", type=Path, required=True, help="folder of the report")
    page = commands.add_parser("findings", help="what was found and what does not hold, as Markdown")
    page.add_argument("--checkpoints", nargs="+", required=True, help="folders or Hub ids with prepared studies")
    page.add_argument("--out", type=Path, default=Path("docs/findings.md"), help="file to write (%(default)s)")
    return top


def _ground(to: argparse.ArgumentParser) -> None:
    data, effort = DataConfig(), Effort()
    to.add_argument("--checkpoint", default="checkpoints/garments", help="folder or Hub id (%(default)s)")
    to.add_argument("--root", help="data set in Fashion-IQ's layout; without it only the gallery is studied")
    to.add_argument("--split", default="test", help="split to study (%(default)s)")
    to.add_argument("--categories", nargs="+", default=list(data.categories), help="categories to read")
    to.add_argument("--cache", default=data.cache, help="folder of the frozen tokens (%(default)s)")
    to.add_argument("--studies", nargs="+", metavar="STUDY", help=f"only some of {', '.join(STUDIES)}")
    to.add_argument("--pictures", type=int, default=effort.pictures, help="clean pictures a category (%(default)s)")


def ground_of(args: argparse.Namespace) -> Ground:
    data = DataConfig(root=args.root, categories=args.categories, cache=args.cache) if args.root else None
    return Ground.load(args.checkpoint, data, args.split, Effort(pictures=args.pictures))


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return {"prepare": _prepare, "report": _report, "findings": _findings}[args.command](args)
    except (ValueError, OSError) as error:
        print(f"python -m analysis {args.command}: {error}", file=sys.stderr)
        return 1


def _prepare(args: argparse.Namespace) -> int:
    found = prepare(ground_of(args), names=args.studies)
    print(told(found))
    return 0


def _report(args: argparse.Namespace) -> int:
    ground = ground_of(args)
    try:
        found = Prepared.load(ground.folder, ground.model)
    except ValueError as stale:
        print(stale, file=sys.stderr)
        found = None
    if found is None or ground.data is not None and not found.data:
        found = prepare(ground, args.out, args.studies)  # beside the report: a checkpoint may be read-only
    path = report(found, ground.folder.resolve().name, _about(ground, found), args.out)
    print(f"{len(found.tables)} studies are in {path}")
    for name, why in found.skipped.items():
        print(f"  {name} skipped: {why}")
    return 0


def _about(ground: Ground, found: Prepared) -> dict[str, str]:
    model = ground.model
    return {
        "objective": model.objective.name,
        "components": f"{model.config.components} of {model.config.dim} dimensions",
        "weights": found.weights,
        "backbone": f"{model.backbone.name} ({model.backbone.fingerprint})",
        "data": ", ".join(f"{k} {v}" for k, v in found.data.items()) or "the gallery alone",
        "gallery": f"{len(ground.index)} pictures ({found.gallery})",
        "commit": found.commit,
    }


def _findings(args: argparse.Namespace) -> int:
    write_text(args.out, findings_page(read_prepared(args.checkpoints)))
    print(f"findings of {len(args.checkpoints)} checkpoints are in {args.out}")
    return 0


def told(found: Prepared) -> str:
    """What was computed, how long it took, and what was skipped and why."""
    lines = [f"{len(found.tables)} studies of {found.weights} are in {found.folder}"]
    for name in STUDIES:
        what = f"{found.seconds.get(name, 0):6.1f} s" if name in found.tables else f" skipped: {found.skipped[name]}"
        lines.append(f"  {name:<22} {what}")
    size = sum(path.stat().st_size for path in Path(found.folder).iterdir())
    return "\n".join([*lines, f"  {size / 1000:.0f} kB"])


if __name__ == "__main__":
    sys.exit(main())
