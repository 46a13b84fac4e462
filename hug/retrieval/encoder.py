"""A model behind the calls of sentence-transformers and MTEB: pictures, or pictures with words, as plain vectors.

The inner product of a query's vector with a candidate's is minus their distance up to a constant of the query
(`hug.gaussians.query_vectors`), so a search by inner product, largest first, ranks as HUG does; cosines don't.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from hug.checkpoint import load
from hug.data.images import open_picture
from hug.model import HUG

BATCH = 32
ALONE = 'words alone can\'t be encoded: HUG asks with a picture, as {"image": picture, "text": words}'


class Item(NamedTuple):
    """What one input holds."""

    picture: Any
    words: str | None


class Encoder:
    """`encode` gives one row an input, `similarity` the inner products of two sets of rows.

    An input is a picture (PIL image, path or bytes), or a mapping with `image` and `text`; a loader of batches, as
    MTEB passes it, has lists under these names. Words alone are refused: HUG asks with a picture.
    """

    similarity_fn_name = "dot"

    def __init__(self, model: HUG | str | Path, device: str = "cpu", name: str = "hug/hug") -> None:
        """A model, or its folder or Hub id; `name` (owner/name) is the one under which MTEB keeps results."""
        self.model, self.name = model if isinstance(model, HUG) else load(model, device=device), name

    @property
    def mteb_model_meta(self) -> Any:
        """What MTEB wants to know of a model before it asks for vectors; None where nobody has imported it."""
        library = sys.modules.get("mteb.models.model_meta")
        facts = {
            "name": self.name, "revision": self.model.weights_hash, "modalities": ["image", "text"],
            "embed_dim": self.get_embedding_dimension(), "similarity_fn_name": self.similarity_fn_name,
        }  # fmt: skip
        return library.ModelMeta.create_empty(facts) if library else None

    def get_embedding_dimension(self) -> int:
        """Numbers in a row."""
        config = self.model.config
        return config.components * (config.dim + 2) + 1

    def encode_query(self, inputs: Any, **options: Any) -> Any:
        """Rows of queries: pictures with words, which may be empty."""
        return self.encode(inputs, prompt_type="query", **options)

    def encode_document(self, inputs: Any, **options: Any) -> Any:
        """Rows of candidates: of pictures alone, whatever words come with them."""
        return self.encode(inputs, prompt_type="document", **options)

    def encode(
        self,
        inputs: Any,
        *,
        prompt_type: str | None = None,
        batch_size: int = BATCH,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool = False,
        **task: Any,
    ) -> Any:
        """(B, K*D + 2*K + 1) float32 rows, a NumPy array unless a tensor is asked for; one row of a single input.

        Without a `prompt_type` ("query", or "document" or "passage") inputs are queries where one has words, else
        candidates. `task` is what MTEB says of it, which changes nothing. Raises ValueError for an input
        without a picture, and for normalisation, which would change the order.
        """
        if normalize_embeddings:
            raise ValueError("vectors of HUG can't be normalised: their norms are part of the distance")
        single = isinstance(inputs, Image.Image | Mapping | str | Path | bytes) and not _is_batch(inputs)
        source = [inputs] if single or _is_batch(inputs) else inputs
        if prompt_type is None:
            source = list(source)
        kind = _kind(prompt_type, source)
        parts = [self._rows(part, kind) for part in tqdm(_batches(source, batch_size), disable=not show_progress_bar)]
        rows = torch.cat(parts) if parts else torch.empty(0, self.get_embedding_dimension())
        rows = rows[0] if single else rows
        return rows if convert_to_tensor else rows.numpy()

    def similarity(self, queries: Any, candidates: Any) -> Tensor:
        """(B, N) inner products, larger is nearer."""
        return _matrix(queries) @ _matrix(candidates).T

    def similarity_pairwise(self, queries: Any, candidates: Any) -> Tensor:
        """(B,) inner products of row with row."""
        return (_matrix(queries) * _matrix(candidates)).sum(1)

    def _rows(self, items: Sequence[Item], kind: Literal["query", "document"]) -> Tensor:
        pictures = [_picture(item.picture) for item in items]
        if kind == "document":
            return self.model.target(pictures).vectors().cpu()
        return self.model.query(pictures, [item.words or "" for item in items]).vectors().cpu()


def _kind(prompt_type: Any, source: Iterable[Any]) -> Literal["query", "document"]:
    name = getattr(prompt_type, "value", prompt_type)  # MTEB's is an enumeration
    if name is None:
        return "query" if any(item.words is not None for item in _items(source)) else "document"
    if name not in ("query", "document", "passage"):
        raise ValueError(f"prompt_type must be query or document, got {name!r}")
    return "query" if name == "query" else "document"


def _is_batch(value: Any) -> bool:
    """Whether a value is a mapping of columns."""
    columns = [value.get(name) for name in ("image", "text")] if isinstance(value, Mapping) else []
    return any(isinstance(column, list | tuple) for column in columns)


def _items(source: Iterable[Any]) -> Iterator[Item]:
    for value in source:
        if not _is_batch(value):
            yield _item(value)
            continue
        pictures, words = value.get("image"), value.get("text")
        if pictures is None:
            raise ValueError(ALONE)
        yield from (Item(p, w) for p, w in zip(pictures, words or [None] * len(pictures), strict=True))


def _item(value: Any) -> Item:
    if isinstance(value, Mapping):
        if value.get("image") is None:
            raise ValueError(ALONE)
        return Item(value["image"], value.get("text"))
    if isinstance(value, str) and not Path(value).is_file():
        raise ValueError(ALONE)
    return Item(value, None)


def _batches(source: Iterable[Any], size: int) -> Iterator[list[Item]]:
    if size < 1:
        raise ValueError(f"batch_size must be at least 1, got {size}")
    batch: list[Item] = []
    for item in _items(source):
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _picture(value: Any) -> Image.Image:
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, str | Path | bytes):
        return open_picture(value if isinstance(value, bytes) else Path(value))
    raise ValueError(f"a picture must be a PIL image, a path or bytes, got {type(value).__name__}")


def _matrix(rows: Any) -> Tensor:
    tensor = torch.as_tensor(rows)
    return tensor[None] if tensor.ndim == 1 else tensor
