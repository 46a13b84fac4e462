"""A gallery in Milvus: the same questions and answers as `Index`, where one machine is not enough.

A collection holds the plain vectors of `candidate_vectors`, so that components and variances are a matter of the
query's vector. Milvus says who is near by inner product; those few are then compared as in memory (`exact.py`), so that
the ranking and its distances are the same.

The kind of index is named. FLAT compares with everything. IVF_FLAT compares with the cells nearest to the query: its
recall is probed against exact scans, made when the gallery was pushed, whenever it is opened. Graphs are refused: by
inner product HNSW found 2 % of the true first ten, because the norms of the candidates differ too much.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from hug.gaussians import Gaussians, Query, query_vectors
from hug.model import HUG
from hug.retrieval.exact import Scan
from hug.retrieval.index import Index, check_origin
from hug.retrieval.options import (
    Ranking,
    SearchOptions,
    Where,
    check_count,
    check_query,
    chosen_components,
    excluded_ids,
    wanted_labels,
)  # fmt: skip

KINDS = ("FLAT", "IVF_FLAT")
FORMAT, PROPERTY = 1, "hug"
LEAST = 0.99  # recall among the first ten below which a collection isn't opened
PROBES, TEN = 16, 10
MARGIN = 22  # candidates beyond those wanted, for what rounding may have put behind them
MOST = 16_384  # candidates that Milvus gives at once, and the largest number of cells
MASK = 10_000  # candidates that a mask may name
MESSAGE = 2**23  # bytes of vectors sent at once
LONGEST, WIDEST = 65_535, 32_768  # bytes of a text, numbers of a vector
TOKEN = "HUG_MILVUS_TOKEN"  # environment: "user:password" or an API key


@dataclass(frozen=True)
class MilvusIndex:
    """A collection opened for search. `open` makes it; close it after use, or use it in a `with` block."""

    client: Any  # pymilvus.MilvusClient
    collection: str
    about: Mapping[str, Any]  # what `push` wrote: sizes, origin, labels, probes
    kind: str
    nprobe: int = 0  # cells compared with, of IVF_FLAT
    recall: float = 0.0  # of the first ten, over the probes

    # ---- into Milvus ----

    @staticmethod
    def push(
        index: Index, address: str, collection: str, kind: str = "FLAT", replace: bool = False, progress: bool = False
    ) -> None:
        """Write a gallery into a new collection, and wait until it can be searched.

        `address` is a server's or cluster's (http://host:19530; `HUG_MILVUS_TOKEN` signs in), or a file ending in .db
        for Milvus Lite in this process. An existing collection is dropped only with `replace`. What was written half
        is refused by `open`. Raises ValueError for another kind, a taken name, sizes that Milvus can't hold, or
        without pymilvus or a server.
        """
        check_kind(kind)
        _, k, d = index.gaussians.mu.shape
        width, longest = k * d + 2 * k + 1, max(len(name.encode()) for name in index.ids)
        if width > WIDEST or longest > LONGEST:
            raise ValueError(
                f"Milvus holds vectors of {WIDEST} numbers and ids of {LONGEST} bytes; got {width}, {longest}"
            )
        about = {
            "hug": FORMAT, "count": len(index), "components": k, "dim": d, "weights": index.weights_hash,
            "backbone": index.backbone, "gallery": index.gallery_hash, "labels": sorted(index.meta),
            "probes": _probes(index),
        }  # fmt: skip
        with _connected(address) as client, _sentences(address):
            if client.has_collection(collection):
                if not replace:
                    raise ValueError(f"{address} has a collection {collection!r} already; drop it or take another name")
                client.drop_collection(collection)
            _create(client, collection, about, width, longest, kind)
            step = max(MESSAGE // (4 * width), 1)
            for start in tqdm(range(0, len(index), step), desc="push", disable=not progress):
                client.insert(collection, _rows(index, sorted(index.meta), slice(start, min(start + step, len(index)))))
            client.flush(collection)
            client.load_collection(collection)

    # ---- out of it ----

    @staticmethod
    def open(address: str, collection: str, nprobe: int | None = None, least: float = LEAST) -> MilvusIndex:
        """A collection whose kind is named and whose recall was probed just now.

        With IVF_FLAT `nprobe` cells are compared with, by default as few (a power of two) as reach `least`. Raises
        ValueError when the collection isn't one of ours, is incomplete, has another kind of index, or finds less
        than `least` of the true first ten.
        """
        client = _client(address)
        try:
            with _sentences(address):
                index = _described(client, address, collection)
                tries = [2**n for n in range(3, 15)] if nprobe is None else [nprobe]
                tries = [0] if index.kind == "FLAT" else tries
                for cells in tries:
                    index = replace(index, nprobe=cells)
                    index = replace(index, recall=index._probe())
                    if index.recall >= least:
                        return index
            cells = f" with nprobe {index.nprobe}" if index.nprobe else ""
            share = f"{index.recall:.0%} of the true first ten, {least:.0%} are wanted"
            hint = "compare with more cells or push it as FLAT" if index.nprobe else "push it again"
            raise ValueError(f"{collection} ({index.kind}{cells}) finds {share}; {hint}")
        except BaseException:
            client.close()
            raise

    def __len__(self) -> int:
        return int(self.about["count"])

    def __enter__(self) -> MilvusIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.close()

    @property
    def gallery_hash(self) -> str:
        """`ids_hash` of the gallery that was pushed."""
        return str(self.about["gallery"])

    def check(self, model: HUG) -> None:
        """Raises ValueError when other weights, or the same on another backbone, made this gallery."""
        check_origin(model, self.about["weights"], self.about["backbone"])

    def search(self, query: Query | Gaussians, k: int = 10, **options: Any) -> Ranking:
        """The k nearest candidates, as `rank` with these `SearchOptions`: exclude, where, components, use_var."""
        return self.rank(query, SearchOptions(k, **options))

    def rank(self, query: Query | Gaussians, options: SearchOptions) -> Ranking:
        """The nearest candidates, as `Index.rank` gives them; with IVF_FLAT those among the cells compared with.

        Raises ValueError as `Index.rank` does, for more candidates than Milvus gives at once, and for a mask that
        names more than a few thousand.
        """
        check_count(options.k)
        k, sizes = min(options.k, len(self)), (self.about["components"], self.about["dim"])
        excluded = excluded_ids(options.exclude, len(query))
        check_query(query, *sizes)
        components = chosen_components(options.components, sizes[0])
        expression = self._expression(options.where)
        query = query.to(torch.device("cpu")).each(lambda value: value.detach())
        rankings = []
        with _sentences(self.collection):
            vectors = query_vectors(query, components, options.use_var).float().numpy()
            for row, names in enumerate(excluded):
                ask = _Question(query[row : row + 1], k, components, options.use_var, frozenset(names))
                hits = [] if expression is None else self._nearest(vectors[row], ask, expression)
                rankings.append(ask.rank(hits, sizes))
        ids, best, positions = zip(*rankings, strict=True)
        return Ranking([*ids], torch.stack(best), torch.stack(positions))

    def candidates(self, ranking: Ranking) -> Gaussians:
        """The Gaussians of the first query's ranked candidates, nearest first."""
        places = [place for place in ranking.positions[0].tolist() if place >= 0]
        return self._stored(places)

    def _nearest(self, vector: Any, ask: _Question, expression: str) -> list[dict[str, Any]]:
        """Hits of one query, more than are wanted: until the last is certainly behind the k-th."""
        limit = ask.k + len(ask.excluded) + MARGIN
        if limit - MARGIN > MOST:
            raise ValueError(f"Milvus gives {MOST} candidates at once; ask for a smaller k or exclude fewer ids")
        while True:
            limit = min(limit, MOST)
            params = {"metric_type": "IP", "params": {"nprobe": self.nprobe} if self.nprobe else {}}
            hits = self.client.search(
                self.collection, data=[vector], anns_field="vector", limit=limit, filter=expression,
                search_params=params, output_fields=["id", "vector"],
            )[0]  # fmt: skip
            hits = [{"position": hit["position"], "score": hit["distance"], **hit["entity"]} for hit in hits]
            own = [hit["score"] for hit in hits if hit["id"] not in ask.excluded]
            behind = len(own) > ask.k and own[ask.k - 1] - own[-1] > 1e-5 * (1 + max(abs(own[0]), abs(own[-1])))
            if len(hits) < limit or behind or limit == MOST:
                return hits
            limit *= 4

    def _expression(self, where: Where | None) -> str | None:
        """A filter in Milvus's words, empty for everything; None when nobody passes it."""
        if where is None:
            return ""
        if not isinstance(where, Mapping):
            return self._mask(torch.as_tensor(where))
        parts = []
        for label, values in wanted_labels(where, self.about["labels"]).items():
            if not values:
                return None
            texts = ", ".join(json.dumps(value, ensure_ascii=False) for value in sorted(values))
            parts.append(f"{_field(self.about['labels'].index(label))} in [{texts}]")
        return " and ".join(parts)

    def _mask(self, mask: Tensor) -> str | None:
        if mask.shape != (len(self),) or mask.dtype != torch.bool:
            raise ValueError(f"the mask has shape {tuple(mask.shape)} of {mask.dtype}, expected {len(self)} Booleans")
        inside, outside = mask.nonzero()[:, 0].tolist(), (~mask).nonzero()[:, 0].tolist()
        if min(len(inside), len(outside)) > MASK:
            raise ValueError(f"a mask in Milvus names at most {MASK:,} candidates; filter by labels instead")
        if not inside:
            return None
        if not outside:
            return ""
        word, places = ("in", inside) if len(inside) <= len(outside) else ("not in", outside)
        return f"position {word} {places}"

    def _stored(self, places: list[int]) -> Gaussians:
        """The Gaussians at these positions, in this order."""
        sizes = self.about["components"], self.about["dim"]
        if not places:
            return _gaussians([], *sizes)
        rows = self.client.query(self.collection, filter=f"position in {places}", output_fields=["position", "vector"])
        vectors = {row["position"]: row["vector"] for row in rows}
        return _gaussians([vectors[place] for place in places], *sizes)

    def _probe(self) -> float:
        """Share of the true first ten that comes back, over queries between two candidates each."""
        probes = self.about["probes"]
        sides = [self._stored([pair[n] for pair in probes["pairs"]]) for n in range(2)]
        queries = _between(*sides)
        ranking = self.rank(queries, SearchOptions(TEN))
        last = torch.tensor(probes["last"])[:, None]
        hits = int((ranking.distances <= last + 1e-5 * (1 + last.abs())).sum())
        return hits / (len(queries) * min(TEN, len(self)))


@dataclass(frozen=True)
class _Question:
    """One query and how it is ranked."""

    query: Query | Gaussians  # B = 1
    k: int
    components: list[int]
    use_var: bool
    excluded: frozenset[str]

    def rank(self, hits: list[dict[str, Any]], sizes: tuple[int, int]) -> tuple[list[str], Tensor, Tensor]:
        """Ids, distances (k,) and positions (k,), by the code that ranks in memory."""
        hits = sorted((hit for hit in hits if hit["id"] not in self.excluded), key=lambda hit: hit["position"])
        best, positions = torch.full((self.k,), torch.inf), torch.full((self.k,), -1, dtype=torch.long)
        if not hits:
            return [], best, positions
        scan, nobody = Scan(_gaussians([hit["vector"] for hit in hits], *sizes)), torch.empty(0, dtype=torch.long)
        count = min(self.k, len(hits))
        distances, rows = scan.nearest(self.query, count, self.components, self.use_var, None, nobody, nobody)
        best[:count], places = distances[0], rows[0].tolist()
        positions[:count] = torch.tensor([hits[row]["position"] for row in places])
        return [hits[row]["id"] for row in places], best, positions


def _probes(index: Index) -> dict[str, Any]:
    """Pairs of positions, and how far the last of the first ten is from the point between them: exact, in memory."""
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randint(len(index), (PROBES, 2), generator=generator)
    queries = _between(*(index.gaussians[pairs[:, n]] for n in range(2)))
    last = index.search(queries, min(TEN, len(index))).distances[:, -1]
    return {"pairs": pairs.tolist(), "last": last.tolist()}


def _between(one: Gaussians, other: Gaussians) -> Gaussians:
    """Queries half way between two candidates."""
    mu = ((one.mu.float() + other.mu.float()) / 2).cpu()
    return Gaussians(mu, torch.zeros_like(mu), mu.new_zeros(len(mu)))


def _gaussians(vectors: list[list[float]], k: int, d: int) -> Gaussians:
    """What `candidate_vectors` made vectors of."""
    table = torch.tensor(vectors, dtype=torch.float32).reshape(len(vectors), k * d + 2 * k + 1)
    var = table[:, k * d + k : k * d + 2 * k] * -k  # the mean of a component's variances
    return Gaussians(table[:, : k * d].reshape(-1, k, d), var[..., None].expand(-1, -1, d), -table[:, -1])


def _rows(index: Index, labels: list[str], rows: slice) -> list[dict[str, Any]]:
    vectors = index.vectors(rows).cpu().numpy()
    columns = {_field(n): index.meta[label][rows] for n, label in enumerate(labels)}
    return [
        {
            "position": n,
            "id": index.ids[n],
            "vector": vector,
            **{name: values[place] for name, values in columns.items()},
        }
        for place, (n, vector) in enumerate(zip(range(rows.start, rows.stop), vectors, strict=True))
    ]


def _create(client: Any, collection: str, about: dict[str, Any], width: int, longest: int, kind: str) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False, description=json.dumps(about))
    schema.add_field("position", DataType.INT64, is_primary=True)
    schema.add_field("id", DataType.VARCHAR, max_length=max(longest, 1))
    for n in range(len(about["labels"])):
        schema.add_field(_field(n), DataType.VARCHAR, max_length=LONGEST)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=width)
    cells = min(max(round(4 * about["count"] ** 0.5), 1), MOST)
    parameters = client.prepare_index_params()
    parameters.add_index("vector", index_type=kind, metric_type="IP", params={"nlist": cells} if "IVF" in kind else {})
    properties = {PROPERTY: json.dumps(about)}  # beside the description, which Milvus Lite doesn't keep
    client.create_collection(
        collection, schema=schema, index_params=parameters, properties=properties, consistency_level="Strong"
    )


def _described(client: Any, address: str, collection: str) -> MilvusIndex:
    """The collection, loaded, its description read and its kind and size checked."""
    if not client.has_collection(collection):
        raise ValueError(
            f"{address} has no collection {collection!r}; push a gallery with `python -m hug index --milvus`"
        )
    try:
        facts = client.describe_collection(collection)
        about = json.loads(facts["description"] or facts["properties"][PROPERTY])
        if about["hug"] != FORMAT:
            raise ValueError(f"format {about['hug']!r}, this version reads {FORMAT}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the collection {collection!r} was not made by HUG ({error})") from error
    kinds = [
        client.describe_index(collection, name)["index_type"] for name in client.list_indexes(collection, "vector")
    ]
    kind = kinds[0] if kinds else "no index"
    check_kind(kind)
    client.load_collection(collection)
    (rows,) = client.query(collection, filter="", output_fields=["count(*)"])
    if rows["count(*)"] != about["count"]:
        share = f"{rows['count(*)']} of {about['count']} pictures"
        raise ValueError(f"the collection {collection!r} holds {share}; push the gallery again")
    return MilvusIndex(client, collection, about, kind)


def check_kind(kind: str) -> None:
    """Raises ValueError for a kind of index that isn't named here, with the reason."""
    if kind not in KINDS:
        raise ValueError(
            f"the index is of kind {kind!r}; choose FLAT or IVF_FLAT by name: by inner product a graph such as HNSW "
            "finds few of the nearest (2 % of the true first ten, measured), because the norms of the candidates differ"
        )


def _field(n: int) -> str:
    """The field of the n-th label, whose own name Milvus might not take."""
    return f"label_{n}"


def _client(address: str) -> Any:
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise ValueError("a gallery in Milvus needs pymilvus; pip install 'hug-cir[milvus]'") from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what goes wrong is raised, and told in a sentence
    embedded = address.endswith(".db")
    if not embedded and "://" not in address:
        raise ValueError(f"{address!r} is no address of Milvus; give http://host:19530 or a file ending in .db")
    if embedded:
        Path(address).parent.mkdir(parents=True, exist_ok=True)
    with _sentences(address):
        return MilvusClient(address, **({} if embedded else {"token": os.environ.get(TOKEN, ""), "timeout": 10}))


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    client = _client(address)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _sentences(place: str) -> Iterator[None]:
    """What Milvus raises, as a ValueError in one sentence."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        raise ValueError(f"Milvus at {place} refused: {str(error.message or error).splitlines()[0]}") from error
