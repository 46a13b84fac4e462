"""Questions whose answer is known, beside a gallery: what a visitor can check an answer with."""

from collections.abc import Collection as Ids
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from hug.bounded import check_table
from hug.data.captions import joined
from hug.data.collection import Collection
from hug.data.images import printable
from hug.files import write_parquet


@dataclass(frozen=True)
class SampleQuery:
    """A reference picture, words, and the picture that was meant."""

    reference: str
    target: str
    words: str
    kind: str = ""  # of the wording: specific, presupposing, vague or conflict; empty where it is unknown


def samples_path(gallery: Path) -> Path:
    """Where the questions of a Parquet gallery lie."""
    return gallery.with_name(f"{gallery.stem}-queries{gallery.suffix}")


def samples_of(collection: Collection, ids: Ids[str]) -> list[SampleQuery]:
    """The triplets of a split whose both pictures are among the ids, worded as they are evaluated."""
    truth = collection.truth
    kinds = list(truth.queries.kind) if truth is not None else [""] * len(collection.triplets)
    return [
        SampleQuery(t.reference, t.target, joined(t.captions), str(kind))
        for t, kind in zip(collection.triplets, kinds, strict=True)
        if t.target in ids and t.reference in ids and t.target is not None and t.target != t.reference
    ]


def write_samples(gallery: Path, samples: Sequence[SampleQuery]) -> Path:
    """Beside the gallery; returns the file."""
    path, names = samples_path(gallery), [field.name for field in fields(SampleQuery)]
    write_parquet(path, pd.DataFrame([asdict(sample) for sample in samples], columns=names))
    return path


def read_samples(gallery: Path, ids: Ids[str]) -> tuple[SampleQuery, ...]:
    """Those of a Parquet gallery that hold two of its pictures; none where no file lies beside it.

    Raises ValueError for a file that can't be read.
    """
    path = samples_path(gallery)
    if not path.is_file():
        return ()
    names = [field.name for field in fields(SampleQuery)]
    try:
        check_table(path)
        table = pd.read_parquet(path, columns=names).astype(str)
    except (ValueError, TypeError, KeyError, OSError, ArrowException) as error:
        raise ValueError(
            f"{printable(path)} holds no questions that can be read ({str(error).splitlines()[0]})"
        ) from error
    samples = (SampleQuery(*row) for row in table.itertuples(index=False, name=None))
    return tuple(sample for sample in samples if sample.reference in ids and sample.target in ids)
