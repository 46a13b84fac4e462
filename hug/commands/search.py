"""Ask one query."""

import os
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

from hug.commands.options import add_checkpoint, add_device, add_milvus

HELP = "ask one query from the command line"


def add(to: ArgumentParser) -> None:
    add_checkpoint(to)
    to.add_argument("--index", type=Path, help="folder of an index; the checkpoint's own by default")
    to.add_argument("--picture", type=Path, required=True, help="reference picture")
    to.add_argument("--words", default="", help="what to change, in English")
    to.add_argument("-k", type=int, default=10, help="results (%(default)s)")
    add_device(to)
    add_milvus(to)


def run(args: Namespace) -> int:
    import torch

    from hug.backbones.reading import reading_notes
    from hug.calibration import Calibration
    from hug.checkpoint import load, local_folder
    from hug.data.images import open_picture
    from hug.retrieval.index import Index, SearchOptions
    from hug.retrieval.milvus import MilvusIndex
    from hug.retrieval.trace import reasons_before, trace

    words = os.fsencode(args.words).decode("utf-8", "replace")  # as typed, whatever the console's letters
    folder = local_folder(args.checkpoint)
    model = load(folder, device=args.device)
    tokens, calibration = model.backbone.images([open_picture(args.picture)]), Calibration.load(folder, model)
    encoded = model.backbone.words([words])
    with torch.no_grad():
        query = model.query_tokens(tokens, encoded)
    with ExitStack() as stack:  # an open Milvus keeps the process alive
        index: Index | MilvusIndex
        if args.milvus:
            index = stack.enter_context(MilvusIndex.open(args.milvus, args.collection))
        else:
            index = Index.load(args.index or folder, half=True)
        index.check(model)
        mu = index.gaussians.mu if isinstance(index, Index) else None
        strange = calibration is not None and mu is not None and calibration.strange_gallery(mu)
        reasons = reasons_before(calibration, strange, model.backbone, tokens, query, words, encoded)
        answer = trace(index, query, words, SearchOptions(args.k), calibration, reasons)
    for rank, (name, distance) in enumerate(zip(answer.ranking.ids[0], answer.ranking.distances[0], strict=False), 1):
        print(f"{rank:>3}  {distance:.4f}  {name}")
    print("variance  " + "  ".join(f"{n} {v:.4f}" for n, v in answer.means.items()))
    print("".join(f"{note}\n" for note in reading_notes(model.backbone, words)), end="")
    certainty = answer.certainty
    if certainty.chance is not None and certainty.answer_set is not None:
        held = certainty.answer_set
        print(f"chance that it is among the first ten: {100 * certainty.chance:.0f} %")
        print(f"in {100 * held.level:.0f} % of such questions it is among the first {held.size}")
    else:
        print(f"no chance is told: {'; '.join(certainty.withheld)}")
    return 0
