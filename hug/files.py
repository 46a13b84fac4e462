"""Atomic writes (a file has its old content or its new one, never half of it), and the commit they come from."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import save_file
from torch import Tensor


def write_text(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file of contiguous copies."""
    part = path.with_name(path.name + ".part")
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, part, metadata)
    part.chmod(0o644)  # the library makes it readable by its owner only
    os.replace(part, path)


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    part = path.with_name(path.name + ".part")
    table.to_parquet(part, index=False)
    os.replace(part, path)


def commit() -> str:
    """The commit of the code that runs, with a mark when it was changed since; "unknown" outside a checkout."""
    try:
        here = Path(__file__).parent
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "."], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("-changed" if changed else "")
