"""A gallery as Gaussians: build, add, save, load, and exact search as one matrix product.

Letters: B queries, N candidates, K components, D dimensions of one component.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from hug.files import write_json, write_tensors
from hug.gaussians import DistanceParts, Gaussians, Query, distance_parts
from hug.model import HUG

FORMAT = 1
CHUNK = 4096  # candidates compared at once, to bound memory


@dataclass(frozen=True)
class Ranking:
    """The first k candidates of B queries; where fewer remain, positions are -1 and distances infinite."""

    ids: list[list[str]]  # B rows of at most k
    distances: Tensor  # (B, k)
    positions: Tensor  # (B, k) row in the index

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Index:
    """Candidates in a fixed order, which also breaks ties."""

    ids: list[str]
    gaussians: Gaussians  # N candidates
    meta: dict[str, list[str]] = field(default_factory=dict)  # label -> N values
    weights_hash: str = ""  # of the model that made it

    def __post_init__(self) -> None:
        _check_ids(self.ids, len(self.gaussians))
        for label, values in self.meta.items():
            if len(values) != len(self.ids):
                raise ValueError(f"{len(values)} values of {label!r} for {len(self.ids)} pictures")
        for name in ("mu", "var", "bias"):
            if not torch.isfinite(getattr(self.gaussians, name)).all():
                raise ValueError(f"the index holds a {name} that is not a finite number; encode the gallery again")

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def build(
        model: HUG,
        images: Sequence[Image.Image],
        ids: Sequence[str] | None = None,
        meta: Mapping[str, Sequence[str]] | None = None,
        batch: int = 32,
        progress: bool = False,
    ) -> Index:
        """Encode pictures of any size; ids default to "0", "1", …

        Raises ValueError when there is no picture, an id occurs twice, or lengths differ.
        """
        names = [str(n) for n in range(len(images))] if ids is None else list(ids)
        _check_ids(names, len(images))
        starts = tqdm(range(0, len(images), batch), desc="index", disable=not progress)
        parts = [model.target([images[n] for n in range(i, min(i + batch, len(images)))]) for i in starts]
        labels = {label: list(values) for label, values in (meta or {}).items()}
        return Index(names, Gaussians.cat(parts), labels, model.weights_hash)

    def add(
        self,
        model: HUG,
        images: Sequence[Image.Image],
        ids: Sequence[str],
        meta: Mapping[str, Sequence[str]] | None = None,
    ) -> Index:
        """A new index with more candidates behind these; the same labels are expected.

        Raises ValueError as `build` does, and when the model or the labels are other ones.
        """
        self.check(model)
        more = Index.build(model, images, ids, meta)
        if set(more.meta) != set(self.meta):
            raise ValueError(f"the index has the labels {sorted(self.meta)}, the new pictures {sorted(more.meta)}")
        labels = {label: [*values, *more.meta[label]] for label, values in self.meta.items()}
        both = Gaussians.cat([self.gaussians, more.gaussians])
        return Index([*self.ids, *more.ids], both, labels, self.weights_hash)

    def check(self, model: HUG) -> None:
        """Raises ValueError when other weights made this index."""
        if self.weights_hash != model.weights_hash:
            raise ValueError(
                f"this index was made by the weights {self.weights_hash}, the model has {model.weights_hash}; "
                "run `python -m hug index` again"
            )

    @property
    def gallery_hash(self) -> str:
        """16 hex digits that name the ids in their order."""
        return hashlib.sha256("\n".join(self.ids).encode()).hexdigest()[:16]

    # ---- storage ----

    def save(self, folder: str | Path) -> None:
        """`gallery.safetensors` (means and variances in half precision) and `gallery.json`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        g = self.gaussians
        tensors = {"mu": g.mu.half(), "logvar": g.var.log().half(), "bias": g.bias.float()}
        write_tensors(folder / "gallery.safetensors", tensors, {"gallery": self.gallery_hash})
        write_json(
            folder / "gallery.json",
            {"format": FORMAT, "weights": self.weights_hash, "ids": self.ids, "meta": self.meta},
        )

    @staticmethod
    def load(folder: str | Path) -> Index:
        """Raises ValueError when a file is missing, damaged, of another format, or the two don't belong together."""
        folder = Path(folder)
        for name in ("gallery.json", "gallery.safetensors"):
            if not (folder / name).exists():
                raise ValueError(f"{folder} has no index: {name} is missing; run `python -m hug index`")
        try:
            raw = json.loads((folder / "gallery.json").read_text())
            if raw["format"] != FORMAT:
                raise ValueError(f"format {raw['format']!r}, this version reads {FORMAT}")
            tensors = load_file(folder / "gallery.safetensors")
            gaussians = Gaussians(tensors["mu"].float(), tensors["logvar"].float().exp(), tensors["bias"])
            return Index(raw["ids"], gaussians, raw["meta"], raw["weights"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder}: the index is damaged ({error}); run `python -m hug index` again") from error

    # ---- search ----

    def search(
        self,
        query: Query | Gaussians,
        k: int = 10,
        exclude: Sequence[str | Iterable[str] | None] | None = None,
        where: Mapping[str, str | Collection[str]] | Tensor | None = None,
        components: Iterable[int] | None = None,
        use_var: bool = True,
    ) -> Ranking:
        """The k nearest candidates by Eq. 15, exact; equal distances keep the gallery's order.

        `exclude` has one id, several, or None for each query; `where` keeps candidates by label (a value or
        several) or by a mask (N,); `components` are the ones to keep (0-based), all by default; without
        `use_var` candidate variances don't count. A k above the gallery's size gives the whole gallery.
        Raises ValueError for a k below 1, an unknown label, or a component that doesn't exist.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if not self.ids:
            raise ValueError("the gallery is empty; add pictures first")
        distances = self.distances(query, components, use_var)  # (B, N)
        distances[:, ~self._mask(where)] = torch.inf
        for row, names in enumerate(exclude or []):
            distances[row, self._places(names)] = torch.inf
        k = min(k, len(self.ids))
        values, positions = torch.sort(distances, dim=1, stable=True)
        values, positions = values[:, :k], positions[:, :k]
        positions = positions.masked_fill(torch.isinf(values), -1)
        ids = [[self.ids[n] for n in row if n >= 0] for row in positions.tolist()]
        return Ranking(ids, values, positions)

    def distances(
        self, query: Query | Gaussians, components: Iterable[int] | None = None, use_var: bool = True
    ) -> Tensor:
        """(B, N) distances of Eq. 15 over the kept components, plus the candidate bias; one product a chunk."""
        keep = self._components(components)
        scale = query.mu.shape[1] * query.mu.shape[2]
        mu_q = query.mu[:, keep].flatten(1)  # (B, K'*D)
        own = mu_q.square().sum(1)
        if use_var:
            own = own + query.var[:, keep].sum((1, 2))
        parts = []
        for i in range(0, len(self.ids), CHUNK):
            rows = slice(i, i + CHUNK)
            mu_c = self.gaussians.mu[rows][:, keep].flatten(1)  # (n, K'*D)
            squared = self._mu_norm[rows][:, keep].sum(1)[None] - 2 * mu_q @ mu_c.T
            if use_var:
                squared = squared + self._var_sum[rows][:, keep].sum(1)[None]
            parts.append((own[:, None] + squared) / scale + self.gaussians.bias[rows])
        return torch.cat(parts, dim=1)

    def parts(self, query: Query | Gaussians, positions: Sequence[int]) -> DistanceParts:
        """The distances to a few candidates taken apart, exactly."""
        return distance_parts(query, self.gaussians[list(positions)])

    @cached_property
    def _mu_norm(self) -> Tensor:
        return self.gaussians.mu.square().sum(-1)  # (N, K)

    @cached_property
    def _var_sum(self) -> Tensor:
        return self.gaussians.var.sum(-1)  # (N, K)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(self.ids)}

    def _places(self, names: str | Iterable[str] | None) -> list[int]:
        listed = [names] if isinstance(names, str) else (names or [])
        return [self._place[name] for name in listed if name in self._place]

    def _components(self, components: Iterable[int] | None) -> list[int]:
        count = self.gaussians.mu.shape[1]
        keep = list(range(count)) if components is None else sorted(set(components))
        if not keep or keep[0] < 0 or keep[-1] >= count:
            raise ValueError(f"components must be some of 0-{count - 1}, got {keep}")
        return keep

    def _mask(self, where: Mapping[str, str | Collection[str]] | Tensor | None) -> Tensor:
        if isinstance(where, Tensor):
            if where.shape != (len(self.ids),):
                raise ValueError(f"the mask has shape {tuple(where.shape)}, the gallery {len(self.ids)} pictures")
            return where.bool()
        mask = np.ones(len(self.ids), bool)
        for label, wanted in (where or {}).items():
            if label not in self.meta:
                raise ValueError(f"unknown label {label!r}; this gallery has {sorted(self.meta) or 'none'}")
            mask &= np.isin(self.meta[label], [wanted] if isinstance(wanted, str) else list(wanted))
        return torch.from_numpy(mask)


def _check_ids(ids: Sequence[str], count: int) -> None:
    if not count:
        raise ValueError("the gallery is empty; give at least one picture")
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} pictures")
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1) if isinstance(ids, list) else "one"
        raise ValueError(f"the id {twice!r} occurs twice")
