"""A gallery encoded into a folder: each content once, what is there already not again, and a stop loses nothing.

While it works, parts of `PART` pictures lie in `gallery-parts/` beside the index to come; whoever starts again reads
them. Pictures are known by the hash of their content, so names, dates and order may change.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from hug.data.images import PictureError, open_picture
from hug.files import write_tensors
from hug.gaussians import Gaussians
from hug.model import HUG
from hug.retrieval.exact import room, summed
from hug.retrieval.index import Index

PARTS = "gallery-parts"
PART, BATCH = 256, 32  # pictures


@dataclass(frozen=True)
class Encoding:
    """What encoding a gallery came to."""

    index: Index
    encoded: int  # contents that were encoded now
    reused: int  # contents that were encoded before
    copies: int  # pictures whose content another one has too
    left_out: dict[str, str]  # id -> why its picture can't be read


@dataclass
class Store:
    """Encoded contents in half precision: of earlier indexes, of parts on disk, and of now."""

    model: HUG
    folder: Path
    parts: list[Gaussians] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)  # content -> its part, and its row there
    fresh: dict[str, Gaussians] = field(default_factory=dict)  # not on disk yet

    def enter(self, contents: Iterable[str], gaussians: Gaussians) -> None:
        """Contents in the order of the rows; an unknown one is empty."""
        for row, content in enumerate(contents):
            if content:
                self.places.setdefault(content, (len(self.parts), row))
        self.parts.append(gaussians)

    def read_parts(self) -> None:
        """Whatever an interrupted run left; parts that are damaged or of other weights go away."""
        for path in sorted((self.folder / PARTS).glob("*.safetensors")):
            try:
                with safe_open(path, "pt") as file:
                    about, tensors = file.metadata(), {name: file.get_tensor(name) for name in ("mu", "var", "bias")}
                if (about["weights"], about["backbone"]) != self._origin:
                    raise ValueError("of another model")
                self.enter(json.loads(about["contents"]), _spread(**tensors))
            except (SafetensorError, KeyError, TypeError, ValueError, OSError):
                path.unlink(missing_ok=True)

    def add(self, contents: Sequence[str], gaussians: Gaussians) -> None:
        """New rows; a full part is written."""
        compact = summed(gaussians)
        for row, content in enumerate(contents):
            self.fresh[content] = compact[row : row + 1]
        if len(self.fresh) >= PART:
            self.flush()

    def flush(self) -> None:
        """Write what is only in memory."""
        if not self.fresh:
            return
        part, contents = Gaussians.cat([*self.fresh.values()]), list(self.fresh)
        tensors = {"mu": part.mu.half(), "var": part.var[..., 0].float(), "bias": part.bias.float()}
        weights, backbone = self._origin
        about = {"weights": weights, "backbone": backbone, "contents": json.dumps(contents)}
        write_tensors(self.folder / PARTS / f"{contents[0]}.safetensors", tensors, about)
        self.enter(contents, _spread(**{name: tensor.cpu() for name, tensor in tensors.items()}))
        self.fresh = {}

    def gather(self, contents: Sequence[str]) -> Gaussians:
        """(N, K, D) in the order of contents, all of which are here."""
        shape = self.parts[self.places[contents[0]][0]].mu.shape[1:]
        gaussians = room((len(contents), *shape), torch.float16, torch.device("cpu"))
        rows: dict[int, list[tuple[int, int]]] = {}
        for row, content in enumerate(contents):
            part, place = self.places[content]
            rows.setdefault(part, []).append((row, place))
        for part, pairs in rows.items():
            to, of = torch.tensor(pairs).T
            gaussians.mu[to] = self.parts[part].mu[of].half()
            gaussians.var[..., 0][to] = self.parts[part].var[..., 0][of]
            gaussians.bias[to] = self.parts[part].bias[of]
        return gaussians

    @cached_property
    def _origin(self) -> tuple[str, str]:
        return self.model.weights_hash, self.model.backbone.fingerprint


def encode(
    model: HUG,
    sources: Sequence[Path | bytes],
    ids: Sequence[str],
    meta: Mapping[str, Sequence[str]],
    contents: Sequence[str],
    folder: Path,
    reuse: Iterable[Index] = (),
    progress: bool = True,
) -> Encoding:
    """The index of these pictures, in `folder` too; contents that it, its parts or `reuse` know are not encoded again.

    A picture that can't be read is left out. KeyboardInterrupt passes when what was encoded is on the disk.
    Raises ValueError when no picture can be read.
    """
    store = Store(model, folder)
    stored = _stored(model, folder)
    for index in (stored, *reuse):
        if index is not None and index.contents:
            store.enter(index.contents, index.gaussians)
    store.read_parts()
    wanted = {content: source for content, source in zip(contents, sources, strict=True) if content}
    missing = {content: source for content, source in wanted.items() if content not in store.places}
    why = _encode_missing(store, missing, progress)
    left_out = {
        id: why.get(content, "it could not be read")
        for id, content in zip(ids, contents, strict=True)
        if content not in store.places
    }
    rows = [n for n, content in enumerate(contents) if content in store.places]
    if not rows:
        raise ValueError(f"none of the {len(ids)} pictures can be read; {next(iter(left_out.values()), '')}")
    entered = [contents[n] for n in rows]
    labels = {label: [values[n] for n in rows] for label, values in meta.items()}
    index = _current(stored, [ids[n] for n in rows], labels, entered)
    if index is None:
        origin = model.weights_hash, model.backbone.fingerprint
        index = Index([ids[n] for n in rows], store.gather(entered), labels, *origin, entered)
        index.save(folder)
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    encoded = len(missing) - len(why)
    different = len(set(entered))
    return Encoding(index, encoded, different - encoded, len(entered) - different, left_out)


def _encode_missing(store: Store, missing: Mapping[str, Path | bytes], progress: bool) -> dict[str, str]:
    """Encode contents in batches; those that can't be read, with why."""
    why: dict[str, str] = {}
    contents = list(missing)
    with tqdm(total=len(contents), desc="index", unit="picture", disable=not (progress and contents)) as bar:
        try:
            for start in range(0, len(contents), BATCH):
                batch = contents[start : start + BATCH]
                pictures = {}
                for content in batch:
                    try:
                        pictures[content] = open_picture(missing[content])
                    except PictureError as error:
                        why[content] = str(error)
                if pictures:
                    store.add([*pictures], store.model.target([*pictures.values()]))
                bar.update(len(batch))
        finally:
            store.flush()
    return why


def _stored(model: HUG, folder: Path) -> Index | None:
    """The folder's index by this very model, if there is a sound one; its means stay in the file."""
    with suppress(ValueError):
        index = Index.load(folder, half=True)
        index.check(model)
        return index
    return None


def _current(stored: Index | None, ids: list[str], meta: dict[str, list[str]], contents: list[str]) -> Index | None:
    """The stored index when it is of just this, so that nothing need be written."""
    if stored is None or (stored.ids, stored.meta, stored.contents) != (ids, meta, contents):
        return None
    return stored


def _spread(mu: Tensor, var: Tensor, bias: Tensor) -> Gaussians:
    """Gaussians of means (N, K, D), mean variances (N, K) and biases (N,)."""
    if var.shape != mu.shape[:2] or bias.shape != mu.shape[:1]:
        raise ValueError(f"expected mu (N, K, D), var (N, K) and bias (N,), got {mu.shape}, {var.shape}, {bias.shape}")
    return Gaussians(mu, var[..., None].expand(mu.shape), bias)
