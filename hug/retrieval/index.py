"""A gallery as Gaussians: build, add, save, load, and exact search as one matrix product.

Letters: B queries, N candidates, K components, D dimensions of one component.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from hug.data.images import PictureError, open_picture
from hug.files import write_json, write_tensors
from hug.gaussians import Gaussians, Query
from hug.model import HUG

Picture: TypeAlias = Image.Image | Path | bytes
Where: TypeAlias = Mapping[str, str | int | Collection[str | int]] | Tensor | np.ndarray

FORMAT = 1
TENSORS, TABLE = "gallery.safetensors", "gallery.json"
CHUNK = 4096  # candidates compared at once, to bound memory


@dataclass(frozen=True)
class SearchOptions:
    """How candidates are ranked for B queries."""

    k: int = 10  # candidates; above the gallery's size all of it
    exclude: Sequence[str | Iterable[str] | None] | None = None  # an id, several or None a query; unknown ones ignored
    where: Where | None = None  # candidates by label (a value or several), or by a Boolean mask (N,)
    components: Iterable[int] | None = None  # those that count, from 0; all by default
    use_var: bool = True  # without, only means and the bias count
    dynamic: bool | None = None  # of a trace: merge by Eq. 11 or with 1/3 each; None as the model does. Moves no rank


@dataclass(frozen=True)
class Ranking:
    """The first k candidates of B queries; where fewer remain, positions are -1 and distances infinite."""

    ids: list[list[str]]  # B rows of at most k
    distances: Tensor  # (B, k)
    positions: Tensor  # (B, k) row in the index

    def __len__(self) -> int:
        return len(self.ids)


def ids_hash(ids: Sequence[str]) -> str:
    """16 hex digits that name the ids of a gallery in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Index:
    """Candidates in a fixed order, which also breaks ties."""

    ids: list[str]
    gaussians: Gaussians  # N candidates
    meta: dict[str, list[str]] = field(default_factory=dict)  # label -> N values
    weights_hash: str = ""  # of the model that made it
    backbone: str = ""  # fingerprint of the frozen backbone under those weights, which they don't contain

    def __post_init__(self) -> None:
        _check_ids(self.ids, len(self.gaussians))
        _check_meta(self.meta, len(self.ids))
        _check_gaussians(self.gaussians)

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
    ) -> Index:
        """Encode pictures of any size, or files that hold them, `batch` at a time; ids default to "0", "1", …

        Raises ValueError before anything is encoded when there is no picture, an id occurs twice, or lengths
        differ; later when a file is no picture. With `left_out` that one is entered there (its id and why) and passed
        over, and only a gallery without any picture is refused.
        """
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch}")
        names = [str(n) for n in range(len(images))] if ids is None else list(ids)
        labels = {label: list(values) for label, values in (meta or {}).items()}
        _check_ids(names, len(images))
        _check_meta(labels, len(names))
        starts = tqdm(range(0, len(images), batch), desc="index", disable=not progress)
        parts, rows = list[Gaussians](), list[int]()
        for start in starts:
            pictures = dict(_readable(images, names, range(start, min(start + batch, len(images))), left_out))
            parts += [model.target([*pictures.values()])] if pictures else []
            rows += pictures
        if not rows:
            raise ValueError(f"none of the {len(names)} pictures can be read; {next(iter((left_out or {}).values()))}")
        names, labels = [names[n] for n in rows], {label: [v[n] for n in rows] for label, v in labels.items()}
        return Index(names, Gaussians.cat(parts), labels, model.weights_hash, model.backbone.fingerprint)

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
        both = Gaussians.cat([self.gaussians, more.gaussians])
        return Index(names, both, labels, self.weights_hash, self.backbone)

    def check(self, model: HUG) -> None:
        """Raises ValueError when other weights, or the same on another backbone, made this index."""
        backbone = model.backbone.fingerprint
        for origin, own, theirs in (
            ("on the backbone", self.backbone or backbone, backbone),
            ("by the weights", self.weights_hash, model.weights_hash),
        ):
            if own != theirs:
                facts = f"this index was made {origin} {own}, the model has {theirs}"
                raise ValueError(f"{facts}; run `python -m hug index` again")

    @property
    def gallery_hash(self) -> str:
        """`ids_hash` of this index."""
        return ids_hash(self.ids)

    # ---- storage ----

    def save(self, folder: str | Path) -> None:
        """`gallery.safetensors` (means and variances in half precision), then `gallery.json`, which names it.

        Half precision halves the file, and a variance of 0.07 has finer steps in it than its logarithm would.
        `load` gives float32.
        The table carries the hash of the tensors: a crash between the two leaves a pair that `load` refuses.
        Raises ValueError, and writes nothing, when a mean is too large for half precision.
        """
        folder, g = Path(folder), self.gaussians
        tensors = {"mu": g.mu.half().cpu(), "var": g.var.half().cpu(), "bias": g.bias.float().cpu()}
        if not torch.isfinite(tensors["mu"]).all():
            raise ValueError("a mean is above 65504, too large for a stored index; train the model again")
        write_tensors(folder / TENSORS, tensors)
        table = {
            "format": FORMAT,
            "weights": self.weights_hash,
            "backbone": self.backbone,
            "gallery": self.gallery_hash,
            "tensors": _file_hash(folder / TENSORS),
            "ids": self.ids,
            "meta": self.meta,
        }
        write_json(folder / TABLE, table)

    @staticmethod
    def load(folder: str | Path) -> Index:
        """Raises ValueError when a file is missing, damaged, of another format, or the two don't belong together."""
        folder = Path(folder)
        for name in (TABLE, TENSORS):
            if not (folder / name).is_file():
                raise ValueError(f"{folder} has no index: {name} is missing; run `python -m hug index`")
        try:
            raw = json.loads((folder / TABLE).read_text())
            if raw["format"] != FORMAT:
                raise ValueError(f"format {raw['format']!r}, this version reads {FORMAT}")
            if raw["tensors"] != _file_hash(folder / TENSORS):
                raise ValueError(f"{TENSORS} is cut off, changed, or belongs to another {TABLE}")
            tensors = load_file(folder / TENSORS)
            gaussians = Gaussians(tensors["mu"].float(), tensors["var"].float(), tensors["bias"])
            index = Index(raw["ids"], gaussians, raw["meta"], raw["weights"], raw["backbone"])
            if raw["gallery"] != index.gallery_hash:
                raise ValueError("the ids were changed")
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder}: the index is damaged ({error}); run `python -m hug index` again") from error
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
        k, device = options.k, self.gaussians.mu.device
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        mask = self._mask(options.where).to(device)
        rows, places = (side.to(device) for side in self._excluded(options.exclude, len(query)))
        self._check_query(query)
        query, components = query.to(device), self._components(options.components)
        best = self.gaussians.mu.new_empty(len(query), 0)  # (B, up to k) of the chunks so far
        positions = torch.empty(len(query), 0, dtype=torch.long, device=device)
        for start in range(0, len(self.ids), CHUNK):
            stop = min(start + CHUNK, len(self.ids))
            distances = self._distances(query, slice(start, stop), options.use_var, components)  # (B, n)
            distances[:, ~mask[start:stop]] = torch.inf
            inside = (places >= start) & (places < stop)
            distances[rows[inside], places[inside] - start] = torch.inf
            seen = torch.cat([positions, torch.arange(start, stop, device=device).expand(len(query), -1)], dim=1)
            best, order = torch.sort(torch.cat([best, distances], dim=1), dim=1, stable=True)
            best, positions = best[:, :k], seen.gather(1, order[:, :k])
        positions = positions.masked_fill(torch.isinf(best), -1)
        ids = [[self.ids[n] for n in row if n >= 0] for row in positions.tolist()]
        return Ranking(ids, best.cpu(), positions.cpu())

    def _distances(self, query: Query | Gaussians, rows: slice, use_var: bool, keep: slice | list[int]) -> Tensor:
        """(B, n) Eq. 15 as `gaussians.distance`, where what depends on a candidate alone is summed once for all."""
        mu, gallery = query.mu[:, keep].flatten(1), self.gaussians  # (B, K'*D)
        squared = mu.square().sum(1)[:, None] + self._mu_norm[rows, keep].sum(1)
        squared = (squared - 2 * mu @ gallery.mu[rows, keep].flatten(1).T).clamp_min_(0)
        if use_var:
            squared += query.var[:, keep].sum((1, 2))[:, None] + self._var_sum[rows, keep].sum(1)
        return squared / (query.mu.shape[1] * query.mu.shape[2]) + gallery.bias[rows]

    @cached_property
    def _mu_norm(self) -> Tensor:
        return self.gaussians.mu.square().sum(-1)  # (N, K)

    @cached_property
    def _var_sum(self) -> Tensor:
        return self.gaussians.var.sum(-1)  # (N, K)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(self.ids)}

    def _check_query(self, query: Query | Gaussians) -> None:
        if query.mu.shape[1:] != self.gaussians.mu.shape[1:]:
            (k, d), (own_k, own_d) = query.mu.shape[1:], self.gaussians.mu.shape[1:]
            raise ValueError(f"the query has {k} components of {d} numbers, the gallery {own_k} of {own_d}")
        if not (torch.isfinite(query.mu).all() and torch.isfinite(query.var).all()):
            raise ValueError("the query holds a number that is not finite; train the model again")

    def _excluded(self, exclude: Sequence[str | Iterable[str] | None] | None, count: int) -> tuple[Tensor, Tensor]:
        """Query rows (E,) and gallery positions (E,) that must not be ranked."""
        if exclude is None:
            exclude = [None] * count
        if isinstance(exclude, str) or len(exclude) != count:
            raise ValueError(f"exclude needs a list with an id, several ids or None for each of {count} queries")
        named = [(row, [names] if isinstance(names, str) else names or ()) for row, names in enumerate(exclude)]
        pairs = [(row, self._place[name]) for row, names in named for name in names if name in self._place]
        rows, places = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
        return rows, places

    def _components(self, components: Iterable[int] | None) -> slice | list[int]:
        if components is None:
            return slice(None)  # a view: nothing is copied
        count, places = self.gaussians.mu.shape[1], sorted(set(components))
        if not places or places[0] < 0 or places[-1] >= count:
            raise ValueError(f"components must be some of 0-{count - 1}, got {places}")
        return places

    def _mask(self, where: Where | None) -> Tensor:
        """(N,) true for the candidates that may be ranked."""
        if where is not None and not isinstance(where, Mapping):
            mask = torch.as_tensor(where)
            if mask.shape != (len(self.ids),) or mask.dtype != torch.bool:
                raise ValueError(
                    f"the mask has shape {tuple(mask.shape)} of {mask.dtype}, expected {len(self.ids)} Booleans"
                )
            return mask
        mask = torch.ones(len(self.ids), dtype=torch.bool)
        for label, wanted in (where or {}).items():
            if label not in self.meta:
                raise ValueError(f"unknown label {label!r}; this gallery has {sorted(self.meta) or 'none'}")
            several = isinstance(wanted, Collection) and not isinstance(wanted, str)
            values = {str(value) for value in (wanted if several else [wanted])}  # type: ignore[union-attr]
            mask &= torch.tensor([value in values for value in self.meta[label]])
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


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


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
    for name in ("mu", "var", "bias"):
        if not torch.isfinite(getattr(g, name)).all():
            raise ValueError(f"the index holds a {name} that is not a finite number; encode the gallery again")
    if (g.var < 0).any():
        raise ValueError("the index holds a negative variance; encode the gallery again")
