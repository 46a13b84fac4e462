"""An index on disk: `gallery.safetensors`, then `gallery.json`, which names it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from hug.files import replacing, write_json
from hug.gaussians import Gaussians
from hug.retrieval.exact import room, summed

FORMAT = 2
FORMATS = (1, 2)  # the first kept D variances a component, and no content hashes
TENSORS, TABLE = "gallery.safetensors", "gallery.json"
ROWS = 16_384  # candidates converted at once
AGAIN = "run `python -m hug index` again"


def write_index(folder: Path, gaussians: Gaussians, table: Mapping[str, Any]) -> None:
    """Means in half precision, variances as one sum a component, biases; the table carries the hash of the tensors.

    A crash between the two files leaves a pair that `read_index` refuses. Raises ValueError, and writes nothing, when
    a mean is too large for half precision.
    """
    for rows in _slices(len(gaussians)):
        if not torch.isfinite(gaussians.mu[rows].half()).all():
            raise ValueError("a mean is above 65504, too large for a stored index; train the model again")
    _write_tensors(folder / TENSORS, gaussians)
    write_json(folder / TABLE, {"format": FORMAT, "tensors": file_hash(folder / TENSORS), **table})


def read_index(folder: Path, half: bool) -> tuple[Gaussians, dict[str, Any]]:
    """Gaussians as `summed` has them, and the table.

    `half` leaves the means in half precision and in the file, which the system reads when they are needed; else they
    are read into memory as float32. Raises ValueError when a file is missing, damaged, of another format, or the two
    don't belong together.
    """
    for name in (TABLE, TENSORS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} has no index: {name} is missing; run `python -m hug index`")
    try:
        table = json.loads((folder / TABLE).read_text("utf-8"))
        if table["format"] not in FORMATS:
            raise ValueError(f"format {table['format']!r}, this version reads {' and '.join(map(str, FORMATS))}")
        if table["tensors"] != file_hash(folder / TENSORS):
            raise ValueError(f"{TENSORS} is cut off, changed, or belongs to another {TABLE}")
        _check_shapes(folder / TENSORS)
        gaussians = _mapped(folder / TENSORS) if half else _read(folder / TENSORS)
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{folder}: the index is damaged ({error}); {AGAIN}") from error
    return gaussians, table


def file_hash(path: Path) -> str:
    """16 hex digits that name a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _write_tensors(path: Path, gaussians: Gaussians) -> None:
    """The safetensors file, a slice at a time: no second copy of the gallery is made in memory."""
    n, k, d = gaussians.mu.shape
    shapes = {"mu": ("F16", [n, k, d], 2 * n * k * d), "var": ("F32", [n, k], 4 * n * k), "bias": ("F32", [n], 4 * n)}
    header, start = {}, 0
    for name, (dtype, shape, size) in shapes.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, start + size]}
        start += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for rows in _slices(n):
            file.write(_little_endian(gaussians.mu[rows].half()))
        for rows in _slices(n):
            file.write(_little_endian(summed(gaussians[rows]).var[..., 0].float() * d))
        file.write(_little_endian(gaussians.bias.float()))


def _little_endian(tensor: Tensor) -> bytes:
    array = tensor.detach().cpu().contiguous().numpy()
    return (array if sys.byteorder == "little" else array.byteswap()).tobytes()


def _check_shapes(path: Path) -> None:
    with safe_open(path, "pt") as file:
        mu, var, bias = (list(file.get_slice(name).get_shape()) for name in ("mu", "var", "bias"))
    if len(mu) != 3 or var not in (mu, mu[:2]) or bias != mu[:1]:
        raise ValueError(f"expected mu (N, K, D), var (N, K) and bias (N,), got {mu}, {var} and {bias}")


def _read(path: Path) -> Gaussians:
    """In float32; the file is opened for each slice, so that what was read of it doesn't stay mapped."""
    with safe_open(path, "pt") as file:
        shape = file.get_slice("mu").get_shape()
        gaussians = room(shape, torch.float32, torch.device("cpu"))
        gaussians.bias.copy_(file.get_tensor("bias"))
    for rows in _slices(len(gaussians)):
        with safe_open(path, "pt") as file:
            gaussians.mu[rows] = file.get_slice("mu")[rows]
            gaussians.var[rows][..., 0].copy_(_means(file.get_slice("var")[rows], shape[2]))
    return gaussians


def _mapped(path: Path) -> Gaussians:
    tensors = load_file(path)
    mu, var = tensors["mu"], tensors["var"]
    means = torch.cat([_means(var[rows], mu.shape[2]) for rows in _slices(len(mu))])
    return Gaussians(mu, means[..., None].expand(-1, -1, mu.shape[2]), tensors["bias"])


def _means(var: Tensor, d: int) -> Tensor:
    """(n, K) from sums (n, K), or from the variances (n, K, D) of the first format."""
    return var.float().mean(-1) if var.ndim == 3 else var / d


def _slices(count: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, count)) for start in range(0, count, ROWS))
