"""Generated data as a data set of the Hub: Parquet with the pictures inside, and a card that `datasets` reads.

Two configurations: `pictures` (id, image and labels, in gallery order) and `triplets` (ids, captions and their kind),
each with the splits train, validation and test.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from hug.data.collection import Collection
from hug.files import replacing, write_text

SPLITS = {"train": "train", "val": "validation", "test": "test"}  # split -> how the Hub calls it
SHARD = 1000  # pictures a file
BLOCK = 100  # pictures a row group: what a reader holds at once
CARD = Path(__file__).with_name("export_card.md")


def export(collections: Sequence[Collection], out: Path, progress: bool = True) -> Path:
    """Write the splits of one generated data set and their card to a new folder; returns it.

    Raises ValueError for data without a truth, whose licence isn't ours to give, and when the folder holds files.
    """
    if any(c.truth is None for c in collections):
        raise ValueError(f"{collections[0].name} is not generated; only generated data are exported with their labels")
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty; name a new folder")
    for collection in collections:
        collection.require_pictures()
    for collection in collections:
        name = SPLITS[collection.split]
        _write(out / "triplets" / f"{name}.parquet", list(_triplets(collection)), _triplet_features())
        ids, features = collection.ids, _picture_features(collection)
        shards = [ids[i : i + SHARD] for i in range(0, len(ids), SHARD)]
        for n, shard in enumerate(tqdm(shards, name, disable=not progress)):
            path = out / "pictures" / f"{name}-{n:05d}-of-{len(shards):05d}.parquet"
            _write(path, list(_picture_rows(collection, shard)), features)
    write_text(out / "README.md", card(collections))
    return out


def card(collections: Sequence[Collection]) -> str:
    """The card: metadata in front, then what the data are and are not."""
    first, columns = collections[0], ["split", "pictures", "triplets", "galleries"]
    galleries = [", ".join(f"{g} {len(i):,}" for g, i in c.galleries.items()) for c in collections]
    rows = [
        [SPLITS[c.split], f"{len(c.ids):,}", f"{len(c.triplets):,}", sizes]
        for c, sizes in zip(collections, galleries, strict=True)
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * 4, *rows))
    pictures = sum(len(c.ids) for c in collections)
    return CARD.read_text("utf-8").format(
        name=first.version.get("version", first.name),
        protocol=name if (name := str(first.version.get("version"))).startswith("garments-") else "garments-1",
        seed=first.version.get("seed", "unknown"),
        sha256=first.version.get("sha256", "unknown"),
        size=next(text for most, text in SIZES if pictures < most),
        table=table,
        aspects=", ".join(first.truth.aspects if first.truth else ()),
        files="\n".join(map(_files, ("pictures", "triplets"), ([SPLITS[c.split] for c in collections],) * 2)),
    )


SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (float("inf"), "100K<n<1M"))  # the Hub's


def _files(config: str, splits: Sequence[str]) -> str:
    lines = [f"  - config_name: {config}", *(["    default: true"] if config == "pictures" else []), "    data_files:"]
    for split in splits:
        lines += [f"      - split: {split}", f"        path: {config}/{split}*.parquet"]
    return "\n".join(lines)


def _labels(collection: Collection) -> list[str]:
    assert collection.truth is not None
    return ["category", *collection.truth.aspects, "degradation", "severity"]


def _picture_features(collection: Collection) -> Any:
    from datasets import Features, Image, Value  # not at the top: it takes a second, and only sharing needs it

    kinds = {name: Value("int32" if name == "severity" else "string") for name in _labels(collection)}
    return Features({"id": Value("string"), "image": Image(), **kinds})


def _triplet_features() -> Any:
    from datasets import Features, List, Value

    text = Value("string")
    return Features(
        {"reference": text, "target": text, "captions": List(text), "category": text, "kind": text,
         "clean": Value("bool"), "says": text, "needs": text}
    )  # fmt: skip


def _picture_rows(collection: Collection, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Files as they are, byte for byte, with their labels."""
    assert collection.truth is not None
    labels = collection.truth.labels.loc[list(ids), _labels(collection)].to_dict("records")
    for id, row in zip(ids, labels, strict=True):
        path = collection.path(id)
        yield {"id": id, "image": {"bytes": path.read_bytes(), "path": f"{id}{path.suffix}"}, **row}


def _triplets(collection: Collection) -> Iterator[dict[str, Any]]:
    assert collection.truth is not None
    queries = collection.truth.queries.to_dict("records")
    for triplet, row in zip(collection.triplets, queries, strict=True):
        yield {
            "reference": triplet.reference, "target": triplet.target, "captions": list(triplet.captions),
            "category": triplet.category, "kind": row["kind"], "clean": bool(row["clean"]),
            "says": json.dumps(row["says"]), "needs": json.dumps(row["needs"]),
        }  # fmt: skip


def _write(path: Path, rows: list[dict[str, Any]], features: Any) -> None:
    with replacing(path) as temporary:
        table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
        pq.write_table(table, temporary, compression="zstd", row_group_size=BLOCK)
