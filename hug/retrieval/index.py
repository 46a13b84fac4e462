"""A gallery as Gaussians in memory: build, add, save, load, and exact search.

Letters: B queries, N candidates, K components, D dimensions of one component.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from hug.data.identity import content_hash
from hug.data.images import PictureError, open_picture
from hug.files import ids_hash
from hug.gaussians import Gaussians, Query, candidate_vectors
from hug.model import HUG
from hug.retrieval.exact import Scan, room, summed
from hug.retrieval.options import (
    Exclude,
    Ranking,
    SearchOptions,
    Where,
    check_count,
    check_query,
    chosen_components,
    excluded_ids,
    wanted_labels,
)  # fmt: skip
from hug.retrieval.storage import AGAIN, read_index, write_index

Picture: TypeAlias = Image.Image | Path | bytes

ROWS = 65_536  # candidates checked at once


@dataclass(frozen=True)
class Index:
    """Candidates in a fixed order, which also breaks ties.

    Search reads the sum of a component's variances, so a built or loaded index keeps that alone (`exact.summed`).
    """

    ids: list[str]
    gaussians: Gaussians  # N candidates; means in float32, or float16 for half the memory
    meta: dict[str, list[str]] = field(default_factory=dict)  # label -> N values
    weights_hash: str = ""  # of the model that made it
    backbone: str = ""  # fingerprint of the frozen backbone under those weights, which they don't contain
    contents: list[str] = field(default_factory=list)  # `content_hash` of each picture; none in earlier indexes

    def __post_init__(self) -> None:
        _check_ids(self.ids, len(self.gaussians))
        _check_meta(self.meta, len(self.ids))
        _check_gaussians(self.gaussians)
        if self.contents and len(self.contents) != len(self.ids):
            raise ValueError(f"{len(self.contents)} content hashes for {len(self.ids)} pictures; give one a picture")

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def build(
        model: HUG,
        images: Sequence[Picture],
        ids: Sequence[str] | None = None,
        meta: Mapping[str, Sequence[str]] | None = None,
        batch: int = 32,
        progress: bool = False,
        left_out: dict[str, str] | None = None,
        half: bool = False,
    ) -> Index:
        """Encode pictures of any size, or files that hold them, `batch` at a time; ids default to "0", "1", …

        `half` keeps the means in half precision. Raises ValueError before anything is encoded when there is no
        picture, an id occurs twice, or lengths differ; later when a file is no picture. With `left_out` that one is
        entered there (its id and why) and passed over, and only a gallery without any picture is refused.
        """
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch}")
        if isinstance(ids, str):
            raise ValueError(f"give the ids as a list, one a picture; got the single text {ids!r}")
        names = [str(n) for n in range(len(images))] if ids is None else list(ids)
        labels = {label: list(values) for label, values in (meta or {}).items()}
        _check_ids(names, len(images))
        _check_meta(labels, len(names))
        gaussians, rows, contents = None, list[int](), list[str]()
        for start in tqdm(range(0, len(images), batch), desc="index", disable=not progress):
            pictures = dict(_readable(images, names, range(start, min(start + batch, len(images))), left_out))
            if not pictures:
                continue
            part = model.target([*pictures.values()])
            if gaussians is None:
                dtype = torch.float16 if half else torch.float32
                gaussians = room((len(images), *part.mu.shape[1:]), dtype, part.mu.device)
            _put(gaussians, len(rows), part)
            rows += pictures
            contents += [content_hash(images[n]) for n in pictures]
        if gaussians is None:
            raise ValueError(f"none of the {len(names)} pictures can be read; {next(iter((left_out or {}).values()))}")
        names, labels = [names[n] for n in rows], {label: [v[n] for n in rows] for label, v in labels.items()}
        gaussians = gaussians[: len(rows)]
        return Index(names, gaussians, labels, model.weights_hash, model.backbone.fingerprint, contents)

    def add(
        self, model: HUG, images: Sequence[Picture], ids: Sequence[str], meta: Mapping[str, Sequence[str]] | None = None
    ) -> Index:
        """A new index with more candidates behind these; the same labels are expected.

        Raises ValueError as `build` does, and when the model or the labels are other ones.
        """
        self.check(model)
        names = [*self.ids, *ids]
        _check_ids(names, len(self.ids) + len(images))
        if set(meta or {}) != set(self.meta):
            raise ValueError(f"the index has the labels {sorted(self.meta)}, the new pictures {sorted(meta or {})}")
        more = Index.build(model, images, ids, meta)
        labels = {label: [*values, *more.meta[label]] for label, values in self.meta.items()}
        both = room((len(names), *self.gaussians.mu.shape[1:]), self.gaussians.mu.dtype, self.gaussians.mu.device)
        _put(both, 0, summed(self.gaussians))
        _put(both, len(self.ids), more.gaussians)
        contents = [*(self.contents or [""] * len(self.ids)), *more.contents]
        return Index(names, both, labels, self.weights_hash, self.backbone, contents)

    def check(self, model: HUG) -> None:
        """Raises ValueError when other weights, or the same on another backbone, made this index."""
        check_origin(model, self.weights_hash, self.backbone)

    @property
    def gallery_hash(self) -> str:
        """`ids_hash` of this index."""
        return ids_hash(self.ids)

    # ---- storage ----

    def save(self, folder: str | Path) -> None:
        """`gallery.safetensors` (means in half precision), then `gallery.json`, which names it.

        Raises ValueError, and writes nothing, when a mean is too large for half precision.
        """
        table = {
            "weights": self.weights_hash,
            "backbone": self.backbone,
            "gallery": self.gallery_hash,
            "ids": self.ids,
            "contents": self.contents,
            "meta": self.meta,
        }
        write_index(Path(folder), self.gaussians, table)

    @staticmethod
    def load(folder: str | Path, half: bool = False) -> Index:
        """What `save` wrote, now or in an earlier version.

        `half` leaves the means in half precision in the file, mapped into memory: half the memory, and the same
        ranking. Raises ValueError when a file is missing, damaged, of another format, or the two don't belong together.
        """
        gaussians, raw = read_index(Path(folder), half)
        try:
            contents = raw.get("contents", [])
            index = Index(raw["ids"], gaussians, raw["meta"], raw["weights"], raw["backbone"], contents)
            if raw["gallery"] != index.gallery_hash:
                raise ValueError("the ids were changed")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder}: the index is damaged ({error}); {AGAIN}") from error
        return index

    # ---- search ----

    def search(self, query: Query | Gaussians, k: int = 10, **options: Any) -> Ranking:
        """The k nearest candidates, as `rank` with these `SearchOptions`: exclude, where, components, use_var."""
        return self.rank(query, SearchOptions(k, **options))

    def rank(self, query: Query | Gaussians, options: SearchOptions) -> Ranking:
        """The nearest candidates by Eq. 15, exact; equal distances keep the gallery's order.

        Raises ValueError for a k below 1, an unknown label, a component that doesn't exist, an `exclude` of
        another length, or a query of other sizes or with a number that isn't finite.
        """
        check_count(options.k)
        device, shape = self.gaussians.mu.device, self.gaussians.mu.shape
        mask = None if options.where is None else self._mask(options.where).to(device)
        rows, places = (side.to(device) for side in self._excluded(options.exclude, len(query)))
        check_query(query, shape[1], shape[2])
        components = chosen_components(options.components, shape[1])
        query = query.to(device).each(lambda value: value.detach())
        best, positions = self._scan.nearest(
            query, min(options.k, len(self)), components, options.use_var, mask, rows, places
        )
        return Ranking([[self.ids[p] for p in row if p >= 0] for row in positions.tolist()], best, positions)

    def candidates(self, ranking: Ranking) -> Gaussians:
        """The Gaussians of the first query's ranked candidates, nearest first."""
        places = ranking.positions[0]
        some = self.gaussians[places[places >= 0]]
        return Gaussians(some.mu.float(), some.var, some.bias)

    def vectors(self, rows: slice = slice(None)) -> Tensor:
        """(n, K*D + 2*K + 1) plain vectors of these rows, for another engine of inner products.

        `query.vectors()` has the other side; `candidate_vectors` says what they hold.
        """
        return candidate_vectors(self.gaussians[rows])

    @cached_property
    def _scan(self) -> Scan:
        return Scan(self.gaussians)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(self.ids)}

    @cached_property
    def _codes(self) -> dict[str, tuple[dict[str, int], Tensor]]:
        """Label -> its values, numbered, and the number (N,) of each candidate's."""
        codes = {}
        for label, values in self.meta.items():
            numbers = {value: n for n, value in enumerate(dict.fromkeys(values))}
            codes[label] = numbers, torch.tensor([numbers[value] for value in values])
        return codes

    def _excluded(self, exclude: Exclude, count: int) -> tuple[Tensor, Tensor]:
        """Query rows (E,) and gallery positions (E,) that must not be ranked."""
        named = excluded_ids(exclude, count)
        pairs = [(row, self._place[name]) for row, names in enumerate(named) for name in names if name in self._place]
        rows, places = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
        return rows, places

    def _mask(self, where: Where) -> Tensor:
        """(N,) true for the candidates that may be ranked."""
        if not isinstance(where, Mapping):
            try:
                mask = torch.as_tensor(where)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ValueError(f"where is labels with the values wanted, or a mask; got {where!r}") from error
            if mask.shape != (len(self.ids),) or mask.dtype != torch.bool:
                raise ValueError(
                    f"the mask has shape {tuple(mask.shape)} of {mask.dtype}, expected {len(self.ids)} Booleans"
                )
            return mask
        mask = torch.ones(len(self.ids), dtype=torch.bool)
        for label, values in wanted_labels(where, self.meta).items():
            numbers, codes = self._codes[label]
            allowed = torch.tensor([value in values for value in numbers])
            mask &= allowed[codes]
        return mask


def _readable(
    images: Sequence[Picture], ids: Sequence[str], rows: Iterable[int], left_out: dict[str, str] | None
) -> Iterator[tuple[int, Image.Image]]:
    """Rows and their pictures; one that can't be read is entered in `left_out`, or raises where that is None."""
    for n in rows:
        try:
            picture = images[n]
            yield n, picture if isinstance(picture, Image.Image) else open_picture(picture)
        except PictureError as error:
            if left_out is None:
                raise
            left_out[ids[n]] = str(error)


def check_origin(model: HUG, weights: str, backbone: str) -> None:
    """Raises ValueError when other weights than the model's, or another backbone (where it is known), made an index."""
    fingerprint = model.backbone.fingerprint
    for origin, own, theirs in (
        ("on the backbone", backbone or fingerprint, fingerprint),
        ("by the weights", weights, model.weights_hash),
    ):
        if own != theirs:
            raise ValueError(f"this index was made {origin} {own}, the model has {theirs}; {AGAIN}")


def _put(gaussians: Gaussians, start: int, part: Gaussians) -> None:
    """Fill `room` from `start` on."""
    rows, compact = slice(start, start + len(part)), summed(part)
    gaussians.mu[rows] = part.mu
    gaussians.var[rows][..., 0].copy_(compact.var[..., 0])
    gaussians.bias[rows] = part.bias


def _check_ids(ids: Sequence[str], count: int) -> None:
    if not count:
        raise ValueError("the gallery is empty; give at least one picture")
    if isinstance(ids, str) or len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} pictures; give a list with one id a picture")
    wrong = next((name for name in ids if not isinstance(name, str)), None)
    if wrong is not None:
        raise ValueError(f"an id must be a text, got {wrong!r}")
    twice, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise ValueError(f"the id {twice!r} occurs twice; ids name one picture each")


def _check_meta(meta: Mapping[str, Sequence[str]], count: int) -> None:
    if not isinstance(meta, Mapping):
        raise ValueError(f"labels must be given as label -> values, got {type(meta).__name__}")
    for label, values in meta.items():
        if isinstance(values, str) or len(values) != count:
            raise ValueError(f"{len(values)} values of {label!r} for {count} pictures; give one a picture")


def _check_gaussians(g: Gaussians) -> None:
    if g.mu.ndim != 3 or g.var.shape != g.mu.shape or g.bias.shape != g.mu.shape[:1]:
        shapes = ", ".join(str(tuple(t.shape)) for t in (g.mu, g.var, g.bias))
        raise ValueError(f"expected mu and var (N, K, D) and bias (N,), got {shapes}")
    compact = g.var[..., :1] if g.var.stride(-1) == 0 else g.var
    for name, values in (("mu", g.mu), ("var", compact), ("bias", g.bias)):
        if not all(torch.isfinite(part).all() for part in values.split(ROWS)):
            raise ValueError(f"the index holds a {name} that is not a finite number; encode the gallery again")
    if any((part < 0).any() for part in compact.split(ROWS)):
        raise ValueError("the index holds a negative variance; encode the gallery again")
