"""Atomic writes (a file has its old content or its new one, never half of it), the commit, and the hash of ids."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the file's place when all went well, and else goes away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)  # temporary files, and those of safetensors, are readable by their owner only
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file of contiguous copies."""
    from safetensors.torch import save_file  # not at the top: who only writes JSON needs no torch

    with replacing(path) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata)


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def ids_hash(ids: Sequence[str]) -> str:
    """16 hex digits that name the ids of a gallery in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


def commit() -> str:
    """The commit of the code that runs, with a mark when it was changed since; "unknown" outside a checkout."""
    try:
        run = partial(subprocess.check_output, cwd=Path(__file__).parent, stderr=subprocess.DEVNULL, text=True)
        head = run(["git", "rev-parse", "--short=12", "HEAD"]).strip()
        return head + ("-changed" if run(["git", "status", "--porcelain", "--", "."]) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
