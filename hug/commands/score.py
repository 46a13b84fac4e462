"""Score any method's ranking on annotations alone."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hug.commands.options import add_fields, with_options
from hug.config import DataConfig

if TYPE_CHECKING:
    from hug.evaluate.scores import Scores

HELP = "recall of any method's distances or ranked ids under a protocol; needs no pictures"
GAPS = {"reference": "reference_only", "words": "words_only"}  # name -> option


def add(to: ArgumentParser) -> None:
    to.add_argument("--data", "--root", dest="root", required=True, help="folder of the data set's annotations")
    to.add_argument("--protocol", help="what is asked and ranked (the data's own)")
    to.add_argument("--split", help="split (the protocol's, where the data have it)")
    answers = to.add_mutually_exclusive_group(required=True)
    answers.add_argument(
        "--distances", type=Path, nargs="+", metavar="FILE",
        help=".npy files, one a category: rows are queries in the annotation's order, columns the gallery's ids in "
        "its order, smaller is nearer",
    )  # fmt: skip
    answers.add_argument("--ranking", type=Path, metavar="FILE", help="JSON of ranked ids by query, or a TREC run")
    to.add_argument("--subset-ranking", type=Path, metavar="FILE", help="CIRR: ranked members by query, with --ranking")
    for name, option in GAPS.items():
        to.add_argument(f"--{option.replace('_', '-')}", type=Path, nargs="+", metavar="FILE",
                        help=f"the same of a method that sees the {name} alone: the gap to it is printed")  # fmt: skip
    to.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    add_fields(to, DataConfig, only=("format", "categories"))


def run(args: Namespace) -> int:
    from hug.data.datasets import read, splits
    from hug.evaluate.protocols import default_split, protocol_for
    from hug.evaluate.queries import category_queries
    from hug.evaluate.rank_files import read_answers
    from hug.evaluate.scores import category_score, scores_of

    if args.subset_ranking and not args.ranking:
        raise ValueError("--subset-ranking goes with --ranking; distances rank the members themselves")
    data = with_options(args, DataConfig())
    collection = read(data, args.split or default_split(splits(data), args.protocol))
    protocol = protocol_for(collection, args.protocol)
    if protocol.hidden:
        raise ValueError(f"protocol {protocol.name} hides its targets: check its files with `python -m hug submission`")
    categories = [category_queries(collection, category, protocol) for category in collection.galleries]

    def scored(paths: list[Path], subset: Path | None = None) -> "tuple[Scores, tuple[str, ...]]":
        answers = read_answers(paths, categories, protocol, subset)
        parts = zip(categories, answers.ranks, answers.subset or [None] * len(categories), strict=True)
        scores = [category_score(queries, protocol, ranks, members) for queries, ranks, members in parts]
        return scores_of(collection, protocol, scores), answers.notes

    scores, notes = scored(args.distances or [args.ranking], args.subset_ranking)
    single = {name: scored(getattr(args, option))[0] for name, option in GAPS.items() if getattr(args, option)}
    print(json.dumps(_report(scores, notes, single), indent=1) if args.json else _text(scores, notes, single))
    return 0


def _report(scores: "Scores", notes: tuple[str, ...], single: "dict[str, Scores]") -> dict[str, Any]:
    gaps = {name: {"means": other.to_dict()["means"], "gap": scores.gap(other)} for name, other in single.items()}
    return {**scores.to_dict(), **({"one_modality": gaps} if gaps else {}), "notes": list(notes)}


def _text(scores: "Scores", notes: tuple[str, ...], single: "dict[str, Scores]") -> str:
    rows = [*scores.lines(), *(f"note: {note}" for note in notes)]
    for name, other in single.items():
        gaps = ", ".join(f"{cut} {value:+.2f}" for cut, value in scores.gap(other).items())
        rows.append(f"above {name} only: {gaps}")
    return "\n".join(rows)
